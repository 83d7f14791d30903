//! Windows, streams and observation of whole stacks.

use super::observe::{Observer, Stop};
use super::stream::StreamError;
use super::*;
use crate::ops::Keep;
use crate::optimizer::Accumulated;
use crate::pass::Precision;
use burn::tensor::{Device, TensorData};
use simurgh_random::Random;
use std::num::NonZeroUsize;

const KINDS: [CellKind; 4] = [CellKind::Lstm, CellKind::Gru, CellKind::RnnTanh, CellKind::RnnRelu];

fn draw(rows: usize, cols: usize, seed: u64, device: &Device) -> Tensor<2> {
    let mut random = Random::new(seed);
    let data: Vec<f32> = (0..rows * cols).map(|_| random.normal() as f32).collect();
    Tensor::from_data(TensorData::new(data, [rows, cols]), device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn network(cell: CellKind, layers: usize, bidirectional: bool, device: &Device) -> Recurrent {
    RecurrentConfig { cell, input: 3, hidden: 5, layers, bidirectional }.init(&Init::new(3, device), "test").unwrap()
}

fn pass(window_steps: usize) -> Pass {
    Pass { window_steps: NonZeroUsize::new(window_steps), ..Pass::default() }
}

#[test]
fn windows_change_gradients_but_no_number() {
    let device = Device::flex().autodiff();
    for (cell, bidirectional) in KINDS.into_iter().flat_map(|cell| [(cell, false), (cell, true)]) {
        let net = network(cell, 2, bidirectional, &device);
        let layout = Arc::new(Ragged::new(&[11, 9, 9, 4, 1]).unwrap());
        let x = draw(layout.rows(), 3, 1, &device);
        let run = |steps: usize| {
            let (out, states) = net.forward(x.clone(), &layout, None, &mut pass(steps)).unwrap();
            let all: Vec<f32> = states.iter().flat_map(|s| numbers(s.hidden.clone())).collect();
            let cells: Vec<f32> = states.iter().filter_map(|s| s.cell.clone()).flat_map(numbers).collect();
            let loss = (out.clone() * out.clone()).sum() + states[0].hidden.clone().sum();
            (numbers(out), all, cells, Accumulated::take(&net, &mut loss.backward(), &Pass::default()))
        };
        let whole = run(0);
        for steps in [1, 3, 4, 11, 100] {
            let got = run(steps);
            assert!((&got.0, &got.1, &got.2) == (&whole.0, &whole.1, &whole.2), "{cell:?} {bidirectional} {steps}");
            let cosine = got.3.cosine(&whole.3).unwrap();
            if steps >= 11 {
                assert!(cosine > 1.0 - 1e-9, "{cell:?} {steps}: {cosine}");
            } else {
                assert!(cosine < 1.0 - 1e-6 && cosine > 0.1, "{cell:?} {bidirectional} {steps}: {cosine}");
            }
        }
    }
}

/// The truncated gradient of a loss in the second window alone is that of the window by itself, its beginning held fixed.
#[test]
fn the_gradient_ends_where_the_window_begins() {
    let device = Device::flex().autodiff();
    for cell in KINDS {
        let net = network(cell, 1, false, &device);
        let layout = Arc::new(Ragged::new(&[6, 6, 5]).unwrap());
        let x = draw(layout.rows(), 3, 2, &device).require_grad();
        let (out, _) = net.forward(x.clone(), &layout, None, &mut pass(3)).unwrap();
        let second = layout.rows_at(3).start..layout.rows();
        let mut gradients = out.slice([second.clone(), 0..5]).sum().backward();
        let got = Accumulated::take(&net, &mut gradients, &Pass::default());
        let d_x = numbers(x.grad(&gradients).unwrap());
        assert!(d_x[..second.start * 3].iter().all(|d| *d == 0.0), "{cell:?}");

        let first = Arc::new(Ragged::new(&[3, 3, 3]).unwrap());
        let (_, states) = net.forward(x.clone().slice([0..9, 0..3]), &first, None, &mut Pass::default()).unwrap();
        let states: Vec<State> = states.into_iter().map(State::detach).collect();
        let rest = Arc::new(Ragged::new(&[3, 3, 2]).unwrap());
        let x = x.slice([second, 0..3]);
        let (out, _) = net.forward(x, &rest, Some(&states), &mut Pass::default()).unwrap();
        let want = Accumulated::take(&net, &mut out.sum().backward(), &Pass::default());
        assert!(got.norm() > 0.1 && (got.norm() - want.norm()).abs() < 1e-5 * want.norm(), "{cell:?}");
        assert!(got.cosine(&want).unwrap() > 1.0 - 1e-9);
    }
}

#[test]
fn a_stream_gives_the_bits_of_the_whole_sequence() {
    let device = Device::flex();
    for (cell, precision) in KINDS.into_iter().flat_map(|cell| [(cell, Precision::F32), (cell, Precision::Bf16)]) {
        let net = network(cell, 3, false, &device);
        let (batch, steps) = (4, 7);
        let layout = Arc::new(Ragged::new(&[steps; 4]).unwrap());
        let x = draw(layout.rows(), 3, 4, &device);
        let mut pass = Pass { precision, ..Pass::default() };
        let (out, states) = net.forward(x.clone(), &layout, None, &mut pass).unwrap();
        let (x, out) = (numbers(x), numbers(out));
        let stream = net.stream(precision).unwrap();
        let mut state = stream.start(batch).unwrap();
        for t in 0..steps {
            let got = stream.step(&x[t * batch * 3..][..batch * 3], &mut state).unwrap();
            assert_eq!(got, &out[t * batch * 5..][..batch * 5], "{cell:?} {precision:?} step {t}");
        }
        // On from where a whole sequence ended.
        let mut resumed = stream.resume(&states).unwrap();
        for layer in 0..3 {
            assert_eq!((resumed.hidden(layer), resumed.cell(layer)), (state.hidden(layer), state.cell(layer)));
        }
        assert_eq!(stream.step(&x[..12], &mut resumed).unwrap(), stream.step(&x[..12], &mut state).unwrap());
        // A state is a value: another one goes its own way.
        let mut other = state.clone();
        stream.step(&x[12..24], &mut other).unwrap();
        assert_ne!(other.hidden(2), state.hidden(2));
        let e = stream.step(&x[..11], &mut state).unwrap_err().to_string();
        assert_eq!(e, "stream: `x` has 11 elements, expected 12 (batch 4 x input 3)");
        assert!(stream.start(0).unwrap_err().to_string().contains("batch is 0"));
        for batch in [usize::MAX / 2, 1 << 50] {
            assert!(stream.start(batch).unwrap_err().to_string().contains("more elements than there is memory for"));
        }
    }
    assert_eq!(
        network(CellKind::Gru, 1, true, &device).stream(Precision::F32).unwrap_err(),
        StreamError::Bidirectional
    );
    let taped = network(CellKind::Gru, 1, false, &device.autodiff());
    assert_eq!(taped.stream(Precision::F32).unwrap_err(), StreamError::Device);
}

#[test]
fn an_observed_pass_has_the_same_gradients_and_says_how_far_they_reach() {
    let device = Device::flex().autodiff();
    for (cell, bidirectional) in KINDS.into_iter().flat_map(|cell| [(cell, false), (cell, true)]) {
        let net = network(cell, 2, bidirectional, &device);
        let layout = Arc::new(Ragged::new(&[8, 8, 5]).unwrap());
        let x = draw(layout.rows(), 3, 5, &device);
        let run = |observer: Option<Arc<Observer>>, keep| {
            let mut pass = Pass { observer, keep, ..Pass::default() };
            let (_, states) = net.forward(x.clone(), &layout, None, &mut pass).unwrap();
            // The loss is at the last step of each sequence alone.
            let loss = states.iter().map(|s| s.hidden.clone().sum()).reduce(|a, b| a + b).unwrap();
            Accumulated::take(&net, &mut loss.backward(), &Pass::default())
        };
        let want = run(None, Keep::All);
        for keep in [Keep::All, Keep::Borders] {
            let observer = Arc::new(Observer::default());
            let got = run(Some(observer.clone()), keep);
            assert!(got.norm() == want.norm() && got.cosine(&want).unwrap() == want.cosine(&want).unwrap(), "{cell:?}");
            let seen = observer.take();
            let sites = if bidirectional { 4 } else { 2 };
            assert_eq!(seen.iter().map(|o| o.site).collect::<Vec<_>>(), (0..sites).collect::<Vec<_>>());
            for o in &seen {
                assert_eq!(o.gradient_by_lag.len(), 8);
                assert!(o.gradient_by_lag.iter().all(|n| n.is_finite()));
                let lstm = cell == CellKind::Lstm && keep == Keep::All;
                assert_eq!(o.cell_path.is_some(), lstm);
                let gates = match cell {
                    CellKind::Lstm => 3,
                    CellKind::Gru => 2,
                    _ => 0,
                };
                assert_eq!(o.saturation.len(), if keep == Keep::All { gates } else { 0 });
            }
            // The top layer's last state gets the loss's gradient of ones, of five units.
            let top = &seen[sites - 1].gradient_by_lag;
            assert!((top[0] - 5f64.sqrt()).abs() < 1e-6, "{cell:?} {top:?}");
            assert!(observer.take().is_empty());
        }
    }
}

#[test]
fn growth_is_that_of_the_steps_between() {
    let device = Device::flex();
    let stop = Stop { rounds: 300, change: 1e-7 };
    for cell in KINDS {
        let net = network(cell, 2, true, &device);
        let layout = Ragged::new(&[9, 6, 2]).unwrap();
        let x = draw(layout.rows(), 3, 6, &device);
        let found = net.growth(x.clone(), &layout, &[1, 2, 6, 9, 10, 0], stop).unwrap();
        // Four lags fit the longest sequence; two layers, two directions.
        assert_eq!(found.len(), 16);
        for g in &found {
            let sequences = [(1, 3), (2, 3), (6, 2), (9, 1)].into_iter().find(|(lag, _)| *lag == g.lag).unwrap().1;
            assert_eq!(g.singular.values.len(), sequences, "{g:?}");
            assert!(g.singular.values.iter().all(|v| v.is_finite() && *v >= 0.0), "{g:?}");
        }
        // A sequence that is the others' end gives the same.
        let single = Ragged::new(&[9]).unwrap();
        let rows: Vec<Tensor<2>> =
            (0..9).map(|t| x.clone().slice([layout.row(t, 0)..layout.row(t, 0) + 1, 0..3])).collect();
        let alone = net.growth(Tensor::cat(rows, 0), &single, &[6], stop).unwrap();
        for (a, b) in alone.iter().zip(found.iter().filter(|g| g.lag == 6)) {
            let (a, b) = (a.singular.values[0], b.singular.values[0]);
            assert!((a - b).abs() <= 1e-3 * a.max(1e-6), "{cell:?} {a} {b}");
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let device = Device::flex();
    let net = network(CellKind::Lstm, 1, false, &device);
    let layout = Arc::new(Ragged::new(&[3, 2]).unwrap());
    let message = |x: Tensor<2>, initial: Option<&[State]>| {
        net.forward(x, &layout, initial, &mut Pass::default()).unwrap_err().to_string()
    };
    let x = draw(5, 3, 1, &device);
    assert_eq!(message(draw(4, 3, 1, &device), None), "recurrent layer: rows of x is 4, expected 5");
    assert_eq!(message(draw(5, 4, 1, &device), None), "recurrent layer: input of weight_ih is 3, expected 4");
    assert_eq!(message(draw(5, 0, 1, &device), None), "recurrent layer: the input is 0");
    let e = message(x.clone(), Some(&[]));
    assert_eq!(e, "recurrent layers: layers x directions of the initial state is 0, expected 1");
    let e = message(x.clone(), Some(&[net.zero_state(3, &x)]));
    assert_eq!(e, "recurrent layer: sequences of the hidden state is 3, expected 2");
    let state = State { cell: None, ..net.zero_state(2, &x) };
    assert_eq!(message(x, Some(&[state])), "recurrent layer: sequences of the cell is 0, expected 2");
}
