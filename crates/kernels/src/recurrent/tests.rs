use super::reference::{Parameters, sequence};
use super::*;
use crate::gemm::{Format, View};
use crate::{Ragged, Real};
use simurgh_random::Random;

pub(super) const CELLS: [Cell; 4] = [Cell::Lstm, Cell::Gru, Cell::Rnn(Activation::Tanh), Cell::Rnn(Activation::Relu)];
pub(super) const DIRECTIONS: [Direction; 2] = [Direction::Forward, Direction::Reverse];

#[derive(Clone)]
pub(super) struct Case<T> {
    pub cell: Cell,
    pub layout: Ragged,
    pub input: usize,
    pub hidden: usize,
    pub x: Vec<T>,
    pub p: Parameters<T>,
    pub h0: Vec<T>,
    pub c0: Vec<T>,
    pub format: Format,
}

/// A case's weights, packed all ways.
pub(super) struct Packs<T: Real> {
    input_t: Packed<T>,
    state_t: Vec<Packed<T>>,
    pub weight_ih: Packed<T>,
    pub weight_hh: Vec<Packed<T>>,
}

impl<T: Real> Packs<T> {
    pub(super) fn weights<'a>(&'a self, p: &'a Parameters<T>) -> Weights<'a, T> {
        Weights { input_t: &self.input_t, state_t: &self.state_t, bias_ih: &p.bias_ih, bias_hh: &p.bias_hh }
    }
}

impl<T: Real> Case<T> {
    pub(super) fn new(cell: Cell, lengths: &[usize], input: usize, hidden: usize) -> Self {
        let layout = Ragged::new(lengths).unwrap();
        let mut random = Random::new((input * 31 + hidden) as u64);
        let mut draw =
            |n: usize, scale: f64| -> Vec<T> { (0..n).map(|_| T::from_f64(scale * random.normal())).collect() };
        let (scale, gates) = (1.0 / (hidden as f64).sqrt(), cell.gates() * hidden);
        let p = Parameters {
            weight_ih: draw(gates * input, scale),
            weight_hh: draw(gates * hidden, scale),
            bias_ih: draw(gates, 0.3),
            bias_hh: draw(gates, 0.3),
        };
        let (x, h0) = (draw(layout.rows() * input, 1.0), draw(lengths.len() * hidden, 0.5));
        let c0 = draw(lengths.len() * hidden * (cell.states() - 1), 0.5);
        Self { cell, layout, input, hidden, x, p, h0, c0, format: Format::Full }
    }

    fn packs(&self) -> Packs<T> {
        let (cell, hidden) = (self.cell, self.hidden);
        let w_ih = View::new(&self.p.weight_ih, cell.gates() * hidden, self.input);
        let state = |transposed| cell.pack_state_weight(&self.p.weight_hh, hidden, transposed, self.format).unwrap();
        Packs {
            input_t: Packed::with_format(w_ih.transposed(), self.format),
            state_t: state(true),
            weight_ih: Packed::with_format(w_ih, self.format),
            weight_hh: state(false),
        }
    }

