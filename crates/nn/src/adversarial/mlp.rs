//! Fully connected networks, for points of a plane and small pictures.

use super::Critic;
use super::dense::Dense;
use super::minibatch::{compared, compared_tangent};
use crate::init::Init;
use crate::ops::{Activation, DenseLayer, dense_layers};
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
    /// Every weight over its largest singular value.
    #[serde(skip)]
    pub spectral_norm: bool,
    /// The last layer sees how much the samples of a batch differ.
    #[serde(skip)]
    pub minibatch_deviation: bool,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self {
            hidden: vec![128, 128],
            nonlinearity: Nonlinearity::LeakyRelu,
            spectral_norm: false,
            minibatch_deviation: false,
        }
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
        let last = self.hidden.len();
        let layer = |(l, w): (usize, &[usize])| {
            let more = usize::from(self.minibatch_deviation && l == last);
            Dense::new(init, &format!("{name}.layers.{l}"), [w[0] + more, w[1]], self.spectral_norm)
        };
        Ok(Mlp { layers: widths.windows(2).enumerate().map(layer).collect(), config: self.clone() })
    }
}

/// Affine maps with a non-linearity after each but the last.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Dense>,
    #[module(skip)]
    config: MlpConfig,
}

impl Mlp {
    /// `x[batch, input]` to `[batch, output]`.
    ///
    /// # Errors
    /// If the width is another.
    pub fn forward(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let (below, last) = self.values();
        if !self.config.minibatch_deviation {
            return dense_layers(x, [below, vec![last]].concat(), false, precision);
        }
        dense_layers(compared(dense_layers(x, below, false, precision)?), vec![last], false, precision)
    }

    /// The network after a step of power iteration on every weight whose spectral norm is kept.
    #[must_use]
    pub fn iterated(self) -> Self {
        if !self.config.spectral_norm {
            return self;
        }
        Self { layers: self.layers.into_iter().map(Dense::iterated).collect(), ..self }
    }

    /// The layers in use, the last one by itself.
    fn values(&self) -> (Vec<DenseLayer>, DenseLayer) {
        let of = |layer: &Dense, activation| {
            let (weight, bias) = layer.values();
            (weight, bias, activation)
        };
        let (last, below) = self.layers.split_last().expect("at least one layer");
        let between = self.config.nonlinearity.into();
        (below.iter().map(|layer| of(layer, between)).collect(), of(last, Activation::Identity))
    }
}

impl Critic for Mlp {
    fn scores(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        self.forward(x, precision)
    }

    fn scores_tangent(
        &self,
        x: Tensor<2>,
        direction: Tensor<2>,
        precision: Precision,
    ) -> Result<(Tensor<2>, Tensor<2>), ShapeError> {
        let (below, last) = self.values();
        // Samples above, their changes below.
        let both = Tensor::cat(vec![x, direction], 0);
        let both = if self.config.minibatch_deviation {
            let (x, d_x) = compared_tangent(halves(dense_layers(both, below, true, precision)?));
            dense_layers(Tensor::cat(vec![x, d_x], 0), vec![last], true, precision)?
        } else {
            dense_layers(both, [below, vec![last]].concat(), true, precision)?
        };
        Ok(halves(both))
    }
}

/// The upper half of the rows, and the lower one.
fn halves(both: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let [rows, width] = both.dims();
    (both.clone().slice([0..rows / 2, 0..width]), both.slice([rows / 2..rows, 0..width]))
}
