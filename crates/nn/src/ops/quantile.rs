//! Errors of forecasts.

use super::Body;
use super::cross_entropy::Loss;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_kernels::quantile::{point, quantile_errors as kernel};
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// Errors of `forecast[rows, steps x quantiles]` (a step's quantiles side by side) against `truth[rows, steps]`, row by row: of
/// [`Loss`] the sum that is minimised (see [`simurgh_kernels::quantile`]), and the squared and the absolute errors of the point
/// forecast.
///
/// # Errors
/// If there are other truths than forecasts, or none.
pub fn quantile_errors(forecast: Tensor<2>, truth: &Arc<[f32]>, quantiles: &Arc<[f64]>) -> Result<Loss, ShapeError> {
    body(forecast, truth, quantiles, Body::Auto)
}

pub(crate) fn body(
    forecast: Tensor<2>,
    truth: &Arc<[f32]>,
    quantiles: &Arc<[f64]>,
    body: Body,
) -> Result<Loss, ShapeError> {
    let ([rows, columns], check) = (forecast.dims(), Check("quantile errors"));
    check.some("the number of rows", rows)?;
    check.some("the number of forecasts", columns)?;
    let width = quantiles.len().max(1);
    check.elements("forecast", rows * columns, &[("truths", truth.len()), ("quantiles", width)])?;
    if body.is_fused(&forecast) {
        let kernel = QuantileErrors { truth: truth.clone(), quantiles: quantiles.clone() };
        return Ok(Loss::of(run_fused(vec![forecast.into_dispatch()], kernel)));
    }
    let values = truth.len();
    let from = |data: Vec<f32>, shape| {
        Tensor::<2>::from_data(TensorData::new(data, shape), (&forecast.device().inner(), forecast.dtype()))
    };
    let (truth, shares) =
        (from(truth.to_vec(), [values, 1]), from(quantiles.iter().map(|q| *q as f32).collect(), [1, quantiles.len()]));
    let error = truth - forecast.reshape([values, width]);
    let at = point(quantiles);
    let of_point = error.clone().slice([0..values, at..at + 1]);
    let (squared, absolute) = (of_point.clone().powi_scalar(2).sum(), of_point.abs().sum());
    let loss = if quantiles.is_empty() {
        squared.clone()
    } else {
        let (above, below) = (error.clone().clamp_min(0.0), error.neg().clamp_min(0.0));
        (above * shares.clone() + below * (shares.neg() + 1.0)).sum() * (2.0 / width as f64)
    };
    Ok(Loss::of(Tensor::cat(vec![loss, squared, absolute], 0)))
}

#[derive(Debug)]
struct QuantileErrors {
    truth: Arc<[f32]>,
    quantiles: Arc<[f64]>,
}

impl Kernel for QuantileErrors {
    /// The gradient is made in the forward pass, where the errors are at hand.
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], track: bool) -> Output<T> {
        let forecast = inputs[0].data;
        let truth: Vec<T> = self.truth.iter().map(|y| T::from_f64(f64::from(*y))).collect();
        let mut d_forecast = vec![T::ZERO; if track { forecast.len() } else { 0 }];
        let sums = kernel(forecast, &truth, &self.quantiles, &mut d_forecast).expect("shapes were checked before");
        let data = [sums.loss, sums.squared, sums.absolute].map(T::from_f64).to_vec();
        Output { data, shape: vec![3], saved: Arc::new(d_forecast) }
    }

    fn backward<T: Number>(
        &self,
        _: &[Operand<'_, T>],
        _: &[T],
        saved: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let d_forecast = saved.downcast_ref::<Vec<T>>().expect("the forward pass made the gradient");
        vec![d_forecast.iter().map(|d| *d * d_output[0]).collect()]
    }
}