    fn initial(&self) -> State<'_, T> {
        State { hidden: &self.h0, cell: &self.c0 }
    }

    fn forward(&self, packs: &Packs<T>, direction: Direction, keep: Keep) -> Forward<T> {
        let weights = packs.weights(&self.p);
        forward(self.cell, &self.layout, &self.x, weights, self.initial(), direction, keep).unwrap()
    }

    /// All that a forward pass makes.
    pub(super) fn kept(&self, direction: Direction) -> (Forward<T>, Packs<T>) {
        let packs = self.packs();
        (self.forward(&packs, direction, Keep::All), packs)
    }

    /// Every row's hidden state and, of an LSTM, cell.
    pub(super) fn all_states(&self, direction: Direction) -> (Vec<T>, Vec<T>) {
        let forward = self.kept(direction).0;
        (forward.hidden, forward.saved.cells.to_vec())
    }

    /// `d_output` is the gradient of the hidden states and then of the final states.
    fn upstream<'a>(&'a self, forward: &'a Forward<T>, packs: &'a Packs<T>, d_output: &'a [T]) -> Upstream<'a, T> {
        let (d_hidden, d_last) = d_output.split_at(forward.hidden.len());
        Upstream {
            x: &self.x,
            hidden: &forward.hidden,
            saved: &forward.saved,
            initial: self.initial(),
            weights: packs.weights(&self.p),
            weight_ih: &packs.weight_ih,
            weight_hh: &packs.weight_hh,
            d_hidden,
            d_last,
            wants_x: true,
        }
    }

    /// The hidden states and then the final states; and the gradient where there is one of these.
    pub(super) fn run(
        &self,
        direction: Direction,
        keep: Keep,
        d_output: Option<&[T]>,
    ) -> (Vec<T>, Option<Gradient<T>>) {
        let packs = self.packs();
        let forward = self.forward(&packs, direction, keep);
        let gradient = d_output.map(|d_output| {
            backward(self.cell, &self.layout, self.upstream(&forward, &packs, d_output), direction).unwrap()
        });
        ([forward.hidden, forward.last].concat(), gradient)
    }

    /// The gradient, and those of all states.
    pub(super) fn with_states(&self, direction: Direction, d_output: &[T]) -> (Gradient<T>, StateGradients<T>) {
        let (forward, packs) = self.kept(direction);
        let upstream = self.upstream(&forward, &packs, d_output);
        backward_with_states(self.cell, &self.layout, upstream, direction).unwrap()
    }

    /// The gradient of the initial state alone.
    pub(super) fn to_state(&self, direction: Direction, d_output: &[T]) -> (Vec<T>, Vec<T>) {
        let (forward, packs) = self.kept(direction);
        let upstream = self.upstream(&forward, &packs, d_output);
        backward_to_state(self.cell, &self.layout, upstream, direction).unwrap()
    }

    pub(super) fn linearised<'a>(&'a self, forward: &'a Forward<T>, packs: &'a Packs<T>) -> Linearised<'a, T> {
        let (hidden, saved) = (&forward.hidden, &forward.saved);
        Linearised { hidden, saved, initial: self.initial(), weights: packs.weights(&self.p) }
    }

    pub(super) fn singular(&self, direction: Direction, stop: observe::Stop) -> observe::Singular {
        let (forward, packs) = self.kept(direction);
        let at = self.linearised(&forward, &packs);
        let backward = (&packs.weight_ih, &packs.weight_hh[..]);
        observe::largest_singular_value(self.cell, &self.layout, &self.x, at, backward, direction, stop).unwrap()
    }

    pub(super) fn output(&self, direction: Direction) -> Vec<T> {
        self.run(direction, Keep::Nothing, None).0
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

fn each_case(test: impl Fn(Cell, Direction, &[usize], usize, usize)) {
    for cell in CELLS {
        for direction in DIRECTIONS {
            for (lengths, input, hidden) in SHAPES {
                test(cell, direction, lengths, input, hidden);
            }
        }
    }
}

#[test]
fn forward_equals_the_reference_on_ragged_batches_both_ways() {
    each_case(|cell, direction, lengths, input, hidden| {
        let case = Case::<f32>::new(cell, lengths, input, hidden);
        let out = case.output(direction);
        let (rows, n) = (case.layout.rows(), lengths.len());
        assert_eq!(out.len(), (rows + cell.states() * n) * hidden);
        for (j, &length) in lengths.iter().enumerate() {
            let x: Vec<Vec<f32>> =
                (0..length).map(|t| case.x[case.layout.row(t, j) * input..][..input].to_vec()).collect();
            let h0 = case.h0[j * hidden..][..hidden].to_vec();
            let c0 = if cell.states() == 2 { case.c0[j * hidden..][..hidden].to_vec() } else { Vec::new() };
            let (want, h, c) = sequence(cell, &case.p, &x, h0, c0, direction);
            let mut pairs = Vec::new();
            for (t, want) in want.iter().enumerate() {
                pairs.push((&out[case.layout.row(t, j) * hidden..][..hidden], &want[..]));
            }
            pairs.push((&out[(rows + j) * hidden..][..hidden], &h));
            if cell.states() == 2 {
                pairs.push((&out[(rows + n + j) * hidden..][..hidden], &c));
            }
            for (g, w) in pairs.iter().flat_map(|(got, want)| got.iter().zip(*want)) {
                let difference = (g - w).abs() / w.abs().max(1.0);
                assert!(difference < 5e-6, "{cell:?} {lengths:?} {direction:?} sequence {j}: {g} {w}");
            }
        }
    });
}

#[test]
fn backward_equals_finite_differences_in_f64() {
    each_case(|cell, direction, lengths, input, hidden| {
        let mut case = Case::<f64>::new(cell, lengths, input, hidden);
        let size = (case.layout.rows() + cell.states() * lengths.len()) * hidden;
        let mut random = Random::new(77);
        let d_output: Vec<f64> = (0..size).map(|_| random.normal()).collect();
        let exact = case.run(direction, Keep::All, Some(&d_output)).1.unwrap();
        type Pick = fn(&mut Case<f64>) -> &mut Vec<f64>;
        let operands: [(&str, Pick, &[f64]); 7] = [
            ("x", |c| &mut c.x, &exact.x),
            ("weight_ih", |c| &mut c.p.weight_ih, &exact.weight_ih),
            ("weight_hh", |c| &mut c.p.weight_hh, &exact.weight_hh),
            ("bias_ih", |c| &mut c.p.bias_ih, &exact.bias_ih),
            ("bias_hh", |c| &mut c.p.bias_hh, &exact.bias_hh),
            ("h0", |c| &mut c.h0, &exact.hidden),
            ("c0", |c| &mut c.c0, &exact.cell),
        ];
        for (name, pick, exact) in operands {
            assert_eq!(exact.len(), pick(&mut case).len(), "{cell:?} {name}");
            for k in (0..exact.len()).step_by(1 + exact.len() / 30) {
                let mut loss = |e: f64| {
                    pick(&mut case)[k] += e;
                    let out = case.output(direction);
                    pick(&mut case)[k] -= e;
                    out.iter().zip(&d_output).map(|(a, b)| a * b).sum::<f64>()
                };
                let numeric = (loss(1e-5) - loss(-1e-5)) / 2e-5;
                let difference = (numeric - exact[k]).abs();
                assert!(
                    difference <= 2e-6 * numeric.abs().max(1e-2),
                    "{cell:?} {lengths:?} {direction:?} {name}[{k}]: {numeric} {}",
                    exact[k]
                );
            }
        }
    });
}

/// Bits, so that two zeros of different sign are told apart and a NaN equals itself.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn gradient_bits(g: &Gradient<f32>) -> Vec<Vec<u32>> {
    [&g.x, &g.weight_ih, &g.weight_hh, &g.bias_ih, &g.bias_hh, &g.hidden, &g.cell].map(|v| bits(v)).into()
}

