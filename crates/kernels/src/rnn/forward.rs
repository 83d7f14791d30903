//! The forward pass.

use super::{Activation, Direction, Weights};
use crate::elementwise::{relu, tanh};
use crate::gemm::{Start, View, gemm, gemm_serial};
use crate::parallel::Shared;
use crate::recurrent::{Pass, final_states, walk};
use crate::{Ragged, Real};

/// Runs one direction over `x[rows, input]` from `initial[sequences, hidden]`.
///
/// Returns `[rows + sequences, hidden]`: the hidden state of every row, then the final one of every sequence. It is
/// all that the backward pass needs.
///
/// # Panics
/// If the shapes do not fit.
pub fn forward<T: Real>(
    layout: &Ragged,
    x: &[T],
    weights: Weights<'_, T>,
    initial: &[T],
    activation: Activation,
    direction: Direction,
) -> Vec<T> {
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let (input, hidden) = (weights.input_t.depth(), weights.hidden_t.depth());
    assert_eq!(weights.input_t.cols(), hidden, "rnn: W_ih");
    assert_eq!(weights.hidden_t.cols(), hidden, "rnn: W_hh");
    assert_eq!(initial.len(), sequences * hidden, "rnn: initial state");
    let mut output = vec![T::ZERO; (rows + sequences) * hidden];
    let (all, last) = output.split_at_mut(rows * hidden);
    gemm(View::new(x, rows, input), weights.input_t, all, Start::Bias(weights.bias));
    let out = Shared::new(all);
    walk(layout, direction, Pass::Forward, hidden * hidden, |run| {
        let count = run.rows.len();
        // SAFETY: the rows of a run, and those of its sequences' steps before, belong to this task; the latter are
        // only read.
        let (h, before) = unsafe {
            let before: &[T] = match run.before {
                Some(r) => out.slice(r * hidden, count * hidden),
                None => &initial[run.sequences.start * hidden..run.sequences.end * hidden],
            };
            (out.slice(run.rows.start * hidden, count * hidden), before)
        };
        gemm_serial(View::new(before, count, hidden), weights.hidden_t, h, Start::Add);
        match activation {
            Activation::Tanh => tanh(h),
            Activation::Relu => relu(h),
        }
    });
    final_states(layout, direction, all, hidden, last);
    output
}
