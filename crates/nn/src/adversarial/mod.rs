//! Two networks against each other: a generator that makes samples of noise, and a discriminator that tells them from data
//! (Goodfellow et al. 2014).

mod conv_layer;
pub mod convolutional;
mod dense;
mod minibatch;
pub mod mlp;
pub mod networks;
pub mod objective;
pub mod penalty;
mod recogniser;
pub mod residual;
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

/// A network that says something of samples: one number, how real they are, or one a class.
pub trait Critic {
    /// `[batch, outputs]` of `x[batch, width]`.
    ///
    /// # Errors
    /// If the width is another.
    fn scores(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError>;

    /// The same, and how each score changes as its sample moves along `direction[batch, width]`: the product of the Jacobian with
    /// it. A gradient flows from both to the parameters.
    ///
    /// # Errors
    /// As [`Critic::scores`], or if a sample's score has no slope of its own.
    fn scores_tangent(
        &self,
        x: Tensor<2>,
        direction: Tensor<2>,
        precision: Precision,
    ) -> Result<(Tensor<2>, Tensor<2>), ShapeError>;

    /// A logit a sample, `[batch]`, of a network with one output.
    ///
    /// # Errors
    /// As [`Critic::scores`], or if there is not one output.
    fn logits(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<1>, ShapeError> {
        column(self.scores(x, precision)?)
    }

    /// The same, and `direction . d logit / d x`, `[batch]`.
    ///
    /// # Errors
    /// As [`Critic::scores_tangent`], or if there is not one output.
    fn tangent(
        &self,
        x: Tensor<2>,
        direction: Tensor<2>,
        precision: Precision,
    ) -> Result<(Tensor<1>, Tensor<1>), ShapeError> {
        let (y, d_y) = self.scores_tangent(x, direction, precision)?;
        Ok((column(y)?, column(d_y)?))
    }
}

/// `[batch, 1]` as `[batch]`.
fn column(y: Tensor<2>) -> Result<Tensor<1>, ShapeError> {
    let [batch, width] = y.dims();
    Check("discriminator").dimension("logits of a sample", width, 1)?;
    Ok(y.reshape([batch]))
}
