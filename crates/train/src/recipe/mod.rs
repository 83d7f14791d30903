//! What to train: a TOML file, read strictly. Each task has a recipe of its own, made of the tables here and of tables of its
//! own ([`TaskRecipe`]).

mod parse;
pub(crate) mod validate;

pub use parse::{Override, parse, task};

use crate::schedule::Decay;
use crate::scheduled_sampling::TeacherForcing;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_nn::artifact;
use simurgh_nn::optimizer::{AdamConfig, Rule, SgdConfig};
use simurgh_nn::pass::Precision;
use std::path::{Path, PathBuf};

/// A task, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskName {
    /// Many-to-many out of step: sentences to sentences.
    Translation,
    /// Many-to-one: a text to one of a few classes.
    Classification,
    /// One-to-many: a text from its first letter, word, or nothing.
    LanguageModel,
    /// One-to-many: a piece of music from a chord, a note, or nothing.
    Music,
    /// Many-to-many in step: what numbers over time will be.
    Forecasting,
    /// Many-to-many in step, in real time: a label a frame of sound.
    Labelling,
    /// Samples like those of the data, from noise.
    Adversarial,
}

impl TaskName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Translation,
        Self::Classification,
        Self::LanguageModel,
        Self::Music,
        Self::Forecasting,
        Self::Labelling,
        Self::Adversarial,
    ];

    /// The command that uses its models.
    pub fn command(self) -> &'static str {
        match self {
            Self::Translation => "translate",
            Self::Classification => "classify",
            Self::LanguageModel => "generate",
            Self::Music => "compose",
            Self::Forecasting => "forecast",
            Self::Labelling => "label",
            Self::Adversarial => "sample",
        }
    }

    /// As a recipe and a model write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Translation => "translation",
            Self::Classification => "classification",
            Self::LanguageModel => "language-model",
            Self::Music => "music",
            Self::Forecasting => "forecasting",
            Self::Labelling => "labelling",
            Self::Adversarial => "adversarial",
        }
    }
}

/// A whole recipe of one task. Every key has a default but `task` and the data.
pub trait TaskRecipe: Clone + Serialize + DeserializeOwned {
    /// Of which task.
    const TASK: TaskName;
    /// What a data file's key may be, in words.
    const SOURCE: &'static str;
    /// For example.
    const EXAMPLE: &'static str;

    /// Name of runs and reports.
    fn name(&self) -> &str;
    /// Gives it a name if it has none.
    fn name_if_none(&mut self, name: String);
    /// Every random draw comes from it.
    fn seed(&self) -> u64;

    /// Are there files to be read?
    fn reads_files(&self) -> bool {
        true
    }

    /// # Errors
    /// The first value out of range.
    fn validate(&self) -> Result<(), InputError>;

    /// As TOML, every key with its value.
    fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is TOML")
    }
}

/// A recipe of one network that learns sequences, as [`crate::training`] trains it.
pub trait SequenceRecipe: TaskRecipe {
    /// The training.
    fn train(&self) -> &Train;
    /// How far back gradients go.
    fn bptt(&self) -> Bptt;
    /// How the model is saved.
    fn saved(&self) -> &Saved;

    /// How often the teacher is heard, where a network reads its own output in use.
    fn teacher_forcing(&self) -> TeacherForcing {
        TeacherForcing::default()
    }
}

/// What every recipe has, as [`TaskRecipe`] asks for it.
macro_rules! named {
    () => {
        fn name(&self) -> &str {
            &self.name
        }

        fn name_if_none(&mut self, name: String) {
            if self.name.is_empty() {
                self.name = name;
            }
        }

        fn seed(&self) -> u64 {
            self.seed
        }
    };
}
pub(crate) use named;

/// The tables that every recipe of sequences has, as [`SequenceRecipe`] asks for them.
macro_rules! shared_tables {
    () => {
        fn train(&self) -> &Train {
            &self.train
        }

        fn saved(&self) -> &Saved {
            &self.artifact
        }
    };
}
pub(crate) use shared_tables;

/// One source of data or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<S> {
    /// One.
    One(S),
    /// Several, one after the other.
    Many(Vec<S>),
}

impl<S> Default for OneOrMany<S> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<S> OneOrMany<S> {
    /// All of them.
    pub fn all(&self) -> &[S] {
        match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::Many(sources) => sources,
        }
    }
}

