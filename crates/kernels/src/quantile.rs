//! Errors of forecasts: squared, or the pinball loss of quantiles.

use crate::shape::Check;
use crate::{Real, ShapeError};

/// Sums over all forecast values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// What is minimised: squared errors, or of quantiles twice the mean of their pinball losses (of the median alone: the
    /// absolute error).
    pub loss: f64,
    /// Squared errors of the point forecast.
    pub squared: f64,
    /// Its absolute errors.
    pub absolute: f64,
}

/// Which of the quantiles is the point forecast: the one nearest to the median.
pub fn point(quantiles: &[f64]) -> usize {
    let distance = |q: &f64| (q - 0.5).abs();
    (0..quantiles.len()).min_by(|a, b| distance(&quantiles[*a]).total_cmp(&distance(&quantiles[*b]))).unwrap_or(0)
}

/// The errors of `forecast[values, quantiles]` against `truth[values]`, and the gradient of their loss in `d_forecast`, if it has
/// room for it; squared errors where there are no quantiles (Koenker & Bassett 1978).
///
/// # Errors
/// If there is another number of forecasts.
pub fn quantile_errors<T: Real>(
    forecast: &[T],
    truth: &[T],
    quantiles: &[f64],
    d_forecast: &mut [T],
) -> Result<Errors, ShapeError> {
    let (width, check) = (quantiles.len().max(1), Check("quantile errors"));
    check.elements("forecast", forecast.len(), &[("values", truth.len()), ("quantiles", width)])?;
    if !d_forecast.is_empty() {
        check.elements("d_forecast", d_forecast.len(), &[("values", truth.len()), ("quantiles", width)])?;
    }
    let point = point(quantiles);
    let mut sums = Errors::default();
    for (i, (row, truth)) in forecast.chunks_exact(width).zip(truth).enumerate() {
        let truth = truth.to_f64();
        let error = truth - row[point].to_f64();
        sums.squared += error * error;
        sums.absolute += error.abs();
        let mut set = |k: usize, gradient: f64| {
            if let Some(d) = d_forecast.get_mut(i * width + k) {
                *d = T::from_f64(gradient);
            }
        };
        if quantiles.is_empty() {
            sums.loss += error * error;
            set(0, -2.0 * error);
            continue;
        }
        let share = 2.0 / width as f64;
        for (k, (value, quantile)) in row.iter().zip(quantiles).enumerate() {
            let error = truth - value.to_f64();
            // max(q e, (q - 1) e); at 0 the mean of both slopes.
            sums.loss += share * (quantile * error).max((quantile - 1.0) * error);
            if error.is_nan() {
                sums.loss = f64::NAN;
            }
            let slope = match error {
                e if e > 0.0 => -quantile,
                e if e < 0.0 => 1.0 - quantile,
                _ => 0.5 - quantile,
            };
            set(k, share * slope);
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_the_definition() {
        // By hand: errors 2 and -1 of the median, 3 and 1 of the tenth.
        let forecast = [1.0, 2.0, 4.0, 6.0];
        let sums = quantile_errors(&forecast, &[4.0, 5.0], &[0.1, 0.5], &mut []).unwrap();
        let want = 0.1 * 3.0 + 0.5 * 2.0 + 0.1 * 1.0 + 0.5 * 1.0;
        assert!((sums.loss - want).abs() < 1e-12, "{sums:?}");
        assert_eq!((sums.squared, sums.absolute), (5.0, 3.0));
        let median = quantile_errors(&[1.0, 7.0], &[4.0, 5.0], &[0.5], &mut []).unwrap();
        assert_eq!((median.loss, median.absolute), (5.0, 5.0));
        let squared = quantile_errors(&[1.0, 7.0], &[4.0, 5.0], &[], &mut []).unwrap();
        assert_eq!((squared.loss, squared.squared), (13.0, 13.0));
        assert!(quantile_errors(&[f64::NAN], &[1.0], &[0.5], &mut []).unwrap().loss.is_nan());
        assert!(quantile_errors(&[1.0], &[1.0, 2.0], &[], &mut []).is_err());
        assert_eq!((point(&[0.1, 0.5, 0.9]), point(&[]), point(&[0.9, 0.45])), (1, 0, 1));
    }

    #[test]
    fn the_gradient_is_the_derivative() {
        for quantiles in [&[][..], &[0.5], &[0.1, 0.5, 0.9]] {
            let width = quantiles.len().max(1);
            let forecast: Vec<f64> = (0..4 * width).map(|i| (i as f64 * 1.7).sin()).collect();
            let truth = [0.3, -0.2, 0.9, 0.05];
            let mut d = vec![0.0; forecast.len()];
            quantile_errors(&forecast, &truth, quantiles, &mut d).unwrap();
            for (i, d) in d.iter().enumerate() {
                let at = |e: f64| {
                    let mut f = forecast.clone();
                    f[i] += e;
                    quantile_errors(&f, &truth, quantiles, &mut []).unwrap().loss
                };
                assert!((d - (at(1e-6) - at(-1e-6)) / 2e-6).abs() < 1e-6, "{quantiles:?} {i}");
            }
        }
    }
}
