//! Features of pictures by a network of anybody's: a safetensors file with its weights under PyTorch's shapes, and under the metadata
//! key `layers` a JSON list of what is done with them, from first to last.
//!
//! ```json
//! [{"kind": "scale", "factor": [0.5], "shift": [0.5]},
//!  {"kind": "convolution", "name": "conv1", "stride": 1, "padding": 1, "activation": "relu"},
//!  {"kind": "max-pool", "size": 2}, {"kind": "mean-pool", "size": 2},
//!  {"kind": "linear", "name": "fc", "activation": "relu"},
//!  {"kind": "mean"}]
//! ```
//!
//! A layer `conv1` has the tensors `conv1.weight` and, if there is one, `conv1.bias`. Pixels come in from -1 to 1; `scale` makes of
//! them what the network is used to, a number a channel. A linear layer takes a picture's numbers in PyTorch's order (channels, rows,
//! columns); `mean` is over all pixels.

use crate::artifact::{ArtifactError, numbers};
use crate::ops::{Activation, Geometry, convolution, linear};
use crate::pass::Precision;
use burn::tensor::{Device, Tensor, TensorData};
use half::bf16;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::Deserialize;
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;
use std::path::Path;

/// The metadata key of the list.
const KEY: &str = "layers";
const HINT: &str = "see `simurgh eval --help` for what such a file is";
/// Pictures that go through the network at once.
const BATCH: usize = 64;

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Nonlinearity {
    #[default]
    None,
    Relu,
    LeakyRelu,
    Tanh,
}

impl From<Nonlinearity> for Activation {
    fn from(kind: Nonlinearity) -> Self {
        match kind {
            Nonlinearity::None => Self::Identity,
            Nonlinearity::Relu => Self::Relu,
            Nonlinearity::LeakyRelu => Self::LeakyRelu,
            Nonlinearity::Tanh => Self::Tanh,
        }
    }
}

fn one() -> usize {
    1
}

/// A layer as the file says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Said {
    Scale {
        factor: Vec<f32>,
        shift: Vec<f32>,
    },
    Convolution {
        name: String,
        #[serde(default = "one")]
        stride: usize,
        #[serde(default)]
        padding: usize,
        #[serde(default)]
        activation: Nonlinearity,
    },
    Linear {
        name: String,
        #[serde(default)]
        activation: Nonlinearity,
    },
    MaxPool {
        size: usize,
    },
    MeanPool {
        size: usize,
    },
    Mean,
}

#[derive(Clone, Debug)]
enum Layer {
    /// Every channel times a number, and another added.
    Scale {
        factor: Tensor<1>,
        shift: Tensor<1>,
    },
    Convolution {
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        geometry: Geometry,
        activation: Activation,
    },
    Linear {
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
        activation: Activation,
    },
    /// Of `[height, width, channels]`.
    Pool {
        picture: [usize; 3],
        size: usize,
        most: bool,
    },
}

/// A network whose outputs say what pictures are like.
#[derive(Clone, Debug)]
pub struct Features {
    layers: Vec<Layer>,
    /// Numbers of a picture, and of its features.
    input: usize,
    output: usize,
}

impl Features {
    /// The network in the file at `path`, for pictures of this height, width and channels.
    ///
    /// # Errors
    /// If there is none, or it does not fit such pictures.
    pub fn read(path: &Path, picture: [usize; 3]) -> Result<Self, ArtifactError> {
        let bytes = std::fs::read(path).map_err(|e| {
            let got = if e.kind() == std::io::ErrorKind::NotFound { "no such file".into() } else { e.to_string() };
            ArtifactError::new("a safetensors file with a network's weights", got, HINT).at(path)
        })?;
        Self::parse(&bytes, picture).map_err(|e| e.at(path))
    }

