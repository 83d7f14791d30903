//! Backpropagation through time, written by hand: each line quotes the forward line it differentiates.

use super::{Before, Direction, Saved, State, alive, before, order, owners};
use crate::elementwise::add_columns;
use crate::gemm::{Packed, Start, View, gemm, gemm_serial};
use crate::linear::weight_gradient;
use crate::parallel::{self, Shared};
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
    /// The state it started from.
    pub initial: State<'a, T>,
    /// `W_ih`, `[4 hidden, input]`, packed.
    pub weight_ih: &'a Packed<T>,
    /// `W_hh`, `[4 hidden, hidden]`, packed.
    pub weight_hh: &'a Packed<T>,
    /// Gradient of the output, `[rows + 2 sequences, hidden]`.
    pub d_output: &'a [T],
}

/// Gradients of the operands.
#[derive(Clone, Debug)]
pub struct Gradient<T> {
    /// `[rows, input]`
    pub x: Vec<T>,
    /// `[4 hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[4 hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[4 hidden]`, of either bias.
    pub bias: Vec<T>,
    /// `[sequences, hidden]`
    pub hidden: Vec<T>,
    /// `[sequences, hidden]`
    pub cell: Vec<T>,
}

/// Gradient of one direction.
pub fn backward<T: Real>(layout: &Ragged, upstream: Upstream<'_, T>, direction: Direction) -> Gradient<T> {
    let Upstream { x, output, saved, initial, weight_ih, weight_hh, d_output } = upstream;
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let (input, hidden) = (weight_ih.cols(), weight_hh.cols());
    assert_eq!(d_output.len(), (rows + 2 * sequences) * hidden, "lstm backward: d_output");
    // The gradient that flows from step to step starts as that of the final state and ends as that
    // of the initial one; a sequence's share is touched only at the steps it reaches.
    let mut d_hidden = d_output[rows * hidden..(rows + sequences) * hidden].to_vec();
    let mut d_cell = d_output[(rows + sequences) * hidden..].to_vec();
    let mut d_gates = vec![T::ZERO; rows * 4 * hidden];
    let mut h_before = vec![T::ZERO; rows * hidden];

    let owners = owners(layout, 4 * hidden * hidden);
    let (dh, dc) = (Shared::new(&mut d_hidden), Shared::new(&mut d_cell));
    let (dg, hb) = (Shared::new(&mut d_gates), Shared::new(&mut h_before));
    parallel::each(owners.len(), true, |task| {
        for t in order(layout.steps(), direction).rev() {
            let own = alive(layout, t, &owners[task]);
            let first = layout.rows_at(t).start;
            for (run, place) in before(layout, direction, t, own) {
                if run.is_empty() {
                    continue;
                }
                let (count, row) = (run.len(), first + run.start);
                let initial_range = run.start * hidden..run.end * hidden;
                let (h_from, c_before) = match place {
                    Before::Row(r) => {
                        let range = r * hidden..(r + count) * hidden;
                        (&output[range.clone()], &saved.cells[range])
                    }
                    Before::Initial => (&initial.hidden[initial_range.clone()], &initial.cell[initial_range]),
                };
                let here = row * hidden..(row + count) * hidden;
                // SAFETY: rows and states of this task's own sequences.
                let (dg, dh, dc, hb) = unsafe {
                    (
                        dg.slice(row * 4 * hidden, count * 4 * hidden),
                        dh.slice(run.start * hidden, count * hidden),
                        dc.slice(run.start * hidden, count * hidden),
                        hb.slice(row * hidden, count * hidden),
                    )
                };
                hb.copy_from_slice(h_from);
                let gates = &saved.gates[row * 4 * hidden..(row + count) * 4 * hidden];
                step(gates, c_before, &saved.cells[here.clone()], &d_output[here], dh, dc, dg, hidden);
                // gates = ... + h W_hh^T
                gemm_serial(View::new(dg, count, 4 * hidden), weight_hh, dh, Start::Zero);
            }
        }
    });

    let mut gradient = Gradient {
        x: vec![T::ZERO; rows * input],
        weight_ih: vec![T::ZERO; 4 * hidden * input],
        weight_hh: vec![T::ZERO; 4 * hidden * hidden],
        bias: vec![T::ZERO; 4 * hidden],
        hidden: d_hidden,
        cell: d_cell,
    };
    // gates = x W_ih^T + b_ih + h W_hh^T + b_hh: one product each over all steps
    gemm(View::new(&d_gates, rows, 4 * hidden), weight_ih, &mut gradient.x, Start::Zero);
    weight_gradient(&d_gates, x, rows, 4 * hidden, input, &mut gradient.weight_ih);
    weight_gradient(&d_gates, &h_before, rows, 4 * hidden, hidden, &mut gradient.weight_hh);
    add_columns(&d_gates, &mut gradient.bias);
    gradient
}

/// `d_hidden` and `d_cell` come from the step after; `d_cell` leaves as that of the step before.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn step_body<T: Real, const FMA: bool>(
    gates: &[T],
    c_before: &[T],
    c: &[T],
    d_out: &[T],
    d_hidden: &[T],
    d_cell: &mut [T],
    d_gates: &mut [T],
    hidden: usize,
) {
    for (row, (gates, d_gates)) in gates.chunks_exact(4 * hidden).zip(d_gates.chunks_exact_mut(4 * hidden)).enumerate()
    {
        let at = row * hidden..(row + 1) * hidden;
        let (c_before, c, d_out) = (&c_before[at.clone()], &c[at.clone()], &d_out[at.clone()]);
        let (d_hidden, d_cell) = (&d_hidden[at.clone()], &mut d_cell[at]);
        let (i, rest) = gates.split_at(hidden);
        let (f, rest) = rest.split_at(hidden);
        let (g, o) = rest.split_at(hidden);
        let o = &o[..hidden];
        let (di, rest) = d_gates.split_at_mut(hidden);
        let (df, rest) = rest.split_at_mut(hidden);
        let (dg, d_o) = rest.split_at_mut(hidden);
        let d_o = &mut d_o[..hidden];
        for k in 0..hidden {
            let dh = d_out[k] + d_hidden[k];
            let tanh = c[k].tanh::<FMA>();
            // h = o tanh(c)
            d_o[k] = dh * tanh * o[k] * (T::ONE - o[k]);
            let dc = (dh * o[k]).fma::<FMA>(T::ONE - tanh * tanh, d_cell[k]);
            // c = f c_before + i g
            di[k] = dc * g[k] * i[k] * (T::ONE - i[k]);
            df[k] = dc * c_before[k] * f[k] * (T::ONE - f[k]);
            dg[k] = dc * i[k] * (T::ONE - g[k] * g[k]);
            d_cell[k] = dc * f[k];
        }
    }
}

multiversion! {
    fn step<T: Real>(
        gates: &[T], c_before: &[T], c: &[T], d_out: &[T], d_hidden: &[T], d_cell: &mut [T], d_gates: &mut [T], hidden: usize,
    ) = step_body
}
