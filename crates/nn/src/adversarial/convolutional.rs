//! Convolutional networks for pictures: a pair of DCGAN's kind (Radford et al. 2016).

use super::conv_layer::{Conv, Norm, Up};
use super::dense::Dense;
use super::minibatch::{compared, compared_tangent, side_by_side};
use super::{Critic, Equipment};
use crate::init::Init;
use crate::ops::{Activation, Geometry};
use crate::pass::Precision;
use burn::module::Module;
use burn::tensor::Tensor;
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
    pub(super) fn level(&self, level: usize) -> [usize; 3] {
        let [height, width, channels] = self.picture;
        let channels = if level == 0 { channels } else { self.channels << (level - 1) };
        [height >> level, width >> level, channels]
    }

    /// Between a level and the next, seen from the larger picture, which has so many channels.
    pub(super) fn geometry(&self, level: usize, channels: usize) -> Geometry {
        let [height, width, _] = self.level(level);
        Geometry { height, width, channels, kernel: KERNEL, stride: 2, padding: 1 }
    }

    pub(super) fn check(&self) -> Result<(), ShapeError> {
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
            let name = format!("{name}.layers.{}", levels - 1 - level);
            let mut layer = Up::new(init, &name, from, config.geometry(level, to), DEVIATION);
            layer.norm = if level == 0 { None } else { norm(to) };
            layer
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
        let mut x = self.project.forward(z, after(&self.norm), precision)?;
        if let Some(norm) = &self.norm {
            x = normalise(norm, 0, x)?;
        }
        for (l, layer) in self.layers.iter().enumerate() {
            let last = l + 1 == self.layers.len();
            let activation = if last { Activation::Tanh } else { after(&layer.norm) };
            x = layer.forward(x, activation, precision)?;
            if let Some(norm) = &layer.norm {
                x = normalise(norm, l + 1, x)?;
            }
        }
        Ok(x)
    }
}

/// A network that says how real pictures are.
#[derive(Module, Debug)]
pub struct ConvDiscriminator {
    layers: Vec<Conv>,
    head: Dense,
    #[module(skip)]
    compares: bool,
    #[module(skip)]
    pack: usize,
    /// Of a picture.
    #[module(skip)]
    channels: usize,
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
            let layer = Conv::new(init, &name, config.geometry(level, from), to, DEVIATION, spectral);
            if config.batch_norm && level > 0 { layer.normalised(init) } else { layer }
        };
        let [height, width, channels] = config.level(config.halvings());
        let features = height * width * channels + usize::from(compares);
        Ok(Self {
            layers: (0..config.halvings()).map(down).collect(),
            head: Dense::new(init, &format!("{name}.head"), [features, outputs], spectral),
            compares,
            pack,
            channels: config.picture[2],
        })
    }

    /// The network after a step of power iteration on every weight whose spectral norm is kept.
    #[must_use]
    pub fn iterated(self) -> Self {
        let layers = self.layers.into_iter().map(Conv::iterated).collect();
        Self { layers, head: self.head.iterated(), ..self }
    }
}

impl Critic for ConvDiscriminator {
    fn scores(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let mut x = side_by_side(x, self.pack, self.channels * self.pack);
        for layer in &self.layers {
            x = layer.forward(x, Activation::LeakyRelu, precision)?;
        }
        self.head.forward(if self.compares { compared(x) } else { x }, Activation::Identity, precision)
    }

    fn scores_tangent(
        &self,
        x: Tensor<2>,
        direction: Tensor<2>,
        precision: Precision,
    ) -> Result<(Tensor<2>, Tensor<2>), ShapeError> {
        let packed = |x| side_by_side(x, self.pack, self.channels * self.pack);
        let mut both = (packed(x), packed(direction));
        for layer in &self.layers {
            both = layer.tangent(both, Activation::LeakyRelu, precision)?;
        }
        self.head.affine_tangent(if self.compares { compared_tangent(both) } else { both }, precision)
    }
}
