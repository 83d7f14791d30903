//! Products, layers, convolutions, attention, affine maps, losses and row-wise kernels on every instruction set that this processor has, by
//! forcing it, on shapes drawn at random: products and layers against their naive references, the others against themselves in
//! f64, which their own tests hold to finite differences. One test, since the choice is the whole process's.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use simurgh_kernels::attention::{self, Groups, Operands, Prepared};
use simurgh_kernels::conv::winograd::{self, Filter};
use simurgh_kernels::cpu::{Isa, available, fastest, force};
use simurgh_kernels::cross_entropy::{Problem, cross_entropy};
use simurgh_kernels::gemm::{Format, Packed, Start, View, gemm, reference};
use simurgh_kernels::optimizer::{self, adam, sgd};
use simurgh_kernels::recurrent::reference::{Parameters, sequence};
use simurgh_kernels::recurrent::{self, Activation, Cell, Direction, Keep, State, Stepper, Upstream, Weights};
use simurgh_kernels::recurrent::{Linearised, Tangent, tangent};
use simurgh_kernels::top::most_likely;
use simurgh_kernels::{Ragged, Real, elementwise, embedding, linear};
use simurgh_random::Random;
use std::ops::Range;
use std::sync::Arc;

/// Draws of one case in two precisions, the same to the last bit of the lesser one.
struct Draws(Random);

impl Draws {
    fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    fn numbers(&mut self, n: usize, scale: f64) -> (Vec<f32>, Vec<f64>) {
        let narrow: Vec<f32> = (0..n).map(|_| (self.0.normal() * scale) as f32).collect();
        let wide = narrow.iter().map(|x| f64::from(*x)).collect();
        (narrow, wide)
    }
}

/// Fails on NaN too.
fn close(got: &[f32], want: &[f64], tolerance: f64, what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), want.len(), "{}", what);
    let scale = want.iter().fold(1.0f64, |most, w| most.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let difference = (f64::from(*g) - w).abs();
        prop_assert!(difference <= tolerance * scale, "{} [{}]: {} {}", what, i, g, w);
    }
    Ok(())
}

fn product((m, k, n): (usize, usize, usize), seed: u64) -> Result<(), TestCaseError> {
    let mut draws = Draws::new(seed);
    let ((a, a64), (b, b64), (c, c64)) =
        (draws.numbers(m * k, 1.0), draws.numbers(k * n, 1.0), draws.numbers(m * n, 1.0));
    let (bias, bias64) = draws.numbers(n, 1.0);
    for format in [Format::Full, Format::Bf16] {
        let round = |all: &[f64]| -> Vec<f64> {
            all.iter().map(|x| if format == Format::Bf16 { x.to_bf16() } else { *x }).collect()
        };
        let (a64, b64) = (round(&a64), round(&b64));
        for (start, start64) in
            [(Start::Zero, Start::Zero), (Start::Add, Start::Add), (Start::Bias(&bias), Start::Bias(&bias64))]
        {
            for transposed in [false, true] {
                // The same matrix, lying the other way round.
                let turned: Vec<f32> = (0..m * k).map(|i| a[i % m * k + i / m]).collect();
                let view = if transposed { View::new(&turned, k, m).transposed() } else { View::new(&a, m, k) };
                let (mut got, mut want) = (c.clone(), c64.clone());
                gemm(view, &Packed::with_format(View::new(&b, k, n), format), &mut got, start);
                reference::gemm(View::new(&a64, m, k), View::new(&b64, k, n), &mut want, start64);
                close(&got, &want, 1e-6 * (1.0 + k as f64).sqrt(), &format!("{format:?} {m}x{k}x{n}"))?;
            }
        }
    }
    Ok(())
}

