//! The forward pass.

use super::engine::{Cells, Engine, Memory, Place};
use super::kept::Rows;
use super::walk::{Blocks, owners};
use super::{Cell, Direction, Keep, State, Weights};
use crate::buffer::Buffer;
use crate::gemm::Format;
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Ragged, Real, ShapeError};

/// What the forward pass kept.
#[derive(Debug)]
pub struct Saved<T: Real> {
    pub(super) keep: Keep,
    /// Activations of every row, rounded as the products are; empty unless all were kept, and for the RNN, whose output says
    /// it all.
    pub(super) gates: Rows<T>,
    /// The LSTM's cells: of every row, `[rows, hidden]`, or before every block, `[blocks, sequences, hidden]`.
    pub(super) cells: Buffer<T>,
}

impl<T: Real> Saved<T> {
    /// What the kept activations are rounded to; none where the output says it all.
    pub(super) fn gates_format(&self) -> Option<Format> {
        self.gates.any().then(|| self.gates.format())
    }

    /// Was it kept by a pass of this shape?
    pub(super) fn check(&self, cell: Cell, layout: &Ragged, hidden: usize, check: Check) -> Result<(), ShapeError> {
        let (rows, has_cell) = (layout.rows(), cell.states() == 2);
        if self.keep == Keep::All && !matches!(cell, Cell::Rnn(_)) {
            self.gates.check(rows, cell.columns() * hidden, check)?;
        }
        let borders = Blocks::new(layout, Direction::Forward).count() * layout.sequences();
        let cells = match self.keep {
            Keep::All if has_cell => rows,
            Keep::Borders if has_cell => borders,
            _ => 0,
        };
        check.elements("the kept cells", self.cells.len(), &[("states", cells), ("hidden", hidden)])
    }
}

/// What a forward pass made.
#[derive(Debug)]
pub struct Forward<T: Real> {
    /// The hidden state of every row, `[rows, hidden]`.
    pub hidden: Vec<T>,
    /// The final hidden state of every sequence, then (LSTM) its final cell, `[states x sequences, hidden]`.
    pub last: Vec<T>,
    /// For the backward pass.
    pub saved: Saved<T>,
}

/// Runs one direction over `x[rows, input]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn forward<T: Real>(
    cell: Cell,
    layout: &Ragged,
    x: &[T],
    weights: Weights<'_, T>,
    initial: State<'_, T>,
    direction: Direction,
    keep: Keep,
) -> Result<Forward<T>, ShapeError> {
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let engine = Engine::new(cell, layout, x, weights, direction, "recurrent forward")?;
    let (hidden, stride) = (engine.layer.hidden, engine.layer.stride());
    let has_cell = cell.states() == 2;
    initial.check(cell, sequences, hidden, Check("recurrent forward"))?;
    let blocks = &engine.blocks;
    let keep_gates = keep == Keep::All && !matches!(cell, Cell::Rnn(_));
    let mut all = vec![T::ZERO; rows * hidden];
    let mut last = vec![T::ZERO; cell.states() * sequences * hidden];
    let mut running = initial.cell.to_vec();
    let mut saved = Saved {
        keep,
        gates: Rows::take(if keep_gates { rows } else { 0 }, engine.layer.width(), engine.layer.format()),
        cells: Buffer::take(match keep {
            Keep::All if has_cell => rows * hidden,
            Keep::Borders if has_cell => blocks.count() * sequences * hidden,
            _ => 0,
        }),
    };
    let (out, running_cells) = (Shared::new(&mut all), Shared::new(&mut running));
    let (kept, cells) = (saved.gates.shared(), Shared::new(&mut saved.cells));
    let in_place = if keep_gates { kept.in_place() } else { None };
    let owners = owners(layout, engine.layer.width() * hidden);
    let members = if owners.len() == 1 { engine.layer.members() } else { 1 };
    parallel::each(owners.len(), true, |task| {
        let own = &owners[task];
        let most = (0..blocks.count()).map(|block| blocks.rows_of(block, own)).max().unwrap_or(0);
        let mut passing = Buffer::take(if in_place.is_some() { 0 } else { most * stride });
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
            let (gates, place) = match in_place {
                Some(kept) => (kept, Place::Row { first: 0 }),
                None => (&passing, Place::Compact),
            };
            let rounded = (keep_gates && in_place.is_none()).then_some((&kept, 0));
            let passage = engine.passage(block, own, place);
            engine.advance(&passage, gates, rounded, Cells { all: &running_cells, first: 0 }, members, |run| {
                let (here, count) = (run.rows.start * hidden, run.rows.len() * hidden);
                Memory {
                    before: match run.before {
                        // SAFETY: these rows were written in a step before and are only read now.
                        Some(row) => unsafe { out.read(row * hidden, count) },
                        None => &initial.hidden[run.sequences.start * hidden..][..count],
                    },
                    h: (&out, here),
                    c_before: None,
                    c: (keep == Keep::All && has_cell).then_some((&cells, here)),
                }
            });
        }
    });
    blocks.final_states(&all, hidden, &mut last[..sequences * hidden]);
    last[sequences * hidden..].copy_from_slice(&running);
    Ok(Forward { hidden: all, last, saved })
}
