//! A fully connected layer.

use super::spectral::{FIRST, direction, iterated, normalised};
use crate::init::Init;
use crate::ops::{Activation, linear};
use crate::pass::Precision;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use simurgh_kernels::ShapeError;

/// `activation(x W^T + b)`, `weight[output, input]`.
#[derive(Module, Debug)]
pub(super) struct Dense {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    /// `[output]`: an estimate of the weight's first left singular vector, of length 1; PyTorch's name.
    weight_u: Option<Param<Tensor<1>>>,
}

impl Dense {
    pub fn new(init: &Init, name: &str, [input, output]: [usize; 2], spectral: bool) -> Self {
        let layer = Self {
            weight: init.glorot(name, [output, input], 1),
            bias: init.constant([output], 0.0),
            weight_u: spectral.then(|| direction(init, name, output)),
        };
        (0..if spectral { FIRST } else { 0 }).fold(layer, |layer, _| layer.iterated())
    }

    /// Weight and bias in use: the weight over its largest singular value where that is kept (Miyato et al. 2018, equation 8).
    pub fn values(&self) -> (Tensor<2>, Tensor<1>) {
        let weight = self.weight.val();
        let weight = match &self.weight_u {
            None => weight,
            Some(u) => normalised(weight, &u.val()),
        };
        (weight, self.bias.val())
    }

    /// `activation(x W^T + b)`
    pub fn forward(&self, x: Tensor<2>, activation: Activation, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let (weight, bias) = self.values();
        linear(x, weight, Some(bias.into()), activation, precision)
    }

    /// `x W^T + b`, with nothing after it, and how it changes along `d_x`.
    pub fn affine_tangent(
        &self,
        (x, d_x): (Tensor<2>, Tensor<2>),
        precision: Precision,
    ) -> Result<(Tensor<2>, Tensor<2>), ShapeError> {
        let (weight, bias) = self.values();
        let d_y = linear(d_x, weight.clone(), None, Activation::Identity, precision)?;
        Ok((linear(x, weight, Some(bias.into()), Activation::Identity, precision)?, d_y))
    }

    /// The layer after a step of power iteration.
    pub fn iterated(mut self) -> Self {
        let weight = self.weight.val();
        self.weight_u = self.weight_u.map(|u| iterated(&weight, u));
        self
    }
}
