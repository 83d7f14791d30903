//! How a network is run: with which random draws, in which precision, and what is kept for the backward pass.

use crate::ops::{Keep, dropout, embedding, embedding_rows};
use crate::optimizer::RowGradients;
use crate::recurrent::observe::Observer;
use burn::module::Param;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use simurgh_kernels::gemm::Format;
use simurgh_kernels::{Ragged, ShapeError};
use simurgh_random::mix;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Seeds for the dropout sites of one forward pass, handed out in the order of the network's code:
/// the draws of a pass depend on its seed alone.
#[derive(Clone, Debug)]
pub struct Noise {
    seed: u64,
    site: u64,
    /// Probability of zeroing an activation.
    pub dropout: f64,
    /// One mask a sequence rather than one a step.
    pub variational: bool,
}

impl Noise {
    /// Draws for the pass seeded with `seed`.
    pub fn new(seed: u64, dropout: f64, variational: bool) -> Self {
        Self { seed, site: 0, dropout, variational }
    }

    /// Dropout on `x[rows, width]`, packed as `layout` says.
    fn apply(&mut self, x: Tensor<2>, layout: &Ragged) -> Result<Tensor<2>, ShapeError> {
        if self.dropout == 0.0 {
            return Ok(x);
        }
        self.site += 1;
        let keys: Arc<[u32]> = if self.variational {
            layout.cells().map(|(_, j)| j as u32).collect()
        } else {
            (0..layout.rows() as u32).collect()
        };
        dropout(x, keys, self.dropout, mix(self.seed ^ mix(self.site)))
    }
}

/// What the numbers that go into a matrix product are rounded to. Sums, states, parameters and moments are f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Not at all.
    #[default]
    F32,
    /// bfloat16, operands and what layers keep for the backward pass: up to twice the speed where the processor multiplies it
    /// (AVX-512-BF16); elsewhere decoding one sentence gains, whose bound is the weights' bytes.
    Bf16,
}

impl From<Precision> for Format {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Format::Full,
            Precision::Bf16 => Format::Bf16,
        }
    }
}

/// One pass through a network. The default computes in f32, without noise.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The draws of a training pass.
    pub noise: Option<Noise>,
    /// Of matrix products.
    pub precision: Precision,
    /// What recurrent layers keep of their activations; the gradient is the same to the bit.
    pub keep: Keep,
    /// Truncated backpropagation through time (Williams & Peng 1990): the state is carried on from one window of so many steps
    /// to the next, the gradient is not. None: it flows through all steps.
    pub window_steps: Option<NonZeroUsize>,
    /// Where recurrent layers write down what their backward pass saw.
    pub observer: Option<Arc<Observer>>,
    /// Where embeddings put the gradients of the rows they use; None: into a whole table's gradient.
    pub rows: Option<Arc<RowGradients>>,
}

impl Default for Pass {
    fn default() -> Self {
        Self { noise: None, precision: Precision::F32, keep: Keep::All, window_steps: None, observer: None, rows: None }
    }
}

impl Pass {
    /// `table[ids]`: `[ids, width]`.
    ///
    /// # Errors
    /// If an id is outside of the table.
    pub fn embed(&self, table: &Param<Tensor<2>>, ids: Arc<[u32]>) -> Result<Tensor<2>, ShapeError> {
        match &self.rows {
            Some(rows) => embedding_rows(table, ids, rows.clone()),
            None => embedding(table.val(), ids),
        }
    }

    /// Dropout on `x[rows, width]` where there is noise.
    ///
    /// # Errors
    /// If the layout has other rows, or the noise's probability can't be one.
    pub fn drop_out(&mut self, x: Tensor<2>, layout: &Ragged) -> Result<Tensor<2>, ShapeError> {
        match &mut self.noise {
            Some(noise) => noise.apply(x, layout),
            None => Ok(x),
        }
    }
}
