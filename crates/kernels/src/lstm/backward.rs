//! Backpropagation through time, written by hand: each line quotes the forward line it differentiates.

use super::{Direction, Saved, State};
use crate::elementwise::add_columns;
use crate::gemm::{Packed, Start, View, gemm, gemm_serial};
use crate::linear::weight_gradient;
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
    let (dh, dc, dg) = (Shared::new(&mut d_hidden), Shared::new(&mut d_cell), Shared::new(&mut d_gates));
    walk(layout, direction, Pass::Backward, 4 * hidden * hidden, |run| {
        let (row, count) = (run.rows.start, run.rows.len());
        let states = run.sequences.start * hidden..run.sequences.end * hidden;
        let c_before = match run.before {
            Some(r) => &saved.cells[r * hidden..(r + count) * hidden],
            None => &initial.cell[states.clone()],
        };
        let here = row * hidden..(row + count) * hidden;
        // SAFETY: rows and states of this task's own sequences.
        let (dg, dh, dc) = unsafe {
            (
                dg.slice(row * 4 * hidden, count * 4 * hidden),
                dh.slice(states.start, states.len()),
                dc.slice(states.start, states.len()),
            )
        };
        let gates = &saved.gates[row * 4 * hidden..(row + count) * 4 * hidden];
        step(gates, c_before, &saved.cells[here.clone()], &d_output[here], dh, dc, dg, hidden);
        // gates = ... + h W_hh^T
        gemm_serial(View::new(dg, count, 4 * hidden), weight_hh, dh, Start::Zero);
    });

    let h_before = states_before(layout, direction, output, initial.hidden, hidden);
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
        for k in (0..hidden).step_by(LANES) {
            let n = LANES.min(hidden - k);
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| load(&gates[gate * hidden + k..], n));
            let (before, c, up, along) =
                (load(&c_before[k..], n), load(&c[k..], n), load(&d_out[k..], n), load(&d_hidden[k..], n));
            let mut dc = load(&d_cell[k..], n);
            let (mut di, mut df, mut dg, mut d_o) =
                ([T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES]);
            for l in 0..LANES {
                let dh = up[l] + along[l];
                let tanh = c[l].tanh::<FMA>();
                // h = o tanh(c)
                d_o[l] = dh * tanh * o[l] * (T::ONE - o[l]);
                let d_c = (dh * o[l]).fma::<FMA>(T::ONE - tanh * tanh, dc[l]);
                // c = f c_before + i g
                di[l] = d_c * g[l] * i[l] * (T::ONE - i[l]);
                df[l] = d_c * before[l] * f[l] * (T::ONE - f[l]);
                dg[l] = d_c * i[l] * (T::ONE - g[l] * g[l]);
                dc[l] = d_c * f[l];
            }
            for (gate, d) in [di, df, dg, d_o].iter().enumerate() {
                store(d, &mut d_gates[gate * hidden + k..], n);
            }
            store(&dc, &mut d_cell[k..], n);
        }
    }
}

multiversion! {
    fn step<T: Real>(
        gates: &[T], c_before: &[T], c: &[T], d_out: &[T], d_hidden: &[T], d_cell: &mut [T], d_gates: &mut [T], hidden: usize,
    ) = step_body
}
