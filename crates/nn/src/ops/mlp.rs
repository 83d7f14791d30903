//! Fully connected layers as one operation.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::linear::activated;
use super::packs::packed;
use crate::pass::Precision;
use burn::tensor::Tensor;
use simurgh_kernels::ShapeError;
use simurgh_kernels::gemm::{Format, Packed};
use simurgh_kernels::linear::{Activation, LEAK};
use simurgh_kernels::mlp::{self, Kept, Layer, Rows, Wants};
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// A layer: `W[output, input]`, `b[output]` and what follows.
pub type DenseLayer = (Tensor<2>, Tensor<1>, Activation);

/// Every layer's `activation(x W^T + b)` in turn: `x[rows, first input]` to `[rows, last output]`.
///
/// With `tangents` the lower half of the rows are directions, each of the sample as far above it, and the lower half of the result
/// says how the upper one changes along them.
///
/// # Errors
/// If the shapes do not fit.
pub fn dense_layers(
    x: Tensor<2>,
    layers: Vec<DenseLayer>,
    tangents: bool,
    precision: Precision,
) -> Result<Tensor<2>, ShapeError> {
    body(x, layers, tangents, precision.into(), Body::Auto)
}

/// Layers of one entry of the tape.
const TOGETHER: usize = 3;

pub(crate) fn body(
    mut x: Tensor<2>,
    layers: Vec<DenseLayer>,
    tangents: bool,
    format: Format,
    body: Body,
) -> Result<Tensor<2>, ShapeError> {
    let check = Check("multilayer perceptron");
    let [rows, mut width] = x.dims();
    if tangents && rows % 2 == 1 {
        return Err(ShapeError::Value {
            operation: check.0,
            name: "the rows",
            expected: "as many directions as samples".into(),
            got: rows.to_string(),
        });
    }
    for (weight, bias, _) in &layers {
        let [output, input] = weight.dims();
        check.some("a layer's input", input)?;
        check.some("a layer's output", output)?;
        check.dimension("a layer's input", input, width)?;
        check.dimension("output of a layer's bias", bias.dims()[0], output)?;
        check.count("a layer's result", &[("rows", rows), ("output", output)])?;
        width = output;
    }
    let fused = body.is_fused(&x);
    let mut layers = layers.into_iter().peekable();
    while layers.peek().is_some() {
        let some: Vec<DenseLayer> = layers.by_ref().take(TOGETHER).collect();
        x = if fused {
            fused_layers(x, some, tangents, format)
        } else {
            some.into_iter().fold(x, |x, l| plainly(x, l, tangents))
        };
    }
    Ok(x)
}

fn fused_layers(x: Tensor<2>, layers: Vec<DenseLayer>, tangents: bool, format: Format) -> Tensor<2> {
    let activations = layers.iter().map(|(_, _, activation)| *activation).collect();
    let mut inputs = vec![x.into_dispatch()];
    for (weight, bias, _) in layers {
        inputs.extend([weight.into_dispatch(), bias.into_dispatch()]);
    }
    run_fused(inputs, Layers { activations, tangents, format })
}

/// One layer, of ordinary tensor operations.
fn plainly(x: Tensor<2>, (weight, bias, activation): DenseLayer, tangents: bool) -> Tensor<2> {
    let y = x.matmul(weight.transpose());
    let [rows, width] = y.dims();
    let count = if tangents { rows / 2 } else { rows };
    let values = activated(y.clone().slice([0..count, 0..width]) + bias.unsqueeze(), activation);
    if !tangents {
        return values;
    }
    let changes = scaled_by_slope(y.slice([count..rows, 0..width]), &values, activation);
    Tensor::cat(vec![values, changes], 0)
}

/// A change of what stands before a non-linearity as a change of its result `y`.
pub(crate) fn scaled_by_slope<const D: usize>(d_y: Tensor<D>, y: &Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Identity => d_y,
        Activation::Tanh => d_y * (-(y.clone() * y.clone()) + 1.0),
        // The slope is flat but at the corner.
        Activation::Relu => d_y * slope(y, 0.0),
        Activation::LeakyRelu => d_y * slope(y, LEAK),
    }
}

/// 1 where `y` is above 0, `leak` elsewhere.
fn slope<const D: usize>(y: &Tensor<D>, leak: f64) -> Tensor<D> {
    let above = y.clone().detach().greater_elem(0.0).float().cast(y.dtype());
    above * (1.0 - leak) + leak
}

#[derive(Debug)]
struct Layers {
    activations: Vec<Activation>,
    tangents: bool,
    format: Format,
}

impl Layers {
    fn rows<T>(&self, x: &Operand<'_, T>) -> Rows {
        Rows { count: if self.tangents { x.shape[0] / 2 } else { x.shape[0] }, tangents: self.tangents }
    }

    /// Every layer's weight packed, or its transpose.
    fn packed<T: Number>(&self, inputs: &[Operand<'_, T>], transposed: bool) -> Vec<Arc<Packed<T>>> {
        inputs[1..].chunks_exact(2).map(|layer| packed(&layer[0], transposed, self.format)).collect()
    }

    fn layers<'a, T: Number>(&self, inputs: &'a [Operand<'_, T>], packed: &'a [Arc<Packed<T>>]) -> Vec<Layer<'a, T>> {
        let each = inputs[1..].chunks_exact(2).zip(packed).zip(&self.activations);
        each.map(|((layer, weight), activation)| Layer { weight, bias: layer[1].data, activation: *activation })
            .collect()
    }
}

impl Kernel for Layers {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let packed = self.packed(inputs, true);
        let layers = self.layers(inputs, &packed);
        let (data, kept) =
            mlp::forward(inputs[0].data, self.rows(&inputs[0]), &layers).expect("shapes were checked before");
        let width = layers.last().map_or(0, |layer| layer.bias.len());
        Output { data, shape: vec![inputs[0].shape[0], width], saved: Arc::new(kept) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        output: &[T],
        saved: &Saved,
        d_output: &[T],
        wanted: &[bool],
    ) -> Vec<Vec<T>> {
        let packed = self.packed(inputs, false);
        let layers = self.layers(inputs, &packed);
        let kept: &Kept<T> = saved.downcast_ref().expect("what this operation's forward pass kept");
        let wants = Wants { x: wanted[0], parameters: wanted[1..].iter().any(|wanted| *wanted) };
        let (x, rows) = (inputs[0].data, self.rows(&inputs[0]));
        let gradient = mlp::backward(x, rows, (output, kept), d_output, &layers, wants);
        let gradient = gradient.expect("shapes were checked before");
        let mut all = vec![gradient.x];
        for (weight, bias) in gradient.layers {
            all.extend([weight, bias]);
        }
        all.resize(inputs.len(), Vec::new());
        all
    }
}
