//! Convolutions and transposed convolutions of pictures.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::packs::{packed_filter, packed_patches};
use crate::pass::Precision;
use burn::tensor::Tensor;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use simurgh_kernels::ShapeError;
pub use simurgh_kernels::conv::Geometry;
use simurgh_kernels::conv::{self, unpatched, winograd};
use simurgh_kernels::gemm::Format;
use simurgh_kernels::linear::{Activation, Gradient};
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// `activation(conv(x) + b)`: `x[pictures, height width channels]` as rows of pixels, a pixel's channels side by side, to
/// `[pictures, rows cols out]`; `weight[out, channels, kernel, kernel]`, `bias[out]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn convolution(
    x: Tensor<2>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: Geometry,
    activation: Activation,
    precision: Precision,
) -> Result<Tensor<2>, ShapeError> {
    body(x, (weight, bias), geometry, activation, Way { transposed: false, format: precision.into() }, Body::Auto)
}

/// `activation(transposed conv(x) + b)`: `x[pictures, rows cols in]` to `[pictures, height width channels]`, as `geometry` says of the
/// result; `weight[in, channels, kernel, kernel]`, `bias[channels]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn transposed_convolution(
    x: Tensor<2>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: Geometry,
    activation: Activation,
    precision: Precision,
) -> Result<Tensor<2>, ShapeError> {
    body(x, (weight, bias), geometry, activation, Way { transposed: true, format: precision.into() }, Body::Auto)
}

/// Which of the two, and how operands are rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub transposed: bool,
    pub format: Format,
}

pub(crate) fn body(
    x: Tensor<2>,
    (weight, bias): (Tensor<4>, Option<Tensor<1>>),
    geometry: Geometry,
    activation: Activation,
    way: Way,
    body: Body,
) -> Result<Tensor<2>, ShapeError> {
    let check = Check(if way.transposed { "transposed convolution" } else { "convolution" });
    geometry.check(check)?;
    let ([pictures, numbers], [first, channels, kernel, other]) = (x.dims(), weight.dims());
    check.some("the weight", first)?;
    check.dimension("channels of the weight", channels, geometry.channels)?;
    check.dimension("kernel of the weight", kernel, geometry.kernel)?;
    check.dimension("kernel of the weight", other, geometry.kernel)?;
    let (input, output, biases) = match way.transposed {
        false => (geometry.size(), geometry.count() * first, first),
        true => (geometry.count() * first, geometry.size(), channels),
    };
    check.dimension("numbers of a picture", numbers, input)?;
    check.count("the result", &[("pictures", pictures), ("numbers", output)])?;
    if let Some(bias) = &bias {
        check.dimension("length of the bias", bias.dims()[0], biases)?;
    }
    if body.is_fused(&x) {
        let mut inputs = vec![x.into_dispatch(), weight.into_dispatch()];
        inputs.extend(bias.map(Tensor::into_dispatch));
        return Ok(run_fused(inputs, Convolution { geometry, activation, way }));
    }
    let Geometry { height, width, stride, padding, .. } = geometry;
    let (strides, paddings) = ([stride; 2], [padding; 2]);
    let y = match way.transposed {
        false => {
            let x = x.reshape([pictures, height, width, channels]).permute([0, 3, 1, 2]);
            conv2d(x, weight, bias, ConvOptions::new(strides, paddings, [1, 1], 1))
        }
        true => {
            let x = x.reshape([pictures, geometry.rows(), geometry.cols(), first]).permute([0, 3, 1, 2]);
            // What no patch reaches at the far side.
            let rim = |size: usize| (size + 2 * padding - kernel) % stride;
            let options = ConvTransposeOptions::new(strides, paddings, [rim(height), rim(width)], [1, 1], 1);
            conv_transpose2d(x, weight, bias, options)
        }
    };
    let y = y.permute([0, 2, 3, 1]).reshape([pictures, output]);
    Ok(super::linear::activated(y, activation))
}

#[derive(Debug)]
struct Convolution {
    geometry: Geometry,
    activation: Activation,
    way: Way,
}

impl Convolution {
    /// Tiles take a quarter of the multiplications: in f32 they are faster than rounded patches are.
    fn by_tiles<T>(&self, weight: &Operand<'_, T>) -> bool {
        !self.way.transposed && winograd::suits(self.geometry, weight.shape[0])
    }
}

impl Kernel for Convolution {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let (x, weight) = (&inputs[0], &inputs[1]);
        let bias = inputs.get(2).map(|b| b.data);
        let Self { geometry, activation, way } = *self;
        if self.by_tiles(weight) {
            let filter = packed_filter(weight, false);
            let data = winograd::forward(x.data, &filter, bias, None, [geometry.height, geometry.width], activation);
            let data = data.expect("shapes were checked before");
            return Output { data, shape: vec![x.shape[0], geometry.count() * weight.shape[0]], saved: Arc::new(()) };
        }
        // [patch, out] of a convolution, [in, patch] of a transposed one.
        let packed = packed_patches(weight, !way.transposed, way.format);
        let data = match way.transposed {
            false => conv::forward(x.data, &packed, bias, geometry, activation),
            true => conv::transposed_forward(x.data, &packed, bias, geometry, activation),
        };
        let data = data.expect("shapes were checked before");
        let width = if way.transposed { geometry.size() } else { geometry.count() * weight.shape[0] };
        Output { data, shape: vec![x.shape[0], width], saved: Arc::new(()) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        output: &[T],
        _: &Saved,
        d_output: &[T],
        wanted: &[bool],
    ) -> Vec<Vec<T>> {
        let (x, weight) = (&inputs[0], &inputs[1]);
        let Self { geometry, activation, way } = *self;
        let wants = conv::Wants { x: wanted[0], parameters: wanted[1..].iter().any(|wanted| *wanted) };
        let g = if self.by_tiles(weight) {
            let (turned, size) = (packed_filter(weight, true), [geometry.height, geometry.width]);
            winograd::backward(x.data, output, d_output, &turned, size, activation, wants)
        } else {
            let packed = packed_patches(weight, way.transposed, way.format);
            let g = match way.transposed {
                false => conv::backward(x.data, output, d_output, &packed, geometry, activation, wants),
                true => conv::transposed_backward(x.data, output, d_output, &packed, geometry, activation, wants),
            };
            g.map(|g| match g.weight.is_empty() {
                true => g,
                false => Gradient { weight: unpatched(&g.weight, geometry.channels, geometry.kernel), ..g },
            })
        };
        let g = g.expect("shapes were checked before");
        let mut all = vec![g.x, g.weight];
        if inputs.len() == 3 {
            all.push(g.bias);
        }
        all
    }
}
