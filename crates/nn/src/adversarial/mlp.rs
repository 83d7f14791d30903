//! Fully connected networks, for points of a plane and small pictures.

use super::Critic;
use crate::affine::Affine;
use crate::init::Init;
use crate::ops::{Activation, LEAK};
use crate::pass::Precision;
use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;

/// What stands between two layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nonlinearity {
    /// What is above 0.
    Relu,
    /// What is above 0, and a fifth of what is below.
    #[default]
    LeakyRelu,
    /// Hyperbolic tangent.
    Tanh,
}

impl From<Nonlinearity> for Activation {
    fn from(kind: Nonlinearity) -> Self {
        match kind {
            Nonlinearity::Relu => Self::Relu,
            Nonlinearity::LeakyRelu => Self::LeakyRelu,
            Nonlinearity::Tanh => Self::Tanh,
        }
    }
}

/// Sizes of an [`Mlp`]; as a recipe's table, every key is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MlpConfig {
    /// Units of each hidden layer, at most 16 of them.
    pub hidden: Vec<usize>,
    /// What follows every hidden layer.
    pub nonlinearity: Nonlinearity,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self { hidden: vec![128, 128], nonlinearity: Nonlinearity::LeakyRelu }
    }
}

impl MlpConfig {
    /// The first value that can't be, as `(key, expected, got)`.
    pub fn problem(&self) -> Option<(&'static str, String, String)> {
        let size = self.hidden.iter().find(|size| !(1..=8192).contains(*size));
        let many =
            (self.hidden.len() > 16).then(|| ("hidden", "at most 16 layers".into(), self.hidden.len().to_string()));
        size.map(|size| ("hidden", "layers of 1 to 8192 units".into(), size.to_string())).or(many)
    }

    /// A network from rows of `input` numbers to rows of `output`, its parameters named after `name`.
    ///
    /// # Errors
    /// If the configuration has a [`MlpConfig::problem`], or there is no input or output.
    pub fn init(&self, name: &str, input: usize, output: usize, init: &Init) -> Result<Mlp, ShapeError> {
        let check = Check("multilayer perceptron");
        if let Some((name, expected, got)) = self.problem() {
            return Err(ShapeError::Value { operation: check.0, name, expected, got });
        }
        check.some("the input", input)?;
        check.some("the output", output)?;
        let widths: Vec<usize> = [input].into_iter().chain(self.hidden.iter().copied()).chain([output]).collect();
        let layer = |(l, w): (usize, &[usize])| Affine::new(init, &format!("{name}.layers.{l}"), w[0], w[1], true);
        Ok(Mlp { layers: widths.windows(2).enumerate().map(layer).collect(), config: self.clone() })
    }
}

/// Affine maps with a non-linearity after each but the last.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Affine>,
    #[module(skip)]
    config: MlpConfig,
}

impl Mlp {
    /// `x[batch, input]` to `[batch, output]`.
    ///
    /// # Errors
    /// If the width is another.
    pub fn forward(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        self.layers
            .iter()
            .enumerate()
            .try_fold(x, |x, (l, layer)| layer.parameters().forward(x, self.activation(l), precision))
    }

    /// The same, and how the result changes as `x` moves along `direction[batch, input]`: the product of the Jacobian with it.
    ///
    /// # Errors
    /// As [`Mlp::forward`].
    pub fn forward_tangent(
        &self,
        x: Tensor<2>,
        direction: Tensor<2>,
        precision: Precision,
    ) -> Result<(Tensor<2>, Tensor<2>), ShapeError> {
        let (mut y, mut d_y) = (x, direction);
        for (l, layer) in self.layers.iter().enumerate() {
            let activation = self.activation(l);
            y = layer.parameters().forward(y, activation, precision)?;
            // y = activation(x W^T + b)
            d_y = layer.parameters().without_bias().forward(d_y, Activation::Identity, precision)?;
            d_y = match activation {
                Activation::Identity => d_y,
                Activation::Tanh => d_y * (-(y.clone() * y.clone()) + 1.0),
                // The slope is flat but at the corner.
                Activation::Relu => d_y * slope(&y, 0.0),
                Activation::LeakyRelu => d_y * slope(&y, LEAK),
            };
        }
        Ok((y, d_y))
    }

    fn activation(&self, layer: usize) -> Activation {
        if layer + 1 == self.layers.len() { Activation::Identity } else { self.config.nonlinearity.into() }
    }
}

/// 1 where `y` is above 0, `leak` elsewhere.
fn slope(y: &Tensor<2>, leak: f64) -> Tensor<2> {
    let above = y.clone().detach().greater_elem(0.0).float().cast(y.dtype());
    above * (1.0 - leak) + leak
}

impl Critic for Mlp {
    fn logits(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<1>, ShapeError> {
        column(self.forward(x, precision)?)
    }

    fn tangent(
        &self,
        x: Tensor<2>,
        direction: Tensor<2>,
        precision: Precision,
    ) -> Result<(Tensor<1>, Tensor<1>), ShapeError> {
        let (y, d_y) = self.forward_tangent(x, direction, precision)?;
        Ok((column(y)?, column(d_y)?))
    }
}

/// `[batch, 1]` as `[batch]`.
fn column(y: Tensor<2>) -> Result<Tensor<1>, ShapeError> {
    let [batch, width] = y.dims();
    Check("discriminator").dimension("logits of a sample", width, 1)?;
    Ok(y.reshape([batch]))
}
