//! Recurrent layers over a packed ragged batch: one direction of one layer, all steps.
//!
//! PyTorch's equations and gate orders, with `x_t` a row of the input, `*` element by element:
//!
//! ```text
//! LSTM (Hochreiter & Schmidhuber 1997; Gers et al. 2000)
//!   [i f g o] = x_t W_ih^T + b_ih + h W_hh^T + b_hh       i, f, o through sigma, g through tanh
//!   c' = f * c + i * g                                    h' = o * tanh(c')
//! GRU (Cho et al. 2014, the reset gate after the product, as cuDNN has it)
//!   [r z] = sigma(x_t W_ih^T + b_ih + h W_hh^T + b_hh)    the rows of r and z
//!   p = h W_hn^T + b_hn                                   n = tanh(x_t W_in^T + b_in + r * p)
//!   h' = (1 - z) * n + z * h
//! RNN (Elman 1990)
//!   h' = activation(x_t W_ih^T + b_ih + h W_hh^T + b_hh)
//! ```
//!
//! The steps are taken in blocks of a few hundred rows ([`walk`]), so that what a block makes is still in the caches
//! when it is used: the input's share of a block is one product, each step adds the state's share, and in the backward
//! pass each block adds its part to the weights' gradients. Blocks depend on the layout alone, so that the sums have
//! one order whatever the threads, and whether activations were kept or are computed again ([`Keep`]).

mod backward;
mod engine;
mod forward;
mod gradient;
mod gru;
mod kept;
mod layer;
mod lstm;
pub mod observe;
mod parameters;
pub mod reference;
mod rnn;
mod step;
mod tangent;
mod walk;

pub use backward::{backward, backward_adding, backward_to_state, backward_with_states};
pub use forward::{Forward, Saved, forward};
pub use gradient::{Gradient, ParameterGradients, StateGradients, Upstream};
pub use step::Stepper;
pub use tangent::{Linearised, Tangent, tangent};
pub use walk::Direction;

use crate::gemm::{Format, Packed, View};
use crate::shape::Check;
use crate::{Real, ShapeError};
use std::ops::Range;

/// Units that a loop over a row handles at once.
const LANES: usize = 16;

/// Which equations a layer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent unit, PyTorch's variant.
    Gru,
    /// Simple recurrent network.
    Rnn(Activation),
}

/// What follows the sum of a simple recurrent network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Hyperbolic tangent.
    Tanh,
    /// max(0, x)
    Relu,
}

/// Neighbouring columns of the pre-activations, in units of the hidden size, and which products make them.
struct Columns {
    range: Range<usize>,
    /// The input's share.
    input: bool,
    /// The first block of `W_hh`'s rows in the state's share.
    state: Option<usize>,
}

