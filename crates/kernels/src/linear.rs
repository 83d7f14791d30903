//! `y = activation(x W^T + b)` and its gradient.

use crate::elementwise::{add_columns, tanh};
use crate::gemm::{Packed, Start, View, gemm};
use crate::{Real, multiversion};

/// What follows the affine map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// Hyperbolic tangent.
    Tanh,
}

/// `y[rows, output]` from `x[rows, input]` and the packed transpose of `W[output, input]`.
pub fn forward<T: Real>(x: &[T], weight_t: &Packed<T>, bias: Option<&[T]>, activation: Activation) -> Vec<T> {
    let (input, output) = (weight_t.depth(), weight_t.cols());
    let rows = x.len().checked_div(input).unwrap_or(0);
    let mut y = vec![T::ZERO; rows * output];
    gemm(View::new(x, rows, input), weight_t, &mut y, bias.map_or(Start::Zero, Start::Bias));
    if activation == Activation::Tanh {
        tanh(&mut y);
    }
    y
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

/// Gradient from `d_y[rows, output]`; `y` is the forward result, `weight` is `W[output, input]` packed.
pub fn backward<T: Real>(x: &[T], y: &[T], d_y: &[T], weight: &Packed<T>, activation: Activation) -> Gradient<T> {
    let (output, input) = (weight.depth(), weight.cols());
    let rows = d_y.len().checked_div(output).unwrap_or(0);
    let mut d_pre = d_y.to_vec();
    if activation == Activation::Tanh {
        tanh_backward(&mut d_pre, y); // y = tanh(pre)
    }
    let mut gradient =
        Gradient { x: vec![T::ZERO; rows * input], weight: vec![T::ZERO; output * input], bias: vec![T::ZERO; output] };
    // y = x W^T + b
    gemm(View::new(&d_pre, rows, output), weight, &mut gradient.x, Start::Zero);
    weight_gradient(&d_pre, x, rows, &mut gradient.weight, weight);
    add_columns(&d_pre, &mut gradient.bias);
    gradient
}

/// `d_weight[output, input] = d_y^T x`: one product over all rows, rounded as `weight` is.
fn weight_gradient<T: Real>(d_y: &[T], x: &[T], rows: usize, d_weight: &mut [T], weight: &Packed<T>) {
    let (output, input) = (weight.depth(), weight.cols());
    let packed = Packed::with_format(View::new(x, rows, input), weight.format());
    gemm(View::new(d_y, rows, output).transposed(), &packed, d_weight, Start::Zero);
}

#[inline(always)]
fn tanh_backward_body<T: Real, const FMA: bool>(d: &mut [T], y: &[T]) {
    for (d, y) in d.iter_mut().zip(y) {
        *d *= T::ONE - *y * *y;
    }
}

multiversion! {
    /// `d *= 1 - y^2`, `y` a hyperbolic tangent.
    pub fn tanh_backward<T: Real>(d: &mut [T], y: &[T]) = tanh_backward_body
}
