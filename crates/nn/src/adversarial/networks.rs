//! The two networks, whatever they are made of.

use super::Critic;
use super::convolutional::{ConvConfig, ConvDiscriminator, ConvGenerator};
use super::mlp::{Mlp, MlpConfig, Nonlinearity};
use super::residual::{ResidualConfig, ResidualDiscriminator, ResidualGenerator};
use crate::init::Init;
use crate::pass::Precision;
use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;

/// What the two networks are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// Fully connected layers.
    #[default]
    Mlp,
    /// Convolutions that halve and double pictures (DCGAN; Radford et al. 2016).
    Convolutional,
    /// Convolutions in blocks that pass their input on, without normalisation (R3GAN; Huang et al. 2024).
    Residual,
}

/// Which networks are normalised over the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchNorm {
    /// Neither.
    #[default]
    None,
    /// The generator.
    Generator,
    /// Both: no penalty of the discriminator's slope goes with it.
    Both,
}

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampleShape {
    /// So many numbers.
    Numbers(usize),
    /// Height, width and channels of a picture, its pixels from -1 to 1, a pixel's channels side by side.
    Picture(usize, usize, usize),
}

impl SampleShape {
    /// Numbers of a sample.
    pub fn len(self) -> usize {
        match self {
            Self::Numbers(width) => width,
            Self::Picture(height, width, channels) => height * width * channels,
        }
    }

    /// None?
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// `[model]`: the sizes of both networks; every key is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworksConfig {
    /// "mlp" or, for pictures, "convolutional" or "residual".
    pub network: NetworkKind,
    /// Numbers of the noise that a sample is made of.
    pub latent: usize,
    /// Of an MLP: units of each hidden layer.
    pub hidden: Vec<usize>,
    /// Of an MLP: what follows every hidden layer, "relu", "leaky-relu" or "tanh".
    pub nonlinearity: Nonlinearity,
    /// Of convolutional and residual networks: channels of the layers at half the picture's size; twice as many at every halving.
    pub channels: usize,
    /// Of convolutional networks: which are normalised over the batch, "none", "generator" or "both".
    pub batch_norm: BatchNorm,
    /// Of residual networks: blocks at each size of the picture.
    pub blocks: usize,
}

impl Default for NetworksConfig {
    fn default() -> Self {
        let MlpConfig { hidden, nonlinearity, .. } = MlpConfig::default();
        let (channels, batch_norm) = (64, BatchNorm::None);
        Self { network: NetworkKind::Mlp, latent: 16, hidden, nonlinearity, channels, batch_norm, blocks: 1 }
    }
}

/// What a discriminator has besides its layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equipment {
    /// Samples that it sees at once, 1 or more (PacGAN; Lin et al. 2018).
    pub pack: usize,
    /// Every weight over its largest singular value (Miyato et al. 2018).
    pub spectral_norm: bool,
    /// Its last layer sees how much the samples of a batch differ (Karras et al. 2018).
    pub minibatch_deviation: bool,
}

impl NetworksConfig {
    /// The first value that can't be, as `(key, expected, got)`.
    pub fn problem(&self) -> Option<(&'static str, String, String)> {
        if !(1..=65536).contains(&self.latent) {
            return Some(("latent", "1 to 65536 numbers".into(), self.latent.to_string()));
        }
        if !(1..=1024).contains(&self.channels) {
            return Some(("channels", "1 to 1024 channels".into(), self.channels.to_string()));
        }
        if !(1..=16).contains(&self.blocks) {
            return Some(("blocks", "1 to 16 blocks".into(), self.blocks.to_string()));
        }
        if self.network != NetworkKind::Convolutional && self.batch_norm != BatchNorm::None {
            let expected = "\"none\": only network = \"convolutional\" can be normalised over the batch";
            return Some(("batch_norm", expected.into(), "another".into()));
        }
        self.mlp().problem()
    }

    fn conv(&self, shape: SampleShape, batch_norm: bool) -> Result<ConvConfig, ShapeError> {
        match shape {
            SampleShape::Picture(height, width, channels) => {
                Ok(ConvConfig { picture: [height, width, channels], channels: self.channels, batch_norm })
            }
            SampleShape::Numbers(_) => {
                let (expected, got) = ("pictures".into(), "points: their network is an MLP".into());
                Err(ShapeError::Value { operation: "convolutional network", name: "a sample", expected, got })
            }
        }
    }

    fn mlp(&self) -> MlpConfig {
        MlpConfig { hidden: self.hidden.clone(), nonlinearity: self.nonlinearity, ..MlpConfig::default() }
    }

    /// A generator of such samples.
    ///
    /// # Errors
    /// If the configuration has a [`NetworksConfig::problem`], or a sample has no numbers.
    pub fn generator(&self, shape: SampleShape, init: &Init) -> Result<Generator, ShapeError> {
        let network = match self.network {
            NetworkKind::Mlp => GeneratorNetwork::Mlp(self.mlp().init("generator", self.latent, shape.len(), init)?),
            NetworkKind::Convolutional => {
                let config = self.conv(shape, self.batch_norm != BatchNorm::None)?;
                GeneratorNetwork::Convolutional(ConvGenerator::new(&config, "generator", self.latent, init)?)
            }
            NetworkKind::Residual => {
                let config = ResidualConfig { sizes: self.conv(shape, false)?, blocks: self.blocks };
                GeneratorNetwork::Residual(ResidualGenerator::new(&config, "generator", self.latent, init)?)
            }
        };
        // What a picture's pixels are, and points of a plane are not.
        let bounded = matches!(shape, SampleShape::Picture(..));
        Ok(Generator { network, latent: self.latent, bounded })
    }