fn layer(cell: Cell, lengths: &[usize], (input, hidden): (usize, usize), seed: u64) -> Result<(), TestCaseError> {
    let mut lengths = lengths.to_vec();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    let layout = Ragged::new(&lengths).unwrap();
    let (rows, n, gates) = (layout.rows(), lengths.len(), cell.gates() * hidden);
    let mut draws = Draws::new(seed);
    let scale = 1.0 / (hidden as f64).sqrt();
    let drawn = [
        draws.numbers(rows * input, 1.0),
        draws.numbers(gates * input, scale),
        draws.numbers(gates * hidden, scale),
        draws.numbers(gates, 0.3),
        draws.numbers(gates, 0.3),
        draws.numbers(n * hidden, 0.5),
        draws.numbers(n * hidden * (cell.states() - 1), 0.5),
        draws.numbers(rows * hidden, 1.0),
        draws.numbers(n * hidden * cell.states(), 1.0),
    ];
    let narrow: Vec<&[f32]> = drawn.iter().map(|d| &d.0[..]).collect();
    let wide: Vec<&[f64]> = drawn.iter().map(|d| &d.1[..]).collect();
    for direction in [Direction::Forward, Direction::Reverse] {
        let what = format!("{cell:?} {direction:?} {lengths:?} {input} {hidden}");
        let rounded = |keep| run(cell, &layout, (input, hidden), &narrow, direction, (Format::Bf16, keep));
        let (got, gradient) = rounded(Keep::All);
        let (want, exact) = run(cell, &layout, (input, hidden), &wide, direction, (Format::Bf16, Keep::All));
        // A sum on the other side of a rounding border changes by one part in 256.
        close(&got, &want, 2e-2, &what)?;
        for (k, (got, want)) in gradient.iter().zip(&exact).enumerate() {
            close(got, want, 3e-2, &format!("{what} rounded gradient {k}"))?;
        }
        prop_assert!(rounded(Keep::Borders).1[..] == gradient[..7], "{}: rounded, kept and computed again", what);
        let full = |keep| run(cell, &layout, (input, hidden), &narrow, direction, (Format::Full, keep));
        let (got, gradient) = full(Keep::All);
        prop_assert!(full(Keep::Borders).1[..] == gradient[..7], "{}: kept and computed again", what);
        let (want, exact) = run(cell, &layout, (input, hidden), &wide, direction, (Format::Full, Keep::All));
        close(&got, &want, 5e-6, &what)?;
        for (k, (got, want)) in gradient.iter().zip(&exact).enumerate() {
            close(got, want, 2e-5, &format!("{what} gradient {k}"))?;
        }
        if direction == Direction::Forward {
            for format in [Format::Full, Format::Bf16] {
                let whole = run(cell, &layout, (input, hidden), &narrow, direction, (format, Keep::All)).0;
                prop_assert!(stepped(cell, &layout, (input, hidden), &narrow, format) == whole, "{}: by steps", what);
            }
        }
        // The f64 path is generic code too: the equations one unit at a time.
        let p = Parameters {
            weight_ih: wide[1].to_vec(),
            weight_hh: wide[2].to_vec(),
            bias_ih: wide[3].to_vec(),
            bias_hh: wide[4].to_vec(),
        };
        for (j, &length) in lengths.iter().enumerate() {
            let x: Vec<Vec<f64>> = (0..length).map(|t| wide[0][layout.row(t, j) * input..][..input].to_vec()).collect();
            let c0 = wide[6].chunks(hidden).nth(j).map(<[f64]>::to_vec).unwrap_or_default();
            let (all, _, _) = sequence(cell, &p, &x, wide[5][j * hidden..][..hidden].to_vec(), c0, direction);
            for (t, h) in all.iter().enumerate() {
                close(&got[layout.row(t, j) * hidden..][..hidden], h, 5e-6, &what)?;
            }
        }
    }
    Ok(())
}

/// Output and final states; all gradients.
fn run<T: Real>(
    cell: Cell,
    layout: &Ragged,
    (input, hidden): (usize, usize),
    drawn: &[&[T]],
    direction: Direction,
    (format, keep): (Format, Keep),
) -> (Vec<T>, Vec<Vec<T>>) {
    let w_ih = View::new(drawn[1], cell.gates() * hidden, input);
    let state = |transposed| cell.pack_state_weight(drawn[2], hidden, transposed, format).unwrap();
    let packed = |view| Packed::with_format(view, format);
    let (input_t, state_t, weight_ih, weight_hh) = (packed(w_ih.transposed()), state(true), packed(w_ih), state(false));
    let weights = Weights { input_t: &input_t, state_t: &state_t, bias_ih: drawn[3], bias_hh: drawn[4] };
    let initial = State { hidden: drawn[5], cell: drawn[6] };
    let made = recurrent::forward(cell, layout, drawn[0], weights, initial, direction, keep).unwrap();
    let upstream = Upstream {
        x: drawn[0],
        hidden: &made.hidden,
        saved: &made.saved,
        initial,
        weights,
        weight_ih: &weight_ih,
        weight_hh: &weight_hh,
        d_hidden: drawn[7],
        d_last: drawn[8],
        wants_x: true,
    };
    let g = recurrent::backward(cell, layout, upstream, direction).unwrap();
    let mut gradients = vec![g.x, g.weight_ih, g.weight_hh, g.bias_ih, g.bias_hh, g.hidden, g.cell];
    if keep == Keep::All {
        // The input's own numbers are a direction like any other.
        let at = Linearised { hidden: &made.hidden, saved: &made.saved, initial, weights };
        gradients.push(tangent(cell, layout, at, Tangent { x: drawn[0], initial }, direction).unwrap());
    }
    ([made.hidden, made.last].concat(), gradients)
}

