//! The recipe of a pair of adversaries.

use super::rules;
use crate::recipe::{self, OptimizerKind, Saved, TaskName, TaskRecipe, named};
use crate::schedule::Decay;
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_data::mixture::Mixture;
use simurgh_nn::adversarial::{Equipment, NetworksConfig, ObjectiveKind, Penalty};
use simurgh_nn::optimizer::{AdamConfig, Rule, SgdConfig};
use simurgh_nn::pass::Precision;
use std::path::PathBuf;

/// A whole recipe. Every key has a default but `task` and the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What is learnt.
    pub task: TaskName,
    /// Name of runs and reports.
    #[serde(default)]
    pub name: String,
    /// Every random draw comes from it.
    #[serde(default = "recipe::one")]
    pub seed: u64,
    /// What is to be imitated.
    #[serde(default)]
    pub data: Data,
    /// Both networks.
    #[serde(default)]
    pub model: NetworksConfig,
    /// The game.
    #[serde(default)]
    pub adversarial: Adversarial,
    /// The training.
    #[serde(default)]
    pub train: Training,
    /// The moving average of the generator.
    #[serde(default)]
    pub ema: Ema,
    /// How the model is saved.
    #[serde(default)]
    pub artifact: Saved,
}

/// Points that the program draws itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixtureKind {
    /// Eight Gaussians on a ring.
    Ring8,
    /// Twenty-five Gaussians on a grid.
    Grid25,
}

impl MixtureKind {
    /// The Gaussians.
    pub fn mixture(self) -> Mixture {
        match self {
            Self::Ring8 => Mixture::ring(),
            Self::Grid25 => Mixture::grid(),
        }
    }
}

/// `[data]`: points of the program's own, or pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// "ring8" or "grid25", drawn by the program.
    pub mixture: Option<MixtureKind>,
    /// A folder of pictures, or an IDX file (plain or .gz).
    pub images: PathBuf,
    /// Classes of an IDX file's pictures, an IDX file too: a classifier that learns them first says which a generator makes.
    pub labels: PathBuf,
    /// A network whose features samples are compared by, in place of pixels (`simurgh eval --help` says what such a file is).
    pub features: PathBuf,
    /// Pictures on top of each other in a sample, each a channel: 3 of ten digits make a thousand modes (Stacked MNIST; Metz et al.
    /// 2017).
    pub stack: usize,
    /// Pixels a side that a folder's pictures are cropped and scaled to.
    pub size: usize,
    /// Of a folder's pictures: 1 is grey, 3 are colours.
    pub channels: usize,
    /// A file that can't be decoded is an error; without, it is skipped.
    pub strict: bool,
    /// Share of the pictures that is held out, to compare the generator's with.
    pub held_out: f64,
    /// Half of the pictures are shown mirrored.
    pub mirror: bool,
    /// Licences and attribution of the data, kept in the model.
    pub licences: Vec<String>,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            mixture: None,
            images: PathBuf::new(),
            labels: PathBuf::new(),
            features: PathBuf::new(),
            stack: 1,
            size: 64,
            channels: 3,
            strict: false,
            held_out: 0.1,
            mirror: false,
            licences: Vec::new(),
        }
    }
}

/// Which network moves when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The generator answers the discriminator that has just moved.
    #[default]
    Alternating,
    /// Both answer what the other was before.
    Simultaneous,
}

/// `[adversarial]`: the game.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adversarial {
    /// "minimax", "non-saturating", "least-squares", "hinge", "wasserstein" or "relativistic".
    pub objective: ObjectiveKind,
    /// "alternating" or "simultaneous".
    pub order: Order,
    /// Of the discriminator's slope: any of "r1", "r2", "gradient-penalty", each with its weight.
    pub penalty: Vec<Penalty>,
    /// What else keeps the game from going astray.
    pub remedies: Remedies,
}

/// `[adversarial.remedies]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Remedies {
    /// Samples that the discriminator sees at once (PacGAN; Lin et al. 2018).
    pub pack: usize,
    /// Deviation of the noise that is added to all samples that the discriminator sees (Arjovsky & Bottou 2017); 0 is none.
    pub instance_noise: f64,
    /// Share of the steps over which that noise falls to 0; 1 is the whole run, 0 is never.
    pub anneal: f64,
    /// Every weight of the discriminator over its largest singular value (Miyato et al. 2018).
    pub spectral_norm: bool,
    /// The discriminator's last layer sees how much the samples of a batch differ (Karras et al. 2018).
    pub minibatch_deviation: bool,
    /// Largest absolute value of the discriminator's parameters (Arjovsky et al. 2017); 0 is any.
    pub clip_weights: f64,
}

