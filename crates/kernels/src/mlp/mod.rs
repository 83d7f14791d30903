//! Fully connected layers one after the other, and their gradient; with them, if asked for, how the result changes along a direction.
//!
//! Rows are samples; below them stand as many rows of changes, which pass by the same weights without biases and are scaled by the
//! slope of what follows: one product's rows more, in the forward pass and in the gradients. What stands between the layers is taken
//! from the pool of [`Buffer`]s, and passes through all layers block by block while it is in the caches.

pub use crate::linear::Wants;

use crate::buffer::Buffer;
use crate::elementwise::add_columns;
use crate::gemm::{Packed, Start, View, gemm_serial};
use crate::linear::{Activation, LEAK, activate, relu_backward, tanh_backward, weight_gradient};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};

/// One layer: `activation(x W^T + b)`.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a, T> {
    /// `W[output, input]` packed, transposed for [`forward`] and as it is for [`backward`].
    pub weight: &'a Packed<T>,
    /// `[output]`
    pub bias: &'a [T],
    /// What follows.
    pub activation: Activation,
}

/// Samples, and whether rows of changes stand below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Samples.
    pub count: usize,
    /// As many changes follow.
    pub tangents: bool,
}

impl Rows {
    /// Rows altogether.
    pub fn total(self) -> usize {
        if self.tangents { 2 * self.count } else { self.count }
    }

    /// Blocks of samples that pass through the layers together; their borders are the micro-kernel's.
    fn blocks<T: Real>(self) -> parallel::Ranges {
        parallel::ranges(self.count, self.count.div_ceil(BLOCK), T::micro().rows)
    }
}

/// Samples of a block: layers of some hundred units stay in the second-level cache.
const BLOCK: usize = 96;

/// What [`forward`] keeps for [`backward`].
#[derive(Debug)]
pub struct Kept<T: Real> {
    /// Of every layer but the last, its result.
    hidden: Vec<Buffer<T>>,
    /// Of every layer, the changes before its slope; empty where the slope is flat.
    before: Vec<Buffer<T>>,
}

/// `y[rows, last output]` from `x[rows, first input]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn forward<T: Real>(x: &[T], rows: Rows, layers: &[Layer<'_, T>]) -> Result<(Vec<T>, Kept<T>), ShapeError> {
    let check = Check("multilayer perceptron");
    check.some("the layers", layers.len())?;
    check_layers(check, layers, |layer| (layer.weight.depth(), layer.weight.cols()))?;
    let total = rows.total();
    check.elements("x", x.len(), &[("rows", total), ("input", layers[0].weight.depth())])?;
    let widths: Vec<usize> = layers.iter().map(|layer| layer.weight.cols()).collect();
    let last = layers.len() - 1;
    let mut y = vec![T::ZERO; check.count("the result", &[("rows", total), ("output", widths[last])])?];
    let mut hidden: Vec<Buffer<T>> = widths[..last].iter().map(|width| Buffer::take(total * width)).collect();
    let curved = |l: usize| rows.tangents && layers[l].activation == Activation::Tanh;
    let mut before: Vec<Buffer<T>> =
        (0..=last).map(|l| Buffer::take(if curved(l) { rows.count * widths[l] } else { 0 })).collect();
    {
        let results: Vec<Shared<T>> = hidden.iter_mut().map(|b| Shared::new(b)).chain([Shared::new(&mut y)]).collect();
        let before: Vec<Shared<T>> = before.iter_mut().map(|b| Shared::new(b)).collect();
        let blocks = rows.blocks::<T>();
        parallel::each(blocks.len(), total * widths.iter().sum::<usize>() > 1 << 13, |block| {
            let own = blocks.at(block);
            for (l, layer) in layers.iter().enumerate() {
                let (input, width) = (layer.weight.depth(), widths[l]);
                let from = |first: usize| match l {
                    0 => View::new(&x[first * input..][..own.len() * input], own.len(), input),
                    // SAFETY: this block's rows of the layer before, written above by this task.
                    _ => View::new(unsafe { results[l - 1].read(first * input, own.len() * input) }, own.len(), input),
                };
                // SAFETY: every block has rows of its own.
                let y = unsafe { results[l].slice(own.start * width, own.len() * width) };
                gemm_serial(from(own.start), layer.weight, y, Start::Bias(layer.bias));
                activate(y, layer.activation);
                if rows.tangents {
                    let first = rows.count + own.start;
                    // SAFETY: as above.
                    let d_y = unsafe { results[l].slice(first * width, own.len() * width) };
                    gemm_serial(from(first), layer.weight, d_y, Start::Zero);
                    if curved(l) {
                        // SAFETY: as above.
                        unsafe { before[l].slice(own.start * width, own.len() * width) }.copy_from_slice(d_y);
                    }
                    scale_by_slope(d_y, y, layer.activation);
                }
            }
        });
    }
    Ok((y, Kept { hidden, before }))
}

/// The gradient of [`forward`]'s operands.
#[derive(Debug)]
pub struct Gradient<T> {
    /// `[rows, first input]`
    pub x: Vec<T>,
    /// Of every layer, `[output, input]` and `[output]`.
    pub layers: Vec<(Vec<T>, Vec<T>)>,
}

