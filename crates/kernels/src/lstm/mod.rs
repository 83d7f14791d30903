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

pub use crate::recurrent::Direction;

use crate::gemm::Packed;

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

#[cfg(test)]
mod tests;