/// What [`run`] gives, a step at a time.
fn stepped<T: Real>(
    cell: Cell,
    layout: &Ragged,
    (input, hidden): (usize, usize),
    drawn: &[&[T]],
    format: Format,
) -> Vec<T> {
    let w_ih = View::new(drawn[1], cell.gates() * hidden, input);
    let input_t = Arc::new(Packed::with_format(w_ih.transposed(), format));
    let state_t = Arc::new(cell.pack_state_weight(drawn[2], hidden, true, format).unwrap());
    let stepper = Stepper::new(cell, input_t, state_t, drawn[3], drawn[4]).unwrap();
    let (mut state, mut cells) = (drawn[5].to_vec(), drawn[6].to_vec());
    let mut all = Vec::new();
    let mut scratch = vec![T::ZERO; stepper.scratch(layout.sequences())];
    for t in 0..layout.steps() {
        let n = layout.batch_at(t);
        let x = &drawn[0][layout.rows_at(t).start * input..layout.rows_at(t).end * input];
        let mut next = vec![T::ZERO; n * hidden];
        let moving = n * hidden * (cell.states() - 1);
        stepper.step(x, &state[..n * hidden], &mut cells[..moving], &mut next, &mut scratch).unwrap();
        state[..n * hidden].copy_from_slice(&next);
        all.extend(next);
    }
    [all, state, cells].concat()
}

fn attend(lengths: &[usize], (width, depth): (usize, usize), seed: u64) -> Result<(), TestCaseError> {
    let mut lengths = lengths.to_vec();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    let layout = Ragged::new(&lengths).unwrap();
    let groups = Groups::aligned(&layout, &layout, &(0..lengths.len()).rev().collect::<Vec<_>>());
    let mut draws = Draws::new(seed);
    let rows = layout.rows();
    let (q, k, v, a, d) = (
        draws.numbers(rows * width, 0.7),
        draws.numbers(rows * width, 0.7),
        draws.numbers(rows * depth, 0.7),
        draws.numbers(width, 0.7),
        draws.numbers(rows * depth, 1.0),
    );
    for additive in [false, true] {
        let narrow =
            Operands { query: &q.0, key: &k.0, value: &v.0, additive: additive.then_some(&a.0[..]), width, depth };
        let wide =
            Operands { query: &q.1, key: &k.1, value: &v.1, additive: additive.then_some(&a.1[..]), width, depth };
        let (got, weights) = attention::forward(narrow, &groups).unwrap();
        let (want, exact) = attention::forward(wide, &groups).unwrap();
        close(&got, &want, 1e-5, "attention")?;
        close(&weights, &exact, 1e-5, "attention weights")?;
        // Every sequence's first query, as a decoder's step has them.
        let memories: Vec<Vec<usize>> =
            (0..lengths.len()).map(|j| (0..lengths[j]).map(|t| layout.row(t, j)).collect()).collect();
        let prepared = Prepared::new(&k.0, &v.0, narrow.additive, (width, depth), &memories).unwrap();
        let sequence_of: Vec<usize> = (0..lengths.len()).rev().collect();
        let mut step = (vec![0.0; lengths.iter().sum()], vec![0.0; lengths.len() * depth]);
        prepared.attend(&q.0[..lengths.len() * width], &sequence_of, &mut step.0, &mut step.1).unwrap();
        prop_assert!(step.1 == got[..lengths.len() * depth], "attention by steps");
        let got = attention::backward(narrow, &groups, &weights, &d.0).unwrap();
        let want = attention::backward(wide, &groups, &exact, &d.1).unwrap();
        for (got, want) in [(&got.query, &want.query), (&got.key, &want.key), (&got.value, &want.value)] {
            close(got, want, 2e-5, "attention gradient")?;
        }
    }
    Ok(())
}

