//! The gradient of both convolutions.

use super::forward::{blocks, lowered, pictures};
use super::{Geometry, transpose};
use crate::buffer::Buffer;
use crate::elementwise::add_columns;
use crate::gemm::{Packed, Start, View, gemm_serial};
use crate::linear::{Activation, Gradient, Wants, activate_backward};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError};

/// Gradient of [`super::forward`]'s operands from `d_y[pictures, rows, cols, out]`; `y` is the forward result, `weight` is
/// `W[out, patch]` packed. That of the weight is `[out, patch]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn backward<T: Real>(
    x: &[T],
    y: &[T],
    d_y: &[T],
    weight: &Packed<T>,
    geometry: Geometry,
    activation: Activation,
    wants: Wants,
) -> Result<Gradient<T>, ShapeError> {
    let (out, check) = (weight.depth(), Check("convolution backward"));
    let pictures = pictures(check, geometry, x.len(), weight.cols(), None, out)?;
    let (count, size, patch) = (geometry.count(), geometry.size(), geometry.patch());
    for (name, got) in [("y", y.len()), ("d_y", d_y.len())] {
        check.elements(name, got, &[("pictures", pictures), ("patches", count), ("output", out)])?;
    }
    let d_pre = activate_backward(d_y, y, activation);
    let mut d_x = vec![T::ZERO; if wants.x { x.len() } else { 0 }];
    if wants.x {
        let shared = Shared::new(&mut d_x);
        // y = patches(x) W^T
        blocks(geometry, pictures, |first, n| {
            // SAFETY: every block has pictures of its own.
            let d_x = unsafe { shared.slice(first * size, n * size) };
            let mut d_patches = Buffer::take(n * count * patch);
            let d_pre = View::new(&d_pre[first * count * out..][..n * count * out], n * count, out);
            gemm_serial(d_pre, weight, &mut d_patches, Start::Zero);
            let of_patches = d_patches.chunks_exact(count * patch);
            d_x.chunks_exact_mut(size).zip(of_patches).for_each(|(x, patches)| geometry.raise(patches, x));
        });
    }
    if !wants.parameters {
        return Ok(Gradient { x: d_x, weight: Vec::new(), bias: Vec::new() });
    }
    let d_weight = summed(geometry, pictures, patch * out, |first, n, sum| {
        let patches = lowered(geometry, &x[first * size..][..n * size]);
        let d_pre = View::new(&d_pre[first * count * out..][..n * count * out], n * count, out);
        // [patch, out]: the narrower side is packed.
        let packed = Packed::with_format(d_pre, weight.format());
        gemm_serial(View::new(&patches, n * count, patch).transposed(), &packed, sum, Start::Add);
    });
    let mut d_bias = vec![T::ZERO; out];
    add_columns(&d_pre, &mut d_bias);
    Ok(Gradient { x: d_x, weight: transposed(&d_weight, patch, out), bias: d_bias })
}

/// Gradient of [`super::transposed_forward`]'s operands from `d_y[pictures, height, width, channels]`; `y` is the forward result,
/// `weight` the packed transpose of `W[in, patch]`. That of the weight is `[in, patch]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn transposed_backward<T: Real>(
    x: &[T],
    y: &[T],
    d_y: &[T],
    weight: &Packed<T>,
    geometry: Geometry,
    activation: Activation,
    wants: Wants,
) -> Result<Gradient<T>, ShapeError> {
    let (input, check) = (weight.cols(), Check("transposed convolution backward"));
    geometry.check(check)?;
    check.some("the input", input)?;
    check.dimension("patch of the weight", weight.depth(), geometry.patch())?;
    let (count, size, patch) = (geometry.count(), geometry.size(), geometry.patch());
    let pictures = x.len() / (count * input);
    check.elements("x", x.len(), &[("pictures", pictures), ("patches", count), ("input", input)])?;
    for (name, got) in [("y", y.len()), ("d_y", d_y.len())] {
        check.elements(name, got, &[("pictures", pictures), ("numbers", size)])?;
    }
    let d_pre = activate_backward(d_y, y, activation);
    let mut d_x = vec![T::ZERO; if wants.x { x.len() } else { 0 }];
    let shared = Shared::new(&mut d_x);
    // y = sum over patches of x W
    let d_weight = summed(geometry, pictures, input * patch, |first, n, sum| {
        let d_patches = lowered(geometry, &d_pre[first * size..][..n * size]);
        let d_patches = View::new(&d_patches, n * count, patch);
        let rows = first * count * input;
        if wants.x {
            // SAFETY: every block has pictures of its own.
            let d_x = unsafe { shared.slice(rows, n * count * input) };
            gemm_serial(d_patches, weight, d_x, Start::Zero);
        }
        if wants.parameters {
            let x = View::new(&x[rows..][..n * count * input], n * count, input);
            // [patch, in]: the narrower side is packed.
            let packed = Packed::with_format(x, weight.format());
            gemm_serial(d_patches.transposed(), &packed, sum, Start::Add);
        }
    });
    if !wants.parameters {
        return Ok(Gradient { x: d_x, weight: Vec::new(), bias: Vec::new() });
    }
    let mut d_bias = vec![T::ZERO; geometry.channels];
    add_columns(&d_pre, &mut d_bias);
    Ok(Gradient { x: d_x, weight: transposed(&d_weight, patch, input), bias: d_bias })
}

/// The sum of what `task(first, count, sum)` adds for blocks of pictures: blocks of a segment one after the other, then the
/// segments in their order.
fn summed<T: Real>(
    geometry: Geometry,
    pictures: usize,
    len: usize,
    task: impl Fn(usize, usize, &mut [T]) + Send + Sync,
) -> Vec<T> {
    let segment = geometry.segment(pictures);
    let mut total = vec![T::ZERO; len];
    add_segments(pictures.div_ceil(segment), &mut total, |k, sum| {
        let end = pictures.min((k + 1) * segment);
        for first in (k * segment..end).step_by(geometry.block()) {
            task(first, geometry.block().min(end - first), sum);
        }
    });
    total
}

/// Adds to `total`, segment by segment in their order, what `task(segment, sum)` adds to zeros.
pub(super) fn add_segments<T: Real>(segments: usize, total: &mut [T], task: impl Fn(usize, &mut [T]) + Send + Sync) {
    let len = total.len();
    // One thread takes them one after the other, in memory that stays in its caches.
    let together = if parallel::threads() == 1 { segments.min(1) } else { segments };
    let mut sums = Buffer::take(together * len);
    for first in (0..segments).step_by(together.max(1)) {
        let shared = Shared::new(&mut sums);
        parallel::each(together, true, |k| {
            // SAFETY: every segment has a sum of its own.
            let sum = unsafe { shared.slice(k * len, len) };
            sum.fill(T::ZERO);
            task(first + k, sum);
        });
        for sum in sums.chunks_exact(len) {
            total.iter_mut().zip(sum).for_each(|(total, sum)| *total += *sum);
        }
    }
}

fn transposed<T: Real>(matrix: &[T], rows: usize, cols: usize) -> Vec<T> {
    let mut to = vec![T::ZERO; matrix.len()];
    transpose(matrix, &mut to, [rows, cols]);
    to
}
