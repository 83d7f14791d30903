//! The forward pass.

use super::{Direction, Weights};
use crate::gemm::{Start, View, gemm, gemm_serial};
use crate::parallel::Shared;
use crate::recurrent::{LANES, Pass, final_states, load, store, walk};
use crate::{Ragged, Real, multiversion};

/// What the backward pass needs of the forward pass.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// Reset and update gates, `[rows, 2 hidden]`.
    pub gates: Vec<T>,
    /// Candidates, `[rows, hidden]`.
    pub candidates: Vec<T>,
    /// The state's share of the candidate before the reset gate, `h W_hn^T + b_hn`, `[rows, hidden]`.
    pub products: Vec<T>,
}

/// Runs one direction over `x[rows, input]` from `initial[sequences, hidden]`.
///
/// Returns `[rows + sequences, hidden]`: the hidden state of every row, then the final one of every sequence.
///
/// # Panics
/// If the shapes do not fit.
pub fn forward<T: Real>(
    layout: &Ragged,
    x: &[T],
    weights: Weights<'_, T>,
    initial: &[T],
    direction: Direction,
) -> (Vec<T>, Saved<T>) {
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let (input, hidden) = (weights.input_t.candidate.depth(), weights.hidden_t.candidate.depth());
    assert_eq!(weights.input_t.candidate.cols(), hidden, "gru: W_ih");
    assert_eq!(weights.hidden_t.candidate.cols(), hidden, "gru: W_hh");
    assert_eq!(initial.len(), sequences * hidden, "gru: initial state");
    let mut output = vec![T::ZERO; (rows + sequences) * hidden];
    let mut gates = vec![T::ZERO; rows * 2 * hidden];
    let mut candidates = vec![T::ZERO; rows * hidden];
    let mut products = vec![T::ZERO; rows * hidden];
    let bias: Vec<T> = weights.bias_ih.iter().zip(weights.bias_hh).take(2 * hidden).map(|(a, b)| *a + *b).collect();
    let view = View::new(x, rows, input);
    gemm(view, &weights.input_t.gates, &mut gates, Start::Bias(&bias));
    gemm(view, &weights.input_t.candidate, &mut candidates, Start::Bias(&weights.bias_ih[2 * hidden..]));
    let bias_hn = &weights.bias_hh[2 * hidden..];

    let (out, gate) = (Shared::new(&mut output), Shared::new(&mut gates));
    let (candidate, product) = (Shared::new(&mut candidates), Shared::new(&mut products));
    walk(layout, direction, Pass::Forward, 3 * hidden * hidden, |run| {
        let (row, count) = (run.rows.start, run.rows.len());
        // SAFETY: the rows of a run, and those of its sequences' steps before, belong to this task; the latter are
        // only read.
        let (g, n, p, h, before) = unsafe {
            let before: &[T] = match run.before {
                Some(r) => out.slice(r * hidden, count * hidden),
                None => &initial[run.sequences.start * hidden..run.sequences.end * hidden],
            };
            (
                gate.slice(row * 2 * hidden, count * 2 * hidden),
                candidate.slice(row * hidden, count * hidden),
                product.slice(row * hidden, count * hidden),
                out.slice(row * hidden, count * hidden),
                before,
            )
        };
        let view = View::new(before, count, hidden);
        gemm_serial(view, &weights.hidden_t.gates, g, Start::Add);
        gemm_serial(view, &weights.hidden_t.candidate, p, Start::Bias(bias_hn));
        step(g, n, p, before, h, hidden);
    });
    let (all, last) = output.split_at_mut(rows * hidden);
    final_states(layout, direction, all, hidden, last);
    (output, Saved { gates, candidates, products })
}

#[inline(always)]
fn step_body<T: Real, const FMA: bool>(
    gates: &mut [T],
    candidates: &mut [T],
    products: &[T],
    before: &[T],
    out: &mut [T],
    hidden: usize,
) {
    for (row, gates) in gates.chunks_exact_mut(2 * hidden).enumerate() {
        let at = row * hidden..(row + 1) * hidden;
        let (candidates, out) = (&mut candidates[at.clone()], &mut out[at.clone()]);
        let (products, before) = (&products[at.clone()], &before[at]);
        for k in (0..hidden).step_by(LANES) {
            let n = LANES.min(hidden - k);
            let (mut r, mut z) = (load(&gates[k..], n), load(&gates[hidden + k..], n));
            let (mut c, p, h) = (load(&candidates[k..], n), load(&products[k..], n), load(&before[k..], n));
            let mut new = [T::ZERO; LANES];
            for l in 0..LANES {
                r[l] = r[l].sigmoid::<FMA>();
                z[l] = z[l].sigmoid::<FMA>();
                c[l] = r[l].fma::<FMA>(p[l], c[l]).tanh::<FMA>();
                // (1 - z) n + z h
                new[l] = z[l].fma::<FMA>(h[l] - c[l], c[l]);
            }
            store(&r, &mut gates[k..], n);
            store(&z, &mut gates[hidden + k..], n);
            store(&c, &mut candidates[k..], n);
            store(&new, &mut out[k..], n);
        }
    }
}

multiversion! {
    /// Gates' non-linearities and the new state of a run of sequences.
    fn step<T: Real>(gates: &mut [T], candidates: &mut [T], products: &[T], before: &[T], out: &mut [T], hidden: usize) = step_body
}
