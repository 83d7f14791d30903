//! Backpropagation through time, written by hand: each line quotes the forward line it differentiates.

use super::{Direction, Pack, Saved};
use crate::elementwise::add_columns;
use crate::gemm::{Packed, Start, View, gemm, gemm_serial};
use crate::parallel::Shared;
use crate::recurrent::{LANES, Pass, load, states_before, store, walk};
use crate::{Ragged, Real, multiversion};

/// The forward pass's operands and results, as the backward pass reads them.
#[derive(Clone, Copy)]
pub struct Upstream<'a, T> {
    /// `[rows, input]`
    pub x: &'a [T],
    /// What [`super::forward`] returned.
    pub output: &'a [T],
    /// What [`super::forward`] saved.
    pub saved: &'a Saved<T>,
    /// The state it started from, `[sequences, hidden]`.
    pub initial: &'a [T],
    /// `W_ih`
    pub weight_ih: &'a Pack<T>,
    /// `W_hh`
    pub weight_hh: &'a Pack<T>,
    /// Gradient of the output, `[rows + sequences, hidden]`.
    pub d_output: &'a [T],
}

/// Gradients of the operands.
#[derive(Clone, Debug)]
pub struct Gradient<T> {
    /// `[rows, input]`
    pub x: Vec<T>,
    /// `[3 hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[3 hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[3 hidden]`
    pub bias_ih: Vec<T>,
    /// `[3 hidden]`
    pub bias_hh: Vec<T>,
    /// `[sequences, hidden]`
    pub hidden: Vec<T>,
}

/// Gradient of one direction.
pub fn backward<T: Real>(layout: &Ragged, upstream: Upstream<'_, T>, direction: Direction) -> Gradient<T> {
    let Upstream { x, output, saved, initial, weight_ih, weight_hh, d_output } = upstream;
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let (input, hidden) = (weight_ih.candidate.cols(), weight_hh.candidate.cols());
    assert_eq!(d_output.len(), (rows + sequences) * hidden, "gru backward: d_output");
    // What flows from step to step starts as the final state's gradient and ends as the initial one's.
    let mut d_hidden = d_output[rows * hidden..].to_vec();
    let mut d_gates = vec![T::ZERO; rows * 2 * hidden];
    let mut d_candidates = vec![T::ZERO; rows * hidden];
    let mut d_products = vec![T::ZERO; rows * hidden];
    let (dh, dg) = (Shared::new(&mut d_hidden), Shared::new(&mut d_gates));
    let (dn, dp) = (Shared::new(&mut d_candidates), Shared::new(&mut d_products));
    walk(layout, direction, Pass::Backward, 3 * hidden * hidden, |run| {
        let (row, count) = (run.rows.start, run.rows.len());
        let states = run.sequences.start * hidden..run.sequences.end * hidden;
        let before = match run.before {
            Some(r) => &output[r * hidden..(r + count) * hidden],
            None => &initial[states.clone()],
        };
        let here = row * hidden..(row + count) * hidden;
        // SAFETY: rows and states of this task's own sequences.
        let (dh, dg, dn, dp) = unsafe {
            (
                dh.slice(states.start, states.len()),
                dg.slice(row * 2 * hidden, count * 2 * hidden),
                dn.slice(here.start, here.len()),
                dp.slice(here.start, here.len()),
            )
        };
        let gates = &saved.gates[row * 2 * hidden..(row + count) * 2 * hidden];
        let (candidates, products) = (&saved.candidates[here.clone()], &saved.products[here.clone()]);
        step(gates, candidates, products, before, &d_output[here], dh, dg, dn, dp, hidden);
        // [r z] = ... + h W_hh^T, products = h W_hn^T + b_hn
        gemm_serial(View::new(dg, count, 2 * hidden), &weight_hh.gates, dh, Start::Add);
        gemm_serial(View::new(dp, count, hidden), &weight_hh.candidate, dh, Start::Add);
    });

    let h_before = states_before(layout, direction, output, initial, hidden);
    let mut gradient = Gradient {
        x: vec![T::ZERO; rows * input],
        weight_ih: vec![T::ZERO; 3 * hidden * input],
        weight_hh: vec![T::ZERO; 3 * hidden * hidden],
        bias_ih: vec![T::ZERO; 3 * hidden],
        bias_hh: vec![T::ZERO; 3 * hidden],
        hidden: d_hidden,
    };
    gemm(View::new(&d_gates, rows, 2 * hidden), &weight_ih.gates, &mut gradient.x, Start::Zero);
    gemm(View::new(&d_candidates, rows, hidden), &weight_ih.candidate, &mut gradient.x, Start::Add);
    let weight = |left: &[T], width: usize, right: &Packed<T>, to: &mut [T]| {
        gemm(View::new(left, rows, width).transposed(), right, to, Start::Zero);
    };
    let packed = Packed::new(View::new(x, rows, input));
    let (gates, candidate) = gradient.weight_ih.split_at_mut(2 * hidden * input);
    weight(&d_gates, 2 * hidden, &packed, gates);
    weight(&d_candidates, hidden, &packed, candidate);
    let packed = Packed::new(View::new(&h_before, rows, hidden));
    let (gates, candidate) = gradient.weight_hh.split_at_mut(2 * hidden * hidden);
    weight(&d_gates, 2 * hidden, &packed, gates);
    weight(&d_products, hidden, &packed, candidate);
    let (gates, candidate) = gradient.bias_ih.split_at_mut(2 * hidden);
    add_columns(&d_gates, gates);
    add_columns(&d_candidates, candidate);
    gradient.bias_hh[..2 * hidden].copy_from_slice(gates);
    add_columns(&d_products, &mut gradient.bias_hh[2 * hidden..]);
    gradient
}

