//! Residual networks for pictures, without any normalisation (Mescheder et al. 2018; Huang et al. 2024, R3GAN): penalties of the
//! discriminator's slope keep them in bounds.
//!
//! A convolution halves a picture, blocks `x + conv(leaky(conv(x)))` follow, then means of 2 x 2 pixels and a map of every pixel to
//! twice the channels, blocks again, and so on. The generator goes the same way back. A block begins as the identity
//! (Fixup; Zhang et al. 2019): its second convolution is 0 at first.

use super::conv_layer::{Conv, Up};
use super::convolutional::ConvConfig;
use super::dense::Dense;
use super::minibatch::{compared, compared_tangent, side_by_side};
use super::{Critic, Equipment};
use crate::init::Init;
use crate::ops::{Activation, Geometry, LEAK, doubled, halved, linear};
use crate::pass::Precision;
use burn::module::Module;
use burn::tensor::Tensor;
use simurgh_kernels::ShapeError;

/// The deviation of weights of `input` numbers whose results are as large as they are (He et al. 2015).
fn he(input: usize) -> f64 {
    (2.0 / ((1.0 + LEAK * LEAK) * input as f64)).sqrt()
}

/// `x + second(leaky(first(x)))`
#[derive(Module, Debug)]
struct Block {
    first: Conv,
    second: Conv,
}

impl Block {
    /// One of `all` on the way through the network.
    fn new(init: &Init, name: &str, [height, width, channels]: [usize; 3], all: usize, spectral: bool) -> Self {
        let geometry = Geometry { height, width, channels, kernel: 3, stride: 1, padding: 1 };
        let deviation = he(geometry.patch());
        // A weight of zeros has no direction, which is all that spectral normalisation leaves of one.
        let last = if spectral { deviation } else { 0.0 };
        let conv = |name: &str, deviation| Conv::new(init, name, geometry, channels, deviation, spectral);
        Self {
            first: conv(&format!("{name}.first"), deviation / (all as f64).sqrt()),
            second: conv(&format!("{name}.second"), last),
        }
    }

    fn forward(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let h = self.first.forward(x.clone(), Activation::LeakyRelu, precision)?;
        Ok(x + self.second.forward(h, Activation::Identity, precision)?)
    }

    fn tangent(&self, (x, d_x): Pair, precision: Precision) -> Result<Pair, ShapeError> {
        let h = self.first.tangent((x.clone(), d_x.clone()), Activation::LeakyRelu, precision)?;
        let (y, d_y) = self.second.tangent(h, Activation::Identity, precision)?;
        Ok((x + y, d_x + d_y))
    }

    fn iterated(self) -> Self {
        Self { first: self.first.iterated(), second: self.second.iterated() }
    }
}

/// Numbers and how they change.
type Pair = (Tensor<2>, Tensor<2>);

/// Blocks at one size of the picture, and a map of every pixel to the channels of the next size.
#[derive(Module, Debug)]
struct Level {
    blocks: Vec<Block>,
    change: Option<Dense>,
    #[module(skip)]
    picture: [usize; 3],
}

impl Level {
    /// The `level`-th of a network (the first is half a picture's size), to the next `channels`, if any follow.
    fn new(
        config: &ResidualConfig,
        init: &Init,
        name: &str,
        level: usize,
        next: Option<usize>,
        spectral: bool,
    ) -> Self {
        let picture = config.sizes.level(level);
        let all = config.blocks * config.sizes.halvings();
        let block = |k: usize| Block::new(init, &format!("{name}.blocks.{k}"), picture, all, spectral);
        let change = |to: usize| Dense::new(init, &format!("{name}.change"), [picture[2], to], spectral);
        Self { blocks: (0..config.blocks).map(block).collect(), change: next.map(change), picture }
    }

    fn blocks(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        self.blocks.iter().try_fold(x, |x, block| block.forward(x, precision))
    }

    fn iterated(self) -> Self {
        let blocks = self.blocks.into_iter().map(Block::iterated).collect();
        Self { blocks, change: self.change.map(Dense::iterated), ..self }
    }
}

/// Every pixel's channels, `x[pictures, pixels channels]`, mapped to others.
fn changed(
    x: Tensor<2>,
    channels: usize,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    precision: Precision,
) -> Result<Tensor<2>, ShapeError> {
    let [pictures, numbers] = x.dims();
    let pixels = numbers / channels;
    let x = x.reshape([pictures * pixels, channels]);
    let y = linear(x, weight, bias.map(Into::into), Activation::Identity, precision)?;
    let [_, channels] = y.dims();
    Ok(y.reshape([pictures, pixels * channels]))
}

/// Sizes of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResidualConfig {
    /// Of the pictures and the channels.
    pub sizes: ConvConfig,
    /// Blocks at each size.
    pub blocks: usize,
}

/// A network from noise to pictures.
#[derive(Module, Debug)]
pub struct ResidualGenerator {
    project: Dense,
    levels: Vec<Level>,
    last: Up,
}

