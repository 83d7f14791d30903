use super::*;
use crate::Ragged;
use simurgh_random::Random;

fn naive(o: Operands<'_, f64>, groups: &Groups) -> Vec<f64> {
    let mut out = vec![0.0; groups.query_count() * o.depth];
    for g in 0..groups.len() {
        for &q in groups.queries(g) {
            let score = |s: usize| -> f64 {
                (0..o.width)
                    .map(|h| {
                        let (a, b) = (o.query[q * o.width + h], o.key[s * o.width + h]);
                        o.additive.map_or(a * b, |v| v[h] * (a + b).tanh())
                    })
                    .sum()
            };
            let exps: Vec<f64> = groups.sources(g).iter().map(|&s| score(s).exp()).collect();
            let total: f64 = exps.iter().sum();
            for (&s, e) in groups.sources(g).iter().zip(&exps) {
                for d in 0..o.depth {
                    out[q * o.depth + d] += e / total * o.value[s * o.depth + d];
                }
            }
        }
    }
    out
}

#[test]
fn forward_equals_the_definition_and_backward_finite_differences() {
    type Case = (&'static [usize], &'static [usize], &'static [usize], usize, usize);
    let cases: [Case; 3] = [
        (&[1], &[1], &[0], 1, 1),
        (&[4, 3, 1], &[5, 2, 2], &[1, 2, 0], 3, 5),
        (&[6, 6, 2, 1], &[7, 4, 3, 1], &[3, 0, 2, 1], 18, 7),
    ];
    for (target, source, sentence, width, depth) in cases {
        let (target, source) = (Ragged::new(target).unwrap(), Ragged::new(source).unwrap());
        let groups = Groups::aligned(&target, &source, sentence);
        for additive in [false, true] {
            let mut random = Random::new(3);
            let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| random.normal() * 0.7).collect() };
            let data =
                [draw(target.rows() * width), draw(source.rows() * width), draw(source.rows() * depth), draw(width)];
            let run = |d: &[Vec<f64>; 4]| {
                let o = Operands {
                    query: &d[0],
                    key: &d[1],
                    value: &d[2],
                    additive: additive.then_some(&d[3][..]),
                    width,
                    depth,
                };
                let (context, weights) = forward(o, &groups).unwrap();
                (context, weights, naive(o, &groups))
            };
            let (context, weights, want) = run(&data);
            for (a, b) in context.iter().zip(&want) {
                let difference = (a - b).abs();
                assert!(difference < 1e-12, "{a} {b}");
            }
            let d_context = draw(context.len());
            let o = Operands {
                query: &data[0],
                key: &data[1],
                value: &data[2],
                additive: additive.then_some(&data[3][..]),
                width,
                depth,
            };
            let g = backward(o, &groups, &weights, &d_context).unwrap();
            for (which, exact) in [&g.query, &g.key, &g.value, &g.additive].into_iter().enumerate() {
                for i in 0..exact.len() {
                    let at = |e: f64| {
                        let mut d = data.clone();
                        d[which][i] += e;
                        run(&d).0.iter().zip(&d_context).map(|(a, b)| a * b).sum::<f64>()
                    };
                    let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                    let difference = (numeric - exact[i]).abs();
                    assert!(difference <= 1e-7 * (1.0 + numeric.abs()), "{which} {i}: {numeric} {}", exact[i]);
                }
            }
        }
    }
}