impl Default for Remedies {
    fn default() -> Self {
        Self {
            pack: 1,
            instance_noise: 0.0,
            anneal: 1.0,
            spectral_norm: false,
            minibatch_deviation: false,
            clip_weights: 0.0,
        }
    }
}

/// `[train]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Steps of the game: in each, both networks are updated as often as their tables say.
    pub steps: u64,
    /// Samples of a batch.
    pub batch: usize,
    /// Batches of an update.
    pub accumulate: usize,
    /// Of matrix products: "f32" or "bf16".
    pub precision: Precision,
    /// Of both learning rates: "constant", "inverse-sqrt" or "cosine".
    pub decay: Decay,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// Steps between evaluations and pictures.
    pub eval_every: u64,
    /// Samples of an evaluation.
    pub eval_samples: usize,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between logged losses.
    pub log_every: u64,
    /// How the generator learns.
    pub generator: Player,
    /// How the discriminator learns.
    pub discriminator: Player,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            steps: 20_000,
            batch: 256,
            accumulate: 1,
            precision: Precision::F32,
            decay: Decay::Constant,
            warmup: 0,
            eval_every: 1000,
            eval_samples: 2500,
            checkpoint_every: 1000,
            log_every: 100,
            generator: Player::default(),
            discriminator: Player::default(),
        }
    }
}

/// `[train.generator]`, `[train.discriminator]`: two rates are two time scales (Heusel et al. 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Player {
    /// "adam" (with `weight_decay`: AdamW) or "sgd".
    pub optimizer: OptimizerKind,
    /// Learning rate.
    pub learning_rate: f64,
    /// Updates a step.
    pub steps_per_update: u64,
    /// Adam's decay of the mean of gradients.
    pub beta1: f64,
    /// Adam's decay of the mean of squared gradients.
    pub beta2: f64,
    /// Adam's denominator.
    pub epsilon: f64,
    /// What SGD keeps of its velocity.
    pub momentum: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Largest global gradient norm; 0 is no clipping.
    pub clip_norm: f64,
}

impl Default for Player {
    fn default() -> Self {
        Self {
            optimizer: OptimizerKind::Adam,
            learning_rate: 2e-4,
            steps_per_update: 1,
            beta1: 0.5,
            beta2: 0.999,
            epsilon: 1e-8,
            momentum: 0.0,
            weight_decay: 0.0,
            clip_norm: 0.0,
        }
    }
}

impl Player {
    /// How parameters follow their gradients.
    pub fn rule(&self) -> Rule {
        let Self { beta1, beta2, epsilon, weight_decay, momentum, .. } = *self;
        match self.optimizer {
            OptimizerKind::Adam => Rule::Adam(AdamConfig { beta1, beta2, epsilon, weight_decay }),
            OptimizerKind::Sgd => Rule::Sgd(SgdConfig { momentum, weight_decay }),
        }
    }
}

/// `[ema]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ema {
    /// What the average of the generator's parameters, which is evaluated and saved, keeps of itself at every step; 0 is no average.
    pub decay: f64,
}

impl Default for Ema {
    fn default() -> Self {
        Self { decay: 0.999 }
    }
}

impl Recipe {
    /// What the discriminator has besides its layers.
    pub fn equipment(&self) -> Equipment {
        let Remedies { pack, spectral_norm, minibatch_deviation, .. } = self.adversarial.remedies;
        Equipment { pack, spectral_norm, minibatch_deviation }
    }

    /// The deviation of the instance noise at a step, from 1.
    pub fn instance_noise(&self, step: u64) -> f64 {
        let Remedies { instance_noise, anneal, .. } = self.adversarial.remedies;
        let over = anneal * self.train.steps as f64;
        if over == 0.0 { instance_noise } else { instance_noise * (1.0 - (step - 1) as f64 / over).max(0.0) }
    }
}

impl TaskRecipe for Recipe {
    const TASK: TaskName = TaskName::Adversarial;
    const SOURCE: &'static str = "a folder of pictures or an IDX file";
    const EXAMPLE: &'static str = "for example images = \"photos\"";

    named!();

    fn reads_files(&self) -> bool {
        self.data.mixture.is_none()
    }

    fn validate(&self) -> Result<(), InputError> {
        rules::check(self)
    }
}
