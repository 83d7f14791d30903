//! Gated recurrent unit over a packed ragged batch: one direction of one layer, all steps.
//!
//! PyTorch's variant and gate order (`r, z, n`), the reset gate after the product (Cho et al. 2014, version 1 of the
//! paper, as cuDNN has it), with `x_t` a row of the input:
//!
//! ```text
//! [r z] = sigma(x_t W_ih^T + b_ih + h W_hh^T + b_hh)          the rows of r and z
//! n = tanh(x_t W_in^T + b_in + r (h W_hn^T + b_hn))            h' = (1 - z) n + z h
//! ```

mod backward;
mod forward;
pub mod reference;

pub use crate::recurrent::Direction;
pub use backward::{Gradient, Upstream, backward};
pub use forward::{Saved, forward};

use crate::Real;
use crate::gemm::{Packed, View};

/// The three blocks of a row of gates, in PyTorch's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// How much of the product with the state the candidate sees, sigma.
    Reset = 0,
    /// How much of the state stays, sigma.
    Update = 1,
    /// Candidate, tanh.
    Candidate = 2,
}

/// A weight `[3 hidden, columns]`, packed: the candidate's rows are a product of their own.
#[derive(Clone, Debug)]
pub struct Pack<T> {
    /// Reset and update gate.
    pub gates: Packed<T>,
    /// Candidate.
    pub candidate: Packed<T>,
}

impl<T: Real> Pack<T> {
    /// Packs `weight[3 hidden, columns]`, transposed for the forward pass or as it is for the backward pass.
    ///
    /// # Panics
    /// If `weight` has another length.
    pub fn new(weight: &[T], hidden: usize, columns: usize, transposed: bool) -> Self {
        let (gates, candidate) = weight.split_at(2 * hidden * columns);
        let pack = |rows: &[T], count| {
            let view = View::new(rows, count, columns);
            Packed::new(if transposed { view.transposed() } else { view })
        };
        Self { gates: pack(gates, 2 * hidden), candidate: pack(candidate, hidden) }
    }
}

/// The parameters as the forward pass reads them.
#[derive(Clone, Copy)]
pub struct Weights<'a, T> {
    /// `W_ih^T`
    pub input_t: &'a Pack<T>,
    /// `W_hh^T`
    pub hidden_t: &'a Pack<T>,
    /// `[3 hidden]`
    pub bias_ih: &'a [T],
    /// `[3 hidden]`
    pub bias_hh: &'a [T],
}

#[cfg(test)]
mod tests;
