//! The forward pass.

use super::engine::{Cells, Engine, Memory, Place};
use super::walk::owners;
use super::{Cell, Direction, Keep, State, Weights};
use crate::buffer::Buffer;
use crate::parallel::{self, Shared};
use crate::{Ragged, Real};

/// What the forward pass kept.
#[derive(Debug)]
pub struct Saved<T: Real> {
    pub(super) keep: Keep,
    /// Activations of every row, `[rows, Layer::stride]`; empty unless all were kept, and for the RNN, whose output
    /// says it all.
    pub(super) gates: Buffer<T>,
    /// The LSTM's cells: of every row, `[rows, hidden]`, or before every block, `[blocks, sequences, hidden]`.
    pub(super) cells: Buffer<T>,
}

/// Runs one direction over `x[rows, input]`.
///
/// Returns `[rows + states x sequences, hidden]`: the hidden state of every row, then the final hidden state of every
/// sequence, then (LSTM) its final cell.
///
/// # Panics
/// If the shapes do not fit.
pub fn forward<T: Real>(
    cell: Cell,
    layout: &Ragged,
    x: &[T],
    weights: Weights<'_, T>,
    initial: State<'_, T>,
    direction: Direction,
    keep: Keep,
) -> (Vec<T>, Saved<T>) {
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let engine = Engine::new(cell, layout, x, weights, direction);
    let (hidden, stride) = (engine.layer.hidden, engine.layer.stride());
    let has_cell = cell.states() == 2;
    assert_eq!(initial.hidden.len(), sequences * hidden, "recurrent: initial hidden state");
    assert_eq!(initial.cell.len(), if has_cell { sequences * hidden } else { 0 }, "recurrent: initial cell");
    let blocks = &engine.blocks;
    let keep_gates = keep == Keep::All && !matches!(cell, Cell::Rnn(_));
    let mut output = vec![T::ZERO; (rows + cell.states() * sequences) * hidden];
    let mut running = initial.cell.to_vec();
    let mut saved = Saved {
        keep,
        gates: Buffer::take(if keep_gates { rows * stride } else { 0 }),
        cells: Buffer::take(match keep {
            Keep::All if has_cell => rows * hidden,
            Keep::Borders if has_cell => blocks.count() * sequences * hidden,
            _ => 0,
        }),
    };
    let (all, last) = output.split_at_mut(rows * hidden);
    let (out, running_cells) = (Shared::new(all), Shared::new(&mut running));
    let (kept, cells) = (Shared::new(&mut saved.gates), Shared::new(&mut saved.cells));
    let owners = owners(layout, engine.layer.width() * hidden);
    let members = if owners.len() == 1 { engine.layer.members() } else { 1 };
    parallel::each(owners.len(), true, |task| {
        let own = &owners[task];
        let most = (0..blocks.count()).map(|block| blocks.rows_of(block, own)).max().unwrap_or(0);
        let mut passing = Buffer::take(if keep_gates { 0 } else { most * stride });
        let passing = Shared::new(&mut passing);
        for block in 0..blocks.count() {
            if keep == Keep::Borders && has_cell {
                let count = own.len() * hidden;
                // SAFETY: the running cells of a sequence belong to its owner, and nobody is under way.
                unsafe {
                    let border = cells.slice((block * sequences + own.start) * hidden, count);
                    border.copy_from_slice(running_cells.slice(own.start * hidden, count));
                }
            }
            let gates = if keep_gates { &kept } else { &passing };
            let place = if keep_gates { Place::Row { first: 0 } } else { Place::Compact };
            let passage = engine.passage(block, own, place);
            engine.advance(&passage, gates, Cells { all: &running_cells, first: 0 }, members, |run| {
                let (here, count) = (run.rows.start * hidden, run.rows.len() * hidden);
                Memory {
                    before: match run.before {
                        // SAFETY: these rows were written in a step before and are only read now.
                        Some(row) => unsafe { out.slice(row * hidden, count) },
                        None => &initial.hidden[run.sequences.start * hidden..][..count],
                    },
                    h: (&out, here),
                    c_before: None,
                    c: (keep == Keep::All && has_cell).then_some((&cells, here)),
                }
            });
        }
    });
    blocks.final_states(all, hidden, &mut last[..sequences * hidden]);
    last[sequences * hidden..].copy_from_slice(&running);
    (output, saved)
}
