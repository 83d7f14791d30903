//! `y = activation(x W^T + b)` and its gradient.

use crate::elementwise::{add_columns, tanh};
use crate::gemm::{DEPTH, Packed, Start, View, gemm};
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};
use std::borrow::Cow;

/// What follows the affine map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// Hyperbolic tangent.
    Tanh,
    /// What is above 0.
    Relu,
    /// What is above 0, and [`LEAK`] of what is below (Maas et al. 2013).
    LeakyRelu,
}

/// The slope of [`Activation::LeakyRelu`] below 0 (Radford et al. 2016).
pub const LEAK: f64 = 0.2;

/// `y[rows, output]` from `x[rows, input]` and the packed transpose of `W[output, input]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn forward<T: Real>(
    x: &[T],
    weight_t: &Packed<T>,
    bias: Option<&[T]>,
    activation: Activation,
) -> Result<Vec<T>, ShapeError> {
    let (input, output, check) = (weight_t.depth(), weight_t.cols(), Check("linear"));
    check.some("the input", input)?;
    let rows = x.len() / input;
    check.elements("x", x.len(), &[("rows", rows), ("input", input)])?;
    if let Some(bias) = bias {
        check.elements("the bias", bias.len(), &[("output", output)])?;
    }
    let mut y = vec![T::ZERO; check.count("the result", &[("rows", rows), ("output", output)])?];
    gemm(View::new(x, rows, input), weight_t, &mut y, bias.map_or(Start::Zero, Start::Bias));
    activate(&mut y, activation);
    Ok(y)
}

/// What follows the affine map, in place.
pub(crate) fn activate<T: Real>(y: &mut [T], activation: Activation) {
    match activation {
        Activation::Identity => {}
        Activation::Tanh => tanh(y),
        Activation::Relu => relu(y, T::ZERO),
        Activation::LeakyRelu => relu(y, T::from_f64(LEAK)),
    }
}

/// The gradient of what stands before [`activate`], from that of its result `y`.
pub(crate) fn activate_backward<'a, T: Real>(d_y: &'a [T], y: &[T], activation: Activation) -> Cow<'a, [T]> {
    let mut d_pre = Cow::Borrowed(d_y);
    match activation {
        Activation::Identity => {}
        Activation::Tanh => tanh_backward(d_pre.to_mut(), y), // y = tanh(pre)
        Activation::Relu => relu_backward(d_pre.to_mut(), y, T::ZERO), // y = max(pre, 0)
        Activation::LeakyRelu => relu_backward(d_pre.to_mut(), y, T::from_f64(LEAK)), // y = pre, or LEAK pre below 0
    }
    d_pre
}

/// Which gradients are taken; the others are left empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    /// That of the input.
    pub x: bool,
    /// Those of weight and bias.
    pub parameters: bool,
}

/// The gradient of [`forward`]'s operands.
#[derive(Debug)]
pub struct Gradient<T> {
    /// `[rows, input]`
    pub x: Vec<T>,
    /// `[output, input]`
    pub weight: Vec<T>,
    /// `[output]`
    pub bias: Vec<T>,
}

/// Gradient from `d_y[rows, output]`; `y` is the forward result, `weight` is `W[output, input]` packed. That of `x` is left
/// empty unless `wants_x`.
///
/// # Errors
/// If the shapes do not fit.
pub fn backward<T: Real>(
    x: &[T],
    y: &[T],
    d_y: &[T],
    weight: &Packed<T>,
    activation: Activation,
    wants_x: bool,
) -> Result<Gradient<T>, ShapeError> {
    let sums = (vec![T::ZERO; weight.depth() * weight.cols()], vec![T::ZERO; weight.depth()]);
    backward_adding(x, y, d_y, weight, activation, wants_x, sums)
}

/// The same, the parameters' gradients added to `sums`, `W[output, input]`'s and `b[output]`'s.
///
/// # Errors
/// As [`backward`], and if the sums have other lengths.
pub fn backward_adding<T: Real>(
    x: &[T],
    y: &[T],
    d_y: &[T],
    weight: &Packed<T>,
    activation: Activation,
    wants_x: bool,
    sums: (Vec<T>, Vec<T>),
) -> Result<Gradient<T>, ShapeError> {
    let (output, input, check) = (weight.depth(), weight.cols(), Check("linear backward"));
    check.some("the output", output)?;
    let rows = d_y.len() / output;
    for (name, got, columns) in [("d_y", d_y.len(), output), ("y", y.len(), output), ("x", x.len(), input)] {
        check.elements(name, got, &[("rows", rows), ("columns", columns)])?;
    }
    check.elements("the sum of the weight", sums.0.len(), &[("output", output), ("input", input)])?;
    check.elements("the sum of the bias", sums.1.len(), &[("output", output)])?;
    let d_pre = activate_backward(d_y, y, activation);
    let mut gradient =
        Gradient { x: vec![T::ZERO; if wants_x { rows * input } else { 0 }], weight: sums.0, bias: sums.1 };
    // y = x W^T + b
    if wants_x {
        gemm(View::new(&d_pre, rows, output), weight, &mut gradient.x, Start::Zero);
    }
    weight_gradient(&d_pre, x, rows, &mut gradient.weight, weight);
    add_columns(&d_pre, &mut gradient.bias);
    Ok(gradient)
}

/// Rows whose inputs are packed at once; a multiple of the product's own blocks, so that sums have the order of one product.
const PACKED_ROWS: usize = 16 * DEPTH;

/// `d_weight[output, input] = d_y^T x`: one product over all rows, rounded as `weight` is.
pub(crate) fn weight_gradient<T: Real>(d_y: &[T], x: &[T], rows: usize, d_weight: &mut [T], weight: &Packed<T>) {
    let (output, input) = (weight.depth(), weight.cols());
    let (d_y, x) = (View::new(d_y, rows, output), View::new(x, rows, input));
    for first in (0..rows).step_by(PACKED_ROWS) {
        let block = first..rows.min(first + PACKED_ROWS);
        let packed = Packed::with_format(x.rows(block.clone()), weight.format());
        gemm(d_y.rows(block).transposed(), &packed, d_weight, Start::Add);
    }
}

#[inline(always)]
fn tanh_backward_body<T: Real, const FMA: bool>(d: &mut [T], y: &[T]) {
    for (d, y) in d.iter_mut().zip(y) {
        *d *= T::ONE - *y * *y;
    }
}

#[inline(always)]
fn relu_body<T: Real, const FMA: bool>(y: &mut [T], leak: T) {
    for y in y {
        // A NaN stays one; nothing of an infinity is 0.
        *y = if *y < T::ZERO { if leak == T::ZERO { T::ZERO } else { leak * *y } } else { *y };
    }
}

#[inline(always)]
fn relu_backward_body<T: Real, const FMA: bool>(d: &mut [T], y: &[T], leak: T) {
    for (d, y) in d.iter_mut().zip(y) {
        *d = match *y > T::ZERO {
            true => *d,
            false if leak == T::ZERO => T::ZERO,
            false => leak * *d,
        };
    }
}

multiversion! {
    /// What is above 0 and `leak` of what is below, in place.
    fn relu<T: Real>(y: &mut [T], leak: T) = relu_body
}

multiversion! {
    /// `d` where `y` is above 0, `leak` of it elsewhere.
    pub(crate) fn relu_backward<T: Real>(d: &mut [T], y: &[T], leak: T) = relu_backward_body
}

multiversion! {
    /// `d *= 1 - y^2`, `y` a hyperbolic tangent.
    pub fn tanh_backward<T: Real>(d: &mut [T], y: &[T]) = tanh_backward_body
}
