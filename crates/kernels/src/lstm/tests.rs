use super::reference::{Parameters, sequence};
use super::*;
use crate::gemm::View;
use crate::{Ragged, Real};
use simurgh_random::Random;

struct Case<T> {
    layout: Ragged,
    input: usize,
    hidden: usize,
    x: Vec<T>,
    p: Parameters<T>,
    h0: Vec<T>,
    c0: Vec<T>,
}

impl<T: Real> Case<T> {
    fn new(lengths: &[usize], input: usize, hidden: usize) -> Self {
        let layout = Ragged::new(lengths);
        let mut random = Random::new((input * 31 + hidden) as u64);
        let mut draw =
            |n: usize, scale: f64| -> Vec<T> { (0..n).map(|_| T::from_f64(scale * random.normal())).collect() };
        let scale = 1.0 / (hidden as f64).sqrt();
        let p = Parameters {
            weight_ih: draw(4 * hidden * input, scale),
            weight_hh: draw(4 * hidden * hidden, scale),
            bias_ih: draw(4 * hidden, 0.3),
            bias_hh: draw(4 * hidden, 0.3),
        };
        let (x, h0, c0) =
            (draw(layout.rows() * input, 1.0), draw(lengths.len() * hidden, 0.5), draw(lengths.len() * hidden, 0.5));
        Self { layout, input, hidden, x, p, h0, c0 }
    }

    fn forward(&self, direction: Direction) -> (Vec<T>, Saved<T>) {
        let (input, hidden) = (self.input, self.hidden);
        let bias: Vec<T> = self.p.bias_ih.iter().zip(&self.p.bias_hh).map(|(a, b)| *a + *b).collect();
        let weights = Weights {
            input_t: &Packed::new(View::new(&self.p.weight_ih, 4 * hidden, input).transposed()),
            hidden_t: &Packed::new(View::new(&self.p.weight_hh, 4 * hidden, hidden).transposed()),
            bias: &bias,
        };
        forward(&self.layout, &self.x, weights, State { hidden: &self.h0, cell: &self.c0 }, direction)
    }

    fn backward(&self, direction: Direction, d_output: &[T]) -> Gradient<T> {
        let (output, saved) = self.forward(direction);
        let upstream = Upstream {
            x: &self.x,
            output: &output,
            saved: &saved,
            initial: State { hidden: &self.h0, cell: &self.c0 },
            weight_ih: &Packed::new(View::new(&self.p.weight_ih, 4 * self.hidden, self.input)),
            weight_hh: &Packed::new(View::new(&self.p.weight_hh, 4 * self.hidden, self.hidden)),
            d_output,
        };
        backward(&self.layout, upstream, direction)
    }
}

const SHAPES: [(&[usize], usize, usize); 6] = [
    (&[1], 1, 1),
    (&[5], 3, 2),
    (&[4, 4, 1], 2, 5),
    (&[7, 6, 6, 3, 2, 1, 1], 5, 3),
    (&[9, 9, 8, 8, 7, 5, 5, 4, 3, 2, 1], 6, 17),
    (&[6, 6, 6, 6, 6, 5, 5, 4, 4, 4, 3, 3, 1], 33, 40),
];

#[test]
fn forward_equals_the_reference_on_ragged_batches_both_ways() {
    for (lengths, input, hidden) in SHAPES {
        for direction in [Direction::Forward, Direction::Reverse] {
            let case = Case::<f32>::new(lengths, input, hidden);
            let (out, _) = case.forward(direction);
            let (rows, n) = (case.layout.rows(), lengths.len());
            for (j, &length) in lengths.iter().enumerate() {
                let x: Vec<Vec<f32>> =
                    (0..length).map(|t| case.x[case.layout.row(t, j) * input..][..input].to_vec()).collect();
                let state = |s: &[f32]| s[j * hidden..][..hidden].to_vec();
                let (want, h, c) = sequence(&case.p, &x, state(&case.h0), state(&case.c0), direction);
                let mut pairs = Vec::new();
                for (t, want) in want.iter().enumerate() {
                    pairs.push((&out[case.layout.row(t, j) * hidden..][..hidden], &want[..]));
                }
                pairs.push((&out[(rows + j) * hidden..][..hidden], &h));
                pairs.push((&out[(rows + n + j) * hidden..][..hidden], &c));
                for (got, want) in pairs {
                    for (g, w) in got.iter().zip(want) {
                        let difference = (g - w).abs();
                        assert!(difference < 3e-6, "{lengths:?} {direction:?} sequence {j}: {g} {w}");
                    }
                }
            }
        }
    }
}