fn the_rest((rows, input, output): (usize, usize, usize), seed: u64) -> Result<(), TestCaseError> {
    let mut draws = Draws::new(seed);
    let (x, w, b, d) = (
        draws.numbers(rows * input, 1.0),
        draws.numbers(output * input, 0.3),
        draws.numbers(output, 0.3),
        draws.numbers(rows * output, 1.0),
    );
    for activation in [linear::Activation::Identity, linear::Activation::Tanh] {
        let (narrow, wide) = (View::new(&w.0, output, input), View::new(&w.1, output, input));
        let got = linear::forward(&x.0, &Packed::new(narrow.transposed()), Some(&b.0), activation).unwrap();
        let want = linear::forward(&x.1, &Packed::new(wide.transposed()), Some(&b.1), activation).unwrap();
        close(&got, &want, 1e-5, "linear")?;
        let got = linear::backward(&x.0, &got, &d.0, &Packed::new(narrow), activation, true).unwrap();
        let want = linear::backward(&x.1, &want, &d.1, &Packed::new(wide), activation, true).unwrap();
        for (got, want) in [(&got.x, &want.x), (&got.weight, &want.weight), (&got.bias, &want.bias)] {
            close(got, want, 2e-5, "linear gradient")?;
        }
    }
    let targets: Vec<u32> = (0..rows).map(|i| (i * 7 % output) as u32).collect();
    let rising: Vec<Range<u32>> = targets.iter().map(|target| target + 1..output as u32).collect();
    for (smoothing, barred) in [(0.0, &[][..]), (0.1, &[]), (0.0, &rising)] {
        let narrow = View::new(&w.0, output, input);
        let wide = View::new(&w.1, output, input);
        let problem = Problem {
            hidden: &x.0,
            weight_t: &Packed::new(narrow.transposed()),
            bias: Some(&b.0),
            targets: &targets,
            barred,
            smoothing,
        };
        let exact = Problem {
            hidden: &x.1,
            weight_t: &Packed::new(wide.transposed()),
            bias: Some(&b.1),
            targets: &targets,
            barred,
            smoothing,
        };
        let (loss, gradient) = cross_entropy(problem, Some(&Packed::new(narrow))).unwrap();
        let (loss64, gradient64) = cross_entropy(exact, Some(&Packed::new(wide))).unwrap();
        let difference = (loss.smoothed - loss64.smoothed).abs();
        prop_assert!(difference <= 1e-5 * loss64.smoothed.abs().max(1.0), "{} {}", loss.smoothed, loss64.smoothed);
        let (got, want) = (gradient.unwrap(), gradient64.unwrap());
        for (got, want) in [(&got.hidden, &want.hidden), (&got.weight, &want.weight), (&got.bias, &want.bias)] {
            close(got, want, 2e-5, "cross-entropy gradient")?;
        }
    }
    let (mut got, mut want) = (x.0.clone(), x.1.clone());
    elementwise::softmax(&mut got);
    elementwise::softmax(&mut want);
    close(&got, &want, 1e-6, "softmax")?;
    let sums = [elementwise::sum(&x.0), elementwise::dot(&x.0, &x.0), elementwise::maximum(&x.0)];
    let sums64 = [elementwise::sum(&x.1), elementwise::dot(&x.1, &x.1), elementwise::maximum(&x.1)];
    close(&sums, &sums64, 1e-5, "sums")?;
    let (mut best, mut best64) = (Vec::new(), Vec::new());
    most_likely(&x.0, 7, &mut best);
    most_likely(&x.1, 7, &mut best64);
    prop_assert!(best.iter().map(|b| b.0).eq(best64.iter().map(|b| b.0)), "most likely");
    let (got, want): (Vec<f32>, Vec<f64>) = best.iter().zip(&best64).map(|(got, want)| (got.1, want.1)).unzip();
    close(&got, &want, 1e-6, "log-probabilities")?;
    // Draws depend on seed, key and column alone, whatever the vectors.
    let keys: Vec<u32> = (0..rows as u32).collect();
    let (mut got, mut want) = (x.0.clone(), x.1.clone());
    embedding::dropout(&mut got, input, &keys, 0.3, seed).unwrap();
    embedding::dropout(&mut want, input, &keys, 0.3, seed).unwrap();
    close(&got, &want, 1e-6, "dropout")?;
    update(&x, &mut draws)
}

/// Convolutions by tiles, and their gradients.
fn tiles(size: [usize; 2], [input, output]: [usize; 2], seed: u64) -> Result<(), TestCaseError> {
    let mut draws = Draws::new(seed);
    let pixels = 2 * size[0] * size[1];
    let (x, w) = (draws.numbers(pixels * input, 1.0), draws.numbers(output * input * 9, 1.0));
    let (b, d) = (draws.numbers(output, 1.0), draws.numbers(pixels * output, 1.0));
    fn all<T: Real>([x, w, b, d]: [&[T]; 4], size: [usize; 2], channels: [usize; 2]) -> [Vec<T>; 4] {
        let wants = linear::Wants { x: true, parameters: true };
        let (filter, turned) = (Filter::new(w, channels), Filter::turned(w, channels));
        let y = winograd::forward(x, &filter, Some(b), None, size, linear::Activation::LeakyRelu).unwrap();
        let g = winograd::backward(x, &y, d, &turned, size, linear::Activation::Identity, wants).unwrap();
        [y, g.x, g.weight, g.bias]
    }
    let got = all([&x.0, &w.0, &b.0, &d.0], size, [output, input]);
    let want = all([&x.1, &w.1, &b.1, &d.1], size, [output, input]);
    for (got, want) in got.iter().zip(&want) {
        close(got, want, 1e-5, "tiles")?;
    }
    Ok(())
}

