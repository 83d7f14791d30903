//! Convolutions of pictures, and transposed ones: a picture's patches as rows of a matrix, block by block, and a product.
//!
//! A picture is `[height, width, channels]`, a pixel's channels side by side, so that a row of a patch is one run of memory. A
//! weight is PyTorch's `[out, in, kernel, kernel]` (transposed: `[in, out, kernel, kernel]`); products take it as [`patches`].

mod backward;
mod forward;
mod geometry;
#[cfg(test)]
mod reference;

pub use backward::{Wants, backward, transposed_backward};
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
    let mut to = Vec::with_capacity(from.len());
    for one in from.chunks_exact(rows * cols) {
        to.extend((0..rows * cols).map(|k| one[k % rows * cols + k / rows]));
    }
    to
}

#[cfg(test)]
mod tests;
