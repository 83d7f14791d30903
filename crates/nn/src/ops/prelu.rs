//! What is above 0, and a learnt part of what is below.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use burn::tensor::Tensor;
use simurgh_kernels::ShapeError;
use simurgh_kernels::prelu as kernel;
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// `x` where it is above 0, `slope x` elsewhere; one `slope[1]` for all (PReLU, He et al. 2015).
///
/// # Errors
/// If there is another number of slopes.
pub fn prelu(x: Tensor<2>, slope: Tensor<1>) -> Result<Tensor<2>, ShapeError> {
    body(x, slope, Body::Auto)
}

pub(crate) fn body(x: Tensor<2>, slope: Tensor<1>, body: Body) -> Result<Tensor<2>, ShapeError> {
    Check("PReLU").dimension("slopes", slope.dims()[0], 1)?;
    if body.is_fused(&x) {
        return Ok(run_fused(vec![x.into_dispatch(), slope.into_dispatch()], Prelu));
    }
    let above = x.clone().clamp_min(0.0);
    Ok(above.clone() + (x - above) * slope.unsqueeze())
}

#[derive(Debug)]
struct Prelu;

impl Kernel for Prelu {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let data = kernel::forward(inputs[0].data, inputs[1].data[0]);
        Output { data, shape: inputs[0].shape.to_vec(), saved: Arc::new(()) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        _: &[T],
        _: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let g = kernel::backward(inputs[0].data, d_output, inputs[1].data[0]).expect("as many as the result has");
        vec![g.x, vec![g.slope]]
    }
}
