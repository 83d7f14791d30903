//! Two networks against each other: a generator that makes samples of noise, and a discriminator that tells them from data
//! (Goodfellow et al. 2014).

pub mod convolutional;
mod dense;
mod minibatch;
pub mod mlp;
pub mod networks;
pub mod objective;
pub mod penalty;
mod recogniser;
mod spectral;

pub use mlp::{Mlp, MlpConfig, Nonlinearity};
pub use networks::{BatchNorm, Discriminator, Equipment, Generator, NetworkKind, NetworksConfig, SampleShape};
pub use objective::{Objective, ObjectiveKind};
pub use penalty::{Penalty, PenaltyKind};
pub use recogniser::Recogniser;

use crate::pass::Precision;
use burn::tensor::Tensor;
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;

/// A network that says of samples how real they are.
pub trait Critic {
    /// A logit a sample, `[batch]`, of `x[batch, width]`.
    ///
    /// # Errors
    /// If the width is another.
    fn logits(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<1>, ShapeError>;

    /// The same, and how each changes as its sample moves along `direction[batch, width]`: `direction . d logit / d x`, `[batch]`.
    /// A gradient flows from both to the parameters.
    ///
    /// # Errors
    /// As [`Critic::logits`].
    fn tangent(
        &self,
        x: Tensor<2>,
        direction: Tensor<2>,
        precision: Precision,
    ) -> Result<(Tensor<1>, Tensor<1>), ShapeError>;
}

/// `[batch, 1]` as `[batch]`.
fn column(y: Tensor<2>) -> Result<Tensor<1>, ShapeError> {
    let [batch, width] = y.dims();
    Check("discriminator").dimension("logits of a sample", width, 1)?;
    Ok(y.reshape([batch]))
}
