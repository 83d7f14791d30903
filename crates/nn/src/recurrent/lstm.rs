//! Stacked, optionally bidirectional LSTM over packed ragged batches.

use crate::init::Init;
use crate::noise::{Noise, maybe};
use crate::ops::{Direction, LstmWeights, lstm};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use simurgh_kernels::Ragged;
use std::sync::Arc;

/// Sizes of an [`Lstm`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LstmConfig {
    /// Columns of the input.
    pub input: usize,
    /// Units of each direction.
    pub hidden: usize,
    /// Layers, each reading the one below.
    pub layers: usize,
    /// A second set of layers reads from each sequence's end to its beginning; outputs are concatenated.
    pub bidirectional: bool,
}

impl LstmConfig {
    /// Columns of the output.
    pub fn output(&self) -> usize {
        self.hidden * if self.bidirectional { 2 } else { 1 }
    }

    /// Glorot input weights, orthogonal recurrent weights, forget bias 1.
    pub fn init(&self, init: &Init, name: &str) -> Lstm {
        let stack = |direction: &str| -> Vec<LstmLayer> {
            (0..self.layers)
                .map(|layer| {
                    let input = if layer == 0 { self.input } else { self.output() };
                    let name = format!("{name}.{direction}.{layer}");
                    LstmLayer {
                        weight_ih: init.glorot(&format!("{name}.weight_ih"), [4 * self.hidden, input], 4),
                        weight_hh: init.orthogonal(&format!("{name}.weight_hh"), self.hidden, 4),
                        bias_ih: init.forget_bias(self.hidden),
                        bias_hh: init.constant([4 * self.hidden], 0.0),
                    }
                })
                .collect()
        };
        Lstm {
            forward: stack("forward"),
            reverse: if self.bidirectional { stack("reverse") } else { Vec::new() },
            hidden: self.hidden,
        }
    }
}

/// Parameters of one direction of one layer, PyTorch's shapes and gate order `i, f, g, o`.
#[derive(Module, Debug)]
pub struct LstmLayer {
    weight_ih: Param<Tensor<2>>,
    weight_hh: Param<Tensor<2>>,
    bias_ih: Param<Tensor<1>>,
    bias_hh: Param<Tensor<1>>,
}

/// Stacked LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).
#[derive(Module, Debug)]
pub struct Lstm {
    forward: Vec<LstmLayer>,
    reverse: Vec<LstmLayer>,
    hidden: usize,
}

/// State of every sequence, `[sequences, hidden]` each.
#[derive(Clone, Debug)]
pub struct LstmState {
    /// h
    pub hidden: Tensor<2>,
    /// c
    pub cell: Tensor<2>,
}

impl LstmState {
    /// Zeros, of `like`'s type and device.
    pub fn zeros(sequences: usize, hidden: usize, like: &Tensor<2>) -> Self {
        let zeros = || Tensor::zeros([sequences, hidden], (&like.device(), like.dtype()));
        Self { hidden: zeros(), cell: zeros() }
    }
}

impl Lstm {
    /// Runs `x[rows, input]` from `initial` (one state a layer and direction, layer by layer, forward
    /// first, as PyTorch; zeros if absent); dropout between layers where there is noise.
    ///
    /// Returns `[rows, directions x hidden]` and the final states in the order of the initial ones.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(
        &self,
        x: Tensor<2>,
        layout: &Arc<Ragged>,
        initial: Option<&[LstmState]>,
        noise: &mut Option<Noise>,
    ) -> (Tensor<2>, Vec<LstmState>) {
        let directions = if self.reverse.is_empty() { 1 } else { 2 };
        if let Some(states) = initial {
            assert_eq!(states.len(), self.forward.len() * directions, "Lstm: one state a layer and direction");
        }
        let mut x = x;
        let mut states = Vec::new();
        for layer in 0..self.forward.len() {
            if layer > 0 {
                x = maybe(noise, x, layout);
            }
            let mut outputs = Vec::new();
            for (side, (stack, direction)) in
                [(&self.forward, Direction::Forward), (&self.reverse, Direction::Reverse)].into_iter().enumerate()
            {
                let Some(parameters) = stack.get(layer) else { continue };
                let state = match initial {
                    Some(states) => states[layer * directions + side].clone(),
                    None => LstmState::zeros(layout.sequences(), self.hidden, &x),
                };
                let weights = LstmWeights {
                    weight_ih: parameters.weight_ih.val(),
                    weight_hh: parameters.weight_hh.val(),
                    bias_ih: parameters.bias_ih.val(),
                    bias_hh: parameters.bias_hh.val(),
                };
                let out = lstm(x.clone(), layout, weights, state.hidden, state.cell, direction);
                outputs.push(out.output);
                states.push(LstmState { hidden: out.hidden, cell: out.cell });
            }
            x = if outputs.len() == 1 { outputs.remove(0) } else { Tensor::cat(outputs, 1) };
        }
        (x, states)
    }
}