#[test]
fn threads_and_kept_activations_change_no_bit() {
    // Several blocks of steps; sequences shared out over the threads, then too few of them: units are.
    let many = [110, 109, 109, 90, 70, 50, 48, 47, 39, 39, 8, 3];
    for (lengths, hidden) in [(&many[..], 48), (&[270, 100, 90][..], 128), (&[300][..], 96)] {
        for format in [Format::Full, Format::Bf16] {
            no_bit_changes(lengths, 40, hidden, format);
        }
    }
}

fn no_bit_changes(lengths: &[usize], input: usize, hidden: usize, format: Format) {
    let pools = [1, 2, 3].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap());
    for cell in CELLS {
        for direction in DIRECTIONS {
            let case = Case::<f32> { format, ..Case::new(cell, lengths, input, hidden) };
            let d_output = vec![0.5; (case.layout.rows() + cell.states() * lengths.len()) * hidden];
            let want = case.run(direction, Keep::All, Some(&d_output));
            let nothing = bits(&case.output(direction));
            assert!(nothing == bits(&want.0), "{cell:?} {direction:?} {format:?}");
            for pool in &pools {
                for keep in [Keep::All, Keep::Borders] {
                    let (output, gradient) = pool.install(|| case.run(direction, keep, Some(&d_output)));
                    assert!(bits(&output) == nothing, "{cell:?} {keep:?}");
                    let [got, want] = [gradient, want.1.clone()].map(|g| gradient_bits(&g.unwrap()));
                    assert!(got == want, "{cell:?} {direction:?} {keep:?}");
                }
            }
        }
    }
}

#[test]
fn a_sequence_gives_the_same_bits_alone() {
    let lengths = [30, 29, 29, 27, 20, 20, 18, 17, 9, 9, 8, 3];
    for (cell, hidden) in CELLS.into_iter().flat_map(|cell| [(cell, 48), (cell, 128)]) {
        let input = 40;
        for direction in DIRECTIONS {
            let case = Case::<f32>::new(cell, &lengths, input, hidden);
            let out = case.output(direction);
            for (j, &length) in lengths.iter().enumerate() {
                let mut alone = Case::<f32>::new(cell, &[length], input, hidden);
                alone.p = case.p.clone();
                alone.h0 = case.h0[j * hidden..][..hidden].to_vec();
                alone.c0 = case.c0.chunks(hidden).nth(j).map(<[f32]>::to_vec).unwrap_or_default();
                alone.x = (0..length).flat_map(|t| case.x[case.layout.row(t, j) * input..][..input].to_vec()).collect();
                let got = alone.output(direction);
                for t in 0..length {
                    let want = &out[case.layout.row(t, j) * hidden..][..hidden];
                    assert!(bits(&got[t * hidden..][..hidden]) == bits(want), "{cell:?} {direction:?}");
                }
            }
        }
    }
}

