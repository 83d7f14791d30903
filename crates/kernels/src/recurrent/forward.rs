//! The forward pass.

use super::walk::{Blocks, Pass, Run, owners};
use super::{Cell, Direction, Keep, State, Weights, activate};
use crate::buffer::Buffer;
use crate::gemm::{Packed, Piece, Product, View, padded_bias, products};
use crate::parallel::{self, Shared};
use crate::{Ragged, Real};
use std::ops::Range;

/// What the forward pass kept.
#[derive(Debug)]
pub struct Saved<T: Real> {
    pub(super) keep: Keep,
    /// Activations of every row, `[rows, columns x hidden]`; empty unless all were kept, and for the RNN, whose output
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
    let (hidden, width) = (engine.hidden, engine.width());
    let has_cell = cell.states() == 2;
    assert_eq!(initial.hidden.len(), sequences * hidden, "recurrent: initial hidden state");
    assert_eq!(initial.cell.len(), if has_cell { sequences * hidden } else { 0 }, "recurrent: initial cell");
    let blocks = &engine.blocks;
    let keep_gates = keep == Keep::All && !matches!(cell, Cell::Rnn(_));
    let mut output = vec![T::ZERO; (rows + cell.states() * sequences) * hidden];
    let mut running = initial.cell.to_vec();
    let mut saved = Saved {
        keep,
        gates: Buffer::take(if keep_gates { rows * width } else { 0 }),
        cells: Buffer::take(match keep {
            Keep::All if has_cell => rows * hidden,
            Keep::Borders if has_cell => blocks.count() * sequences * hidden,
            _ => 0,
        }),
    };
    let (all, last) = output.split_at_mut(rows * hidden);
    let (out, running_cells) = (Shared::new(all), Shared::new(&mut running));
    let (kept, cells) = (Shared::new(&mut saved.gates), Shared::new(&mut saved.cells));
    let owners = owners(layout, width * hidden);
    parallel::each(owners.len(), true, |task| {
        let own = &owners[task];
        // SAFETY: the running cells of a sequence belong to its owner.
        let c = if has_cell { unsafe { running_cells.slice(own.start * hidden, own.len() * hidden) } } else { &mut [] };
        let own_rows = |block| blocks.runs(block, own, Pass::Forward).map(|run| run.rows.len()).sum();
        let most: usize = (0..blocks.count()).map(own_rows).max().unwrap_or(0);
        let mut passing = Buffer::take(if keep_gates { 0 } else { most * width });
        let passing = Shared::new(&mut passing);
        for block in 0..blocks.count() {
            if keep == Keep::Borders && has_cell {
                // SAFETY: as above.
                let border = unsafe { cells.slice((block * sequences + own.start) * hidden, c.len()) };
                border.copy_from_slice(c);
            }
            let gates = if keep_gates { &kept } else { &passing };
            let place = if keep_gates { Place::Row { first: 0 } } else { Place::Compact };
            engine.advance(block, own, gates, place, c, |run| {
                let here = run.rows.start * hidden;
                let count = run.rows.len() * hidden;
                // SAFETY: the rows of a run, and those of its sequences' steps before, belong to this task; the latter
                // are only read.
                unsafe {
                    Memory {
                        before: match run.before {
                            Some(row) => out.slice(row * hidden, count),
                            None => &initial.hidden[run.sequences.start * hidden..][..count],
                        },
                        h: out.slice(here, count),
                        c_before: &mut [],
                        c: if keep == Keep::All && has_cell { cells.slice(here, count) } else { &mut [] },
                    }
                }
            });
        }
    });
    blocks.final_states(all, hidden, &mut last[..sequences * hidden]);
    last[sequences * hidden..].copy_from_slice(&running);
    (output, saved)
}

/// Where the activations of a run stand.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// At their row, counted from `first`.
    Row { first: usize },
    /// One run after another.
    Compact,
}

/// What a run reads and writes, `[count, hidden]` each.
pub(super) struct Memory<'a, T> {
    /// The hidden state that the step begins with.
    pub before: &'a [T],
    /// The one that it ends with.
    pub h: &'a mut [T],
    /// Takes the cells that the step begins with, where it is not empty.
    pub c_before: &'a mut [T],
    /// Takes those that it ends with, where it is not empty.
    pub c: &'a mut [T],
}

