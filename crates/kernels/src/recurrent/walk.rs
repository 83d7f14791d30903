//! The way through a packed batch: blocks of steps, and within them runs of rows that take one step together.

use crate::parallel;
use crate::{Ragged, Real};
use std::ops::Range;

/// Rows that a block has at least, unless the batch ends: their activations fit the second-level cache, and the
/// products over a block are large enough to run at full speed.
const BLOCK_ROWS: usize = 256;

/// Which way the steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first step to the last.
    Forward,
    /// From each sequence's own last step to the first.
    Reverse,
}

/// Sequences that take one step together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Their rows at this step.
    pub rows: Range<usize>,
    /// They themselves.
    pub sequences: Range<usize>,
    /// The first of their rows at the step before; none where this is the first: they start from the initial state.
    pub before: Option<usize>,
}

/// In which order steps are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// As the direction says.
    Forward,
    /// Against it, as gradients flow.
    Backward,
}

/// The steps of a layout in the order in which one direction takes them, cut into blocks. Where they are cut depends
/// on the layout alone.
pub(super) struct Blocks<'a> {
    layout: &'a Ragged,
    direction: Direction,
    /// The steps of each block, in the order of the forward pass.
    steps: Vec<Range<usize>>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(layout: &'a Ragged, direction: Direction) -> Self {
        let mut steps = Vec::new();
        let (mut start, mut rows) = (0, 0);
        for t in 0..layout.steps() {
            rows += layout.batch_at(t);
            if rows >= BLOCK_ROWS || t + 1 == layout.steps() {
                steps.push(start..t + 1);
                (start, rows) = (t + 1, 0);
            }
        }
        if direction == Direction::Reverse {
            steps.reverse();
        }
        Self { layout, direction, steps }
    }

    pub(super) fn count(&self) -> usize {
        self.steps.len()
    }

    /// The rows of a block.
    pub(super) fn rows(&self, block: usize) -> Range<usize> {
        let steps = &self.steps[block];
        self.layout.rows_at(steps.start).start..self.layout.rows_at(steps.end - 1).end
    }

    /// How many rows of a block belong to the sequences `own`.
    pub(super) fn rows_of(&self, block: usize, own: &Range<usize>) -> usize {
        self.runs(block, own, Pass::Forward).map(|run| run.rows.len()).sum()
    }

    /// Rows of the largest block.
    pub(super) fn most_rows(&self) -> usize {
        (0..self.count()).map(|block| self.rows(block).len()).max().unwrap_or(0)
    }

    /// The runs of a block that belong to the sequences `own`.
    pub(super) fn runs(&self, block: usize, own: &Range<usize>, pass: Pass) -> impl Iterator<Item = Run> {
        let steps = self.steps[block].clone();
        let rising = (self.direction == Direction::Forward) == (pass == Pass::Forward);
        let own = own.clone();
        (0..steps.len())
            .map(move |i| if rising { steps.start + i } else { steps.end - 1 - i })
            .flat_map(move |t| self.runs_at(t, &own))
            .filter(|run| !run.rows.is_empty())
    }

    /// The sequences of `own` that reach step `t`: those that took a step before, then those that begin here.
    fn runs_at(&self, t: usize, own: &Range<usize>) -> [Run; 2] {
        let layout = self.layout;
        let end = own.end.min(layout.batch_at(t)).max(own.start);
        let (known, rows_before) = match self.direction {
            Direction::Forward if t == 0 => (0, 0),
            Direction::Forward => (layout.batch_at(t), layout.rows_at(t - 1).start),
            Direction::Reverse if t + 1 == layout.steps() => (0, 0),
            Direction::Reverse => (layout.batch_at(t + 1), layout.rows_at(t + 1).start),
        };
        let middle = known.clamp(own.start, end);
        let first = layout.rows_at(t).start;
        let run = |sequences: Range<usize>, before| Run {
            rows: first + sequences.start..first + sequences.end,
            sequences,
            before,
        };
        [run(own.start..middle, Some(rows_before + own.start)), run(middle..end, None)]
    }

    /// Every sequence's state after its last step in this direction, from the states of all rows, into
    /// `to[sequences, hidden]`.
    pub(super) fn final_states<T: Real>(&self, all: &[T], hidden: usize, to: &mut [T]) {
        for (j, to) in to.chunks_exact_mut(hidden.max(1)).enumerate() {
            let row = match self.direction {
                Direction::Forward => self.layout.row(self.layout.lengths()[j] - 1, j),
                Direction::Reverse => self.layout.row(0, j),
            };
            to.copy_from_slice(&all[row * hidden..(row + 1) * hidden]);
        }
    }
}

/// Which sequences each task owns: about equal numbers of rows. Threads own whole sequences, so that no step waits for
/// another thread.
pub(super) fn owners(layout: &Ragged, work_per_row: usize) -> Vec<Range<usize>> {
    let sequences = layout.sequences();
    let threads = parallel::threads();
    if threads == 1 || sequences < 8 || layout.rows() * work_per_row < 1 << 18 {
        return std::iter::once(0..sequences).collect();
    }
    let mut owners = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (j, length) in layout.lengths().iter().enumerate() {
        sum += length;
        if sum * threads >= layout.rows() * (owners.len() + 1) {
            owners.push(start..j + 1);
            start = j + 1;
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_visited_once_after_the_one_before_it() {
        for lengths in [&[9, 9, 8, 8, 7, 5, 5, 4, 3, 2, 1][..], &[90; 12], &[1000]] {
            let layout = Ragged::new(lengths).unwrap();
            for direction in [Direction::Forward, Direction::Reverse] {
                let blocks = Blocks::new(&layout, direction);
                for pass in [Pass::Forward, Pass::Backward] {
                    let mut seen = vec![false; layout.rows()];
                    for block in 0..blocks.count() {
                        let block = if pass == Pass::Forward { block } else { blocks.count() - 1 - block };
                        for own in owners(&layout, 1 << 20) {
                            for run in blocks.runs(block, &own, pass) {
                                for (i, row) in run.rows.clone().enumerate() {
                                    assert!(blocks.rows(block).contains(&row));
                                    assert!(!std::mem::replace(&mut seen[row], true));
                                    if let Some(before) = run.before {
                                        assert_eq!(seen[before + i], pass == Pass::Forward);
                                    }
                                }
                            }
                        }
                    }
                    assert!(seen.iter().all(|s| *s));
                }
            }
        }
    }
}
