//! Affine map with an optional non-linearity.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::packs::packed;
use super::shared::{Shared, Sum, finish, start};
use crate::pass::Precision;
use burn::tensor::Tensor;
use simurgh_kernels::ShapeError;
use simurgh_kernels::gemm::Format;
use simurgh_kernels::linear;
pub use simurgh_kernels::linear::{Activation, LEAK};
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// `activation(x W^T + b)`: `x[rows, input]`, `W[output, input]`, `b[output]`; the kernel
/// multiplies with this `precision`.
///
/// # Errors
/// If the shapes do not fit.
pub fn linear(
    x: Tensor<2>,
    weight: impl Into<Shared<2>>,
    bias: Option<Shared<1>>,
    activation: Activation,
    precision: Precision,
) -> Result<Tensor<2>, ShapeError> {
    body(x, weight, bias, activation, precision.into(), Body::Auto)
}

pub(crate) fn body(
    x: Tensor<2>,
    weight: impl Into<Shared<2>>,
    bias: Option<Shared<1>>,
    activation: Activation,
    format: Format,
    body: Body,
) -> Result<Tensor<2>, ShapeError> {
    let weight = weight.into();
    let [rows, input] = x.dims();
    let [output, width] = weight.tensor.dims();
    let check = Check("linear");
    check.some("the input", input)?;
    check.some("the output", output)?;
    check.dimension("input of the weight", width, input)?;
    check.count("the result", &[("rows", rows), ("output", output)])?;
    if let Some(bias) = &bias {
        check.dimension("output of the bias", bias.tensor.dims()[0], output)?;
    }
    if body.is_fused(&x) {
        let sums = [weight.sum, bias.as_ref().and_then(|bias| bias.sum.clone())];
        let mut inputs = vec![x.into_dispatch(), weight.tensor.into_dispatch()];
        inputs.extend(bias.map(|bias| bias.tensor.into_dispatch()));
        return Ok(run_fused(inputs, Linear { activation, format, sums }));
    }
    let y = x.matmul(weight.tensor.transpose());
    let y = match bias {
        Some(bias) => y + bias.tensor.unsqueeze(),
        None => y,
    };
    Ok(activated(y, activation))
}

/// What follows an affine map, of ordinary tensor operations.
pub(crate) fn activated<const D: usize>(y: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Identity => y,
        Activation::Tanh => y.tanh(),
        Activation::Relu => y.clamp_min(0.0),
        Activation::LeakyRelu => y.clone().clamp_min(0.0) + y.clamp_max(0.0) * LEAK,
    }
}

#[derive(Debug)]
struct Linear {
    activation: Activation,
    format: Format,
    /// Of the weight and the bias, if they are shared.
    sums: [Option<Arc<Sum>>; 2],
}

impl Kernel for Linear {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let (x, weight) = (&inputs[0], &inputs[1]);
        let bias = inputs.get(2).map(|b| b.data);
        let data = linear::forward(x.data, &packed(weight, true, self.format), bias, self.activation);
        let data = data.expect("shapes were checked before");
        Output { data, shape: vec![x.shape[0], weight.shape[0]], saved: Arc::new(()) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        output: &[T],
        _: &Saved,
        d_output: &[T],
        wanted: &[bool],
    ) -> Vec<Vec<T>> {
        let (x, weight) = (&inputs[0], &inputs[1]);
        let packed = packed(weight, false, self.format);
        let [of_weight, of_bias] = self.sums.each_ref().map(Option::as_ref);
        let sums = (start(of_weight, weight.data.len()), start(of_bias, weight.shape[0]));
        let g = linear::backward_adding(x.data, output, d_output, &packed, self.activation, wanted[0], sums);
        let g = g.expect("shapes were checked before");
        let mut all = vec![g.x, finish(of_weight, g.weight)];
        if inputs.len() == 3 {
            all.push(finish(of_bias, g.bias));
        }
        all
    }

    fn passes_zeros(&self, input: usize) -> bool {
        let shared = input.checked_sub(1).and_then(|input| self.sums[input].as_ref());
        shared.is_some_and(|sum| sum.passes())
    }
}
