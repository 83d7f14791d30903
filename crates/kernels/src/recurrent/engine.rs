//! One step after another through a block: the input's product, the state's, the gates.

use super::kept::{Either, SharedRows, round};
use super::layer::{Layer, Products};
use super::walk::{Blocks, Pass, Run};
use super::{Cell, Direction, Row, Weights, activate};
use crate::gemm::{Piece, View, products};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Ragged, Real, ShapeError};
use std::ops::Range;

/// Where the activations of a run stand.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// At their row, counted from `first`.
    Row { first: usize },
    /// One run after another.
    Compact,
}

/// What a run reads and writes, `[count, hidden]` each, as a matrix and where in it the run's rows begin.
pub(super) struct Memory<'a, T> {
    /// The hidden state that the step begins with.
    pub before: &'a [T],
    /// The one that it ends with.
    pub h: (&'a Shared<T>, usize),
    /// Takes the cells that the step begins with.
    pub c_before: Option<(&'a Shared<T>, usize)>,
    /// Takes those that it ends with.
    pub c: Option<(&'a Shared<T>, usize)>,
}

/// The running cells, `[sequences, hidden]` from sequence `first` on; empty but for the LSTM.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a, T> {
    pub all: &'a Shared<T>,
    pub first: usize,
}

/// One task's way through a block.
pub(super) struct Passage {
    /// The runs, and the first row of each one's activations.
    runs: Vec<(Run, usize)>,
    /// All their rows in as few pieces as can be, for the input's product.
    pieces: Vec<Piece>,
}

impl Passage {
    /// The pieces of rows that `member` of `members` takes.
    fn share(&self, member: usize, members: usize) -> Vec<Piece> {
        let rows = self.pieces.iter().map(|p| p.rows.len()).sum();
        let own = parallel::ranges(rows, members, 1).at(member);
        let mut start = 0;
        let mut share = Vec::new();
        for Piece { rows, to } in &self.pieces {
            let (from, end) = (own.start.clamp(start, start + rows.len()), own.end.clamp(start, start + rows.len()));
            if from < end {
                share.push(Piece { rows: rows.start + from - start..rows.start + end - start, to: to + from - start });
            }
            start += rows.len();
        }
        share
    }
}

/// A layer and direction on its way through a batch.
pub(super) struct Engine<'a, T: Real> {
    pub layer: Layer<'a, T>,
    pub blocks: Blocks<'a>,
    x: View<'a, T>,
}

impl<'a, T: Real> Engine<'a, T> {
    /// Of checked operands.
    pub(super) fn new(
        cell: Cell,
        layout: &'a Ragged,
        x: &'a [T],
        weights: Weights<'a, T>,
        direction: Direction,
        operation: &'static str,
    ) -> Result<Self, ShapeError> {
        let check = Check(operation);
        let (input, hidden) = weights.sizes(cell, check)?;
        let rows = layout.rows();
        check.elements("x", x.len(), &[("rows", rows), ("input", input)])?;
        // What is made of them can be counted too: a row of activations and its padding, the states.
        check.count("activations", &[("rows", rows + 2 * layout.sequences()), ("columns", 4 * hidden + 16)])?;
        Ok(Self {
            layer: Layer::new(cell, weights),
            blocks: Blocks::new(layout, direction),
            x: View::new(x, rows, input),
        })
    }

    /// The way of the sequences `own` through a block.
    pub(super) fn passage(&self, block: usize, own: &Range<usize>, place: Place) -> Passage {
        let mut runs: Vec<(Run, usize)> = self.blocks.runs(block, own, Pass::Forward).map(|run| (run, 0)).collect();
        // In the order of rows, whichever way the steps go.
        let mut order: Vec<usize> = (0..runs.len()).collect();
        order.sort_by_key(|&index| runs[index].0.rows.start);
        let (mut pieces, mut position): (Vec<Piece>, usize) = (Vec::new(), 0);
        for index in order {
            let (run, to) = &mut runs[index];
            *to = match place {
                Place::Row { first } => run.rows.start - first,
                Place::Compact => position,
            };
            position += run.rows.len();
            match pieces.last_mut() {
                Some(last) if last.rows.end == run.rows.start && last.to + last.rows.len() == *to => {
                    last.rows.end = run.rows.end;
                }
                _ => pieces.push(Piece { rows: run.rows.clone(), to: *to }),
            }
        }
        Passage { runs, pieces }
    }