    /// A discriminator of such samples.
    ///
    /// # Errors
    /// As [`NetworksConfig::generator`].
    pub fn discriminator(
        &self,
        shape: SampleShape,
        equipment: Equipment,
        init: &Init,
    ) -> Result<Discriminator, ShapeError> {
        let Equipment { spectral_norm, minibatch_deviation, .. } = equipment;
        let pack = equipment.pack.max(1);
        let network = match self.network {
            NetworkKind::Mlp => {
                let config = MlpConfig { spectral_norm, minibatch_deviation, ..self.mlp() };
                DiscriminatorNetwork::Mlp(config.init("discriminator", shape.len() * pack, 1, init)?)
            }
            NetworkKind::Convolutional => {
                let config = self.conv(shape, self.batch_norm == BatchNorm::Both)?;
                let network =
                    ConvDiscriminator::new(&config, "discriminator", Equipment { pack, ..equipment }, 1, init)?;
                DiscriminatorNetwork::Convolutional(network)
            }
            NetworkKind::Residual => {
                let config = ResidualConfig { sizes: self.conv(shape, false)?, blocks: self.blocks };
                let equipment = Equipment { pack, ..equipment };
                let network = ResidualDiscriminator::new(&config, "discriminator", equipment, 1, init)?;
                DiscriminatorNetwork::Residual(network)
            }
        };
        Ok(Discriminator { network, pack })
    }
}

/// A network from noise to samples.
#[derive(Module, Debug)]
pub struct Generator {
    network: GeneratorNetwork,
    #[module(skip)]
    latent: usize,
    #[module(skip)]
    bounded: bool,
}

// A program has one of them.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
enum GeneratorNetwork {
    Mlp(Mlp),
    Convolutional(ConvGenerator),
    Residual(ResidualGenerator),
}

impl Generator {
    /// Samples `[batch, sample]` of noise `z[batch, latent]`, while the network learns; a picture's pixels are from -1 to 1.
    ///
    /// # Errors
    /// If the noise is of another width.
    pub fn learning(&self, z: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        self.run(z, true, precision)
    }

    /// The same in use: a sample does not depend on the others of its batch.
    ///
    /// # Errors
    /// As [`Generator::learning`].
    pub fn samples(&self, z: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        self.run(z, false, precision)
    }

    fn run(&self, z: Tensor<2>, learns: bool, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        Check("generator").dimension("width of the noise", z.dims()[1], self.latent)?;
        match &self.network {
            GeneratorNetwork::Mlp(mlp) => {
                let x = mlp.forward(z, precision)?;
                Ok(if self.bounded { x.tanh() } else { x })
            }
            GeneratorNetwork::Convolutional(network) => network.forward(z, learns, precision),
            GeneratorNetwork::Residual(network) => network.forward(z, precision),
        }
    }

    /// Ready for use: a network that is normalised over the batch keeps what it is like on this noise.
    ///
    /// # Errors
    /// As [`Generator::learning`].
    pub fn calibrated(self, z: Tensor<2>, precision: Precision) -> Result<Self, ShapeError> {
        let network = match self.network {
            GeneratorNetwork::Convolutional(network) => {
                GeneratorNetwork::Convolutional(network.calibrated(z, precision)?)
            }
            network => network,
        };
        Ok(Self { network, ..self })
    }
}

/// A network that says of samples, or of packs of them, how real they are.
#[derive(Module, Debug)]
pub struct Discriminator {
    network: DiscriminatorNetwork,
    #[module(skip)]
    pack: usize,
}

// A program has one of them.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
enum DiscriminatorNetwork {
    Mlp(Mlp),
    Convolutional(ConvDiscriminator),
    Residual(ResidualDiscriminator),
}

impl Discriminator {
    /// Samples that it sees at once.
    pub fn pack(&self) -> usize {
        self.pack
    }

    /// `x[batch, sample]` as `[batch / pack, pack sample]`.
    ///
    /// # Errors
    /// If the batch has no whole number of packs.
    pub fn packed(&self, x: Tensor<2>) -> Result<Tensor<2>, ShapeError> {
        let [batch, width] = x.dims();
        Check("discriminator").dimension("samples left over from packs", batch % self.pack, 0)?;
        if self.pack == 1 {
            return Ok(x);
        }
        Ok(x.reshape([batch / self.pack, self.pack * width]))
    }

    /// The network after a step of power iteration on every weight whose spectral norm is kept.
    #[must_use]
    pub fn iterated(self) -> Self {
        let network = match self.network {
            DiscriminatorNetwork::Mlp(mlp) => DiscriminatorNetwork::Mlp(mlp.iterated()),
            DiscriminatorNetwork::Convolutional(network) => DiscriminatorNetwork::Convolutional(network.iterated()),
            DiscriminatorNetwork::Residual(network) => DiscriminatorNetwork::Residual(network.iterated()),
        };
        Self { network, ..self }
    }
}

impl DiscriminatorNetwork {
    fn critic(&self) -> &dyn Critic {
        match self {
            Self::Mlp(network) => network,
            Self::Convolutional(network) => network,
            Self::Residual(network) => network,
        }
    }
}

impl Critic for Discriminator {
    fn scores(&self, x: Tensor<2>, precision: Precision) -> Result<Tensor<2>, ShapeError> {
        self.network.critic().scores(x, precision)
    }

    fn scores_tangent(
        &self,
        x: Tensor<2>,
        direction: Tensor<2>,
        precision: Precision,
    ) -> Result<(Tensor<2>, Tensor<2>), ShapeError> {
        self.network.critic().scores_tangent(x, direction, precision)
    }
}
