//! Convolutional networks for pictures: a pair of DCGAN's kind (Radford et al. 2016).

use super::dense::{Dense, scaled_by_slope, tangent};
use super::spectral::{FIRST, direction, iterated, normalised};
use super::{Critic, Equipment, column, minibatch};
use crate::init::Init;
use crate::ops::{Activation, Geometry, activated, batch_norm, convolution, linear, transposed_convolution};
use crate::pass::Precision;
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;

/// Pixels a side of a layer's kernel: with a stride of 2 and a padding of 1 a picture is halved or doubled.
const KERNEL: usize = 4;
/// The deviation of initial weights (Radford et al. 2016, section 4).
const DEVIATION: f64 = 0.02;
/// The smallest side that pictures are halved to.
const LEAST: usize = 4;

/// Sizes of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvConfig {
    /// Height, width and channels of a picture.
    pub picture: [usize; 3],
    /// Channels of the layers at half the picture's size; twice as many at every halving.
    pub channels: usize,
    /// Are layers normalised over the batch?
    pub batch_norm: bool,
}

impl ConvConfig {
    /// Halvings of a picture, until a side is odd or small.
    pub fn halvings(&self) -> usize {
        let [mut height, mut width, _] = self.picture;
        let mut count = 0;
        while height % 2 == 0 && width % 2 == 0 && height.min(width) / 2 >= LEAST {
            (height, width, count) = (height / 2, width / 2, count + 1);
        }
        count
    }

    /// Height, width and channels after `level` halvings.
    fn level(&self, level: usize) -> [usize; 3] {
        let [height, width, channels] = self.picture;
        let channels = if level == 0 { channels } else { self.channels << (level - 1) };
        [height >> level, width >> level, channels]
    }

    /// Between a level and the next, seen from the larger picture, which has so many channels.
    fn geometry(&self, level: usize, channels: usize) -> Geometry {
        let [height, width, _] = self.level(level);
        Geometry { height, width, channels, kernel: KERNEL, stride: 2, padding: 1 }
    }

    fn check(&self) -> Result<(), ShapeError> {
        let check = Check("convolutional network");
        let names = ["the height", "the width", "the channels"];
        names.into_iter().zip(self.picture).try_for_each(|(name, size)| check.some(name, size))?;
        check.some("the channels of layers", self.channels)?;
        if self.halvings() == 0 {
            let [height, width, _] = self.picture;
            let (name, expected) = ("a picture's sides", format!("even, {} pixels or more", 2 * LEAST));
            return Err(ShapeError::Value { operation: check.0, name, expected, got: format!("{height} x {width}") });
        }
        let [height, width, channels] = self.level(self.halvings());
        check.count("the smallest picture", &[("height", height), ("width", width), ("channels", channels)])?;
        Ok(())
    }
}

/// Scale and shift of a batch normalisation, and what its input is like in use; PyTorch's names.
#[derive(Module, Debug)]
struct Norm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: Param<Tensor<1>>,
    running_var: Param<Tensor<1>>,
}

impl Norm {
    fn new(init: &Init, channels: usize) -> Self {
        Self {
            weight: init.constant([channels], 1.0),
            bias: init.constant([channels], 0.0),
            running_mean: init.fixed([channels], 0.0),
            running_var: init.fixed([channels], 1.0),
        }
    }

    /// `[pictures, pixels channels]`, by the batch's own statistics.
    fn by_batch(&self, x: Tensor<2>, activation: Activation) -> Result<Tensor<2>, ShapeError> {
        let ([pictures, width], [channels]) = (x.dims(), self.weight.val().dims());
        let x = x.reshape([pictures * width / channels, channels]);
        Ok(batch_norm(x, self.weight.val(), self.bias.val(), activation)?.reshape([pictures, width]))
    }

    /// The same, by those that were kept.
    fn by_kept(&self, x: Tensor<2>, activation: Activation) -> Tensor<2> {
        let ([pictures, width], [channels]) = (x.dims(), self.weight.val().dims());
        let x = x.reshape([pictures * width / channels, channels]);
        let deviation = (self.running_var.val() + simurgh_kernels::batch_norm::EPSILON).sqrt();
        let factor = self.weight.val() / deviation;
        let y = (x - self.running_mean.val().unsqueeze()) * factor.unsqueeze() + self.bias.val().unsqueeze();
        activated(y, activation).reshape([pictures, width])
    }

    /// With the statistics of `x` kept.
    fn keeping(self, x: &Tensor<2>) -> Result<Self, ShapeError> {
        let [channels] = self.weight.val().dims();
        let data: Vec<f32> = x.clone().into_data().iter::<f32>().collect();
        let of = simurgh_kernels::batch_norm::statistics(&data, channels)?;
        let put = |param: Param<Tensor<1>>, data: Vec<f32>| {
            param.map(|old| Tensor::from_data(TensorData::new(data, [channels]), (&old.device(), old.dtype())))
        };
        Ok(Self {
            running_mean: put(self.running_mean, of.mean),
            running_var: put(self.running_var, of.variance),
            ..self
        })
    }
}

