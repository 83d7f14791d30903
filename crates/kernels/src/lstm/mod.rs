//! Long short-term memory over a packed ragged batch: one direction of one layer, all steps.
//!
//! PyTorch's equations and gate order (`i, f, g, o`), with `x_t` a row of the input:
//!
//! ```text
//! [i f g o] = x_t W_ih^T + b_ih + h W_hh^T + b_hh       i, f, o through sigma, g through tanh
//! c' = f c + i g                                        h' = o tanh(c')
//! ```
//!
//! The input's share is one product over all steps; each step then adds one `[batch, hidden]` by
//! `[hidden, 4 hidden]` product. Threads own whole sequences, so that no step waits for another thread.

mod backward;
mod forward;
pub mod reference;

pub use backward::{Gradient, Upstream, backward};
pub use forward::{Saved, forward};

use crate::gemm::Packed;
use crate::{Ragged, parallel};
use std::ops::Range;

/// The four blocks of a row of gates, in PyTorch's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Input gate, sigma.
    Input = 0,
    /// Forget gate, sigma.
    Forget = 1,
    /// Candidate, tanh.
    Candidate = 2,
    /// Output gate, sigma.
    Output = 3,
}

/// Which way the steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first step to the last.
    Forward,
    /// From each sequence's own last step to the first.
    Reverse,
}

/// The parameters as the forward pass reads them.
#[derive(Clone, Copy)]
pub struct Weights<'a, T> {
    /// `W_ih^T`, `[input, 4 hidden]`.
    pub input_t: &'a Packed<T>,
    /// `W_hh^T`, `[hidden, 4 hidden]`.
    pub hidden_t: &'a Packed<T>,
    /// `b_ih + b_hh`, `[4 hidden]`.
    pub bias: &'a [T],
}

/// State of every sequence, `[sequences, hidden]` each.
#[derive(Clone, Copy, Debug)]
pub struct State<'a, T> {
    /// h
    pub hidden: &'a [T],
    /// c
    pub cell: &'a [T],
}

/// The order in which a direction takes the steps.
fn order(steps: usize, direction: Direction) -> Box<dyn DoubleEndedIterator<Item = usize>> {
    match direction {
        Direction::Forward => Box::new(0..steps),
        Direction::Reverse => Box::new((0..steps).rev()),
    }
}

/// Where the state before step `t` of some sequences stands.
enum Before {
    /// In the rows of another step, from this one on.
    Row(usize),
    /// In the initial state.
    Initial,
}

/// The state before step `t` of the sequences `own`, in at most two runs.
fn before(layout: &Ragged, direction: Direction, t: usize, own: Range<usize>) -> [(Range<usize>, Before); 2] {
    let (known, rows) = match direction {
        Direction::Forward if t == 0 => (0, 0),
        Direction::Forward => (layout.batch_at(t), layout.rows_at(t - 1).start),
        Direction::Reverse if t + 1 == layout.steps() => (0, 0),
        Direction::Reverse => (layout.batch_at(t + 1), layout.rows_at(t + 1).start),
    };
    let middle = known.clamp(own.start, own.end.max(own.start));
    [(own.start..middle, Before::Row(rows + own.start)), (middle..own.end.max(middle), Before::Initial)]
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

/// The part of `own` that reaches step `t`.
fn alive(layout: &Ragged, t: usize, own: &Range<usize>) -> Range<usize> {
    own.start..own.end.min(layout.batch_at(t)).max(own.start)
}

#[cfg(test)]
mod tests;
