//! One input in, one output out, as it arrives: the numbers of a whole sequence to the bit.

use super::{Recurrent, State};
use crate::ops::{Cell, Plain};
use crate::pass::Precision;
use simurgh_kernels::ShapeError;
use simurgh_kernels::recurrent::Stepper;
use simurgh_kernels::shape::Check;
use thiserror::Error;

/// Why a network can't be taken step by step.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    /// It reads from the end too.
    #[error(
        "a bidirectional network needs the whole sequence before its first output\nhint: train one with `bidirectional = false`"
    )]
    Bidirectional,
    /// Its parameters are not plain memory.
    #[error(
        "this needs f32 parameters on the CPU backend (Flex), without autodiff\nhint: take a trained network off the tape with Burn's `module.valid()`"
    )]
    Device,
    /// Its parameters, or what goes in, do not fit.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// A network that is taken step by step. It keeps no state: one serves any number of streams.
#[derive(Clone, Debug)]
pub struct Stream {
    layers: Vec<Stepper<f32>>,
    cell: Cell,
}

/// The state of a number of streams that move together, and room to compute the next one in.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamState {
    batch: usize,
    /// Hidden state, `[batch, hidden]`, and room for the next one, a layer each.
    hidden: Vec<[Vec<f32>; 2]>,
    /// Cells, `[batch, hidden]`, a layer each; empty but for the LSTM.
    cells: Vec<Vec<f32>>,
    scratch: Vec<f32>,
}

impl StreamState {
    /// The hidden state of a layer, `[batch, hidden]`.
    pub fn hidden(&self, layer: usize) -> &[f32] {
        &self.hidden[layer][0]
    }

    /// The cells of an LSTM's layer, `[batch, hidden]`.
    pub fn cell(&self, layer: usize) -> &[f32] {
        &self.cells[layer]
    }

    /// Streams that move together.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Goes on with the first `count` streams alone, if there are more.
    pub fn truncate(&mut self, count: usize) {
        let before = self.batch;
        if count < before {
            self.batch = count;
            let states = self.hidden.iter_mut().flatten().chain(&mut self.cells);
            states.for_each(|state| state.truncate(state.len() / before * count));
        }
    }
}

impl Recurrent {
    /// This network, ready to be taken step by step; products round as `precision` says.
    ///
    /// # Errors
    /// If it is bidirectional or not on the CPU backend.
    pub fn stream(&self, precision: Precision) -> Result<Stream, StreamError> {
        if !self.reverse.is_empty() {
            return Err(StreamError::Bidirectional);
        }
        let cell = Cell::from(self.cell);
        let layer = |layer: &super::Layer| {
            let plain = |tensor| Plain::of::<2>(tensor).ok_or(StreamError::Device);
            let bias = |tensor| Plain::of::<1>(tensor).ok_or(StreamError::Device);
            let (ih, hh) = (plain(layer.weight_ih.val())?, plain(layer.weight_hh.val())?);
            let (bias_ih, bias_hh) = (bias(layer.bias_ih.val())?, bias(layer.bias_hh.val())?);
            let packs = (ih.packed_t(precision), hh.packed_state_t(cell, precision));
            Ok(Stepper::new(cell, packs.0, packs.1, bias_ih.data(), bias_hh.data())?)
        };
        let layers = self.forward.iter().map(layer).collect::<Result<_, StreamError>>()?;
        Ok(Stream { layers, cell })
    }
}

impl Stream {
    /// The state of `batch` streams before their first step: zeros.
    ///
    /// # Errors
    /// If `batch` is 0 or too large.
    pub fn start(&self, batch: usize) -> Result<StreamState, ShapeError> {
        let check = Check("stream");
        if batch == 0 {
            return Err(ShapeError::Zero { operation: check.0, dimension: "batch" });
        }
        let mut scratch = 0;
        let (mut hidden, mut cells) = (Vec::new(), Vec::new());
        for layer in &self.layers {
            let zeros = |batch: usize| -> Result<Vec<f32>, ShapeError> {
                let mut state = check.room("the state", &[("batch", batch), ("hidden", layer.hidden())])?;
                state.resize(batch * layer.hidden(), 0.0);
                Ok(state)
            };
            scratch = scratch.max(layer.scratch(1));
            hidden.push([zeros(batch)?, zeros(batch)?]);
            cells.push(zeros(if self.cell.states() == 2 { batch } else { 0 })?);
        }
        let mut room = check.room("scratch memory", &[("batch", batch), ("columns", scratch)])?;
        room.resize(batch * scratch, 0.0);
        Ok(StreamState { batch, hidden, cells, scratch: room })
    }

    /// The state that `states` (a layer each, such as [`Recurrent::forward`] returns) describe.
    ///
    /// # Errors
    /// If they are not this network's, or not on the CPU backend.
    pub fn resume(&self, states: &[State]) -> Result<StreamState, StreamError> {
        Check("stream").dimension("layers of the state", states.len(), self.layers.len())?;
        let batch = states.first().map_or(0, |s| s.hidden.dims()[0]);
        let mut state = self.start(batch)?;
        for (k, from) in states.iter().enumerate() {
            let plain = |tensor| Plain::of::<2>(tensor).ok_or(StreamError::Device);
            let fill = |to: &mut [f32], from: &[f32], operand| -> Result<(), ShapeError> {
                Check("stream").elements(operand, from.len(), &[("batch x hidden", to.len())])?;
                to.copy_from_slice(from);
                Ok(())
            };
            fill(&mut state.hidden[k][0], plain(from.hidden.clone())?.data(), "the hidden state")?;
            match &from.cell {
                Some(cell) => fill(&mut state.cells[k], plain(cell.clone())?.data(), "the cell")?,
                None => fill(&mut state.cells[k], &[], "the cell")?,
            }
        }
        Ok(state)
    }

    /// Takes `x[batch, input]`, moves the state on by one step, and returns the top layer's output, `[batch, hidden]`.
    /// Allocates nothing.
    ///
    /// # Errors
    /// If the shapes do not fit; the state is then as before.
    pub fn step<'s>(&self, x: &[f32], state: &'s mut StreamState) -> Result<&'s [f32], ShapeError> {
        let check = Check("stream");
        check.dimension("layers of the state", state.hidden.len(), self.layers.len())?;
        let input = self.layers.first().map_or(0, Stepper::input);
        check.elements("x", x.len(), &[("batch", state.batch), ("input", input)])?;
        for (k, layer) in self.layers.iter().enumerate() {
            let (below, here) = state.hidden.split_at_mut(k);
            let x = below.last().map_or(x, |[hidden, _]| hidden);
            let [before, next] = &mut here[0];
            layer.step(x, before, &mut state.cells[k], next, &mut state.scratch)?;
            std::mem::swap(before, next);
        }
        Ok(state.hidden.last().map_or(&[], |[hidden, _]| hidden))
    }
}
