//! A fully connected layer.

use super::spectral::{FIRST, direction, iterated, normalised};
use crate::init::Init;
use crate::ops::{Activation, Shared, linear};
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
    pub fn values(&self) -> (Shared<2>, Shared<1>) {
        let weight = self.weight.val();
        let weight = match &self.weight_u {
            None => weight,
            Some(u) => normalised(weight, &u.val()),
        };
        (weight.into(), self.bias.val().into())
    }

    /// `x W^T + b`, with nothing after it.
    pub fn affine(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let (weight, bias) = self.values();
        linear(x, weight, Some(bias), Activation::Identity, precision)
    }

    /// The same, and how it changes along `d_x`.
    pub fn affine_tangent(
        &self,
        both: (Tensor<2>, Tensor<2>),
        precision: Precision,
    ) -> Result<(Tensor<2>, Tensor<2>), ShapeError> {
        tangent(self.values(), both, Activation::Identity, precision)
    }

    /// The layer after a step of power iteration.
    pub fn iterated(mut self) -> Self {
        let weight = self.weight.val();
        self.weight_u = self.weight_u.map(|u| iterated(&weight, u));
        self
    }
}

/// A layer's output and how it changes along `d_x`: what the two in turn are for a whole network.
pub(super) fn tangent(
    (weight, bias): (Shared<2>, Shared<1>),
    (x, d_x): (Tensor<2>, Tensor<2>),
    activation: Activation,
    precision: Precision,
) -> Result<(Tensor<2>, Tensor<2>), ShapeError> {
    let y = linear(x, weight.clone(), Some(bias), activation, precision)?;
    // y = activation(x W^T + b)
    let d_y = linear(d_x, weight, None, Activation::Identity, precision)?;
    let d_y = scaled_by_slope(d_y, &y, activation);
    Ok((y, d_y))
}

/// A change of what stands before a non-linearity as a change of its result `y`.
pub(super) fn scaled_by_slope<const D: usize>(d_y: Tensor<D>, y: &Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Identity => d_y,
        Activation::Tanh => d_y * (-(y.clone() * y.clone()) + 1.0),
        // The slope is flat but at the corner.
        Activation::Relu => d_y * slope(y, 0.0),
        Activation::LeakyRelu => d_y * slope(y, crate::ops::LEAK),
    }
}

/// 1 where `y` is above 0, `leak` elsewhere.
fn slope<const D: usize>(y: &Tensor<D>, leak: f64) -> Tensor<D> {
    let above = y.clone().detach().greater_elem(0.0).float().cast(y.dtype());
    above * (1.0 - leak) + leak
}
