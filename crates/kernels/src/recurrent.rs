//! What the recurrent kernels share: the way through a packed batch, a run of rows at a time.

use crate::parallel::{self, Shared};
use crate::{Ragged, Real};
use std::ops::Range;

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
pub(crate) struct Run {
    /// Their rows at this step.
    pub rows: Range<usize>,
    /// They themselves.
    pub sequences: Range<usize>,
    /// The first of their rows at the step before; none where this is the first: they start from the
    /// initial state.
    pub before: Option<usize>,
}

/// In which order the steps are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// As the direction says.
    Forward,
    /// Against it, as gradients flow.
    Backward,
}

/// Calls `step` for every run of every step, in order for each sequence. Threads own whole sequences, so that no
/// step waits for another thread; the sequences of a call that `step` is given are nobody else's.
pub(crate) fn walk(
    layout: &Ragged,
    direction: Direction,
    pass: Pass,
    work_per_row: usize,
    step: impl Fn(&Run) + Sync + Send,
) {
    let owners = owners(layout, work_per_row);
    parallel::each(owners.len(), true, |task| {
        let own = &owners[task];
        let visit = |t: usize| runs(layout, direction, t, own).iter().filter(|r| !r.rows.is_empty()).for_each(&step);
        if (direction == Direction::Forward) == (pass == Pass::Forward) {
            (0..layout.steps()).for_each(visit);
        } else {
            (0..layout.steps()).rev().for_each(visit);
        }
    });
}

/// The row of each sequence's last step in `direction`.
fn last_row(layout: &Ragged, direction: Direction, sequence: usize) -> usize {
    match direction {
        Direction::Forward => layout.row(layout.lengths()[sequence] - 1, sequence),
        Direction::Reverse => layout.row(0, sequence),
    }
}

/// Every sequence's state after its last step in `direction`, from the states of all rows, into `to`, `[sequences, hidden]`.
pub(crate) fn final_states<T: Real>(layout: &Ragged, direction: Direction, all: &[T], hidden: usize, to: &mut [T]) {
    for (j, to) in to.chunks_exact_mut(hidden.max(1)).enumerate() {
        let row = last_row(layout, direction, j);
        to.copy_from_slice(&all[row * hidden..(row + 1) * hidden]);
    }
}

/// The state that each row's step began with, `[rows, hidden]`.
pub(crate) fn states_before<T: Real>(
    layout: &Ragged,
    direction: Direction,
    output: &[T],
    initial: &[T],
    hidden: usize,
) -> Vec<T> {
    let mut states = vec![T::ZERO; layout.rows() * hidden];
    let shared = Shared::new(&mut states);
    walk(layout, direction, Pass::Forward, hidden, |run| {
        let count = run.rows.len() * hidden;
        let from = match run.before {
            Some(row) => &output[row * hidden..][..count],
            None => &initial[run.sequences.start * hidden..][..count],
        };
        // SAFETY: the rows of a run belong to one task.
        unsafe { shared.slice(run.rows.start * hidden, count) }.copy_from_slice(from);
    });
    states
}

/// The sequences of `own` that reach step `t`: those that took a step before, then those that begin here.
fn runs(layout: &Ragged, direction: Direction, t: usize, own: &Range<usize>) -> [Run; 2] {
    let end = own.end.min(layout.batch_at(t)).max(own.start);
    let (known, rows_before) = match direction {
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

/// Which sequences each task owns: about equal numbers of rows.
fn owners(layout: &Ragged, work_per_row: usize) -> Vec<Range<usize>> {
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

/// Units that a loop over a row handles at once.
pub(crate) const LANES: usize = 16;

/// The first `n` elements, the rest 0; a whole block is one vector load. Loops over a row go through local arrays:
/// with seven slices the compiler gives up proving that they do not overlap, and leaves the loop scalar.
#[inline(always)]
pub(crate) fn load<T: Real>(from: &[T], n: usize) -> [T; LANES] {
    if let (LANES, Some(block)) = (n, from.first_chunk()) {
        return *block;
    }
    let mut block = [T::ZERO; LANES];
    block[..n].copy_from_slice(&from[..n]);
    block
}

/// The first `n` elements of a block.
#[inline(always)]
pub(crate) fn store<T: Real>(block: &[T; LANES], to: &mut [T], n: usize) {
    match to.first_chunk_mut() {
        Some(whole) if n == LANES => *whole = *block,
        _ => to[..n].copy_from_slice(&block[..n]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn every_row_is_visited_once_after_the_one_before_it() {
        let layout = Ragged::new(&[9, 9, 8, 8, 7, 5, 5, 4, 3, 2, 1]);
        for direction in [Direction::Forward, Direction::Reverse] {
            for pass in [Pass::Forward, Pass::Backward] {
                let seen = Mutex::new(vec![false; layout.rows()]);
                walk(&layout, direction, pass, 1 << 20, |run| {
                    let mut seen = seen.lock().unwrap();
                    for (i, row) in run.rows.clone().enumerate() {
                        assert!(!std::mem::replace(&mut seen[row], true));
                        if let Some(before) = run.before {
                            assert_eq!(seen[before + i], pass == Pass::Forward);
                        }
                    }
                });
                assert!(seen.into_inner().unwrap().iter().all(|s| *s));
            }
        }
    }
}