impl Cell {
    /// Blocks of a weight's rows, in PyTorch's order: `i, f, g, o` (LSTM), `r, z, n` (GRU), one (RNN).
    pub fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
            Self::Rnn(_) => 1,
        }
    }

    /// Vectors of the state: hidden state and cell (LSTM), or the hidden state alone.
    pub fn states(self) -> usize {
        if self == Self::Lstm { 2 } else { 1 }
    }

    /// Blocks of a row of pre-activations: `i, f, g, o`, or `r, z, n, p`, or one.
    pub fn columns(self) -> usize {
        match self {
            Self::Lstm | Self::Gru => 4,
            Self::Rnn(_) => 1,
        }
    }

    /// How the pre-activations come about.
    fn products(self) -> &'static [Columns] {
        match self {
            Self::Lstm => &[Columns { range: 0..4, input: true, state: Some(0) }],
            Self::Gru => &[
                Columns { range: 0..2, input: true, state: Some(0) },
                Columns { range: 2..3, input: true, state: None },
                Columns { range: 3..4, input: false, state: Some(2) },
            ],
            Self::Rnn(_) => &[Columns { range: 0..1, input: true, state: Some(0) }],
        }
    }

    /// Products with the state that a step has.
    pub fn state_products(self) -> usize {
        self.products().iter().filter(|c| c.state.is_some()).count()
    }

    /// The columns that the state's share goes to, and the rows of `W_hh` it comes from, piece by piece.
    fn state_pieces(self, hidden: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        self.products().iter().filter_map(move |c| {
            let first = c.state? * hidden;
            Some((c.range.start * hidden..c.range.end * hidden, first..first + c.range.len() * hidden))
        })
    }

    /// Packs `W_hh[gates x hidden, hidden]` as the products with it need it: transposed for the forward pass, as it is
    /// for the backward pass.
    ///
    /// # Errors
    /// If `weight` has another length.
    pub fn pack_state_weight<T: Real>(
        self,
        weight: &[T],
        hidden: usize,
        transposed: bool,
        format: Format,
    ) -> Result<Vec<Packed<T>>, ShapeError> {
        let dimensions = [("gates", self.gates()), ("hidden", hidden), ("hidden", hidden)];
        Check("recurrent layer").elements("weight_hh", weight.len(), &dimensions)?;
        let all = View::new(weight, self.gates() * hidden, hidden);
        let pack =
            |rows| Packed::with_format(if transposed { all.rows(rows).transposed() } else { all.rows(rows) }, format);
        Ok(self.state_pieces(hidden).map(|(_, rows)| pack(rows)).collect())
    }

    /// What a row of pre-activations starts from, `[columns x hidden]`.
    fn bias<T: Real>(self, bias_ih: &[T], bias_hh: &[T]) -> Vec<T> {
        let hidden = bias_ih.len() / self.gates();
        let mut bias = Vec::with_capacity(self.columns() * hidden);
        for columns in self.products() {
            for k in columns.range.start * hidden..columns.range.end * hidden {
                let from_input = if columns.input { bias_ih[k] } else { T::ZERO };
                let from_state = columns.state.map(|row| bias_hh[k - (columns.range.start - row) * hidden]);
                bias.push(from_state.map_or(from_input, |b| from_input + b));
            }
        }
        bias
    }
}

/// The parameters as the forward pass reads them.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a, T> {
    /// `W_ih^T`, `[input, gates x hidden]`.
    pub input_t: &'a Packed<T>,
    /// `W_hh^T`, see [`Cell::pack_state_weight`].
    pub state_t: &'a [Packed<T>],
    /// `[gates x hidden]`
    pub bias_ih: &'a [T],
    /// `[gates x hidden]`
    pub bias_hh: &'a [T],
}

impl<T: Real> Weights<'_, T> {
    /// Columns of the input, and units.
    fn sizes(&self, cell: Cell, check: Check) -> Result<(usize, usize), ShapeError> {
        let (input, hidden) = (self.input_t.depth(), self.state_t.first().map_or(0, Packed::depth));
        check.some("the input", input)?;
        check.some("hidden", hidden)?;
        let gates = check.count("bias_ih", &[("gates", cell.gates()), ("hidden", hidden)])?;
        check.dimension("gates x hidden of weight_ih", self.input_t.cols(), gates)?;
        check.dimension("products of weight_hh", self.state_t.len(), cell.state_products())?;
        for ((_, rows), weight) in cell.state_pieces(hidden).zip(self.state_t) {
            check.dimension("gates x hidden of weight_hh", weight.cols(), rows.len())?;
            check.dimension("hidden of weight_hh", weight.depth(), hidden)?;
            check.format("weight_hh", weight.format(), self.input_t.format())?;
        }
        for (name, bias) in [("bias_ih", self.bias_ih), ("bias_hh", self.bias_hh)] {
            check.elements(name, bias.len(), &[("gates", cell.gates()), ("hidden", hidden)])?;
        }
        Ok((input, hidden))
    }
}

/// State of every sequence, `[sequences, hidden]` each.
#[derive(Clone, Copy, Debug)]
pub struct State<'a, T> {
    /// h
    pub hidden: &'a [T],
    /// c; empty but for the LSTM.
    pub cell: &'a [T],
}

