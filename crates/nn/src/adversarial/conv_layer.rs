//! Convolutions, and what normalises them.

use super::spectral::{FIRST, direction, iterated, normalised};
use crate::init::Init;
use crate::ops::{Activation, Geometry, activated, batch_norm, convolution, scaled_by_slope, transposed_convolution};
use crate::pass::Precision;
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;

/// Scale and shift of a batch normalisation, and what its input is like in use; PyTorch's names.
#[derive(Module, Debug)]
pub(super) struct Norm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: Param<Tensor<1>>,
    running_var: Param<Tensor<1>>,
}

impl Norm {
    pub fn new(init: &Init, channels: usize) -> Self {
        Self {
            weight: init.constant([channels], 1.0),
            bias: init.constant([channels], 0.0),
            running_mean: init.fixed([channels], 0.0),
            running_var: init.fixed([channels], 1.0),
        }
    }

    /// `[pictures, pixels channels]`, by the batch's own statistics.
    pub fn by_batch(&self, x: Tensor<2>, activation: Activation) -> Result<Tensor<2>, ShapeError> {
        let ([pictures, width], [channels]) = (x.dims(), self.weight.val().dims());
        let x = x.reshape([pictures * width / channels, channels]);
        Ok(batch_norm(x, self.weight.val(), self.bias.val(), activation)?.reshape([pictures, width]))
    }

    /// The same, by those that were kept.
    pub fn by_kept(&self, x: Tensor<2>, activation: Activation) -> Tensor<2> {
        let ([pictures, width], [channels]) = (x.dims(), self.weight.val().dims());
        let x = x.reshape([pictures * width / channels, channels]);
        let deviation = (self.running_var.val() + simurgh_kernels::batch_norm::EPSILON).sqrt();
        let factor = self.weight.val() / deviation;
        let y = (x - self.running_mean.val().unsqueeze()) * factor.unsqueeze() + self.bias.val().unsqueeze();
        activated(y, activation).reshape([pictures, width])
    }

    /// With the statistics of `x` kept.
    pub fn keeping(self, x: &Tensor<2>) -> Result<Self, ShapeError> {
        let [channels] = self.weight.val().dims();
        let data: Vec<f32> = x.clone().into_data().iter::<f32>().collect();
        let of = simurgh_kernels::batch_norm::statistics(&data, channels)?;
        let put = |param: Param<Tensor<1>>, data: Vec<f32>| {
            param.map(|old| Tensor::from_data(TensorData::new(data, [channels]), (&old.device(), old.dtype())))
        };
        Ok(Self {
            running_mean: put(self.running_mean, of.mean),
            running_var: put(self.running_var, of.variance),
            ..self
        })
    }
}

/// A convolution, `weight[out, in, kernel, kernel]`; PyTorch's names.
#[derive(Module, Debug)]
pub(super) struct Conv {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    weight_u: Option<Param<Tensor<1>>>,
    norm: Option<Norm>,
    #[module(skip)]
    geometry: Geometry,
}

impl Conv {
    /// To `out` channels, from weights of this deviation; its parameters are named after `name`.
    pub fn new(init: &Init, name: &str, geometry: Geometry, out: usize, deviation: f64, spectral: bool) -> Self {
        let Geometry { channels, kernel, .. } = geometry;
        let layer = Self {
            weight: init.normal(name, [out, channels, kernel, kernel], deviation),
            bias: init.constant([out], 0.0),
            weight_u: spectral.then(|| direction(init, name, out)),
            norm: None,
            geometry,
        };
        (0..if spectral { FIRST } else { 0 }).fold(layer, |layer, _| layer.iterated())
    }

    /// The same, its result normalised over the batch.
    pub fn normalised(mut self, init: &Init) -> Self {
        let [out] = self.bias.val().dims();
        self.norm = Some(Norm::new(init, out));
        self
    }

    /// `[out, patch]`
    fn matrix(&self) -> Tensor<2> {
        let [out, channels, kernel, _] = self.weight.val().dims();
        self.weight.val().reshape([out, channels * kernel * kernel])
    }

    /// The weight in use.
    fn weight(&self) -> Tensor<4> {
        match &self.weight_u {
            None => self.weight.val(),
            Some(u) => normalised(self.matrix(), &u.val()).reshape(self.weight.val().dims()),
        }
    }

    /// The layer after a step of power iteration.
    pub fn iterated(mut self) -> Self {
        let matrix = self.matrix();
        self.weight_u = self.weight_u.map(|u| iterated(&matrix, u));
        self
    }

    /// `activation(conv(x) + b)`, normalised over the batch where it has a norm.
    pub fn forward(&self, x: Tensor<2>, activation: Activation, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let first = if self.norm.is_some() { Activation::Identity } else { activation };
        let y = convolution(x, self.weight(), Some(self.bias.val()), self.geometry, first, precision)?;
        match &self.norm {
            Some(norm) => norm.by_batch(y, activation),
            None => Ok(y),
        }
    }

    /// The same of a layer without a norm, and how it changes along `d_x`.
    pub fn tangent(
        &self,
        (x, d_x): (Tensor<2>, Tensor<2>),
        activation: Activation,
        precision: Precision,
    ) -> Result<(Tensor<2>, Tensor<2>), ShapeError> {
        if self.norm.is_some() {
            let name = "a layer normalised over the batch";
            let (expected, got) = ("none".into(), "one: it has no slope of a sample's own".into());
            return Err(ShapeError::Value { operation: "gradient penalty", name, expected, got });
        }
        let weight = self.weight();
        let y = convolution(x, weight.clone(), Some(self.bias.val()), self.geometry, activation, precision)?;
        // y = activation(conv(x) + b)
        let d_y = convolution(d_x, weight, None, self.geometry, Activation::Identity, precision)?;
        let d_y = scaled_by_slope(d_y, &y, activation);
        Ok((y, d_y))
    }
}

/// A layer that doubles a picture; PyTorch's weight of a transposed convolution, `[in, out, kernel, kernel]`.
#[derive(Module, Debug)]
pub(super) struct Up {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    /// Of what comes out.
    pub norm: Option<Norm>,
    #[module(skip)]
    geometry: Geometry,
}

impl Up {
    /// From `input` channels to the geometry's, from weights of this deviation; its parameters are named after `name`.
    pub fn new(init: &Init, name: &str, input: usize, geometry: Geometry, deviation: f64) -> Self {
        let Geometry { channels, kernel, .. } = geometry;
        Self {
            weight: init.normal(name, [input, channels, kernel, kernel], deviation),
            bias: init.constant([channels], 0.0),
            norm: None,
            geometry,
        }
    }

    /// `activation(transposed conv(x) + b)`, without the norm.
    pub fn forward(&self, x: Tensor<2>, activation: Activation, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        transposed_convolution(x, self.weight.val(), Some(self.bias.val()), self.geometry, activation, precision)
    }
}
