//! What a backward pass reads and makes.

use super::forward::Saved;
use super::{Cell, Keep, State, Weights};
use crate::gemm::Packed;
use crate::shape::Check;
use crate::{Ragged, Real, ShapeError};

/// The forward pass's operands and results, as the backward pass reads them.
#[derive(Clone, Copy)]
pub struct Upstream<'a, T: Real> {
    /// `[rows, input]`
    pub x: &'a [T],
    /// The hidden states that [`super::forward`] made, `[rows, hidden]`.
    pub hidden: &'a [T],
    /// What [`super::forward`] saved.
    pub saved: &'a Saved<T>,
    /// The state it started from.
    pub initial: State<'a, T>,
    /// The weights it read; needed where activations are computed again ([`Keep::Borders`]).
    pub weights: Weights<'a, T>,
    /// `W_ih`, `[gates x hidden, input]`, packed.
    pub weight_ih: &'a Packed<T>,
    /// `W_hh`, see [`Cell::pack_state_weight`].
    pub weight_hh: &'a [Packed<T>],
    /// Gradient of all hidden states, `[rows, hidden]`; empty where there is none.
    pub d_hidden: &'a [T],
    /// Gradient of the final states, `[states x sequences, hidden]`; empty where there is none.
    pub d_last: &'a [T],
    /// Is the gradient of the input wanted? It takes a quarter of the pass.
    pub wants_x: bool,
}

/// Gradients of the operands.
#[derive(Clone, Debug)]
pub struct Gradient<T> {
    /// `[rows, input]`; empty where it was not wanted.
    pub x: Vec<T>,
    /// `[gates x hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[gates x hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[gates x hidden]`
    pub bias_ih: Vec<T>,
    /// `[gates x hidden]`
    pub bias_hh: Vec<T>,
    /// `[sequences, hidden]`
    pub hidden: Vec<T>,
    /// `[sequences, hidden]`; empty but for the LSTM.
    pub cell: Vec<T>,
}

/// Gradients of the parameters, in PyTorch's shapes.
#[derive(Clone, Debug)]
pub struct ParameterGradients<T> {
    /// `[gates x hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[gates x hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[gates x hidden]`
    pub bias_ih: Vec<T>,
    /// `[gates x hidden]`
    pub bias_hh: Vec<T>,
}

impl<T> ParameterGradients<T> {
    /// Those that nobody wants.
    pub(super) fn none() -> Self {
        Self { weight_ih: Vec::new(), weight_hh: Vec::new(), bias_ih: Vec::new(), bias_hh: Vec::new() }
    }

    /// Themselves, of a layer of this size.
    pub(super) fn checked(self, input: usize, hidden: usize, gates: usize, check: Check) -> Result<Self, ShapeError> {
        let gates = ("gates x hidden", gates);
        check.elements("the sum of weight_ih", self.weight_ih.len(), &[gates, ("input", input)])?;
        check.elements("the sum of weight_hh", self.weight_hh.len(), &[gates, ("hidden", hidden)])?;
        check.elements("the sum of bias_ih", self.bias_ih.len(), &[gates])?;
        check.elements("the sum of bias_hh", self.bias_hh.len(), &[gates])?;
        Ok(self)
    }
}

/// The gradient with respect to the state that every step ended with, through all that came after it.
#[derive(Clone, Debug)]
pub struct StateGradients<T> {
    /// dL/dh_t, `[rows, hidden]`.
    pub hidden: Vec<T>,
    /// dL/dc_t, `[rows, hidden]`; empty but for the LSTM.
    pub cell: Vec<T>,
}

impl<T: Real> Upstream<'_, T> {
    /// Of weights and an input that were checked.
    pub(super) fn check(&self, cell: Cell, layout: &Ragged, hidden: usize, check: Check) -> Result<(), ShapeError> {
        let (rows, sequences) = (layout.rows(), layout.sequences());
        let (gates, format) = (cell.gates() * hidden, self.weights.input_t.format());
        check.elements("hidden", self.hidden.len(), &[("rows", rows), ("hidden", hidden)])?;
        if !self.d_hidden.is_empty() {
            check.elements("d_hidden", self.d_hidden.len(), &[("rows", rows), ("hidden", hidden)])?;
        }
        if !self.d_last.is_empty() {
            let last = [("states", cell.states()), ("sequences", sequences), ("hidden", hidden)];
            check.elements("d_last", self.d_last.len(), &last)?;
        }
        self.initial.check(cell, sequences, hidden, check)?;
        check.dimension("gates x hidden of weight_ih", self.weight_ih.depth(), gates)?;
        check.dimension("input of weight_ih", self.weight_ih.cols(), self.weights.input_t.depth())?;
        check.dimension("products of weight_hh", self.weight_hh.len(), cell.state_products())?;
        for ((_, rows), weight) in cell.state_pieces(hidden).zip(self.weight_hh) {
            check.dimension("gates x hidden of weight_hh", weight.depth(), rows.len())?;
            check.dimension("hidden of weight_hh", weight.cols(), hidden)?;
            check.format("weight_hh", weight.format(), format)?;
        }
        check.format("weight_ih", self.weight_ih.format(), format)?;
        if self.saved.keep == Keep::Nothing {
            return Err(ShapeError::NothingKept { operation: check.0 });
        }
        self.saved.check(cell, layout, hidden, check)?;
        self.saved.gates_format().map_or(Ok(()), |got| check.format("the kept activations", got, format))
    }
}
