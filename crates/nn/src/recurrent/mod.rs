//! Recurrent layers: stacked, optionally bidirectional, over packed ragged batches; in windows ([`unfolding`]), step by step
//! as input arrives ([`stream`]), and observed from inside ([`observe`]).
//!
//! ```
//! use simurgh_nn::burn::tensor::{Device, Tensor};
//! use simurgh_nn::init::Init;
//! use simurgh_nn::optimizer::Accumulated;
//! use simurgh_nn::pass::{Pass, Precision};
//! use simurgh_nn::recurrent::{CellKind, RecurrentConfig, observe::Observer};
//! use simurgh_nn::Ragged;
//! use std::sync::Arc;
//!
//! let config = RecurrentConfig { cell: CellKind::Lstm, input: 3, hidden: 8, layers: 1, bidirectional: false };
//!
//! // A stream: one input in, one output out.
//! let net = config.init(&Init::new(1, &Device::flex()), "example")?;
//! let stream = net.stream(Precision::F32)?;
//! let mut state = stream.start(1)?;
//! let output = stream.step(&[0.1, 0.2, 0.3], &mut state)?;
//! assert_eq!(output.len(), 8);
//!
//! // A backward pass, observed: how far back does the gradient of the last step reach?
//! let training = Device::flex().autodiff();
//! let net = config.init(&Init::new(1, &training), "example")?;
//! let layout = Arc::new(Ragged::new(&[20, 12])?);
//! let x = Tensor::<2>::ones([layout.rows(), 3], &training);
//! let observer = Arc::new(Observer::default());
//! let mut pass = Pass { observer: Some(observer.clone()), ..Pass::default() };
//! let (_, states) = net.forward(x, &layout, None, &mut pass)?;
//! let mut gradients = states[0].hidden.clone().sum().backward();
//! let gradients = Accumulated::take(&net, &mut gradients, &pass);
//! let seen = &observer.take()[0];
//! assert_eq!(seen.gradient_by_lag.len(), 20);
//! let path = seen.cell_path.as_ref().expect("an LSTM has cells");
//! assert!(path.cell[19] < path.cell[0]);
//! assert_eq!(seen.saturation[1].gate, 'f');
//! let clipping = gradients.clip(1.0, 0.1);
//! assert!(clipping.after < clipping.before);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod observe;
pub mod stream;
mod unfolding;

use crate::init::Init;
pub use crate::ops::State;
use crate::ops::{Cell, Direction, RnnActivation, Unfolding, Weights, recurrent};
use crate::pass::Pass;
use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;
use unfolding::truncated;

/// Which equations a layer follows, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).
    #[default]
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014), PyTorch's variant.
    Gru,
    /// Simple recurrent network (Elman 1990) with a hyperbolic tangent.
    RnnTanh,
    /// The same with max(0, x).
    RnnRelu,
}

impl From<CellKind> for Cell {
    fn from(kind: CellKind) -> Self {
        match kind {
            CellKind::Lstm => Cell::Lstm,
            CellKind::Gru => Cell::Gru,
            CellKind::RnnTanh => Cell::Rnn(RnnActivation::Tanh),
            CellKind::RnnRelu => Cell::Rnn(RnnActivation::Relu),
        }
    }
}

/// Sizes of a [`Recurrent`] stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurrentConfig {
    /// Which equations.
    pub cell: CellKind,
    /// Columns of the input.
    pub input: usize,
    /// Units of each direction.
    pub hidden: usize,
    /// Layers, each reading the one below.
    pub layers: usize,
    /// A second set of layers reads from each sequence's end to its beginning; outputs are concatenated.
    pub bidirectional: bool,
}

impl RecurrentConfig {
    /// Columns of the output.
    pub fn output(&self) -> usize {
        self.hidden * if self.bidirectional { 2 } else { 1 }
    }

    /// Glorot input weights, orthogonal recurrent weights, biases 0 but for the LSTM's forget gate, 1.
    ///
    /// # Errors
    /// If a size is 0, or the weights are too many to be counted.
    pub fn init(&self, init: &Init, name: &str) -> Result<Recurrent, ShapeError> {
        let (gates, check) = (Cell::from(self.cell).gates(), Check("recurrent layers"));
        for (dimension, size) in
            [("the input", self.input), ("hidden", self.hidden), ("the number of layers", self.layers)]
        {
            check.some(dimension, size)?;
        }
        // A layer reads the input, its own state, or the states of two directions below.
        for (dimension, columns) in [("input", self.input), ("2 x hidden", self.hidden.saturating_mul(2))] {
            check.count("weight_ih", &[("gates", gates), ("hidden", self.hidden), (dimension, columns)])?;
        }
        let stack = |direction: &str| -> Vec<Layer> {
            (0..self.layers)
                .map(|layer| {
                    let input = if layer == 0 { self.input } else { self.output() };
                    let name = format!("{name}.{direction}.{layer}");
                    Layer {
                        weight_ih: init.glorot(&format!("{name}.weight_ih"), [gates * self.hidden, input], gates),
                        weight_hh: init.orthogonal(&format!("{name}.weight_hh"), self.hidden, gates),
                        bias_ih: match self.cell {
                            CellKind::Lstm => init.forget_bias(self.hidden),
                            _ => init.constant([gates * self.hidden], 0.0),
                        },
                        bias_hh: init.constant([gates * self.hidden], 0.0),
                    }
                })
                .collect()
        };
        Ok(Recurrent {
            forward: stack("forward"),
            reverse: if self.bidirectional { stack("reverse") } else { Vec::new() },
            hidden: self.hidden,
            cell: self.cell,
        })
    }
}

