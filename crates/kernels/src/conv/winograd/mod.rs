//! Convolutions of 3 x 3 pixels that keep a picture's size, by tiles of 4 x 4 outputs: a quarter of the multiplications (Lavin & Gray,
//! "Fast algorithms for convolutional neural networks", 2016).
//!
//! A tile of 6 x 6 inputs becomes its values at 36 points, channel by channel; at every point a product of matrices takes the tiles'
//! channels to those of the output; from these the outputs are interpolated. Some tiles at a time pass through all three, from cache to
//! cache. Tiles begin at the picture's corner: where a number lies on their grid shows in its rounding alone.

mod tiles;
mod transform;

use super::Geometry;
use super::backward::add_segments;
use crate::buffer::Buffer;
use crate::elementwise::add_columns;
use crate::gemm::{Packed, Start, View, gemm_serial};
use crate::linear::{Activation, Gradient, Wants, activate, activate_backward};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError};
use tiles::{ALL, Grid, at_points, d_products_of, interpolated, spaced};
use transform::{POINTS, TAPS};

/// Taps of a kernel.
const KERNEL: usize = TAPS * TAPS;
/// Bytes of a block's tiles at all points: they stay in the second-level cache beside the filter.
const BLOCK: usize = 320 << 10;
/// Channels that are worth the way to the points and back.
const LEAST: usize = 8;
/// Sums of a weight's gradient that are taken side by side, whatever the threads.
const SEGMENTS: usize = 8;

/// Is a convolution to so many channels one that tiles are made for, and faster for them?
pub fn suits(geometry: Geometry, output: usize) -> bool {
    let Geometry { channels, kernel, stride, padding, .. } = geometry;
    (kernel, stride, padding) == (TAPS, 1, 1) && channels.min(output) >= LEAST
}

/// A weight `[out, in, 3, 3]` at all points.
#[derive(Debug)]
pub struct Filter<T> {
    input: usize,
    output: usize,
    /// Of every point, `[in, out]`.
    points: Vec<Packed<T>>,
}

impl<T: Real> Filter<T> {
    /// Of a convolution's weight `[out, in, 3, 3]`.
    ///
    /// # Panics
    /// If it has not so many numbers.
    pub fn new(weight: &[T], [output, input]: [usize; 2]) -> Self {
        Self::of(weight, [input, output], |i, o, k| (o * input + i) * KERNEL + k)
    }

    /// Of the convolution that takes the gradient of the result to that of the input: turned by half a circle, `[in, out, 3, 3]`.
    ///
    /// # Panics
    /// As [`Filter::new`].
    pub fn turned(weight: &[T], [output, input]: [usize; 2]) -> Self {
        Self::of(weight, [output, input], |o, i, k| (o * input + i) * KERNEL + KERNEL - 1 - k)
    }

    /// Channels that it takes, and that it makes.
    pub fn channels(&self) -> [usize; 2] {
        [self.input, self.output]
    }

    /// Of taps that lie in `weight` at `place(in, out, place in the kernel)`.
    fn of(weight: &[T], [input, output]: [usize; 2], place: impl Fn(usize, usize, usize) -> usize) -> Self {
        assert_eq!(weight.len(), output * input * KERNEL, "a filter of {output} x {input} kernels");
        let g = filter_matrix::<T>();
        let one = input * output;
        let mut all = Buffer::take(ALL * one);
        for i in 0..input {
            for o in 0..output {
                let kernel: [T; KERNEL] = std::array::from_fn(|k| weight[place(i, o, k)]);
                for (p, g_p) in g.iter().enumerate() {
                    let down: [T; TAPS] = std::array::from_fn(|kx| {
                        g_p[0] * kernel[kx] + g_p[1] * kernel[TAPS + kx] + g_p[2] * kernel[2 * TAPS + kx]
                    });
                    for (q, g_q) in g.iter().enumerate() {
                        all[(p * POINTS + q) * one + i * output + o] =
                            g_q[0] * down[0] + g_q[1] * down[1] + g_q[2] * down[2];
                    }
                }
            }
        }
        let packed = |point: &[T]| Packed::new(View::new(point, input, output));
        let points = if one == 0 { Vec::new() } else { all.chunks_exact(one).map(packed).collect() };
        Self { input, output, points }
    }
}