/// Five updates by each rule, and what goes with them.
fn update((gradient, gradient64): &(Vec<f32>, Vec<f64>), draws: &mut Draws) -> Result<(), TestCaseError> {
    fn all<T: Real>(gradient: &[T], parameter: &[T]) -> [Vec<T>; 5] {
        let [mut p, mut q, mut average] = [parameter; 3].map(<[T]>::to_vec);
        let [mut mean, mut square, mut velocity] = [(); 3].map(|()| vec![T::ZERO; p.len()]);
        let gradient = optimizer::Gradient::Dense(gradient);
        for step in 1..=5 {
            let (learning_rate, weight_decay, scale) = (1e-2, 0.1, 0.5);
            let (beta1, beta2, epsilon) = (0.9, 0.98, 1e-4);
            let u = adam::Update { learning_rate, beta1, beta2, epsilon, weight_decay, scale, step };
            adam::update(u, &mut p, gradient, &mut mean, &mut square).unwrap();
            let u = sgd::Update { learning_rate, momentum: 0.9, weight_decay, scale };
            sgd::update(u, &mut q, gradient, &mut velocity).unwrap();
            optimizer::moving_average(0.9, &mut average, &p).unwrap();
        }
        [p, q, average, square, velocity]
    }
    let (start, start64) = draws.numbers(gradient.len(), 1.0);
    for (got, want) in all(gradient, &start).iter().zip(&all(gradient64, &start64)) {
        close(got, want, 1e-5, "optimizer")?;
    }
    let (got, want) = (optimizer::square_sum(gradient), optimizer::square_sum(gradient64));
    prop_assert!((got - want).abs() <= 1e-6 * want, "square sum: {} {}", got, want);
    Ok(())
}

#[test]
fn every_instruction_set_computes_what_the_references_do() {
    let cases = if cfg!(miri) { 2 } else { 150 };
    let all: Vec<Isa> = available().collect();
    for isa in all {
        assert_eq!(force(isa), isa);
        // The same draws every time.
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let sizes = (0usize..40, 0usize..300, 1usize..70, any::<u64>());
        runner.run(&sizes, |(m, k, n, seed)| product((m, k, n), seed)).unwrap_or_else(|e| panic!("{isa:?}: {e}"));
        let cells = prop_oneof![
            Just(Cell::Lstm),
            Just(Cell::Gru),
            Just(Cell::Rnn(Activation::Tanh)),
            Just(Cell::Rnn(Activation::Relu))
        ];
        let lengths = prop::collection::vec(1usize..9, 1..14);
        let layers = (cells, lengths.clone(), 1usize..40, 1usize..50, any::<u64>());
        runner
            .run(&layers, |(cell, lengths, input, hidden, seed)| layer(cell, &lengths, (input, hidden), seed))
            .unwrap_or_else(|e| panic!("{isa:?}: {e}"));
        let attentions = (lengths, 1usize..40, 1usize..40, any::<u64>());
        runner
            .run(&attentions, |(lengths, width, depth, seed)| attend(&lengths, (width, depth), seed))
            .unwrap_or_else(|e| panic!("{isa:?}: {e}"));
        let pictures = (1usize..20, 1usize..20, 1usize..40, 1usize..40, any::<u64>());
        runner
            .run(&pictures, |(height, width, input, output, seed)| tiles([height, width], [input, output], seed))
            .unwrap_or_else(|e| panic!("{isa:?}: {e}"));
        let sizes = (1usize..40, 1usize..60, 1usize..70, any::<u64>());
        runner
            .run(&sizes, |(rows, input, output, seed)| the_rest((rows, input, output), seed))
            .unwrap_or_else(|e| panic!("{isa:?}: {e}"));
    }
    // What another kind of processor has is not taken.
    let foreign = if cfg!(target_arch = "x86_64") { Isa::Neon } else { Isa::Avx2 };
    assert_eq!(force(foreign), fastest());
}