/// Gradient from `d_y[rows, last output]`; `y` is the forward result.
///
/// # Errors
/// If the shapes do not fit.
pub fn backward<T: Real>(
    x: &[T],
    rows: Rows,
    (y, kept): (&[T], &Kept<T>),
    d_y: &[T],
    layers: &[Layer<'_, T>],
    wants: Wants,
) -> Result<Gradient<T>, ShapeError> {
    let check = Check("multilayer perceptron backward");
    check.some("the layers", layers.len())?;
    check_layers(check, layers, |layer| (layer.weight.cols(), layer.weight.depth()))?;
    let (total, last) = (rows.total(), layers.len() - 1);
    let input = layers[0].weight.cols();
    let widths: Vec<usize> = layers.iter().map(|layer| layer.weight.depth()).collect();
    check.elements("x", x.len(), &[("rows", total), ("input", input)])?;
    for (name, got) in [("y", y.len()), ("d_y", d_y.len())] {
        check.elements(name, got, &[("rows", total), ("output", widths[last])])?;
    }
    check.dimension("the layers kept", kept.hidden.len(), last)?;
    let result = |l: usize| if l == last { y } else { &kept.hidden[l] };
    // Of what stands before every layer's non-linearity.
    let mut d_pre: Vec<Buffer<T>> = widths.iter().map(|width| Buffer::take(total * width)).collect();
    let mut d_x = vec![T::ZERO; if wants.x { x.len() } else { 0 }];
    {
        let of_x = Shared::new(&mut d_x);
        let d_pre: Vec<Shared<T>> = d_pre.iter_mut().map(|b| Shared::new(b)).collect();
        let blocks = rows.blocks::<T>();
        parallel::each(blocks.len(), total * widths.iter().sum::<usize>() > 1 << 13, |block| {
            let own = blocks.at(block);
            let firsts = [own.start, rows.count + own.start];
            let halves = &firsts[..if rows.tangents { 2 } else { 1 }];
            for l in (0..=last).rev() {
                let width = widths[l];
                let part = |first: usize| first * width..(first + own.len()) * width;
                // SAFETY: every block has rows of its own.
                let mine = |first: usize| unsafe { d_pre[l].slice(first * width, own.len() * width) };
                if l == last {
                    halves.iter().for_each(|first| mine(*first).copy_from_slice(&d_y[part(*first)]));
                }
                let (y, activation) = (&result(l)[part(own.start)], layers[l].activation);
                if rows.tangents {
                    let d_tangent = mine(firsts[1]);
                    if activation == Activation::Tanh {
                        // The slope 1 - y^2 of a change moves with y.
                        bend(mine(firsts[0]), d_tangent, &kept.before[l][part(own.start)], y);
                    }
                    scale_by_slope(d_tangent, y, activation);
                }
                scale_by_slope(mine(firsts[0]), y, activation);
                for first in halves {
                    let from = View::new(mine(*first), own.len(), width);
                    let (to, width) = match l {
                        0 if !wants.x => continue,
                        0 => (&of_x, input),
                        _ => (&d_pre[l - 1], widths[l - 1]),
                    };
                    // SAFETY: as above.
                    let to = unsafe { to.slice(first * width, own.len() * width) };
                    gemm_serial(from, layers[l].weight, to, Start::Zero);
                }
            }
        });
    }
    let of_layer = |(l, layer): (usize, &Layer<'_, T>)| {
        let (width, input) = (layer.weight.depth(), layer.weight.cols());
        let mut sums = (vec![T::ZERO; width * input], vec![T::ZERO; width]);
        let x = if l == 0 { x } else { result(l - 1) };
        weight_gradient(&d_pre[l], x, total, &mut sums.0, layer.weight);
        // A change knows no bias.
        add_columns(&d_pre[l][..rows.count * width], &mut sums.1);
        sums
    };
    let layers = if wants.parameters { layers.iter().enumerate().map(of_layer).collect() } else { Vec::new() };
    Ok(Gradient { x: d_x, layers })
}

/// Do the layers, of `(input, output)`, fit together and to their biases?
fn check_layers<T: Real>(
    check: Check,
    layers: &[Layer<'_, T>],
    sides: impl Fn(&Layer<'_, T>) -> (usize, usize),
) -> Result<(), ShapeError> {
    for (l, layer) in layers.iter().enumerate() {
        let (input, output) = sides(layer);
        check.some("a layer's input", input)?;
        check.some("a layer's output", output)?;
        check.elements("a layer's bias", layer.bias.len(), &[("output", output)])?;
        if l > 0 {
            check.dimension("a layer's input", input, sides(&layers[l - 1]).1)?;
        }
    }
    Ok(())
}

/// A change of what stands before the non-linearity as one of its result `y`, or the gradient of the result as one of what stands
/// before it.
fn scale_by_slope<T: Real>(d: &mut [T], y: &[T], activation: Activation) {
    match activation {
        Activation::Identity => {}
        Activation::Tanh => tanh_backward(d, y),
        Activation::Relu => relu_backward(d, y, T::ZERO),
        Activation::LeakyRelu => relu_backward(d, y, T::from_f64(LEAK)),
    }
}

#[inline(always)]
fn bend_body<T: Real, const FMA: bool>(d_y: &mut [T], d_tangent: &[T], before: &[T], y: &[T]) {
    // tangent = before (1 - y^2)
    for (((d_y, d_tangent), before), y) in d_y.iter_mut().zip(d_tangent).zip(before).zip(y) {
        *d_y -= (*y + *y) * *before * *d_tangent;
    }
}

multiversion! {
    /// Adds to `d_y` what comes by the slope of a change, whose gradient is `d_tangent` and which was `before` it was scaled.
    fn bend<T: Real>(d_y: &mut [T], d_tangent: &[T], before: &[T], y: &[T]) = bend_body
}

#[cfg(test)]
mod tests;
