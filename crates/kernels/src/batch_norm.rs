//! Batch normalisation with what follows it, and its gradient.

use crate::linear::{Activation, activate, activate_backward};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError};

/// Added to a variance before its root, as PyTorch does.
pub const EPSILON: f64 = 1e-5;
/// Rows whose sums are taken side by side, whatever the threads.
const ROWS: usize = 1024;

/// What a batch is like: mean and variance of every channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics<T> {
    /// `[channels]`
    pub mean: Vec<T>,
    /// `[channels]`: the mean square of what differs from the mean.
    pub variance: Vec<T>,
}

/// Sums over rows of `term(place in [rows, channels], channel)`: blocks of rows in their order.
fn sums(rows: usize, channels: usize, term: impl Fn(usize, usize) -> f64 + Send + Sync) -> Vec<f64> {
    let blocks = rows.div_ceil(ROWS);
    let mut all = vec![0.0; blocks * channels];
    let shared = Shared::new(&mut all);
    parallel::each(blocks, rows * channels > 1 << 14, |block| {
        // SAFETY: every block has sums of its own.
        let own = unsafe { shared.slice(block * channels, channels) };
        for row in block * ROWS..rows.min((block + 1) * ROWS) {
            own.iter_mut().enumerate().for_each(|(c, sum)| *sum += term(row * channels + c, c));
        }
    });
    let (total, others) = all.split_at_mut(channels.min(blocks * channels));
    for other in others.chunks_exact(channels) {
        total.iter_mut().zip(other).for_each(|(t, o)| *t += *o);
    }
    all.truncate(channels);
    all
}

/// Mean and variance of `x[rows, channels]`.
///
/// # Errors
/// If there is none.
pub fn statistics<T: Real>(x: &[T], channels: usize) -> Result<Statistics<T>, ShapeError> {
    let check = Check("batch normalisation");
    check.some("the channels", channels)?;
    let rows = x.len() / channels;
    check.some("the batch", rows)?;
    check.elements("x", x.len(), &[("rows", rows), ("channels", channels)])?;
    let mean: Vec<f64> = sums(rows, channels, |k, _| x[k].to_f64()).iter().map(|s| s / rows as f64).collect();
    let squares = sums(rows, channels, |k, c| (x[k].to_f64() - mean[c]) * (x[k].to_f64() - mean[c]));
    let of = |all: &[f64]| all.iter().map(|x| T::from_f64(*x)).collect();
    let variance: Vec<f64> = squares.iter().map(|s| s / rows as f64).collect();
    Ok(Statistics { mean: of(&mean), variance: of(&variance) })
}

/// `activation((x - mean) / sqrt(variance + epsilon) * scale + shift)`, every row of `x[rows, channels]` (Ioffe & Szegedy 2015,
/// algorithm 1).
///
/// # Errors
/// If the shapes do not fit.
pub fn forward<T: Real>(
    x: &[T],
    scale: &[T],
    shift: &[T],
    statistics: &Statistics<T>,
    activation: Activation,
) -> Result<Vec<T>, ShapeError> {
    let (channels, check) = (scale.len(), Check("batch normalisation"));
    check.some("the channels", channels)?;
    for (name, got) in
        [("shift", shift.len()), ("mean", statistics.mean.len()), ("variance", statistics.variance.len())]
    {
        check.elements(name, got, &[("channels", channels)])?;
    }
    check.elements("x", x.len(), &[("rows", x.len() / channels), ("channels", channels)])?;
    let factor: Vec<T> = scale.iter().zip(inverse(statistics)).map(|(s, i)| *s * i).collect();
    let mut y = x.to_vec();
    let shared = Shared::new(&mut y);
    let rows = x.len() / channels;
    parallel::each(rows.div_ceil(ROWS), x.len() > 1 << 14, |block| {
        let own = block * ROWS..rows.min((block + 1) * ROWS);
        // SAFETY: every block has rows of its own.
        let y = unsafe { shared.slice(own.start * channels, own.len() * channels) };
        for row in y.chunks_exact_mut(channels) {
            for (((y, mean), factor), shift) in row.iter_mut().zip(&statistics.mean).zip(&factor).zip(shift) {
                *y = (*y - *mean) * *factor + *shift;
            }
        }
        activate(y, activation);
    });
    Ok(y)
}

/// `1 / sqrt(variance + epsilon)`
fn inverse<T: Real>(statistics: &Statistics<T>) -> impl Iterator<Item = T> {
    statistics.variance.iter().map(|v| T::ONE / (*v + T::from_f64(EPSILON)).sqrt())
}

/// The gradient of [`forward`]'s operands, the statistics being those of `x`.
#[derive(Debug)]
pub struct Gradient<T> {
    /// `[rows, channels]`
    pub x: Vec<T>,
    /// `[channels]`
    pub scale: Vec<T>,
    /// `[channels]`
    pub shift: Vec<T>,
}

