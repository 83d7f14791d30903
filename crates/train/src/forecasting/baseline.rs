//! What a forecast must beat: the last value, the last season, and a linear map.

use super::panel::{Origin, Panel};

/// Ridges that are tried, as shares of the inputs' mean square.
const RIDGES: [f64; 9] = [1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0];

/// The last value, over again.
pub(super) fn repeat_last(past: &[f32], horizon: usize, to: &mut Vec<f32>) {
    to.extend(std::iter::repeat_n(past[past.len() - 1], horizon));
}

/// The last season of a series up to now, over again; the last value where it is shorter.
pub(super) fn seasonal(past: &[f32], period: usize, horizon: usize, to: &mut Vec<f32>) {
    let period = if period <= past.len() { period.max(1) } else { 1 };
    let season = &past[past.len() - period..];
    to.extend((0..horizon).map(|t| season[t % period]));
}

/// A linear map of the past to the horizon, one for all series: what DLinear's two maps (of the trend and of the rest; Zeng et al.
/// 2023) are together. Solved, not descended to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Linear {
    look_back: usize,
    horizon: usize,
    /// `[horizon, look_back + 1]`, the constant last.
    pub weight: Vec<f32>,
}

impl Linear {
    pub(super) fn new(look_back: usize, horizon: usize, weight: Vec<f32>) -> Self {
        Self { look_back, horizon, weight }
    }

    /// The least squares of the training windows, with the ridge that does best on the dev windows.
    pub(super) fn fit(panel: &Panel, train: &[Origin], dev: &[Origin], look_back: usize, horizon: usize) -> Self {
        let n = look_back + 1;
        let (mut gram, mut right) = (vec![0.0f64; n * n], vec![0.0f64; n * horizon]);
        // More windows than these teach nothing more.
        let stride = train.len().div_ceil(40_000).max(1);
        for origin in train.iter().step_by(stride) {
            let values = &panel.all[origin.series].values;
            let x: Vec<f64> =
                values[origin.step - look_back..origin.step].iter().map(|x| f64::from(*x)).chain([1.0]).collect();
            let y: Vec<f64> = values[origin.step..origin.step + horizon].iter().map(|y| f64::from(*y)).collect();
            for (i, xi) in x.iter().enumerate() {
                let add = |row: &mut [f64], of: &[f64]| row.iter_mut().zip(of).for_each(|(sum, v)| *sum += xi * v);
                add(&mut gram[i * n..i * n + i + 1], &x[..=i]);
                add(&mut right[i * horizon..(i + 1) * horizon], &y);
            }
        }
        let scale = (0..n).map(|i| gram[i * n + i]).sum::<f64>() / n as f64;
        let stride = dev.len().div_ceil(4000).max(1);
        let dev: Vec<Origin> = dev.iter().step_by(stride).copied().collect();
        let truth = panel.truth(&dev, horizon);
        let solved = RIDGES.iter().filter_map(|ridge| {
            let mut left = gram.clone();
            // The constant is free.
            (0..look_back).for_each(|i| left[i * n + i] += ridge * scale);
            left[n * n - 1] += 1e-9 * scale;
            let mut solution = right.clone();
            cholesky(&mut left, n)?;
            substitute(&left, n, &mut solution, horizon);
            let weight =
                (0..horizon).flat_map(|h| (0..n).map(move |i| (i, h))).map(|(i, h)| solution[i * horizon + h] as f32);
            let map = Self::new(look_back, horizon, weight.collect());
            let forecast = map.forecast(&panel.windows(&dev, look_back, 0).past);
            let error: f64 = forecast.iter().zip(truth.iter()).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            error.is_finite().then_some((error, map))
        });
        let best = solved.min_by(|a, b| a.0.total_cmp(&b.0)).map(|best| best.1);
        best.unwrap_or_else(|| Self::new(look_back, horizon, vec![0.0; n * horizon]))
    }