impl ResidualGenerator {
    /// From `latent` numbers, its parameters named after `name`.
    ///
    /// # Errors
    /// If a size is 0, or pictures can't be halved.
    pub fn new(config: &ResidualConfig, name: &str, latent: usize, init: &Init) -> Result<Self, ShapeError> {
        let sizes = &config.sizes;
        sizes.check()?;
        let level = |k: usize| {
            let next = (k > 1).then(|| sizes.level(k - 1)[2]);
            Level::new(config, init, &format!("{name}.levels.{}", sizes.halvings() - k), k, next, false)
        };
        let smallest = sizes.level(sizes.halvings()).iter().product();
        let [[_, _, input], [_, _, output]] = [1, 0].map(|k| sizes.level(k));
        let geometry = sizes.geometry(0, output);
        Ok(Self {
            project: Dense::new(init, &format!("{name}.project"), [latent, smallest], false),
            levels: (1..=sizes.halvings()).rev().map(level).collect(),
            // Every pixel is reached by a quarter of the kernel.
            last: Up::new(init, &format!("{name}.last"), input, geometry, he(input * 4)),
        })
    }

    /// Pictures `[batch, picture]` of noise `z[batch, latent]`, their numbers from -1 to 1.
    ///
    /// # Errors
    /// If the noise is of another width.
    pub fn forward(&self, z: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let mut x = self.project.forward(z, Activation::Identity, precision)?;
        for level in &self.levels {
            x = level.blocks(x, precision)?;
            if let Some(change) = &level.change {
                let ([height, width, channels], (weight, bias)) = (level.picture, change.values());
                x = changed(x, channels, weight, Some(bias), precision)?;
                let [_, numbers] = x.dims();
                x = doubled(x, [height, width, numbers / (height * width)])?;
            }
        }
        self.last.forward(x, Activation::Tanh, precision)
    }
}

/// A network that says how real pictures are.
#[derive(Module, Debug)]
pub struct ResidualDiscriminator {
    first: Conv,
    levels: Vec<Level>,
    head: Dense,
    #[module(skip)]
    compares: bool,
    #[module(skip)]
    pack: usize,
    /// Of a picture.
    #[module(skip)]
    channels: usize,
}

impl ResidualDiscriminator {
    /// Of packs of pictures, with `outputs` numbers a pack, its parameters named after `name`.
    ///
    /// # Errors
    /// If a size is 0, or pictures can't be halved.
    pub fn new(
        config: &ResidualConfig,
        name: &str,
        equipment: Equipment,
        outputs: usize,
        init: &Init,
    ) -> Result<Self, ShapeError> {
        let sizes = &config.sizes;
        sizes.check()?;
        let Equipment { pack, spectral_norm: spectral, minibatch_deviation: compares } = equipment;
        let level = |k: usize| {
            let next = (k < sizes.halvings()).then(|| sizes.level(k + 1)[2]);
            Level::new(config, init, &format!("{name}.levels.{}", k - 1), k, next, spectral)
        };
        let [_, _, channels] = sizes.picture;
        let (geometry, [_, _, first]) = (sizes.geometry(0, channels * pack), sizes.level(1));
        let smallest: usize = sizes.level(sizes.halvings()).iter().product();
        let features = smallest + usize::from(compares);
        Ok(Self {
            first: Conv::new(init, &format!("{name}.first"), geometry, first, he(geometry.patch()), spectral),
            levels: (1..=sizes.halvings()).map(level).collect(),
            head: Dense::new(init, &format!("{name}.head"), [features, outputs], spectral),
            compares,
            pack,
            channels,
        })
    }

    /// The network after a step of power iteration on every weight whose spectral norm is kept.
    #[must_use]
    pub fn iterated(self) -> Self {
        let levels = self.levels.into_iter().map(Level::iterated).collect();
        Self { first: self.first.iterated(), levels, head: self.head.iterated(), ..self }
    }
}

impl Critic for ResidualDiscriminator {
    fn scores(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        let x = side_by_side(x, self.pack, self.channels * self.pack);
        let mut x = self.first.forward(x, Activation::LeakyRelu, precision)?;
        for level in &self.levels {
            x = level.blocks(x, precision)?;
            if let Some(change) = &level.change {
                let (weight, bias) = change.values();
                x = changed(halved(x, level.picture)?, level.picture[2], weight, Some(bias), precision)?;
            }
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
        let mut both = self.first.tangent((packed(x), packed(direction)), Activation::LeakyRelu, precision)?;
        for level in &self.levels {
            both = level.blocks.iter().try_fold(both, |both, block| block.tangent(both, precision))?;
            if let Some(change) = &level.change {
                let ((weight, bias), (x, d_x)) = (change.values(), both);
                let through =
                    |x, bias| changed(halved(x, level.picture)?, level.picture[2], weight.clone(), bias, precision);
                // Halving and the map are affine: a change goes through them without the bias.
                both = (through(x, Some(bias))?, through(d_x, None)?);
            }
        }
        self.head.affine_tangent(if self.compares { compared_tangent(both) } else { both }, precision)
    }
}
