//! Affine maps.

use crate::init::Init;
use crate::ops::{Activation, Shared, linear};
use crate::pass::Precision;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use simurgh_kernels::ShapeError;

/// An affine map, `weight[output, input]`.
#[derive(Module, Debug)]
pub struct Affine {
    pub(crate) weight: Param<Tensor<2>>,
    pub(crate) bias: Option<Param<Tensor<1>>>,
}

impl Affine {
    pub(crate) fn new(init: &Init, name: &str, input: usize, output: usize, bias: bool) -> Self {
        Self { weight: init.glorot(name, [output, input], 1), bias: bias.then(|| init.constant([output], 0.0)) }
    }

    /// Weight and bias of a map that has both.
    pub(crate) fn values(&self) -> (Tensor<2>, Tensor<1>) {
        (self.weight.val(), self.bias.as_ref().expect("a map with a bias").val())
    }

    pub(crate) fn parameters(&self) -> Map {
        Map { weight: self.weight.val().into(), bias: self.bias.as_ref().map(|bias| bias.val().into()) }
    }
}

/// An affine map's parameters as tensors.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    weight: Shared<2>,
    bias: Option<Shared<1>>,
}

impl Map {
    pub(crate) fn shared(self) -> Self {
        Self { weight: Shared::new(self.weight.tensor), bias: self.bias.map(|bias| Shared::new(bias.tensor)) }
    }

    /// `activation(x W^T + b)`.
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        activation: Activation,
        precision: Precision,
    ) -> Result<Tensor<2>, ShapeError> {
        linear(x, self.weight.clone(), self.bias.clone(), activation, precision)
    }
}
