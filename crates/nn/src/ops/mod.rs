//! Fused operations: the only files that know Burn's backend extension and autodiff glue.
//!
//! Each file has one operation: a function over tensors that runs the kernel on the CPU backend
//! (Flex) with its hand-written gradient, and elsewhere a body of ordinary differentiable tensor
//! operations, which is also what the kernel is tested against.

mod attention;
mod batch_norm;
mod binary_cross_entropy;
mod conv;
mod cross_entropy;
mod dropout;
mod embedding;
mod fused;
mod known;
mod linear;
mod mlp;
mod packs;
mod plain;
mod pooling;
mod prelu;
mod quantile;
mod recurrent;
mod resample;
mod shared;

pub use attention::{Score, attention};
pub use batch_norm::batch_norm;
pub use binary_cross_entropy::binary_cross_entropy;
pub use conv::{Geometry, convolution, transposed_convolution};
pub use cross_entropy::{Loss, Targets, cross_entropy};
pub use dropout::dropout;
pub use embedding::{embedding, embedding_rows};
pub use known::known;
pub(crate) use linear::activated;
pub use linear::{Activation, LEAK, linear};
pub(crate) use mlp::scaled_by_slope;
pub use mlp::{DenseLayer, dense_layers};
pub(crate) use plain::Plain;
pub use pooling::{Pooling, pool};
pub use prelu::prelu;
pub use quantile::quantile_errors;
pub use recurrent::{Cell, Direction, Keep, RnnActivation, State, Unfolding, Weights, recurrent};
pub use resample::{doubled, halved, shuffled};
pub use shared::Shared;

use burn::tensor::{Int, Tensor, TensorData};

/// Which body an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The kernel, where the tensor is on the CPU backend.
    Auto,
    /// Ordinary tensor operations.
    #[cfg(test)]
    Tensor,
}

impl Body {
    /// Does `tensor`'s operation run in the kernel?
    fn is_fused<const D: usize>(self, tensor: &Tensor<D>) -> bool {
        self == Body::Auto && fused::available(&tensor.device())
    }
}

/// Indices as a tensor on the device of `like`.
pub(crate) fn indices<const D: usize>(values: impl IntoIterator<Item = usize>, like: &Tensor<D>) -> Tensor<1, Int> {
    let values: Vec<i64> = values.into_iter().map(|i| i as i64).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), &like.device().inner())
}

#[cfg(test)]
mod tests;
