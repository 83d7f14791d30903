//! Loss of many yes-or-no answers a row, from logits.

use super::Body;
use super::cross_entropy::Loss;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_kernels::binary_cross_entropy::binary_cross_entropy as kernel;
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// Negative log-likelihood of the answers `y[rows, width]`, zeros and ones row by row, under `sigmoid(logits[rows, width])`; of
/// [`Loss`] the third number counts the rows whose answers are all right.
///
/// # Errors
/// If there are other answers than logits, or none.
pub fn binary_cross_entropy(logits: Tensor<2>, y: &Arc<[f32]>) -> Result<Loss, ShapeError> {
    body(logits, y, Body::Auto)
}

pub(crate) fn body(logits: Tensor<2>, y: &Arc<[f32]>, body: Body) -> Result<Loss, ShapeError> {
    let ([rows, width], check) = (logits.dims(), Check("binary_cross_entropy"));
    check.some("the number of rows", rows)?;
    check.some("the width", width)?;
    check.elements("the answers", y.len(), &[("rows", rows), ("width", width)])?;
    if body.is_fused(&logits) {
        return Ok(Loss::of(run_fused(vec![logits.into_dispatch()], BinaryCrossEntropy { y: y.clone() })));
    }
    let answers = TensorData::new(y.to_vec(), [rows, width]);
    let answers = Tensor::<2>::from_data(answers, (&logits.device().inner(), logits.dtype()));
    let above = logits.clone().clamp_min(0.0);
    let terms = above - logits.clone() * answers.clone() + (logits.clone().abs().neg().exp() + 1.0).log();
    let nll = terms.sum();
    let wrong = logits.greater_elem(0.0).float().cast(answers.dtype()) - answers;
    let right = wrong.abs().max_dim(1).equal_elem(0.0).float().cast(nll.dtype()).sum();
    Ok(Loss::of(Tensor::cat(vec![nll.clone(), nll, right], 0)))
}

#[derive(Debug)]
struct BinaryCrossEntropy {
    y: Arc<[f32]>,
}

impl Kernel for BinaryCrossEntropy {
    /// The gradient is made in the forward pass, where the logits are at hand.
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], track: bool) -> Output<T> {
        let (z, width) = (inputs[0].data, inputs[0].shape[1]);
        let y: Vec<T> = self.y.iter().map(|y| T::from_f64(f64::from(*y))).collect();
        let mut d_z = vec![T::ZERO; if track { z.len() } else { 0 }];
        let sums = kernel(z, &y, width, &mut d_z).expect("shapes were checked before");
        let data = [sums.nll, sums.nll, sums.correct as f64].map(T::from_f64).to_vec();
        Output { data, shape: vec![3], saved: Arc::new(d_z) }
    }

    fn backward<T: Number>(
        &self,
        _: &[Operand<'_, T>],
        _: &[T],
        saved: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let d_z = saved.downcast_ref::<Vec<T>>().expect("the forward pass made the gradient");
        // Two numbers of the three are the likelihood.
        let scale = d_output[0] + d_output[1];
        vec![d_z.iter().map(|d| *d * scale).collect()]
    }
}