impl<T> State<'_, T> {
    fn check(&self, cell: Cell, sequences: usize, hidden: usize, check: Check) -> Result<(), ShapeError> {
        let cells = if cell.states() == 2 { sequences } else { 0 };
        check.elements("the hidden state", self.hidden.len(), &[("sequences", sequences), ("hidden", hidden)])?;
        check.elements("the cell", self.cell.len(), &[("sequences", cells), ("hidden", hidden)])
    }
}

/// What the forward pass keeps for a backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: there will be none.
    Nothing,
    /// All activations.
    All,
    /// The states at the borders of blocks of at least 256 rows (about the square root of the rows of a sequence of 65,000
    /// steps; shorter ones would not fill a product), from which the backward pass computes the activations of a block again
    /// (Chen et al. 2016, "Training deep nets with sublinear memory cost"). A third more work, the same bits.
    Borders,
}

/// The units of one row that a step computes together: all of them, or one thread's share.
struct Row<'a, T> {
    /// Pre-activations, which become activations; as many as the cell has columns.
    gates: [&'a mut [T]; 4],
    /// The hidden state that the step begins with.
    before: &'a [T],
    /// The running cell; empty but for the LSTM.
    c: &'a mut [T],
    /// The hidden state that the step ends with.
    h: &'a mut [T],
}

fn activate<T: Real>(cell: Cell, row: Row<'_, T>) {
    match cell {
        Cell::Lstm => lstm::activate(row),
        Cell::Gru => gru::activate(row),
        Cell::Rnn(activation) => rnn::activate(activation, row),
    }
}

/// What the derivative of a row's units reads; what the cell does not need is empty.
struct Kept<'a, T> {
    gates: [&'a [T]; 4],
    before: &'a [T],
    h: &'a [T],
    c_before: &'a [T],
    c: &'a [T],
}

/// What it writes: from the gradients of the row's new state those of its pre-activations, `d_gates`, and the share of
/// the old state's that no product carries: `d_h` and `d_c` come in as the gradients of the later steps.
struct Flow<'a, T> {
    d_out: &'a [T],
    d_h: &'a mut [T],
    d_c: &'a mut [T],
    d_gates: [&'a mut [T]; 4],
}

fn differentiate<T: Real>(cell: Cell, kept: Kept<'_, T>, flow: Flow<'_, T>) {
    match cell {
        Cell::Lstm => lstm::differentiate(kept, flow),
        Cell::Gru => gru::differentiate(kept, flow),
        Cell::Rnn(activation) => rnn::differentiate(activation, kept, flow),
    }
}

/// `n` elements from the `k`th on, the rest 0; a whole block is one vector load. Loops over a row go through local arrays:
/// with seven slices the compiler gives up proving that they do not overlap, and leaves the loop scalar.
#[inline(always)]
fn load<T: Real>(from: &[T], (k, n): (usize, usize)) -> [T; LANES] {
    let mut block = [T::ZERO; LANES];
    if n == LANES {
        block.copy_from_slice(&from[k..k + LANES]);
    } else {
        block[..n].copy_from_slice(&from[k..k + n]);
    }
    block
}

/// A block's first `n` elements to the `k`th and its followers.
#[inline(always)]
fn store<T: Real>(block: &[T; LANES], to: &mut [T], (k, n): (usize, usize)) {
    if n == LANES {
        to[k..k + LANES].copy_from_slice(block);
    } else {
        to[k..k + n].copy_from_slice(&block[..n]);
    }
}

/// A body for each block of a row of `$len` units, `$at` where it begins and its units, whose number the compiler knows
/// in whole blocks. (A closure would not take on the instruction set of the function around it.)
macro_rules! blocks {
    ($len:expr, $at:ident => $body:block) => {
        let len = $len;
        let whole = len - len % LANES;
        for k in (0..whole).step_by(LANES) {
            let $at = (k, LANES);
            $body
        }
        if whole < len {
            let $at = (whole, len - whole);
            $body
        }
    };
}
use blocks;

#[cfg(test)]
mod large_tests;
#[cfg(test)]
mod observe_tests;
#[cfg(test)]
mod tests;