/// `activation(conv(x) + b + residual)`: `y[pictures, height, width, out]` from `x[pictures, height, width, in]`, with a rim of
/// zeros around each picture.
///
/// # Errors
/// If the shapes do not fit.
pub fn forward<T: Real>(
    x: &[T],
    filter: &Filter<T>,
    bias: Option<&[T]>,
    residual: Option<&[T]>,
    [height, width]: [usize; 2],
    activation: Activation,
) -> Result<Vec<T>, ShapeError> {
    let check = Check("convolution");
    let pictures = pictures(check, x.len(), [height, width], filter.channels())?;
    let sides = [("pictures", pictures), ("height", height), ("width", width), ("output", filter.output)];
    let mut y = vec![T::ZERO; check.count("the result", &sides)?];
    forward_into(x, filter, bias, residual, [height, width], activation, &mut y)?;
    Ok(y)
}

/// [`forward`], to where it is wanted.
///
/// # Errors
/// If the shapes do not fit.
pub fn forward_into<T: Real>(
    x: &[T],
    filter: &Filter<T>,
    bias: Option<&[T]>,
    residual: Option<&[T]>,
    [height, width]: [usize; 2],
    activation: Activation,
    y: &mut [T],
) -> Result<(), ShapeError> {
    let (check, input, output) = (Check("convolution"), filter.input, filter.output);
    let pictures = pictures(check, x.len(), [height, width], [input, output])?;
    let sides = [("pictures", pictures), ("height", height), ("width", width), ("output", output)];
    check.elements("the result", y.len(), &sides)?;
    if let Some(bias) = bias {
        check.elements("the bias", bias.len(), &[("output", output)])?;
    }
    if let Some(residual) = residual {
        check.elements("the residual", residual.len(), &sides)?;
    }
    let grid = Grid { height, width };
    let tiles = pictures * grid.count();
    let blocks = parallel::ranges(tiles, tiles.div_ceil(block::<T>(input, output)), T::micro().rows);
    let shared = Shared::new(y);
    parallel::each(blocks.len(), tiles * input * output > 1 << 12, |block| {
        let own = blocks.at(block);
        let count = own.len();
        let [of_input, of_output] = [input, output].map(|channels| spaced::<T>(count * channels));
        let (mut at, mut products) = (Buffer::take(ALL * of_input), Buffer::take(ALL * of_output));
        at_points(x, grid, own.clone(), input, &mut at);
        let points = at.chunks_exact(of_input).zip(products.chunks_exact_mut(of_output));
        for ((at, product), filter) in points.zip(&filter.points) {
            let at = View::new(&at[..count * input], count, input);
            gemm_serial(at, filter, &mut product[..count * output], Start::Zero);
        }
        interpolated(&products, grid, own, output, |at, row| {
            // SAFETY: every tile has pixels of its own.
            let y = unsafe { shared.slice(at, row.len()) };
            y.copy_from_slice(row);
            if let Some(bias) = bias {
                y.chunks_exact_mut(output).for_each(|y| y.iter_mut().zip(bias).for_each(|(y, b)| *y += *b));
            }
            if let Some(residual) = residual {
                y.iter_mut().zip(&residual[at..]).for_each(|(y, r)| *y += *r);
            }
            activate(y, activation);
        });
    });
    Ok(())
}

/// The gradient `[out, in, 3, 3]` of [`forward`]'s weight from that of what stands before its activation.
///
/// # Errors
/// If the shapes do not fit.
pub fn weight_gradient<T: Real>(
    x: &[T],
    d_pre: &[T],
    [height, width]: [usize; 2],
    [output, input]: [usize; 2],
) -> Result<Vec<T>, ShapeError> {
    let check = Check("convolution backward");
    let pictures = pictures(check, x.len(), [height, width], [input, output])?;
    let sides = [("pictures", pictures), ("height", height), ("width", width), ("output", output)];
    check.elements("d_y", d_pre.len(), &sides)?;
    let grid = Grid { height, width };
    let tiles = pictures * grid.count();
    let (one, block) = (input * output, block::<T>(input, output));
    // Sums that no number of threads changes.
    let segments = parallel::ranges(tiles, SEGMENTS.min(tiles.div_ceil(block)), T::micro().rows);
    let mut total = Buffer::take(ALL * one);
    total.fill(T::ZERO);
    add_segments(segments.len(), &mut total, |k, sum| {
        let own = segments.at(k);
        for first in own.clone().step_by(block) {
            let own = first..own.end.min(first + block);
            let count = own.len();
            let [of_input, of_output] = [input, output].map(|channels| spaced::<T>(count * channels));
            let (mut at, mut d_products) = (Buffer::take(ALL * of_input), Buffer::take(ALL * of_output));
            at_points(x, grid, own.clone(), input, &mut at);
            d_products_of(d_pre, grid, own, output, &mut d_products);
            let points = at.chunks_exact(of_input).zip(d_products.chunks_exact(of_output));
            for ((at, d_product), sum) in points.zip(sum.chunks_exact_mut(one)) {
                let packed = Packed::new(View::new(&d_product[..count * output], count, output));
                let at = View::new(&at[..count * input], count, input);
                gemm_serial(at.transposed(), &packed, sum, Start::Add);
            }
        }
    });
    Ok(taps(&total, [output, input]))
}

