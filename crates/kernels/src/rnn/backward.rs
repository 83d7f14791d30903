//! Backpropagation through time, written by hand: each line quotes the forward line it differentiates.

use super::{Activation, Direction};
use crate::elementwise::add_columns;
use crate::gemm::{Packed, Start, View, gemm, gemm_serial};
use crate::linear::weight_gradient;
use crate::parallel::Shared;
use crate::recurrent::{Pass, states_before, walk};
use crate::{Ragged, Real, multiversion};

/// The forward pass's operands and results, as the backward pass reads them.
#[derive(Clone, Copy)]
pub struct Upstream<'a, T> {
    /// `[rows, input]`
    pub x: &'a [T],
    /// What [`super::forward`] returned.
    pub output: &'a [T],
    /// The state it started from, `[sequences, hidden]`.
    pub initial: &'a [T],
    /// `W_ih`, `[hidden, input]`, packed.
    pub weight_ih: &'a Packed<T>,
    /// `W_hh`, `[hidden, hidden]`, packed.
    pub weight_hh: &'a Packed<T>,
    /// Gradient of the output, `[rows + sequences, hidden]`.
    pub d_output: &'a [T],
}

/// Gradients of the operands.
#[derive(Clone, Debug)]
pub struct Gradient<T> {
    /// `[rows, input]`
    pub x: Vec<T>,
    /// `[hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[hidden]`, of either bias.
    pub bias: Vec<T>,
    /// `[sequences, hidden]`
    pub hidden: Vec<T>,
}

/// Gradient of one direction.
pub fn backward<T: Real>(
    layout: &Ragged,
    upstream: Upstream<'_, T>,
    activation: Activation,
    direction: Direction,
) -> Gradient<T> {
    let Upstream { x, output, initial, weight_ih, weight_hh, d_output } = upstream;
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let (input, hidden) = (weight_ih.cols(), weight_hh.cols());
    assert_eq!(d_output.len(), (rows + sequences) * hidden, "rnn backward: d_output");
    // What flows from step to step starts as the final state's gradient and ends as the initial one's.
    let mut d_hidden = d_output[rows * hidden..].to_vec();
    let mut d_sums = vec![T::ZERO; rows * hidden];
    let (dh, ds) = (Shared::new(&mut d_hidden), Shared::new(&mut d_sums));
    walk(layout, direction, Pass::Backward, hidden * hidden, |run| {
        let (row, count) = (run.rows.start, run.rows.len());
        let here = row * hidden..(row + count) * hidden;
        // SAFETY: rows and states of this task's own sequences.
        let (dh, ds) =
            unsafe { (dh.slice(run.sequences.start * hidden, count * hidden), ds.slice(here.start, here.len())) };
        let (h, up) = (&output[here.clone()], &d_output[here]);
        match activation {
            Activation::Tanh => tanh_step(h, up, dh, ds),
            Activation::Relu => relu_step(h, up, dh, ds),
        }
        // h' = activation(... + h W_hh^T)
        gemm_serial(View::new(ds, count, hidden), weight_hh, dh, Start::Zero);
    });

    let h_before = states_before(layout, direction, output, initial, hidden);
    let mut gradient = Gradient {
        x: vec![T::ZERO; rows * input],
        weight_ih: vec![T::ZERO; hidden * input],
        weight_hh: vec![T::ZERO; hidden * hidden],
        bias: vec![T::ZERO; hidden],
        hidden: d_hidden,
    };
    gemm(View::new(&d_sums, rows, hidden), weight_ih, &mut gradient.x, Start::Zero);
    weight_gradient(&d_sums, x, rows, hidden, input, &mut gradient.weight_ih);
    weight_gradient(&d_sums, &h_before, rows, hidden, hidden, &mut gradient.weight_hh);
    add_columns(&d_sums, &mut gradient.bias);
    gradient
}

#[inline(always)]
fn tanh_body<T: Real, const FMA: bool>(h: &[T], up: &[T], along: &[T], d: &mut [T]) {
    for (((d, h), up), along) in d.iter_mut().zip(h).zip(up).zip(along) {
        *d = (*up + *along) * (T::ONE - *h * *h); // h' = tanh(sum)
    }
}

#[inline(always)]
fn relu_body<T: Real, const FMA: bool>(h: &[T], up: &[T], along: &[T], d: &mut [T]) {
    for (((d, h), up), along) in d.iter_mut().zip(h).zip(up).zip(along) {
        // h' = max(0, sum); written so that a NaN of the state stays one
        *d = if *h <= T::ZERO { T::ZERO } else { *up + *along };
    }
}

multiversion! {
    fn tanh_step<T: Real>(h: &[T], up: &[T], along: &[T], d: &mut [T]) = tanh_body
}
multiversion! {
    fn relu_step<T: Real>(h: &[T], up: &[T], along: &[T], d: &mut [T]) = relu_body
}
