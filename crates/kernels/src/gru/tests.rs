use super::reference::{Parameters, sequence};
use super::*;
use crate::{Ragged, Real};
use simurgh_random::Random;

struct Case<T> {
    layout: Ragged,
    input: usize,
    hidden: usize,
    x: Vec<T>,
    p: Parameters<T>,
    h0: Vec<T>,
}

impl<T: Real> Case<T> {
    fn new(lengths: &[usize], input: usize, hidden: usize) -> Self {
        let layout = Ragged::new(lengths);
        let mut random = Random::new((input * 31 + hidden) as u64);
        let mut draw =
            |n: usize, scale: f64| -> Vec<T> { (0..n).map(|_| T::from_f64(scale * random.normal())).collect() };
        let scale = 1.0 / (hidden as f64).sqrt();
        let p = Parameters {
            weight_ih: draw(3 * hidden * input, scale),
            weight_hh: draw(3 * hidden * hidden, scale),
            bias_ih: draw(3 * hidden, 0.3),
            bias_hh: draw(3 * hidden, 0.3),
        };
        let (x, h0) = (draw(layout.rows() * input, 1.0), draw(lengths.len() * hidden, 0.5));
        Self { layout, input, hidden, x, p, h0 }
    }

    fn forward(&self, direction: Direction) -> (Vec<T>, Saved<T>) {
        let (input, hidden) = (self.input, self.hidden);
        let weights = Weights {
            input_t: &Pack::new(&self.p.weight_ih, hidden, input, true),
            hidden_t: &Pack::new(&self.p.weight_hh, hidden, hidden, true),
            bias_ih: &self.p.bias_ih,
            bias_hh: &self.p.bias_hh,
        };
        forward(&self.layout, &self.x, weights, &self.h0, direction)
    }

    fn output(&self, direction: Direction) -> Vec<T> {
        self.forward(direction).0
    }

    fn backward(&self, direction: Direction, d_output: &[T]) -> Gradient<T> {
        let (output, saved) = self.forward(direction);
        let upstream = Upstream {
            x: &self.x,
            output: &output,
            saved: &saved,
            initial: &self.h0,
            weight_ih: &Pack::new(&self.p.weight_ih, self.hidden, self.input, false),
            weight_hh: &Pack::new(&self.p.weight_hh, self.hidden, self.hidden, false),
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
            let out = case.output(direction);
            for (j, &length) in lengths.iter().enumerate() {
                let x: Vec<Vec<f32>> =
                    (0..length).map(|t| case.x[case.layout.row(t, j) * input..][..input].to_vec()).collect();
                let h0 = case.h0[j * hidden..][..hidden].to_vec();
                let (want, last) = sequence(&case.p, &x, h0, direction);
                let rows = (0..length).map(|t| case.layout.row(t, j)).chain([case.layout.rows() + j]);
                for (row, want) in rows.zip(want.iter().chain([&last])) {
                    for (g, w) in out[row * hidden..][..hidden].iter().zip(want) {
                        let difference = (g - w).abs();
                        assert!(
                            difference <= 3e-6 * (1.0 + w.abs()),
                            "{lengths:?} {direction:?} sequence {j}: {g} {w}"
                        );
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
            let size = (case.layout.rows() + lengths.len()) * hidden;
            let mut random = Random::new(77);
            let d_output: Vec<f64> = (0..size).map(|_| random.normal()).collect();
            let exact = case.backward(direction, &d_output);
            type Pick = fn(&mut Case<f64>) -> &mut Vec<f64>;
            let operands: [(&str, Pick, &[f64]); 6] = [
                ("x", |c| &mut c.x, &exact.x),
                ("weight_ih", |c| &mut c.p.weight_ih, &exact.weight_ih),
                ("weight_hh", |c| &mut c.p.weight_hh, &exact.weight_hh),
                ("bias_ih", |c| &mut c.p.bias_ih, &exact.bias_ih),
                ("bias_hh", |c| &mut c.p.bias_hh, &exact.bias_hh),
                ("h0", |c| &mut c.h0, &exact.hidden),
            ];
            for (name, pick, exact) in operands {
                for k in (0..exact.len()).step_by(1 + exact.len() / 30) {
                    let mut loss = |e: f64| {
                        pick(&mut case)[k] += e;
                        let out = case.output(direction);
                        pick(&mut case)[k] -= e;
                        out.iter().zip(&d_output).map(|(a, b)| a * b).sum::<f64>()
                    };
                    let numeric = (loss(1e-6) - loss(-1e-6)) / 2e-6;
                    let difference = (numeric - exact[k]).abs();
                    assert!(
                        difference <= 1e-6 * numeric.abs().max(1e-1),
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
    let (input, hidden) = (40, 64);
    for direction in [Direction::Forward, Direction::Reverse] {
        let case = Case::<f32>::new(&lengths, input, hidden);
        let out = case.output(direction);
        let d_output = vec![0.5; out.len()];
        let runs: Vec<_> = [1, 2, 3]
            .map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap())
            .iter()
            .map(|pool| pool.install(|| (case.output(direction), case.backward(direction, &d_output))))
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
            alone.x = (0..length).flat_map(|t| case.x[case.layout.row(t, j) * input..][..input].to_vec()).collect();
            let got = alone.output(direction);
            for t in 0..length {
                assert_eq!(got[t * hidden..][..hidden], out[case.layout.row(t, j) * hidden..][..hidden]);
            }
        }
    }
}
