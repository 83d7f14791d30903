//! The product as the definition has it: what every faster one is compared with.

use super::{Start, View};
use crate::Real;

/// `c = start + a * b`, see [`super::gemm`].
pub fn gemm<T: Real>(a: View<'_, T>, b: View<'_, T>, c: &mut [T], start: Start<'_, T>) {
    assert_eq!(a.cols, b.rows);
    for i in 0..a.rows {
        for j in 0..b.cols {
            let mut sum = match start {
                Start::Zero => T::ZERO,
                Start::Add => c[i * b.cols + j],
                Start::Bias(bias) | Start::Padded(bias) => bias[j],
            };
            for p in 0..a.cols {
                sum += a.data[i * a.row_stride + p * a.col_stride] * b.data[p * b.row_stride + j * b.col_stride];
            }
            c[i * b.cols + j] = sum;
        }
    }
}