#[test]
fn rounded_products_follow_the_same_rounding_in_f64() {
    for (cell, direction) in CELLS.into_iter().flat_map(|cell| DIRECTIONS.map(|direction| (cell, direction))) {
        let (lengths, input, hidden) = ([9, 9, 8, 7, 5, 5, 4, 3, 1], 19, 33);
        let narrow = Case::<f32> { format: Format::Bf16, ..Case::new(cell, &lengths, input, hidden) };
        let mut wide = Case::<f64> { format: Format::Bf16, ..Case::new(cell, &lengths, input, hidden) };
        // The same numbers to the last bit.
        let widened = |v: &[f32]| v.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        wide.x = widened(&narrow.x);
        (wide.h0, wide.c0) = (widened(&narrow.h0), widened(&narrow.c0));
        wide.p = Parameters {
            weight_ih: widened(&narrow.p.weight_ih),
            weight_hh: widened(&narrow.p.weight_hh),
            bias_ih: widened(&narrow.p.bias_ih),
            bias_hh: widened(&narrow.p.bias_hh),
        };
        let size = (narrow.layout.rows() + cell.states() * lengths.len()) * hidden;
        let d_output: Vec<f32> = (0..size).map(|i| ((i * 7) as f32).sin()).collect();
        let (got, gradient) = narrow.run(direction, Keep::All, Some(&d_output));
        let (want, exact) = wide.run(direction, Keep::All, Some(&widened(&d_output)));
        let (gradient, exact) = (gradient.unwrap(), exact.unwrap());
        for (got, want) in [
            (&got, &want),
            (&gradient.x, &exact.x),
            (&gradient.weight_ih, &exact.weight_ih),
            (&gradient.weight_hh, &exact.weight_hh),
            (&gradient.bias_hh, &exact.bias_hh),
            (&gradient.hidden, &exact.hidden),
        ] {
            let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
            let difference: Vec<f64> = got.iter().zip(want).map(|(g, w)| f64::from(*g) - w).collect();
            // A sum that falls on the other side of a rounding border changes by one part in 256.
            assert!(norm(&difference) <= 4e-3 * norm(want), "{cell:?} {direction:?}");
        }
    }
}

#[test]
fn steps_give_the_bits_of_the_whole_sequence() {
    for (cell, format) in CELLS.into_iter().flat_map(|cell| [(cell, Format::Full), (cell, Format::Bf16)]) {
        // One row, a few, and more than threads share out by rows; units that fill no panel, and units that threads share.
        for (batch, input, hidden) in [(1, 5, 7), (1, 300, 256), (3, 40, 256), (30, 70, 96)] {
            let case = Case::<f32> { format, ..Case::new(cell, &vec![6; batch], input, hidden) };
            let whole = case.output(Direction::Forward);
            let w_ih = View::new(&case.p.weight_ih, cell.gates() * hidden, input);
            let stepper = Stepper::new(
                cell,
                Packed::with_format(w_ih.transposed(), format).into(),
                cell.pack_state_weight(&case.p.weight_hh, hidden, true, format).unwrap().into(),
                &case.p.bias_ih,
                &case.p.bias_hh,
            )
            .unwrap();
            let (mut h, mut c) = (case.h0.clone(), case.c0.clone());
            let (mut next, mut scratch) = (h.clone(), vec![f32::NAN; stepper.scratch(batch)]);
            for t in 0..6 {
                let rows = case.layout.rows_at(t);
                stepper
                    .step(&case.x[rows.start * input..rows.end * input], &h, &mut c, &mut next, &mut scratch)
                    .unwrap();
                std::mem::swap(&mut h, &mut next);
                assert!(
                    bits(&h) == bits(&whole[rows.start * hidden..rows.end * hidden]),
                    "{cell:?} {format:?} {batch}"
                );
            }
            let states = &whole[case.layout.rows() * hidden..];
            assert!(bits(&[h, c].concat()) == bits(states), "{cell:?} {format:?} {batch}");
        }
    }
}

#[test]
fn a_nan_propagates() {
    for cell in CELLS {
        let mut case = Case::<f32>::new(cell, &[4, 2], 3, 5);
        case.x[0] = f32::NAN;
        let out = case.output(Direction::Forward);
        for t in 0..4 {
            assert!(out[case.layout.row(t, 0) * 5..][..5].iter().all(|h| h.is_nan()), "{cell:?} step {t}");
        }
        assert!(out[case.layout.row(1, 1) * 5..][..5].iter().all(|h| h.is_finite()), "{cell:?}");
    }
}
