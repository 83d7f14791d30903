//! Where the random draws of a training pass come from.

use crate::ops::dropout;
use burn::tensor::Tensor;
use simurgh_kernels::Ragged;
use simurgh_random::mix;
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
    pub fn apply(&mut self, x: Tensor<2>, layout: &Ragged) -> Tensor<2> {
        if self.dropout == 0.0 {
            return x;
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

/// Dropout where there is noise.
pub fn maybe(noise: &mut Option<Noise>, x: Tensor<2>, layout: &Ragged) -> Tensor<2> {
    match noise {
        Some(noise) => noise.apply(x, layout),
        None => x,
    }
}
