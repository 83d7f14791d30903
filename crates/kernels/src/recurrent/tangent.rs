//! The forward tangent: how the states change when the input or the initial state changes a little (a Jacobian-vector
//! product, forward-mode differentiation). The derivatives quote the forward lines (`lstm`, `gru`, `rnn`).

use super::forward::Saved;
use super::layer::Layer;
use super::walk::{Blocks, Pass, owners};
use super::{Activation, Cell, Direction, Keep, State, Weights};
use crate::buffer::Buffer;
use crate::gemm::{Piece, View, products};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Ragged, Real, ShapeError};

/// A forward pass, as its linearisation reads it.
#[derive(Clone, Copy, Debug)]
pub struct Linearised<'a, T: Real> {
    /// The hidden states that [`super::forward`] made, `[rows, hidden]`.
    pub hidden: &'a [T],
    /// What it saved, with [`Keep::All`].
    pub saved: &'a Saved<T>,
    /// The state it started from.
    pub initial: State<'a, T>,
    /// The weights it read.
    pub weights: Weights<'a, T>,
}

/// A direction in which the operands move.
#[derive(Clone, Copy, Debug)]
pub struct Tangent<'a, T> {
    /// Of the input, `[rows, input]`; empty where it stays.
    pub x: &'a [T],
    /// Of the initial state.
    pub initial: State<'a, T>,
}

/// The tangents of all hidden states and of the final states, `[rows + states x sequences, hidden]`. Costs a forward pass, half of one
/// where the input stays.
///
/// # Errors
/// If the shapes do not fit, or not all activations were kept.
pub fn tangent<T: Real>(
    cell: Cell,
    layout: &Ragged,
    at: Linearised<'_, T>,
    along: Tangent<'_, T>,
    direction: Direction,
) -> Result<Vec<T>, ShapeError> {
    let check = Check("recurrent tangent");
    let (input, hidden) = at.weights.sizes(cell, check)?;
    let (rows, sequences, has_cell) = (layout.rows(), layout.sequences(), cell.states() == 2);
    at.initial.check(cell, sequences, hidden, check)?;
    along.initial.check(cell, sequences, hidden, check)?;
    if !along.x.is_empty() {
        check.elements("the tangent of x", along.x.len(), &[("rows", rows), ("input", input)])?;
    }
    check.elements("hidden", at.hidden.len(), &[("rows", rows), ("hidden", hidden)])?;
    if at.saved.keep != Keep::All {
        return Err(ShapeError::NothingKept { operation: check.0 });
    }
    at.saved.check(cell, layout, hidden, check)?;

    // Biases stay.
    let zeros = vec![T::ZERO; cell.gates() * hidden];
    let layer = Layer::new(cell, Weights { bias_ih: &zeros, bias_hh: &zeros, ..at.weights });
    let (width, stride) = (layer.width(), layer.stride());
    let blocks = Blocks::new(layout, direction);
    let mut tangents = vec![T::ZERO; (rows + cell.states() * sequences) * hidden];
    let (moved, last) = tangents.split_at_mut(rows * hidden);
    let mut running = along.initial.cell.to_vec();
    let (out, cells) = (Shared::new(moved), Shared::new(&mut running));
    let owners = owners(layout, width * hidden);
    parallel::each(owners.len(), true, |task| {
        let own = &owners[task];
        let mut sums = Buffer::take(own.len() * stride);
        let pointer = sums.as_mut_ptr();
        for run in (0..blocks.count()).flat_map(|block| blocks.runs(block, own, Pass::Forward)) {
            let count = run.rows.len();
            let (first, piece) = (run.rows.start, |start| [Piece { rows: start..start + count, to: 0 }]);
            let before = match run.before {
                // SAFETY: these rows were written in a step before by this task.
                Some(row) => unsafe { out.read(row * hidden, count * hidden) },
                None => &along.initial.hidden[run.sequences.start * hidden..][..count * hidden],
            };
            let units = 0..hidden;
            // SAFETY: the scratch memory is this task's alone and has a row for every sequence of it.
            unsafe {
                if along.x.is_empty() {
                    std::slice::from_raw_parts_mut(pointer, count * stride).fill(T::ZERO);
                } else {
                    let x = View::new(along.x, rows, input);
                    products(x, &piece(first), &layer.input_products(pointer, &units));
                }
                products(View::new(before, count, hidden), &piece(0), &layer.state_products(pointer, &units));
            }
            for i in 0..count {
                let (row, sequence) = (first + i, run.sequences.start + i);
                // SAFETY: the scratch row was written above; this row and sequence belong to this task.
                let (sums, h, c) = unsafe {
                    let c = if has_cell { cells.slice(sequence * hidden, hidden) } else { &mut [] };
                    let sums = std::slice::from_raw_parts(pointer.add(i * stride), width);
                    (sums, out.slice(row * hidden, hidden), c)
                };
                let earlier = |all: &'_ [T], initial: &'_ [T], k: usize| match run.before {
                    Some(before) => all[(before + i) * hidden + k],
                    None => initial[sequence * hidden + k],
                };
                for k in 0..hidden {
                    let (sum, kept) = (
                        |gate: usize| sums[gate * hidden + k],
                        |gate: usize| at.saved.gates.at(row, gate * hidden + k),
                    );
                    h[k] = match cell {
                        Cell::Lstm => {
                            let (i, f, g, o) = (kept(0), kept(1), kept(2), kept(3));
                            let c_before = earlier(&at.saved.cells, at.initial.cell, k);
                            let tanh = at.saved.cells[row * hidden + k].tanh::<false>();
                            // c' = f c + i g
                            c[k] = f * c[k]
                                + c_before * f * (T::ONE - f) * sum(1)
                                + g * i * (T::ONE - i) * sum(0)
                                + i * (T::ONE - g * g) * sum(2);
                            // h' = o tanh(c')
                            tanh * o * (T::ONE - o) * sum(3) + o * (T::ONE - tanh * tanh) * c[k]
                        }
                        Cell::Gru => {
                            let (r, z, n, p) = (kept(0), kept(1), kept(2), kept(3));
                            let h_before = earlier(at.hidden, at.initial.hidden, k);
                            // n = tanh(... + r p)
                            let d_n = (T::ONE - n * n) * (sum(2) + p * r * (T::ONE - r) * sum(0) + r * sum(3));
                            // h' = (1 - z) n + z h
                            (T::ONE - z) * d_n + z * before[i * hidden + k] + (h_before - n) * z * (T::ONE - z) * sum(1)
                        }
                        Cell::Rnn(activation) => {
                            let h = at.hidden[row * hidden + k];
                            // h' = activation(sum)
                            match activation {
                                Activation::Tanh => (T::ONE - h * h) * sum(0),
                                Activation::Relu if h <= T::ZERO => T::ZERO,
                                Activation::Relu => sum(0),
                            }
                        }
                    };
                }
            }
        }
    });
    blocks.final_states(moved, hidden, &mut last[..sequences * hidden]);
    last[sequences * hidden..].copy_from_slice(&running);
    Ok(tangents)
}
