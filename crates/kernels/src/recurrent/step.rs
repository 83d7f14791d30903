//! One step at a time, for input that arrives as the network runs: what a whole sequence gives, to the bit.

use super::layer::{Layer, biases};
use super::{Cell, Row, Weights, activate};
use crate::gemm::{Packed, Piece, View, products};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Multiply-adds of a step from which on a second thread is woken for it.
const WORTH: usize = 1 << 18;
/// Rows from which on threads share rows rather than units.
const MANY_ROWS: usize = 24;

/// A layer that reads forward, taken step by step. It keeps no state: state is a value, the caller's.
#[derive(Clone, Debug)]
pub struct Stepper<T> {
    cell: Cell,
    input_t: Arc<Packed<T>>,
    state_t: Arc<Vec<Packed<T>>>,
    biases: Vec<Vec<T>>,
}

impl<T: Real> Stepper<T> {
    /// `input_t` is `W_ih^T` packed, `state_t` what [`Cell::pack_state_weight`] makes of `W_hh`, transposed.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn new(
        cell: Cell,
        input_t: Arc<Packed<T>>,
        state_t: Arc<Vec<Packed<T>>>,
        bias_ih: &[T],
        bias_hh: &[T],
    ) -> Result<Self, ShapeError> {
        let weights = Weights { input_t: &input_t, state_t: &state_t, bias_ih, bias_hh };
        weights.sizes(cell, Check("recurrent step"))?;
        let biases = biases(cell, bias_ih, bias_hh);
        Ok(Self { cell, input_t, state_t, biases })
    }

    fn layer(&self) -> Layer<'_, T> {
        Layer::with_biases(self.cell, &self.input_t, &self.state_t, Cow::Borrowed(&self.biases))
    }

    /// Columns of the input.
    pub fn input(&self) -> usize {
        self.layer().input()
    }

    /// Units.
    pub fn hidden(&self) -> usize {
        self.layer().hidden
    }

    /// Elements of scratch memory that a step of `batch` rows needs.
    pub fn scratch(&self, batch: usize) -> usize {
        batch * self.layer().stride()
    }

    /// One step of every row: from `x[batch, input]` and the hidden state `before[batch, hidden]` to the new one,
    /// `hidden[batch, hidden]`; the LSTM's `cells[batch, hidden]` move on in place, and are empty for others. Nothing is
    /// allocated.
    ///
    /// # Errors
    /// If the shapes do not fit, or `scratch` is too small.
    pub fn step(
        &self,
        x: &[T],
        before: &[T],
        cells: &mut [T],
        hidden: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), ShapeError> {
        let layer = self.layer();
        let (input, size, stride) = (layer.input(), layer.hidden, layer.stride());
        let batch = before.len() / size;
        let check = Check("recurrent step");
        check.elements("the hidden state", before.len(), &[("batch", batch), ("hidden", size)])?;
        check.elements("x", x.len(), &[("batch", batch), ("input", input)])?;
        check.elements("the new hidden state", hidden.len(), &[("batch", batch), ("hidden", size)])?;
        let cell_batch = (self.cell.states() - 1) * batch;
        check.elements("the cell", cells.len(), &[("batch", cell_batch), ("hidden", size)])?;
        if scratch.len() < batch * stride {
            check.elements("the scratch memory", scratch.len(), &[("batch", batch), ("columns", stride)])?;
        }
        let gates = Shared::new(scratch);
        let (x, before) = (View::new(x, batch, input), View::new(before, batch, size));
        let (cells, out) = (Shared::new(cells), Shared::new(hidden));
        let run = |rows: Range<usize>, units: Range<usize>| {
            let piece = Piece { rows: rows.clone(), to: rows.start };
            let mut ready = |ready: Range<usize>, units: Range<usize>| {
                for row in rows.start + ready.start..rows.start + ready.end {
                    let (at, n) = (row * size + units.start, units.len());
                    // SAFETY: these units of these rows belong to one task.
                    let row = unsafe {
                        Row {
                            gates: std::array::from_fn(|k| match k < self.cell.columns() {
                                true => gates.slice(row * stride + k * size + units.start, n),
                                false => &mut [],
                            }),
                            before: &before.row(row)[units.clone()],
                            c: if cells.len() == 0 { &mut [] } else { cells.slice(at, n) },
                            h: out.slice(at, n),
                        }
                    };
                    activate(self.cell, row);
                }
            };
            // SAFETY: as above.
            unsafe {
                products(x, std::slice::from_ref(&piece), &layer.input_products(gates.pointer(), &units));
                layer.then(before, piece, &layer.state_products(gates.pointer(), &units), &units, &mut ready);
            }
        };
        if batch * layer.width() * (input + size) < WORTH || parallel::threads() == 1 {
            run(0..batch, 0..size);
        } else if batch >= MANY_ROWS {
            let parts = parallel::ranges(batch, parallel::threads(), 1);
            parallel::each(parts.len(), true, |part| run(parts.at(part), 0..size));
        } else {
            let members = layer.members();
            parallel::each(members, true, |member| run(0..batch, layer.units(member, members)));
        }
        Ok(())
    }
}