/// Parameters of one direction of one layer, PyTorch's shapes and gate orders.
#[derive(Module, Debug)]
pub struct Layer {
    weight_ih: Param<Tensor<2>>,
    weight_hh: Param<Tensor<2>>,
    bias_ih: Param<Tensor<1>>,
    bias_hh: Param<Tensor<1>>,
}

impl Layer {
    fn weights(&self) -> Weights {
        Weights {
            weight_ih: self.weight_ih.val().into(),
            weight_hh: self.weight_hh.val().into(),
            bias_ih: self.bias_ih.val().into(),
            bias_hh: self.bias_hh.val().into(),
        }
    }
}

/// A stack of recurrent layers.
#[derive(Module, Debug)]
pub struct Recurrent {
    forward: Vec<Layer>,
    reverse: Vec<Layer>,
    hidden: usize,
    #[module(skip)]
    cell: CellKind,
}

impl Recurrent {
    /// The parameters of the layers that read forward.
    pub(crate) fn layers(&self) -> Vec<Weights> {
        self.forward.iter().map(Layer::weights).collect()
    }

    /// Where its parameters are.
    pub(crate) fn device(&self) -> Device {
        self.forward[0].weight_ih.val().device()
    }

    /// What its numbers are.
    pub(crate) fn dtype(&self) -> DType {
        self.forward[0].weight_ih.val().dtype()
    }

    /// A state of zeros for `sequences` sequences, of `like`'s type and device.
    pub fn zero_state(&self, sequences: usize, like: &Tensor<2>) -> State {
        zero_state(self.cell, self.hidden, sequences, like)
    }

    /// Runs `x[rows, input]` from `initial` (one state a layer and direction, layer by layer, forward
    /// first, as PyTorch; zeros if absent); dropout between layers where the pass has noise.
    ///
    /// Returns `[rows, directions x hidden]` and the final states in the order of the initial ones.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(
        &self,
        x: Tensor<2>,
        layout: &Arc<Ragged>,
        initial: Option<&[State]>,
        pass: &mut Pass,
    ) -> Result<(Tensor<2>, Vec<State>), ShapeError> {
        self.parameters().forward(x, layout, initial, pass)
    }

    /// The parameters as tensors.
    pub(crate) fn parameters(&self) -> Stack {
        let weights = |layers: &[Layer]| layers.iter().map(Layer::weights).collect();
        Stack { forward: weights(&self.forward), reverse: weights(&self.reverse), hidden: self.hidden, cell: self.cell }
    }
}

/// The parameters of a [`Recurrent`] stack as tensors.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    forward: Vec<Weights>,
    reverse: Vec<Weights>,
    hidden: usize,
    cell: CellKind,
}

impl Stack {
    /// The same, for many passes to come: their gradients are summed in one place.
    pub(crate) fn shared(self) -> Self {
        let shared = |layers: Vec<Weights>| layers.into_iter().map(Weights::shared).collect();
        Self { forward: shared(self.forward), reverse: shared(self.reverse), ..self }
    }

    /// As [`Recurrent::forward`].
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        layout: &Arc<Ragged>,
        initial: Option<&[State]>,
        pass: &mut Pass,
    ) -> Result<(Tensor<2>, Vec<State>), ShapeError> {
        let directions = if self.reverse.is_empty() { 1 } else { 2 };
        if let Some(states) = initial {
            let expected = self.forward.len() * directions;
            Check("recurrent layers").dimension("layers x directions of the initial state", states.len(), expected)?;
        }
        let mut x = x;
        let mut states = Vec::new();
        for layer in 0..self.forward.len() {
            if layer > 0 {
                x = pass.drop_out(x, layout)?;
            }
            let mut outputs = Vec::new();
            for (side, (stack, direction)) in
                [(&self.forward, Direction::Forward), (&self.reverse, Direction::Reverse)].into_iter().enumerate()
            {
                let Some(parameters) = stack.get(layer) else { continue };
                let state = match initial {
                    Some(states) => states[layer * directions + side].clone(),
                    None => zero_state(self.cell, self.hidden, layout.sequences(), &x),
                };
                let unfolding = Unfolding {
                    cell: self.cell.into(),
                    layout: layout.clone(),
                    direction,
                    keep: pass.keep,
                    precision: pass.precision,
                    observer: pass.observer.as_ref().map(|observer| (observer.clone(), observer.site())),
                };
                let (output, last) = match pass.window_steps {
                    Some(steps) if steps.get() < layout.steps() => {
                        truncated(x.clone(), &unfolding, parameters.clone(), state, steps)?
                    }
                    _ => recurrent(x.clone(), &unfolding, parameters.clone(), state)?,
                };
                outputs.push(output);
                states.push(last);
            }
            x = if outputs.len() == 1 { outputs.remove(0) } else { Tensor::cat(outputs, 1) };
        }
        Ok((x, states))
    }
}

fn zero_state(cell: CellKind, hidden: usize, sequences: usize, like: &Tensor<2>) -> State {
    let zeros = || Tensor::zeros([sequences, hidden], (&like.device(), like.dtype()));
    State { hidden: zeros(), cell: (cell == CellKind::Lstm).then(zeros) }
}

#[cfg(test)]
mod tests;