    /// The network in `bytes`.
    ///
    /// # Errors
    /// As [`Features::read`].
    pub fn parse(bytes: &[u8], picture: [usize; 3]) -> Result<Self, ArtifactError> {
        let bad = |e: safetensors::SafeTensorError| ArtifactError::new("a whole safetensors file", e.to_string(), HINT);
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(bad)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(bad)?;
        let list = metadata.metadata().as_ref().and_then(|m| m.get(KEY));
        let list =
            list.ok_or_else(|| ArtifactError::new("a list of layers in the metadata", "none", HINT).field(KEY))?;
        let said: Vec<Said> = serde_json::from_str(list)
            .map_err(|e| ArtifactError::new("a list of layers in JSON", e.to_string(), HINT).field(KEY))?;
        let mut now = Shape { picture, flat: false };
        let mut layers = Vec::new();
        for (k, said) in said.into_iter().enumerate() {
            let layer = now.layer(said, &tensors).map_err(|e| match &e.field {
                None => e.field(format!("{KEY}[{k}]")),
                Some(_) => e,
            })?;
            layers.push(layer);
        }
        if layers.is_empty() {
            return Err(ArtifactError::new("layers", "none", HINT).field(KEY));
        }
        Ok(Self { layers, input: picture.iter().product(), output: now.picture.iter().product() })
    }

    /// Numbers of a picture's features.
    pub fn width(&self) -> usize {
        self.output
    }

    /// `[pictures, features]` of `x[pictures, picture]`; a gradient flows through.
    ///
    /// # Errors
    /// If pictures are of another size.
    pub fn forward(&self, x: Tensor<2>) -> Result<Tensor<2>, ShapeError> {
        Check("features").dimension("numbers of a picture", x.dims()[1], self.input)?;
        self.layers.iter().try_fold(x, |x, layer| {
            let [pictures, numbers] = x.dims();
            match layer.clone() {
                Layer::Scale { factor, shift } => {
                    let [channels] = factor.dims();
                    let x = x.reshape([pictures * numbers / channels, channels]);
                    Ok((x * factor.unsqueeze() + shift.unsqueeze()).reshape([pictures, numbers]))
                }
                Layer::Convolution { weight, bias, geometry, activation } => {
                    convolution(x, weight, bias, geometry, activation, Precision::F32)
                }
                Layer::Linear { weight, bias, activation } => {
                    linear(x, weight, bias.map(Into::into), activation, Precision::F32)
                }
                Layer::Pool { picture: [height, width, channels], size, most } => {
                    let [rows, cols] = [height / size, width / size];
                    let x = x.reshape([pictures, height, width * channels]).narrow(1, 0, rows * size);
                    let x = x.reshape([pictures * rows * size, width, channels]).narrow(1, 0, cols * size);
                    let x = x.reshape([pictures * rows, size, cols, size, channels]);
                    let x = if most { x.max_dim(3).max_dim(1) } else { x.mean_dim(3).mean_dim(1) };
                    Ok(x.reshape([pictures, rows * cols * channels]))
                }
            }
        })
    }

    /// Features of `x[pictures, picture]` on the CPU, a batch at a time.
    ///
    /// # Errors
    /// As [`Features::forward`].
    pub fn of(&self, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
        Check("features").dimension("numbers left over from pictures", x.len() % self.input, 0)?;
        let mut all = Vec::with_capacity(x.len() / self.input * self.output);
        for block in x.chunks(BATCH * self.input) {
            let data = TensorData::new(block.to_vec(), [block.len() / self.input, self.input]);
            let features = self.forward(Tensor::from_data(data, &Device::flex()))?;
            all.extend(features.into_data().iter::<f32>());
        }
        Ok(all)
    }
}

/// What goes into the next layer.
struct Shape {
    /// Height, width, channels.
    picture: [usize; 3],
    /// Rows of numbers already, in no picture's order.
    flat: bool,
}

