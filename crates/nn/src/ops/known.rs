//! A number whose gradient is known as it is made.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;

/// `value` as a tensor `[1]` whose gradient in each of the tensors, at most two of them, is given, as many numbers as it has: one
/// entry of the tape, however the number was computed.
///
/// # Errors
/// If a gradient has another length than its tensor.
pub fn known<const N: usize>(value: f64, parts: [(Tensor<1>, Vec<f64>); N]) -> Result<Tensor<1>, ShapeError> {
    body(value, parts, Body::Auto)
}

pub(crate) fn body<const N: usize>(
    value: f64,
    parts: [(Tensor<1>, Vec<f64>); N],
    body: Body,
) -> Result<Tensor<1>, ShapeError> {
    const { assert!(N == 1 || N == 2, "a number of one tensor or two") };
    for (x, slopes) in &parts {
        Check("known").elements("a gradient", slopes.len(), &[("numbers", x.dims()[0])])?;
    }
    if body.is_fused(&parts[0].0) {
        let (inputs, slopes) = parts.into_iter().map(|(x, slopes)| (x.into_dispatch(), slopes)).unzip();
        return Ok(run_fused(inputs, Known { value, slopes }));
    }
    // What is linear in the tensors has the gradient; what it lacks of the value is no part of the tape.
    let along = |(x, slopes): (Tensor<1>, Vec<f64>)| {
        let len = slopes.len();
        (x.clone() * Tensor::from_data(TensorData::new(slopes, [len]), (&x.device(), x.dtype()))).sum()
    };
    let line = parts.into_iter().map(along).reduce(|a, b| a + b).expect("at least one tensor");
    let rest = -line.clone().detach() + value;
    Ok(line + rest)
}

#[derive(Debug)]
struct Known {
    value: f64,
    slopes: Vec<Vec<f64>>,
}

impl Kernel for Known {
    fn forward<T: Number>(&self, _: &[Operand<'_, T>], _track: bool) -> Output<T> {
        Output { data: vec![T::from_f64(self.value)], shape: vec![1], saved: std::sync::Arc::new(()) }
    }

    fn backward<T: Number>(&self, _: &[Operand<'_, T>], _: &[T], _: &Saved, d_output: &[T], _: &[bool]) -> Vec<Vec<T>> {
        self.slopes
            .iter()
            .map(|slopes| slopes.iter().map(|slope| T::from_f64(*slope) * d_output[0]).collect())
            .collect()
    }
}