/// Gradient from `d_y[rows, channels]`; `y` is the forward result.
///
/// # Errors
/// If the shapes do not fit.
pub fn backward<T: Real>(
    x: &[T],
    y: &[T],
    d_y: &[T],
    scale: &[T],
    statistics: &Statistics<T>,
    activation: Activation,
) -> Result<Gradient<T>, ShapeError> {
    let (channels, check) = (scale.len(), Check("batch normalisation backward"));
    check.some("the channels", channels)?;
    let rows = x.len() / channels;
    check.some("the batch", rows)?;
    for (name, got) in [("x", x.len()), ("y", y.len()), ("d_y", d_y.len())] {
        check.elements(name, got, &[("rows", rows), ("channels", channels)])?;
    }
    check.elements("mean", statistics.mean.len(), &[("channels", channels)])?;
    check.elements("variance", statistics.variance.len(), &[("channels", channels)])?;
    let d_pre = activate_backward(d_y, y, activation);
    let inverse: Vec<T> = inverse(statistics).collect();
    let mean = &statistics.mean;
    // pre = normal * scale + shift, normal = (x - mean) * inverse
    let normal = |k: usize, c: usize| (x[k] - mean[c]) * inverse[c];
    let d_shift = sums(rows, channels, |k, _| d_pre[k].to_f64());
    let d_scale = sums(rows, channels, |k, c| d_pre[k].to_f64() * normal(k, c).to_f64());
    let per_row = |all: &[f64]| all.iter().map(|s| T::from_f64(s / rows as f64)).collect::<Vec<T>>();
    let (mean_shift, mean_scale) = (per_row(&d_shift), per_row(&d_scale));
    let mut d_x = vec![T::ZERO; x.len()];
    let shared = Shared::new(&mut d_x);
    parallel::each(rows.div_ceil(ROWS), x.len() > 1 << 14, |block| {
        let own = block * ROWS..rows.min((block + 1) * ROWS);
        // SAFETY: every block has rows of its own.
        let d_x = unsafe { shared.slice(own.start * channels, own.len() * channels) };
        for (row, d_x) in own.zip(d_x.chunks_exact_mut(channels)) {
            for (c, d_x) in d_x.iter_mut().enumerate() {
                let k = row * channels + c;
                // The mean and the variance are of x too.
                *d_x = scale[c] * inverse[c] * (d_pre[k] - mean_shift[c] - normal(k, c) * mean_scale[c]);
            }
        }
    });
    let of = |all: &[f64]| all.iter().map(|x| T::from_f64(*x)).collect();
    Ok(Gradient { x: d_x, scale: of(&d_scale), shift: of(&d_shift) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use simurgh_random::Random;

    #[test]
    fn rows_become_normal_and_gradients_equal_finite_differences() {
        let mut random = Random::new(5);
        for (rows, channels) in [(1, 1), (2, 3), (7, 5), (ROWS + 3, 2)] {
            let mut draw = |count: usize| -> Vec<f64> { (0..count).map(|_| 3.0 + random.normal()).collect() };
            let operands = [draw(rows * channels), draw(channels), draw(channels)];
            let d_y = draw(rows * channels);
            let one = vec![1.0; channels];
            let of = statistics(&operands[0], channels).unwrap();
            let plain = forward(&operands[0], &one, &vec![0.0; channels], &of, Activation::Identity).unwrap();
            let after = statistics(&plain, channels).unwrap();
            assert!(after.mean.iter().all(|m| m.abs() < 1e-9));
            assert!(rows < 3 || after.variance.iter().all(|v| (v - 1.0).abs() < 1e-3), "{after:?}");
            let activation = Activation::Tanh;
            let f = |o: &[Vec<f64>]| {
                let of = statistics(&o[0], channels).unwrap();
                forward(&o[0], &o[1], &o[2], &of, activation).unwrap()
            };
            let y = f(&operands);
            let g = backward(&operands[0], &y, &d_y, &operands[1], &of, activation).unwrap();
            for (k, gradient) in [g.x, g.scale, g.shift].iter().enumerate() {
                for i in (0..gradient.len()).step_by(gradient.len() / 30 + 1) {
                    let moved = |by: f64| {
                        let mut all = operands.to_vec();
                        all[k][i] += by;
                        f(&all).iter().zip(&d_y).map(|(y, d)| y * d).sum::<f64>()
                    };
                    let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    let difference = (gradient[i] - numeric).abs();
                    assert!(difference <= 1e-6 * (1.0 + numeric.abs()), "{rows} {k}[{i}]: {}, {numeric}", gradient[i]);
                }
            }
        }
        assert!(statistics::<f64>(&[], 3).is_err() && statistics(&[1.0], 0).is_err() && statistics(&[1.0], 2).is_err());
    }
}
