//! Pictures of another size.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use burn::tensor::Tensor;
use simurgh_kernels::ShapeError;
use simurgh_kernels::resample::{doubled as double, halved as halve, shuffled as shuffle, unshuffled as unshuffle};
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// `x[pictures, height width channels]` to `[pictures, height/2 width/2 channels]`: the means of 2 x 2 pixels.
///
/// # Errors
/// If the shapes do not fit, or a side is odd.
pub fn halved(x: Tensor<2>, picture: [usize; 3]) -> Result<Tensor<2>, ShapeError> {
    body(x, picture, Way::Halved, Body::Auto)
}

/// `x[pictures, height width channels]` to `[pictures, 2height 2width channels]`: every pixel four times (nearest neighbour).
///
/// # Errors
/// If the shapes do not fit.
pub fn doubled(x: Tensor<2>, picture: [usize; 3]) -> Result<Tensor<2>, ShapeError> {
    body(x, picture, Way::Doubled, Body::Auto)
}

/// `x[pictures, height width (channels factor^2)]` to `[pictures, (factor height) (factor width) channels]`: a pixel's channels as a square
/// of pixels, in PyTorch's order (Shi et al. 2016). `picture` is `[height, width, channels]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn shuffled(x: Tensor<2>, picture: [usize; 3], factor: usize) -> Result<Tensor<2>, ShapeError> {
    body(x, picture, Way::Shuffled(factor), Body::Auto)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Halved,
    Doubled,
    Shuffled(usize),
}

pub(crate) fn body(x: Tensor<2>, picture: [usize; 3], way: Way, body: Body) -> Result<Tensor<2>, ShapeError> {
    let ([pictures, numbers], [height, width, channels]) = (x.dims(), picture);
    let check = Check(match way {
        Way::Halved => "halving",
        Way::Doubled => "doubling",
        Way::Shuffled(_) => "pixel shuffle",
    });
    for (name, size) in [("the height", height), ("the width", width), ("the channels", channels)] {
        check.some(name, size)?;
    }
    let factor = if let Way::Shuffled(factor) = way { factor } else { 1 };
    check.some("the factor", factor)?;
    let sides = [("height", height), ("width", width), ("channels", channels), ("factor", factor), ("factor", factor)];
    let size = check.count("a picture", &sides)?;
    check.dimension("numbers of a picture", numbers, size)?;
    if way == Way::Halved {
        check.dimension("pixels of the height left over", height % 2, 0)?;
        check.dimension("pixels of the width left over", width % 2, 0)?;
    } else if way == Way::Doubled {
        check.count("the result", &[("pictures", pictures), ("pixels", 4), ("numbers", size)])?;
    }
    if body.is_fused(&x) {
        return Ok(run_fused(vec![x.into_dispatch()], Resample { picture, way }));
    }
    Ok(match way {
        Way::Halved => {
            let x = x.reshape([pictures * height / 2, 2, width / 2, 2, channels]);
            x.mean_dim(3).mean_dim(1).reshape([pictures, size / 4])
        }
        Way::Doubled => {
            let x = x.reshape([pictures * height, 1, width, 1, channels]);
            x.repeat_dim(3, 2).repeat_dim(1, 2).reshape([pictures, size * 4])
        }
        Way::Shuffled(factor) => {
            let x = x.reshape([pictures * height, width, channels, factor, factor]);
            x.permute([0, 3, 1, 4, 2]).reshape([pictures, size])
        }
    })
}

#[derive(Debug)]
struct Resample {
    picture: [usize; 3],
    way: Way,
}

impl Kernel for Resample {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let (x, size) = (&inputs[0], inputs[0].shape[1]);
        let (data, size) = match self.way {
            Way::Halved => (halve(x.data, self.picture, T::from_f64(0.25)), size / 4),
            Way::Doubled => (double(x.data, self.picture, T::ONE), size * 4),
            Way::Shuffled(factor) => (shuffle(x.data, self.picture, factor), size),
        };
        let data = data.expect("shapes were checked before");
        Output { data, shape: vec![x.shape[0], size], saved: Arc::new(()) }
    }

    fn backward<T: Number>(&self, _: &[Operand<'_, T>], _: &[T], _: &Saved, d_output: &[T], _: &[bool]) -> Vec<Vec<T>> {
        let [height, width, channels] = self.picture;
        let d_x = match self.way {
            Way::Halved => double(d_output, [height / 2, width / 2, channels], T::from_f64(0.25)),
            Way::Doubled => halve(d_output, [2 * height, 2 * width, channels], T::ONE),
            Way::Shuffled(factor) => unshuffle(d_output, self.picture, factor),
        };
        vec![d_x.expect("shapes were checked before")]
    }
}
