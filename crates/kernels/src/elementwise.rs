//! Reductions and maps over rows, vectorised, each in one fixed order.

use crate::parallel::{self, Shared};
use crate::{Real, multiversion};

/// Partial sums that a reduction keeps, so that it vectorises: lane `i` sums elements `i, i + LANES, ...`.
const LANES: usize = 16;

#[inline(always)]
pub(crate) fn dot_body<T: Real, const FMA: bool>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (mut ca, mut cb) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in (&mut ca).zip(&mut cb) {
        for i in 0..LANES {
            lanes[i] = a[i].fma::<FMA>(b[i], lanes[i]);
        }
    }
    for (i, (a, b)) in ca.remainder().iter().zip(cb.remainder()).enumerate() {
        lanes[i] = a.fma::<FMA>(*b, lanes[i]);
    }
    fold(lanes, |a, b| a + b)
}

/// Folds the lanes pairwise.
#[inline(always)]
fn fold<T: Real>(mut lanes: [T; LANES], f: impl Fn(T, T) -> T) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = f(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

#[inline(always)]
pub(crate) fn maximum_body<T: Real, const FMA: bool>(a: &[T]) -> T {
    let mut lanes = [a[0]; LANES];
    let chunks = a.chunks_exact(LANES);
    for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = x.maximum(*lane);
    }
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = chunk[i].maximum(lanes[i]);
        }
    }
    fold(lanes, T::maximum)
}

#[inline(always)]
fn sum_body<T: Real, const FMA: bool>(a: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let chunks = a.chunks_exact(LANES);
    for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += *x;
    }
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += chunk[i];
        }
    }
    fold(lanes, |a, b| a + b)
}

#[inline(always)]
fn exp_sum_body<T: Real, const FMA: bool>(a: &mut [T], shift: T) -> T {
    let mut lanes = [T::ZERO; LANES];
    let mut chunks = a.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        for i in 0..LANES {
            chunk[i] = (chunk[i] - shift).exp::<FMA>();
            lanes[i] += chunk[i];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(chunks.into_remainder()) {
        *x = (*x - shift).exp::<FMA>();
        *lane += *x;
    }
    fold(lanes, |a, b| a + b)
}

#[inline(always)]
fn softmax_body<T: Real, const FMA: bool>(row: &mut [T]) {
    if row.is_empty() {
        return;
    }
    let shift = maximum_body::<T, FMA>(row);
    let scale = T::ONE / exp_sum_body::<T, FMA>(row, shift);
    for x in row {
        *x *= scale;
    }
}

/// The sum of exponentials, which are not kept.
#[inline(always)]
pub(crate) fn exp_total_body<T: Real, const FMA: bool>(a: &[T], shift: T) -> T {
    let mut lanes = [T::ZERO; LANES];
    let chunks = a.chunks_exact(LANES);
    for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += (*x - shift).exp::<FMA>();
    }
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += (chunk[i] - shift).exp::<FMA>();
        }
    }
    fold(lanes, |a, b| a + b)
}

#[inline(always)]
fn add_block_body<T: Real, const FMA: bool>(a: &[T], stride: usize, first: usize, to: &mut [T]) {
    for row in a.chunks_exact(stride) {
        for (t, x) in to.iter_mut().zip(&row[first..]) {
            *t += *x;
        }
    }
}

/// `to[cols] +=` the column sums of `a[rows, cols]`, rows in order, columns shared out over the threads.
pub fn add_columns<T: Real>(a: &[T], to: &mut [T]) {
    let cols = to.len();
    let parts = parallel::ranges(cols, parallel::threads(), 64);
    let shared = Shared::new(to);
    parallel::each(parts.len(), a.len() > 1 << 16, |part| {
        let own = parts.at(part);
        // SAFETY: the parts are disjoint.
        add_columns_serial(a, cols, own.start, unsafe { shared.slice(own.start, own.len()) });
    });
}

/// `to +=` the sums of as many columns of `a[rows, cols]` from column `first` on, on the calling thread.
pub(crate) fn add_columns_serial<T: Real>(a: &[T], cols: usize, first: usize, to: &mut [T]) {
    // Blocks of columns stay in the first-level cache while the rows pass by.
    for (block, to) in to.chunks_mut(1024).enumerate() {
        add_block(a, cols, first + block * 1024, to);
    }
}

#[inline(always)]
fn tanh_body<T: Real, const FMA: bool>(a: &mut [T]) {
    for x in a {
        *x = x.tanh::<FMA>();
    }
}

multiversion! {
    /// Sum of products, in lanes.
    pub fn dot<T: Real>(a: &[T], b: &[T]) -> T = dot_body
}
multiversion! {
    /// Largest element of a row that is not empty.
    pub fn maximum<T: Real>(a: &[T]) -> T = maximum_body
}
multiversion! {
    /// Sum, in lanes.
    pub fn sum<T: Real>(a: &[T]) -> T = sum_body
}
multiversion! {
    /// `a = exp(a - shift)`; returns the sum.
    pub fn exp_sum<T: Real>(a: &mut [T], shift: T) -> T = exp_sum_body
}
multiversion! {
    /// The sum of `exp(a - shift)`.
    pub fn exp_total<T: Real>(a: &[T], shift: T) -> T = exp_total_body
}
multiversion! {
    /// Softmax of one row, in place.
    pub fn softmax<T: Real>(row: &mut [T]) = softmax_body
}
multiversion! {
    fn add_block<T: Real>(a: &[T], stride: usize, first: usize, to: &mut [T]) = add_block_body
}
multiversion! {
    /// Hyperbolic tangent, in place.
    pub fn tanh<T: Real>(a: &mut [T]) = tanh_body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_sums_to_one_and_keeps_nan() {
        for n in [1, 5, 16, 17, 100] {
            let mut row: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin() * 30.0).collect();
            let logits = row.clone();
            softmax(&mut row);
            assert!((sum(&row) - 1.0).abs() < 1e-5);
            let total: f64 = logits.iter().map(|x| f64::from(*x).exp()).sum();
            for (p, x) in row.iter().zip(&logits) {
                assert!((f64::from(*p) - f64::from(*x).exp() / total).abs() < 1e-6);
            }
        }
        let mut row = [1.0f32, f32::NAN, 2.0];
        softmax(&mut row);
        assert!(row.iter().any(|x| x.is_nan()));
    }

    #[test]
    fn reductions_equal_plain_loops() {
        for n in [1usize, 3, 15, 16, 33, 250] {
            let a: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();
            let b: Vec<f64> = (0..n).map(|i| (i as f64 * 2.0).sin()).collect();
            let want: f64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert!((dot(&a, &b) - want).abs() < 1e-12);
            assert!((sum(&a) - a.iter().sum::<f64>()).abs() < 1e-12);
            assert_eq!(maximum(&a), a.iter().copied().fold(f64::MIN, f64::max));
        }
    }
}
