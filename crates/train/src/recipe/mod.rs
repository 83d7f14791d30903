//! What to train: a TOML file, read strictly.

mod parse;
mod validate;

pub use parse::{Override, parse};

use crate::schedule::Decay;
use serde::{Deserialize, Serialize};
use simurgh_data::metrics::bleu::Tokenization;
use simurgh_data::text::{Cleaning, Normaliser, Script, Source};
use simurgh_nn::artifact;
use simurgh_nn::decode::DecodeConfig;
use simurgh_nn::optimizer::{AdamConfig, Rule, SgdConfig};
use simurgh_nn::pass::Precision;
use simurgh_nn::seq2seq::Seq2SeqConfig;

/// A whole recipe. Every key has a default but `task` and, without an embedded corpus, the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What is learnt.
    pub task: Task,
    /// Name of runs and reports.
    #[serde(default)]
    pub name: String,
    /// Every random draw comes from it.
    #[serde(default = "one")]
    pub seed: u64,
    /// What to learn from.
    #[serde(default)]
    pub data: Data,
    /// How text is read.
    #[serde(default)]
    pub text: Text,
    /// Which training pairs are dropped.
    #[serde(default)]
    pub cleaning: Cleaning,
    /// The network.
    #[serde(default)]
    pub model: Seq2SeqConfig,
    /// The training.
    #[serde(default)]
    pub train: Train,
    /// How far back gradients go.
    #[serde(default)]
    pub bptt: Bptt,
    /// How sentences are searched for.
    #[serde(default)]
    pub decode: DecodeConfig,
    /// What is measured.
    #[serde(default)]
    pub metrics: Metrics,
    /// How the model is saved.
    #[serde(default)]
    pub artifact: Saved,
}

fn one() -> u64 {
    1
}

/// A task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Many-to-many out of step: sentences to sentences.
    Translation,
}

/// `[data]`: files in the data directory, or the embedded corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// Corpora compiled into the program, besides or instead of files.
    pub embedded: Vec<Embedded>,
    /// How often an epoch sees each embedded phrase: they are few, and follow no rule that other text teaches.
    pub repeat_phrases: usize,
    /// To learn from.
    pub train: Sources,
    /// To choose by; without it the last twentieth of the training data, at most 1,000 pairs.
    pub dev: Sources,
    /// To measure on at the end; without it the dev set.
    pub test: Sources,
    /// Licences and attribution of the data, kept in the model.
    pub licences: Vec<String>,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            embedded: Vec::new(),
            repeat_phrases: 1,
            train: Sources::default(),
            dev: Sources::default(),
            test: Sources::default(),
            licences: Vec::new(),
        }
    }
}

/// Corpora compiled into the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embedded {
    /// Persian and English names of the Unicode CLDR, with a dev and a test set.
    Cldr,
    /// Everyday phrases, Persian and English, to learn from.
    Phrases,
    /// 15,000 everyday sentences made by a grammar, Persian and English, to learn from.
    Phrasebook,
}

/// One source of parallel text or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Sources {
    /// One.
    One(Source),
    /// Several, one after the other.
    Many(Vec<Source>),
}

impl Default for Sources {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Sources {
    /// All of them.
    pub fn all(&self) -> &[Source] {
        match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::Many(sources) => sources,
        }
    }
}

/// `[text]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    /// Spelling rules of the source.
    pub source: Script,
    /// Spelling rules of the target.
    pub target: Script,
    /// Lower case on both sides.
    pub lowercase: bool,
    /// Drop short vowels of Arabic script.
    pub strip_diacritics: bool,
    /// Subwords of the joint vocabulary.
    pub vocab: usize,
    /// Training words are cut into other subwords each time they are seen (BPE-dropout): the share of merges
    /// passed over, 0.1 as published; 0 is off.
    pub bpe_dropout: f64,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            source: Script::Plain,
            target: Script::Plain,
            lowercase: false,
            strip_diacritics: true,
            vocab: 8000,
            bpe_dropout: 0.0,
        }
    }
}

impl Text {
    /// How each side is normalised.
    pub fn normalisers(&self) -> (Normaliser, Normaliser) {
        let side = |script| Normaliser { script, lowercase: self.lowercase, strip_diacritics: self.strip_diacritics };
        (side(self.source), side(self.target))
    }
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

/// `[metrics]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// BLEU's tokenisation: "13a", "intl", or "none" for text that is tokenised already.
    pub bleu: Tokenization,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { bleu: Tokenization::V13a }
    }
}

impl Recipe {
    /// As TOML, every key with its value.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is TOML")
    }
}