/// A layer that doubles a picture; PyTorch's weight of a transposed convolution.
#[derive(Module, Debug)]
struct Up {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    norm: Option<Norm>,
    #[module(skip)]
    geometry: Geometry,
}

/// A network from noise to pictures.
#[derive(Module, Debug)]
pub struct ConvGenerator {
    project: Dense,
    norm: Option<Norm>,
    layers: Vec<Up>,
}

impl ConvGenerator {
    /// From `latent` numbers, its parameters named after `name`.
    ///
    /// # Errors
    /// If a size is 0, or pictures can't be halved.
    pub fn new(config: &ConvConfig, name: &str, latent: usize, init: &Init) -> Result<Self, ShapeError> {
        config.check()?;
        let levels = config.halvings();
        let [height, width, channels] = config.level(levels);
        let norm = |channels: usize| config.batch_norm.then(|| Norm::new(init, channels));
        let up = |level: usize| {
            let ([_, _, from], [_, _, to]) = (config.level(level + 1), config.level(level));
            let shape = [from, to, KERNEL, KERNEL];
            Up {
                weight: init.normal(&format!("{name}.layers.{}", levels - 1 - level), shape, DEVIATION),
                bias: init.constant([to], 0.0),
                norm: if level == 0 { None } else { norm(to) },
                geometry: config.geometry(level, to),
            }
        };
        Ok(Self {
            project: Dense::new(init, &format!("{name}.project"), [latent, height * width * channels], false),
            norm: norm(channels),
            layers: (0..levels).rev().map(up).collect(),
        })
    }

    /// Pictures `[batch, picture]` of noise `z[batch, latent]`, their numbers from -1 to 1; while it learns, by the statistics of the
    /// batch.
    ///
    /// # Errors
    /// If the noise is of another width, or there is none.
    pub fn forward(&self, z: Tensor<2>, learns: bool, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let normalise = |norm: &Norm, x| match learns {
            true => norm.by_batch(x, Activation::Relu),
            false => Ok(norm.by_kept(x, Activation::Relu)),
        };
        self.run(z, precision, |norm, _, x| normalise(norm, x))
    }

    /// The network with the statistics kept that it has on this noise: those of an average of networks are no average of theirs
    /// (Izmailov et al. 2018, section 3.2).
    ///
    /// # Errors
    /// As [`ConvGenerator::forward`].
    pub fn calibrated(mut self, z: Tensor<2>, precision: Precision) -> Result<Self, ShapeError> {
        let mut inputs = Vec::new();
        self.run(z, precision, |norm, _, x| {
            inputs.push(x.clone());
            norm.by_batch(x, Activation::Relu)
        })?;
        let mut inputs = inputs.into_iter();
        let mut keep = |norm: Option<Norm>| match norm {
            Some(norm) => norm.keeping(&inputs.next().expect("an input of every norm")).map(Some),
            None => Ok(None),
        };
        self.norm = keep(self.norm)?;
        for layer in &mut self.layers {
            layer.norm = keep(layer.norm.take())?;
        }
        Ok(self)
    }

    fn run(
        &self,
        z: Tensor<2>,
        precision: Precision,
        mut normalise: impl FnMut(&Norm, usize, Tensor<2>) -> Result<Tensor<2>, ShapeError>,
    ) -> Result<Tensor<2>, ShapeError> {
        let after = |norm: &Option<Norm>| if norm.is_some() { Activation::Identity } else { Activation::Relu };
        let (weight, bias) = self.project.values();
        let mut x = linear(z, weight, Some(bias), after(&self.norm), precision)?;
        if let Some(norm) = &self.norm {
            x = normalise(norm, 0, x)?;
        }
        for (l, layer) in self.layers.iter().enumerate() {
            let last = l + 1 == self.layers.len();
            let activation = if last { Activation::Tanh } else { after(&layer.norm) };
            let (weight, bias) = (layer.weight.val(), Some(layer.bias.val()));
            x = transposed_convolution(x, weight, bias, layer.geometry, activation, precision)?;
            if let Some(norm) = &layer.norm {
                x = normalise(norm, l + 1, x)?;
            }
        }
        Ok(x)
    }
}

/// A layer that halves a picture; PyTorch's weight of a convolution.
#[derive(Module, Debug)]
struct Down {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    weight_u: Option<Param<Tensor<1>>>,
    norm: Option<Norm>,
    #[module(skip)]
    geometry: Geometry,
}

impl Down {
    /// `[out, patch]`
    fn matrix(&self) -> Tensor<2> {
        let [out, channels, kernel, _] = self.weight.val().dims();
        self.weight.val().reshape([out, channels * kernel * kernel])
    }

    /// The weight in use.
    fn weight(&self) -> Tensor<4> {
        match &self.weight_u {
            None => self.weight.val(),
            Some(u) => normalised(self.matrix(), &u.val()).reshape(self.weight.val().dims()),
        }
    }

