//! `y = activation(patches(x) W^T + b)`, and its transposed counterpart.

use super::Geometry;
use crate::buffer::Buffer;
use crate::gemm::{Packed, Start, View, gemm_serial};
use crate::linear::{Activation, activate};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError};

/// `y[pictures, rows, cols, out]` from `x[pictures, height, width, channels]`, `weight` the packed transpose of
/// `W[out, patch]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn forward<T: Real>(
    x: &[T],
    weight: &Packed<T>,
    bias: Option<&[T]>,
    geometry: Geometry,
    activation: Activation,
) -> Result<Vec<T>, ShapeError> {
    let (out, check) = (weight.cols(), Check("convolution"));
    let pictures = pictures(check, geometry, x.len(), weight.depth(), bias.map(<[T]>::len), out)?;
    let of_one = geometry.count() * out;
    let mut y = vec![T::ZERO; check.count("the result", &[("pictures", pictures), ("numbers", of_one)])?];
    let start = || bias.map_or(Start::Zero, Start::Bias);
    let shared = Shared::new(&mut y);
    blocks(geometry, pictures, |first, count| {
        // SAFETY: every block has pictures of its own.
        let y = unsafe { shared.slice(first * of_one, count * of_one) };
        let patches = lowered(geometry, &x[first * geometry.size()..][..count * geometry.size()]);
        gemm_serial(View::new(&patches, count * geometry.count(), geometry.patch()), weight, y, start());
        activate(y, activation);
    });
    Ok(y)
}

/// `y[pictures, height, width, channels]` from `x[pictures, rows, cols, in]`, `weight` the packed `W[in, patch]`: every number of `x`
/// lays its patch over the picture.
///
/// # Errors
/// If the shapes do not fit.
pub fn transposed_forward<T: Real>(
    x: &[T],
    weight: &Packed<T>,
    bias: Option<&[T]>,
    geometry: Geometry,
    activation: Activation,
) -> Result<Vec<T>, ShapeError> {
    let (input, check) = (weight.depth(), Check("transposed convolution"));
    geometry.check(check)?;
    check.some("the input", input)?;
    check.dimension("patch of the weight", weight.cols(), geometry.patch())?;
    let of_one = geometry.count() * input;
    let pictures = x.len() / of_one;
    check.elements("x", x.len(), &[("pictures", pictures), ("numbers", of_one)])?;
    if let Some(bias) = bias {
        check.elements("the bias", bias.len(), &[("channels", geometry.channels)])?;
    }
    let mut y = vec![T::ZERO; check.count("the result", &[("pictures", pictures), ("numbers", geometry.size())])?];
    let shared = Shared::new(&mut y);
    blocks(geometry, pictures, |first, count| {
        // SAFETY: every block has pictures of its own.
        let y = unsafe { shared.slice(first * geometry.size(), count * geometry.size()) };
        let mut patches = Buffer::take(count * geometry.count() * geometry.patch());
        let x = View::new(&x[first * of_one..][..count * of_one], count * geometry.count(), input);
        gemm_serial(x, weight, &mut patches, Start::Zero);
        let of_patches = patches.chunks_exact(geometry.count() * geometry.patch());
        for (picture, patches) in y.chunks_exact_mut(geometry.size()).zip(of_patches) {
            if let Some(bias) = bias {
                picture.chunks_exact_mut(bias.len()).for_each(|pixel| pixel.copy_from_slice(bias));
            }
            geometry.raise(patches, picture);
        }
        activate(y, activation);
    });
    Ok(y)
}

/// How many pictures a convolution's operands are of.
pub(super) fn pictures(
    check: Check,
    geometry: Geometry,
    x: usize,
    patch: usize,
    bias: Option<usize>,
    out: usize,
) -> Result<usize, ShapeError> {
    geometry.check(check)?;
    check.some("the output", out)?;
    check.dimension("patch of the weight", patch, geometry.patch())?;
    let pictures = x / geometry.size();
    check.elements("x", x, &[("pictures", pictures), ("numbers", geometry.size())])?;
    if let Some(bias) = bias {
        check.elements("the bias", bias, &[("output", out)])?;
    }
    Ok(pictures)
}

/// The patches of pictures.
pub(super) fn lowered<T: Real>(geometry: Geometry, x: &[T]) -> Buffer<T> {
    let size = geometry.count() * geometry.patch();
    let mut patches = Buffer::take(x.len() / geometry.size() * size);
    let pictures = x.chunks_exact(geometry.size());
    pictures.zip(patches.chunks_exact_mut(size)).for_each(|(x, patches)| geometry.lower(x, patches));
    patches
}

/// Runs `task(first, count)` for blocks of pictures.
pub(super) fn blocks(geometry: Geometry, pictures: usize, task: impl Fn(usize, usize) + Send + Sync) {
    let block = geometry.block();
    let worth = pictures * geometry.count() * geometry.patch() > 1 << 14;
    parallel::each(pictures.div_ceil(block), worth, |k| task(k * block, block.min(pictures - k * block)));
}