    /// Goes that way: the activations of its rows go to `gates`, and rounded to `kept`, whose rows are counted from the given
    /// one on, the running cells move on. Up to `members` threads share the units of every step.
    pub(super) fn advance<'m>(
        &self,
        passage: &Passage,
        gates: &Shared<T>,
        kept: Option<(&SharedRows<T>, usize)>,
        cells: Cells<'_, T>,
        members: usize,
        memory: impl Fn(&Run) -> Memory<'m, T> + Sync,
    ) where
        T: 'm,
    {
        let layer = &self.layer;
        let (hidden, stride) = (layer.hidden, layer.stride());
        let runs = &passage.runs;
        assert!(passage.pieces.iter().all(|p| (p.to + p.rows.len()) * stride <= gates.len()), "recurrent: activations");
        // By how many members there are, then by member.
        let by_member = |n: usize| (0..n).map(move |member| layer.units(member, n));
        let units: Vec<Vec<Range<usize>>> = (1..=members).map(|n| by_member(n).collect()).collect();
        let shares: Vec<Vec<Products<'_, T>>> = units
            .iter()
            .map(|all| all.iter().map(|units| layer.state_products(gates.pointer(), units)).collect())
            .collect();
        parallel::steps(1 + runs.len(), members, |index, member, members| {
            if index == 0 {
                let all = layer.input_products(gates.pointer(), &(0..hidden));
                // SAFETY: the activations of these rows belong to this task, these pieces to this member.
                unsafe { products(self.x, &passage.share(member, members), &all) };
                return;
            }
            let (run, to) = &runs[index - 1];
            let (units, share) = (&units[members - 1][member], &shares[members - 1][member]);
            if units.is_empty() {
                return;
            }
            let count = run.rows.len();
            let memory = memory(run);
            let before = View::new(memory.before, count, hidden);
            let mut ready = |rows: Range<usize>, units: Range<usize>| {
                for i in rows {
                    let (at, n) = (i * hidden + units.start, units.len());
                    // SAFETY: these units of these rows belong to this member alone.
                    unsafe {
                        let gate = |k: usize| match k < layer.cell.columns() {
                            true => gates.slice((to + i) * stride + k * hidden + units.start, n),
                            false => &mut [],
                        };
                        let c = || match cells.all.len() {
                            0 => &mut [][..],
                            _ => cells.all.slice((run.sequences.start + i - cells.first) * hidden + units.start, n),
                        };
                        if let Some((to, first)) = memory.c_before {
                            to.slice(first + at, n).copy_from_slice(c());
                        }
                        let h = memory.h.0.slice(memory.h.1 + at, n);
                        let before = &memory.before[at..at + n];
                        activate(layer.cell, Row { gates: std::array::from_fn(gate), before, c: c(), h });
                        for k in 0..if kept.is_some() { layer.cell.columns() } else { 0 } {
                            let columns = k * hidden + units.start..k * hidden + units.end;
                            let rows = kept.map(|(rows, first)| rows.slice(run.rows.start + i - first, columns));
                            if let Some(Either::Rounded(to)) = rows {
                                round(gate(k), to);
                            }
                        }
                        if let Some((to, first)) = memory.c {
                            to.slice(first + at, n).copy_from_slice(c());
                        }
                    }
                }
            };
            // SAFETY: the activations of these rows and units belong to this member.
            unsafe { layer.then(before, Piece { rows: 0..count, to: *to }, share, units, &mut ready) };
        });
    }
}
