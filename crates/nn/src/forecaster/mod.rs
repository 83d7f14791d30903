//! Forecasts of numbers over time: many-to-many in step, segment by segment.

mod config;
mod network;
mod windows;

pub use config::{DecodingKind, ForecasterConfig, NormaliseKind};
pub use network::Forecaster;
pub use windows::Windows;

use simurgh_kernels::ShapeError;
use simurgh_kernels::quantile::{Errors, quantile_errors};

/// The errors of `forecast[values, quantiles]` against `truth[values]`, summed.
///
/// # Errors
/// If there is another number of forecasts.
pub fn errors(forecast: &[f32], truth: &[f32], quantiles: &[f64]) -> Result<Errors, ShapeError> {
    quantile_errors(forecast, truth, quantiles, &mut [])
}

#[cfg(test)]
mod tests;