#[test]
fn backward_equals_finite_differences_in_f64() {
    for (lengths, input, hidden) in SHAPES {
        for direction in [Direction::Forward, Direction::Reverse] {
            let mut case = Case::<f64>::new(lengths, input, hidden);
            let size = (case.layout.rows() + 2 * lengths.len()) * hidden;
            let mut random = Random::new(77);
            let d_output: Vec<f64> = (0..size).map(|_| random.normal()).collect();
            let exact = case.backward(direction, &d_output);
            type Pick = fn(&mut Case<f64>) -> &mut Vec<f64>;
            let operands: [(&str, Pick, &[f64]); 7] = [
                ("x", |c| &mut c.x, &exact.x),
                ("weight_ih", |c| &mut c.p.weight_ih, &exact.weight_ih),
                ("weight_hh", |c| &mut c.p.weight_hh, &exact.weight_hh),
                ("bias_ih", |c| &mut c.p.bias_ih, &exact.bias),
                ("bias_hh", |c| &mut c.p.bias_hh, &exact.bias),
                ("h0", |c| &mut c.h0, &exact.hidden),
                ("c0", |c| &mut c.c0, &exact.cell),
            ];
            for (name, pick, exact) in operands {
                for k in (0..exact.len()).step_by(1 + exact.len() / 30) {
                    let mut loss = |e: f64| {
                        pick(&mut case)[k] += e;
                        let out = case.forward(direction).0;
                        pick(&mut case)[k] -= e;
                        out.iter().zip(&d_output).map(|(a, b)| a * b).sum::<f64>()
                    };
                    let numeric = (loss(1e-5) - loss(-1e-5)) / 2e-5;
                    let difference = (numeric - exact[k]).abs();
                    assert!(
                        difference <= 1e-6 * numeric.abs().max(1e-2),
                        "{lengths:?} {direction:?} {name}[{k}]: {numeric} {}",
                        exact[k]
                    );
                }
            }
        }
    }
}

#[test]
fn a_sequence_gives_the_same_bits_alone_and_threads_change_nothing() {
    let lengths = [30, 29, 29, 27, 20, 20, 18, 17, 9, 9, 8, 3];
    let (input, hidden) = (40, 48);
    for direction in [Direction::Forward, Direction::Reverse] {
        let case = Case::<f32>::new(&lengths, input, hidden);
        let out = case.forward(direction).0;
        let d_output = vec![0.5; out.len()];
        let runs: Vec<_> = [1, 2, 3]
            .map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap())
            .iter()
            .map(|pool| pool.install(|| (case.forward(direction).0, case.backward(direction, &d_output))))
            .collect();
        for (o, g) in &runs {
            assert_eq!(o, &out);
            assert_eq!(g.weight_hh, runs[0].1.weight_hh);
            assert_eq!(g.x, runs[0].1.x);
        }
        for (j, &length) in lengths.iter().enumerate() {
            let mut alone = Case::<f32>::new(&[length], input, hidden);
            alone.p = case.p.clone();
            alone.h0 = case.h0[j * hidden..][..hidden].to_vec();
            alone.c0 = case.c0[j * hidden..][..hidden].to_vec();
            alone.x = (0..length).flat_map(|t| case.x[case.layout.row(t, j) * input..][..input].to_vec()).collect();
            let got = alone.forward(direction).0;
            for t in 0..length {
                assert_eq!(got[t * hidden..][..hidden], out[case.layout.row(t, j) * hidden..][..hidden]);
            }
        }
    }
}