    /// Forecasts from `past[windows, look_back]`, `[windows, horizon]`.
    pub(super) fn forecast(&self, past: &[f32]) -> Vec<f32> {
        let n = self.look_back + 1;
        let one = |past: &[f32]| {
            let row = |weight: &[f32]| {
                let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
                // In lanes, which the compiler sees as such.
                let mut lanes = [0.0f32; 8];
                let (chunks, rest) = (past.chunks_exact(8), past.len() / 8 * 8);
                for (x, w) in chunks.zip(weight.chunks_exact(8)) {
                    (0..8).for_each(|i| lanes[i] += x[i] * w[i]);
                }
                lanes.iter().sum::<f32>() + dot(&past[rest..], &weight[rest..self.look_back]) + weight[self.look_back]
            };
            self.weight.chunks_exact(n).map(row).collect::<Vec<f32>>()
        };
        debug_assert_eq!(self.weight.len(), n * self.horizon);
        past.chunks_exact(self.look_back).flat_map(one).collect()
    }
}

/// `A = L L^T`, in place in the lower triangle; none if `A` is not positive definite.
fn cholesky(a: &mut [f64], n: usize) -> Option<()> {
    for j in 0..n {
        let (above, below) = a.split_at_mut((j + 1) * n);
        let row = &mut above[j * n..];
        let d = row[j] - row[..j].iter().map(|x| x * x).sum::<f64>();
        // Nor is it a number where one of the sums is none.
        if d.is_nan() || d <= 0.0 {
            return None;
        }
        let d = d.sqrt();
        row[j] = d;
        let row = &row[..j];
        for i in below.chunks_exact_mut(n) {
            let dot: f64 = row.iter().zip(&i[..j]).map(|(a, b)| a * b).sum();
            i[j] = (i[j] - dot) / d;
        }
    }
    Some(())
}

/// `L L^T X = B` for `B[n, columns]`, in place.
fn substitute(l: &[f64], n: usize, b: &mut [f64], columns: usize) {
    let subtract = |row: &mut [f64], other: &[f64], factor: f64| {
        row.iter_mut().zip(other).for_each(|(x, y)| *x -= factor * y);
    };
    for i in 0..n {
        let (before, rest) = b.split_at_mut(i * columns);
        let row = &mut rest[..columns];
        before.chunks_exact(columns).enumerate().for_each(|(k, other)| subtract(row, other, l[i * n + k]));
        row.iter_mut().for_each(|x| *x /= l[i * n + i]);
    }
    for i in (0..n).rev() {
        let (head, after) = b.split_at_mut((i + 1) * columns);
        let row = &mut head[i * columns..];
        after.chunks_exact(columns).enumerate().for_each(|(k, other)| subtract(row, other, l[(i + 1 + k) * n + i]));
        row.iter_mut().for_each(|x| *x /= l[i * n + i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_system_is_solved() {
        // A = L L^T of a lower L; X by hand.
        let (l, x) = ([2.0, 0.0, 0.0, 1.0, 3.0, 0.0, -1.0, 0.5, 1.5], [1.0, 4.0, -2.0, 0.0, 0.5, 7.0]);
        let at = |i: usize, j: usize| (0..3).map(|k| l[i * 3 + k] * l[j * 3 + k]).sum::<f64>();
        let mut a: Vec<f64> = (0..9).map(|k| at(k / 3, k % 3)).collect();
        let mut b: Vec<f64> = (0..6).map(|k| (0..3).map(|j| at(k / 2, j) * x[j * 2 + k % 2]).sum::<f64>()).collect();
        cholesky(&mut a, 3).unwrap();
        substitute(&a, 3, &mut b, 2);
        assert!(b.iter().zip(x).all(|(b, x)| (b - x).abs() < 1e-12), "{b:?}");
        assert!(cholesky(&mut [1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(cholesky(&mut [f64::NAN], 1).is_none());
    }

    #[test]
    fn naive_forecasts_repeat() {
        let mut to = Vec::new();
        repeat_last(&[1.0, 2.0, 3.0], 2, &mut to);
        seasonal(&[1.0, 2.0, 3.0], 2, 3, &mut to);
        seasonal(&[1.0, 2.0, 3.0], 9, 1, &mut to);
        assert_eq!(to, [3.0, 3.0, 2.0, 3.0, 2.0, 3.0]);
        let map = Linear::new(2, 1, vec![2.0, -1.0, 0.5]);
        assert_eq!(map.forecast(&[1.0, 2.0, 3.0, 4.0]), [0.5, 2.5]);
    }
}