impl Shape {
    fn layer(&mut self, said: Said, tensors: &SafeTensors<'_>) -> Result<Layer, ArtifactError> {
        let [height, width, channels] = self.picture;
        let numbers = height * width * channels;
        match said {
            Said::Scale { factor, shift } => {
                if [factor.len(), shift.len()] != [channels; 2] {
                    let got = format!("{} and {}", factor.len(), shift.len());
                    return Err(ArtifactError::new(format!("a factor and a shift of {channels} channels"), got, HINT));
                }
                Ok(Layer::Scale { factor: put(factor, [channels]), shift: put(shift, [channels]) })
            }
            Said::Convolution { name, stride, padding, activation } => {
                let (shape, data) = tensor(tensors, &format!("{name}.weight"))?;
                let [out, _, kernel, _] = fits(
                    &name,
                    &shape,
                    |s: [usize; 4]| s[1] == channels && s[2] == s[3] && s[0] > 0 && !self.flat,
                    &format!("[out, {channels}, kernel, kernel]"),
                )?;
                let geometry = Geometry { height, width, channels, kernel, stride, padding };
                geometry.check(Check("convolution")).map_err(|e| {
                    ArtifactError::new("a convolution that fits", e.to_string(), HINT).field(name.clone())
                })?;
                self.picture = [geometry.rows(), geometry.cols(), out];
                let bias = bias(tensors, &name, out)?;
                Ok(Layer::Convolution {
                    weight: put(data, [out, channels, kernel, kernel]),
                    bias,
                    geometry,
                    activation: activation.into(),
                })
            }
            Said::Linear { name, activation } => {
                let (shape, data) = tensor(tensors, &format!("{name}.weight"))?;
                let [out, _] =
                    fits(&name, &shape, |s: [usize; 2]| s[1] == numbers && s[0] > 0, &format!("[out, {numbers}]"))?;
                // From channels, rows, columns to rows, columns, channels.
                let weight = put(data, [out, channels, height * width]).swap_dims(1, 2).reshape([out, numbers]);
                (self.picture, self.flat) = ([1, 1, out], true);
                Ok(Layer::Linear { weight, bias: bias(tensors, &name, out)?, activation: activation.into() })
            }
            Said::MaxPool { size } => self.pool(size, true),
            Said::MeanPool { size } => self.pool(size, false),
            Said::Mean if height == width => self.pool(height, false),
            Said::Mean => Err(ArtifactError::new("pictures as high as wide", format!("{height} x {width}"), HINT)),
        }
    }

    fn pool(&mut self, size: usize, most: bool) -> Result<Layer, ArtifactError> {
        let [height, width, channels] = self.picture;
        if size == 0 || size > height.min(width) {
            let expected = format!("a size from 1 to {}", height.min(width));
            return Err(ArtifactError::new(expected, size.to_string(), HINT));
        }
        let picture = std::mem::replace(&mut self.picture, [height / size, width / size, channels]);
        Ok(Layer::Pool { picture, size, most })
    }
}

fn put<const D: usize>(data: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(data, shape), &Device::flex())
}

/// A shape of so many dimensions that is as it must be.
fn fits<const D: usize>(
    name: &str,
    shape: &[usize],
    right: impl FnOnce([usize; D]) -> bool,
    expected: &str,
) -> Result<[usize; D], ArtifactError> {
    match <[usize; D]>::try_from(shape) {
        Ok(shape) if right(shape) => Ok(shape),
        _ => Err(ArtifactError::new(expected, format!("{shape:?}"), HINT).field(format!("tensor `{name}.weight`"))),
    }
}

fn bias(tensors: &SafeTensors<'_>, name: &str, out: usize) -> Result<Option<Tensor<1>>, ArtifactError> {
    let name = format!("{name}.bias");
    if tensors.tensor(&name).is_err() {
        return Ok(None);
    }
    let (shape, data) = tensor(tensors, &name)?;
    if shape != [out] {
        let error = ArtifactError::new(format!("[{out}]"), format!("{shape:?}"), HINT);
        return Err(error.field(format!("tensor `{name}`")));
    }
    Ok(Some(put(data, [out])))
}

fn tensor(tensors: &SafeTensors<'_>, name: &str) -> Result<(Vec<usize>, Vec<f32>), ArtifactError> {
    let field = |e: ArtifactError| e.field(format!("tensor `{name}`"));
    let view = tensors.tensor(name).map_err(|_| field(ArtifactError::new("a tensor of that name", "none", HINT)))?;
    let data = match view.dtype() {
        Dtype::BF16 => Some(view.data().as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect()),
        _ => numbers(&view),
    };
    let data: Vec<f32> =
        data.ok_or_else(|| field(ArtifactError::new("F32, F16 or BF16 numbers", format!("{:?}", view.dtype()), HINT)))?;
    match data.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(field(ArtifactError::new("finite numbers", format!("{} at {at}", data[at]), HINT))),
        None => Ok((view.shape().to_vec(), data)),
    }
}
