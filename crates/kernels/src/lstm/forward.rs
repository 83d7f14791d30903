//! The forward pass.

use super::{Direction, State, Weights};
use crate::gemm::{Start, View, gemm, gemm_serial};
use crate::parallel::Shared;
use crate::recurrent::{LANES, Pass, final_states, load, store, walk};
use crate::{Ragged, Real, multiversion};

/// What the backward pass needs of the forward pass.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// Gates after their non-linearities, `[rows, 4 hidden]`.
    pub gates: Vec<T>,
    /// Cells, `[rows, hidden]`.
    pub cells: Vec<T>,
}

/// Runs one direction over `x[rows, input]`.
///
/// Returns `[rows + 2 sequences, hidden]`: the hidden state of every row, then the final hidden
/// state and the final cell of every sequence.
///
/// # Panics
/// If the shapes do not fit.
pub fn forward<T: Real>(
    layout: &Ragged,
    x: &[T],
    weights: Weights<'_, T>,
    initial: State<'_, T>,
    direction: Direction,
) -> (Vec<T>, Saved<T>) {
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let (input, hidden) = (weights.input_t.depth(), weights.hidden_t.depth());
    assert_eq!(weights.input_t.cols(), 4 * hidden, "lstm: W_ih");
    assert_eq!(weights.hidden_t.cols(), 4 * hidden, "lstm: W_hh");
    assert_eq!(initial.hidden.len(), sequences * hidden, "lstm: initial hidden state");
    assert_eq!(initial.cell.len(), sequences * hidden, "lstm: initial cell");
    let mut output = vec![T::ZERO; (rows + 2 * sequences) * hidden];
    let mut gates = vec![T::ZERO; rows * 4 * hidden];
    let mut cells = vec![T::ZERO; rows * hidden];
    gemm(View::new(x, rows, input), weights.input_t, &mut gates, Start::Bias(weights.bias));

    let (out, gate, cell) = (Shared::new(&mut output), Shared::new(&mut gates), Shared::new(&mut cells));
    walk(layout, direction, Pass::Forward, 4 * hidden * hidden, |run| {
        let (row, count) = (run.rows.start, run.rows.len());
        let first = run.sequences.start * hidden..run.sequences.end * hidden;
        // SAFETY: the rows of a run, and those of its sequences' steps before, belong to this task; the latter are
        // only read.
        let (g, c, h, h_before, c_before) = unsafe {
            let (hb, cb): (&[T], &[T]) = match run.before {
                Some(r) => (out.slice(r * hidden, count * hidden), cell.slice(r * hidden, count * hidden)),
                None => (&initial.hidden[first.clone()], &initial.cell[first]),
            };
            (
                gate.slice(row * 4 * hidden, count * 4 * hidden),
                cell.slice(row * hidden, count * hidden),
                out.slice(row * hidden, count * hidden),
                hb,
                cb,
            )
        };
        gemm_serial(View::new(h_before, count, hidden), weights.hidden_t, g, Start::Add);
        step(g, c_before, c, h, hidden);
    });
    let (all, last) = output.split_at_mut(rows * hidden);
    let (last_hidden, last_cell) = last.split_at_mut(sequences * hidden);
    final_states(layout, direction, all, hidden, last_hidden);
    final_states(layout, direction, &cells, hidden, last_cell);
    (output, Saved { gates, cells })
}

#[inline(always)]
fn step_body<T: Real, const FMA: bool>(gates: &mut [T], c_before: &[T], c: &mut [T], h: &mut [T], hidden: usize) {
    for (((gates, c_before), c), h) in gates
        .chunks_exact_mut(4 * hidden)
        .zip(c_before.chunks_exact(hidden))
        .zip(c.chunks_exact_mut(hidden))
        .zip(h.chunks_exact_mut(hidden))
    {
        for k in (0..hidden).step_by(LANES) {
            let n = LANES.min(hidden - k);
            let [mut i, mut f, mut g, mut o] = [0, 1, 2, 3].map(|gate| load(&gates[gate * hidden + k..], n));
            let before = load(&c_before[k..], n);
            let (mut new_c, mut new_h) = ([T::ZERO; LANES], [T::ZERO; LANES]);
            for l in 0..LANES {
                i[l] = i[l].sigmoid::<FMA>();
                f[l] = f[l].sigmoid::<FMA>();
                g[l] = g[l].tanh::<FMA>();
                o[l] = o[l].sigmoid::<FMA>();
                new_c[l] = f[l].fma::<FMA>(before[l], i[l] * g[l]);
                new_h[l] = o[l] * new_c[l].tanh::<FMA>();
            }
            for (gate, block) in [i, f, g, o].iter().enumerate() {
                store(block, &mut gates[gate * hidden + k..], n);
            }
            store(&new_c, &mut c[k..], n);
            store(&new_h, &mut h[k..], n);
        }
    }
}

multiversion! {
    /// Gates' non-linearities, new cell and hidden state of a run of sequences.
    fn step<T: Real>(gates: &mut [T], c_before: &[T], c: &mut [T], h: &mut [T], hidden: usize) = step_body
}