/// The path as it is if it exists from here, else inside `directory`.
pub(crate) fn located(path: &Path, directory: Option<&Path>) -> PathBuf {
    match directory {
        Some(directory) if !path.exists() => directory.join(path),
        _ => path.to_path_buf(),
    }
}

pub(crate) fn one() -> u64 {
    1
}

/// `[artifact]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Saved {
    /// Bits of a saved model's numbers: "f32", or "f16" for half the size.
    pub precision: artifact::Precision,
}

impl Default for Saved {
    fn default() -> Self {
        Self { precision: artifact::Precision::Full }
    }
}

/// `[train]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    /// Passes over the training data; the run ends with whichever of `epochs` and `steps` comes first.
    pub epochs: u64,
    /// Updates; 0 is no limit.
    pub steps: u64,
    /// Most target tokens of a batch.
    pub batch_tokens: usize,
    /// Batches of an update.
    pub accumulate: u64,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// What follows the warm-up.
    pub decay: Decay,
    /// Evaluations without a better dev score before a plateau halves the learning rate.
    pub plateau_patience: u64,
    /// Largest global gradient norm; 0 is no clipping.
    pub clip_norm: f64,
    /// Label smoothing.
    pub label_smoothing: f64,
    /// "adam" (with `weight_decay`: AdamW) or "sgd".
    pub optimizer: OptimizerKind,
    /// What SGD keeps of its velocity from update to update; 0 is no momentum.
    pub momentum: f64,
    /// Adam's decay of the mean of gradients.
    pub beta1: f64,
    /// Adam's decay of the mean of squared gradients.
    pub beta2: f64,
    /// Adam's denominator.
    pub epsilon: f64,
    /// Weight decay: decoupled (AdamW), or added to SGD's gradient; 0 is none.
    pub weight_decay: f64,
    /// Of matrix products in training: "f32", or "bf16" for speed where the processor has it.
    pub precision: Precision,
    /// Decay of the moving average of parameters that is evaluated and saved; 0 is none.
    pub average: f64,
    /// Updates between dev evaluations; 0 is once an epoch.
    pub eval_every: u64,
    /// Most dev pairs of an evaluation.
    pub eval_pairs: usize,
    /// Dev scores are of greedy search; above 1 they are also of this beam, by which the best model is then chosen.
    pub eval_beam: usize,
    /// Evaluations without a better dev score before the run ends; 0 is never.
    pub patience: u64,
    /// Updates between checkpoints, besides those at evaluations.
    pub checkpoint_every: u64,
    /// Updates between logged losses.
    pub log_every: u64,
}

impl Default for Train {
    fn default() -> Self {
        Self {
            epochs: 20,
            steps: 0,
            batch_tokens: 1200,
            accumulate: 1,
            learning_rate: 1e-3,
            warmup: 200,
            decay: Decay::Plateau,
            plateau_patience: 2,
            clip_norm: 1.0,
            label_smoothing: 0.1,
            optimizer: OptimizerKind::Adam,
            momentum: 0.9,
            beta1: 0.9,
            beta2: 0.98,
            epsilon: 1e-8,
            weight_decay: 0.0,
            precision: Precision::F32,
            average: 0.0,
            eval_every: 0,
            eval_pairs: 1000,
            eval_beam: 1,
            patience: 6,
            checkpoint_every: 500,
            log_every: 50,
        }
    }
}

impl Train {
    /// How parameters follow their gradients.
    pub fn rule(&self) -> Rule {
        let Self { beta1, beta2, epsilon, weight_decay, momentum, .. } = *self;
        match self.optimizer {
            OptimizerKind::Adam => Rule::Adam(AdamConfig { beta1, beta2, epsilon, weight_decay }),
            OptimizerKind::Sgd => Rule::Sgd(SgdConfig { momentum, weight_decay }),
        }
    }
}

/// An optimizer, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019).
    Adam,
    /// Stochastic gradient descent.
    Sgd,
}

/// `[bptt]`: backpropagation through time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bptt {
    /// Gradients go no further back than the beginning of a window of so many steps; the state goes on. 0: to the first step.
    pub window_steps: usize,
    /// Keep the states between blocks of steps alone and compute the activations again: less memory, a third more work, the
    /// same gradient to the bit.
    pub checkpoint: bool,
}

/// When the state of a stream begins anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reset {
    /// With every epoch: within one it is carried on from window to window.
    #[default]
    Epoch,
    /// With every window.
    Window,
}