/// Gradient of [`forward`]'s operands without a residual from `d_y[pictures, height, width, out]`; `y` is the forward result, `turned` the
/// weight's [`Filter::turned`]. That of the weight is `[out, in, 3, 3]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn backward<T: Real>(
    x: &[T],
    y: &[T],
    d_y: &[T],
    turned: &Filter<T>,
    size: [usize; 2],
    activation: Activation,
    wants: Wants,
) -> Result<Gradient<T>, ShapeError> {
    let (output, input) = (turned.input, turned.output);
    Check("convolution backward").dimension("d_y", d_y.len(), y.len())?;
    let d_pre = activate_backward(d_y, y, activation);
    let d_x = match wants.x {
        true => forward(&d_pre, turned, None, None, size, Activation::Identity)?,
        false => Vec::new(),
    };
    if !wants.parameters {
        return Ok(Gradient { x: d_x, weight: Vec::new(), bias: Vec::new() });
    }
    let weight = weight_gradient(x, &d_pre, size, [output, input])?;
    let mut bias = vec![T::ZERO; output];
    add_columns(&d_pre, &mut bias);
    Ok(Gradient { x: d_x, weight, bias })
}

/// How many pictures so many numbers are of.
fn pictures(
    check: Check,
    numbers: usize,
    [height, width]: [usize; 2],
    [input, output]: [usize; 2],
) -> Result<usize, ShapeError> {
    for (name, size) in [("the height", height), ("the width", width), ("the input", input), ("the output", output)] {
        check.some(name, size)?;
    }
    let one = check.count("a picture", &[("height", height), ("width", width), ("input", input)])?;
    let pictures = numbers / one;
    check.elements("x", numbers, &[("pictures", pictures), ("numbers", one)])?;
    Ok(pictures)
}

/// What the points' gradients `[points, in, out]` are for the taps, `[out, in, 3, 3]`.
fn taps<T: Real>(points: &[T], [output, input]: [usize; 2]) -> Vec<T> {
    let g = filter_matrix::<T>();
    let one = input * output;
    let mut weight = vec![T::ZERO; one * KERNEL];
    for (k, kernel) in weight.chunks_exact_mut(KERNEL).enumerate() {
        let (o, i) = (k / input, k % input);
        for p in 0..POINTS {
            let mut across = [T::ZERO; TAPS];
            for (q, g_q) in g.iter().enumerate() {
                let point = points[(p * POINTS + q) * one + i * output + o];
                across.iter_mut().zip(g_q).for_each(|(across, g)| *across += *g * point);
            }
            for (row, g) in kernel.chunks_exact_mut(TAPS).zip(g[p]) {
                row.iter_mut().zip(across).for_each(|(tap, across)| *tap += g * across);
            }
        }
    }
    weight
}

/// What every point makes of every tap.
fn filter_matrix<T: Real>() -> [[T; TAPS]; POINTS] {
    std::array::from_fn(|p| std::array::from_fn(|k| T::from_f64(transform::filter(p, k))))
}

/// Tiles that pass through all three together.
fn block<T: Real>(input: usize, output: usize) -> usize {
    let rows = T::micro().rows;
    (BLOCK / (ALL * input.max(output) * size_of::<T>() * rows)).max(1) * rows
}

#[cfg(test)]
mod tests;