/// The operands of a layer and direction, and the way through its rows.
pub(super) struct Engine<'a, T> {
    cell: Cell,
    pub blocks: Blocks<'a>,
    x: View<'a, T>,
    pub hidden: usize,
    input_t: &'a Packed<T>,
    state_t: &'a [Packed<T>],
    /// What the products begin with, padded: the input's, then those of each of the state's.
    biases: Vec<Vec<T>>,
}

impl<'a, T: Real> Engine<'a, T> {
    pub(super) fn new(
        cell: Cell,
        layout: &'a Ragged,
        x: &'a [T],
        weights: Weights<'a, T>,
        direction: Direction,
    ) -> Self {
        let Weights { input_t, state_t, bias_ih, bias_hh } = weights;
        let (input, hidden) = (input_t.depth(), state_t[0].depth());
        let gates = cell.gates() * hidden;
        assert_eq!(x.len(), layout.rows() * input, "recurrent: x");
        assert_eq!(input_t.cols(), gates, "recurrent: W_ih");
        assert_eq!(state_t.iter().map(Packed::cols).sum::<usize>(), gates, "recurrent: W_hh");
        assert_eq!((bias_ih.len(), bias_hh.len()), (gates, gates), "recurrent: biases");
        let bias = cell.bias(bias_ih, bias_hh);
        let mut biases = vec![padded_bias(&bias[..gates])];
        for (columns, _) in cell.state_pieces(hidden) {
            biases.push(if columns.start < gates { Vec::new() } else { padded_bias(&bias[columns]) });
        }
        let blocks = Blocks::new(layout, direction);
        Self { cell, blocks, x: View::new(x, layout.rows(), input), hidden, input_t, state_t, biases }
    }

    /// Elements of a row of pre-activations.
    pub(super) fn width(&self) -> usize {
        self.cell.columns() * self.hidden
    }

    /// Takes the sequences `own` through a block: their activations go to `gates`, the running cells `c` move on.
    pub(super) fn advance<'m>(
        &self,
        block: usize,
        own: &Range<usize>,
        gates: &Shared<T>,
        place: Place,
        c: &mut [T],
        memory: impl Fn(&Run) -> Memory<'m, T>,
    ) where
        T: 'm,
    {
        let (hidden, width) = (self.hidden, self.width());
        let mut position = 0;
        let mut pieces = Vec::new();
        for run in self.blocks.runs(block, own, Pass::Forward) {
            let to = match place {
                Place::Row { first } => run.rows.start - first,
                Place::Compact => position,
            };
            position += run.rows.len();
            pieces.push(Piece { rows: run.rows, to });
        }
        assert!(pieces.iter().all(|p| (p.to + p.rows.len()) * width <= gates.len()), "recurrent: activations");
        let product = Product::new(self.input_t, gates.pointer(), width, &self.biases[0]);
        // SAFETY: the activations of these rows belong to this task.
        unsafe { products(&self.x, &pieces, &[product], false) };
        for (run, piece) in self.blocks.runs(block, own, Pass::Forward).zip(&pieces) {
            let count = run.rows.len();
            let memory = memory(&run);
            // SAFETY: as above.
            let gates = unsafe { gates.slice(piece.to * width, count * width) };
            let before = View::new(memory.before, count, hidden);
            let state_products = self.cell.state_pieces(hidden).zip(self.state_t).zip(&self.biases[1..]);
            for (((columns, _), weight), bias) in state_products {
                let product = Product::new(weight, gates[columns.start..].as_mut_ptr(), width, bias);
                // SAFETY: `gates` is borrowed for this alone.
                unsafe { products(&before, &[Piece { rows: 0..count, to: 0 }], &[product], bias.is_empty()) };
            }
            let c: &mut [T] = if c.is_empty() {
                &mut []
            } else {
                &mut c[(run.sequences.start - own.start) * hidden..(run.sequences.end - own.start) * hidden]
            };
            if !memory.c_before.is_empty() {
                memory.c_before.copy_from_slice(c);
            }
            activate(self.cell, gates, memory.before, c, memory.h, hidden);
            if !memory.c.is_empty() {
                memory.c.copy_from_slice(c);
            }
        }
    }
}