/// `d_hidden` comes from the step after and leaves as the direct share of the step before.
// A slice for each quantity of the equations.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn step_body<T: Real, const FMA: bool>(
    gates: &[T],
    candidates: &[T],
    products: &[T],
    before: &[T],
    d_out: &[T],
    d_hidden: &mut [T],
    d_gates: &mut [T],
    d_candidates: &mut [T],
    d_products: &mut [T],
    hidden: usize,
) {
    for (row, (gates, d_gates)) in gates.chunks_exact(2 * hidden).zip(d_gates.chunks_exact_mut(2 * hidden)).enumerate()
    {
        let at = row * hidden..(row + 1) * hidden;
        let (candidates, products, before) = (&candidates[at.clone()], &products[at.clone()], &before[at.clone()]);
        let (d_out, d_hidden) = (&d_out[at.clone()], &mut d_hidden[at.clone()]);
        let (d_candidates, d_products) = (&mut d_candidates[at.clone()], &mut d_products[at]);
        for k in (0..hidden).step_by(LANES) {
            let n = LANES.min(hidden - k);
            let (r, z) = (load(&gates[k..], n), load(&gates[hidden + k..], n));
            let (c, p, h) = (load(&candidates[k..], n), load(&products[k..], n), load(&before[k..], n));
            let (up, mut along) = (load(&d_out[k..], n), load(&d_hidden[k..], n));
            let (mut dr, mut dz, mut dn, mut dp) =
                ([T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES]);
            for l in 0..LANES {
                let dh = up[l] + along[l];
                // h' = (1 - z) n + z h
                dz[l] = dh * (h[l] - c[l]) * z[l] * (T::ONE - z[l]);
                along[l] = dh * z[l];
                // n = tanh(... + r p)
                dn[l] = dh * (T::ONE - z[l]) * (T::ONE - c[l] * c[l]);
                dr[l] = dn[l] * p[l] * r[l] * (T::ONE - r[l]);
                dp[l] = dn[l] * r[l];
            }
            store(&dr, &mut d_gates[k..], n);
            store(&dz, &mut d_gates[hidden + k..], n);
            store(&dn, &mut d_candidates[k..], n);
            store(&dp, &mut d_products[k..], n);
            store(&along, &mut d_hidden[k..], n);
        }
    }
}

multiversion! {
    fn step<T: Real>(
        gates: &[T], candidates: &[T], products: &[T], before: &[T], d_out: &[T], d_hidden: &mut [T],
        d_gates: &mut [T], d_candidates: &mut [T], d_products: &mut [T], hidden: usize,
    ) = step_body
}