    fn iterated(mut self) -> Self {
        let matrix = self.matrix();
        self.weight_u = self.weight_u.map(|u| iterated(&matrix, u));
        self
    }
}

/// A network that says how real pictures are.
#[derive(Module, Debug)]
pub struct ConvDiscriminator {
    layers: Vec<Down>,
    head: Dense,
    #[module(skip)]
    compares: bool,
    #[module(skip)]
    pack: usize,
}

impl ConvDiscriminator {
    /// Of packs of pictures, with `outputs` numbers a pack, its parameters named after `name`.
    ///
    /// # Errors
    /// If a size is 0, or pictures can't be halved.
    pub fn new(
        config: &ConvConfig,
        name: &str,
        equipment: Equipment,
        outputs: usize,
        init: &Init,
    ) -> Result<Self, ShapeError> {
        config.check()?;
        let Equipment { pack, spectral_norm: spectral, minibatch_deviation: compares } = equipment;
        let down = |level: usize| {
            let ([_, _, from], [_, _, to]) = (config.level(level), config.level(level + 1));
            let from = if level == 0 { from * pack } else { from };
            let name = format!("{name}.layers.{level}");
            let layer = Down {
                weight: init.normal(&name, [to, from, KERNEL, KERNEL], DEVIATION),
                bias: init.constant([to], 0.0),
                weight_u: spectral.then(|| direction(init, &name, to)),
                norm: (config.batch_norm && level > 0).then(|| Norm::new(init, to)),
                geometry: config.geometry(level, from),
            };
            (0..if spectral { FIRST } else { 0 }).fold(layer, |layer, _| layer.iterated())
        };
        let [height, width, channels] = config.level(config.halvings());
        let features = height * width * channels + usize::from(compares);
        Ok(Self {
            layers: (0..config.halvings()).map(down).collect(),
            head: Dense::new(init, &format!("{name}.head"), [features, outputs], spectral),
            compares,
            pack,
        })
    }

    /// The network after a step of power iteration on every weight whose spectral norm is kept.
    #[must_use]
    pub fn iterated(self) -> Self {
        let layers = self.layers.into_iter().map(Down::iterated).collect();
        Self { layers, head: self.head.iterated(), ..self }
    }

    /// `[batch, pack picture]`, the pictures of a pack one after the other, with their channels side by side.
    fn side_by_side(&self, x: Tensor<2>) -> Tensor<2> {
        if self.pack == 1 {
            return x;
        }
        let [batch, width] = x.dims();
        let Geometry { channels, .. } = self.layers[0].geometry;
        let (own, pixels) = (channels / self.pack, width / channels);
        x.reshape([batch, self.pack, pixels, own]).permute([0, 2, 1, 3]).reshape([batch, width])
    }

    /// The last layer's numbers, `[batch, outputs]`, of `x[batch, pack picture]`.
    ///
    /// # Errors
    /// If the width is another.
    pub fn scores(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let mut x = self.side_by_side(x);
        for layer in &self.layers {
            let activation = if layer.norm.is_some() { Activation::Identity } else { Activation::LeakyRelu };
            let bias = Some(layer.bias.val());
            x = convolution(x, layer.weight(), bias, layer.geometry, activation, precision)?;
            if let Some(norm) = &layer.norm {
                x = norm.by_batch(x, Activation::LeakyRelu)?;
            }
        }
        if self.compares {
            x = minibatch::beside(x.clone(), minibatch::deviation(&x));
        }
        let (weight, bias) = self.head.values();
        linear(x, weight, Some(bias), Activation::Identity, precision)
    }
}

impl Critic for ConvDiscriminator {
    fn logits(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<1>, ShapeError> {
        column(self.scores(x, precision)?)
    }

    /// Without normalisation over the batch.
    fn tangent(
        &self,
        x: Tensor<2>,
        direction: Tensor<2>,
        precision: Precision,
    ) -> Result<(Tensor<1>, Tensor<1>), ShapeError> {
        let (mut x, mut d_x) = (self.side_by_side(x), self.side_by_side(direction));
        for layer in &self.layers {
            if layer.norm.is_some() {
                let name = "a layer normalised over the batch";
                let (expected, got) = ("none".into(), "one: it has no slope of a sample's own".into());
                return Err(ShapeError::Value { operation: "gradient penalty", name, expected, got });
            }
            let (weight, bias) = (layer.weight(), Some(layer.bias.val()));
            x = convolution(x, weight.clone(), bias, layer.geometry, Activation::LeakyRelu, precision)?;
            // x = activation(conv(x) + b)
            d_x = convolution(d_x, weight, None, layer.geometry, Activation::Identity, precision)?;
            d_x = scaled_by_slope(d_x, &x, Activation::LeakyRelu);
        }
        if self.compares {
            let (s, d_s) = minibatch::deviation_tangent(&x, &d_x);
            (x, d_x) = (minibatch::beside(x, s), minibatch::beside(d_x, d_s));
        }
        let (y, d_y) = tangent(self.head.values(), (x, d_x), Activation::Identity, precision)?;
        Ok((column(y)?, column(d_y)?))
    }
}
