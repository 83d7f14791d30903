//! Simple recurrent network over a packed ragged batch: one direction of one layer, all steps.
//!
//! PyTorch's equation (Elman 1990), with `x_t` a row of the input:
//!
//! ```text
//! h' = activation(x_t W_ih^T + b_ih + h W_hh^T + b_hh)
//! ```

mod backward;
mod forward;
pub mod reference;

pub use crate::recurrent::Direction;
pub use backward::{Gradient, Upstream, backward};
pub use forward::forward;

use crate::gemm::Packed;

/// What follows the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Hyperbolic tangent.
    Tanh,
    /// max(0, x)
    Relu,
}

/// The parameters as the forward pass reads them.
#[derive(Clone, Copy)]
pub struct Weights<'a, T> {
    /// `W_ih^T`, `[input, hidden]`.
    pub input_t: &'a Packed<T>,
    /// `W_hh^T`, `[hidden, hidden]`.
    pub hidden_t: &'a Packed<T>,
    /// `b_ih + b_hh`, `[hidden]`.
    pub bias: &'a [T],
}

#[cfg(test)]
mod tests;
