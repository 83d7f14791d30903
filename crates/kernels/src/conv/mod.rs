//! Convolutions of pictures, and transposed ones: a picture's patches as rows of a matrix, block by block, and a product.
//!
//! A picture is `[height, width, channels]`, a pixel's channels side by side, so that a row of a patch is one run of memory. A
//! weight is PyTorch's `[out, in, kernel, kernel]` (transposed: `[in, out, kernel, kernel]`); products take it as [`patches`].

mod backward;
mod forward;
mod geometry;
#[cfg(test)]
mod reference;
pub mod winograd;

pub use crate::linear::Wants;
pub use backward::{backward, transposed_backward};
pub use forward::{forward, transposed_forward};
pub use geometry::Geometry;

use crate::Real;

/// `[first, second, kernel, kernel]` as `[first, kernel, kernel, second]`: a row of it is a patch.
///
/// # Panics
/// If there are not so many numbers.
pub fn patches<T: Real>(weight: &[T], second: usize, kernel: usize) -> Vec<T> {
    moved(weight, [second, kernel * kernel])
}

/// The inverse of [`patches`].
///
/// # Panics
/// If there are not so many numbers.
pub fn unpatched<T: Real>(patches: &[T], second: usize, kernel: usize) -> Vec<T> {
    moved(patches, [kernel * kernel, second])
}

/// Every `[rows, cols]` of many, transposed.
fn moved<T: Real>(from: &[T], [rows, cols]: [usize; 2]) -> Vec<T> {
    assert!(rows * cols > 0 && from.len().is_multiple_of(rows * cols), "whole kernels");
    let mut to = vec![T::ZERO; from.len()];
    let all = from.chunks_exact(rows * cols).zip(to.chunks_exact_mut(rows * cols));
    all.for_each(|(from, to)| transpose(from, to, [rows, cols]));
    to
}

/// Pixels of a square that is moved at once: its lines stay in the first-level cache.
const SQUARE: usize = 16;

/// `to[cols, rows]`, the transpose of `from[rows, cols]`.
fn transpose<T: Real>(from: &[T], to: &mut [T], [rows, cols]: [usize; 2]) {
    for first in (0..cols).step_by(SQUARE) {
        for row in (0..rows).step_by(SQUARE) {
            let height = SQUARE.min(rows - row);
            for col in first..cols.min(first + SQUARE) {
                let to = &mut to[col * rows + row..][..height];
                to.iter_mut().enumerate().for_each(|(k, to)| *to = from[(row + k) * cols + col]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
