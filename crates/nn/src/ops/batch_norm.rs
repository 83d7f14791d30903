//! Batch normalisation.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use burn::tensor::Tensor;
use simurgh_kernels::ShapeError;
use simurgh_kernels::batch_norm::{self as kernel, EPSILON, Statistics};
use simurgh_kernels::linear::Activation;
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// `activation(normal(x) * scale + shift)`: every channel of `x[rows, channels]` less its mean over the rows, over its deviation
/// (Ioffe & Szegedy 2015); `scale[channels]`, `shift[channels]`.
///
/// # Errors
/// If the shapes do not fit, or there are no rows.
pub fn batch_norm(
    x: Tensor<2>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    activation: Activation,
) -> Result<Tensor<2>, ShapeError> {
    body(x, scale, shift, activation, Body::Auto)
}

pub(crate) fn body(
    x: Tensor<2>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    activation: Activation,
    body: Body,
) -> Result<Tensor<2>, ShapeError> {
    let ([rows, channels], check) = (x.dims(), Check("batch normalisation"));
    check.some("the batch", rows)?;
    check.some("the channels", channels)?;
    check.dimension("channels of the scale", scale.dims()[0], channels)?;
    check.dimension("channels of the shift", shift.dims()[0], channels)?;
    if body.is_fused(&x) {
        let inputs = vec![x.into_dispatch(), scale.into_dispatch(), shift.into_dispatch()];
        return Ok(run_fused(inputs, BatchNorm { activation }));
    }
    let centred = x.clone() - x.mean_dim(0);
    let variance = (centred.clone() * centred.clone()).mean_dim(0);
    let y = centred / (variance + EPSILON).sqrt() * scale.unsqueeze() + shift.unsqueeze();
    Ok(super::linear::activated(y, activation))
}

#[derive(Debug)]
struct BatchNorm {
    activation: Activation,
}

impl Kernel for BatchNorm {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let [x, scale, shift] = inputs else { unreachable!("three operands") };
        let of = kernel::statistics(x.data, scale.data.len()).expect("shapes were checked before");
        let data = kernel::forward(x.data, scale.data, shift.data, &of, self.activation);
        Output { data: data.expect("shapes were checked before"), shape: x.shape.to_vec(), saved: Arc::new(of) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        output: &[T],
        saved: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let of = saved.downcast_ref::<Statistics<T>>().expect("kept by the forward pass");
        let g = kernel::backward(inputs[0].data, output, d_output, inputs[1].data, of, self.activation);
        let g = g.expect("shapes were checked before");
        vec![g.x, g.scale, g.shift]
    }
}
