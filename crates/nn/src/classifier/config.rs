//! What a classifier is made of.

use crate::pass::Noise;
use crate::recurrent::CellKind;
use serde::{Deserialize, Serialize};

/// How a text's states become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolingKind {
    /// The state after the last token; of both directions, each after its own last one.
    Last,
    /// The mean over all tokens.
    Mean,
    /// The largest number of each column (Conneau et al. 2017).
    Max,
    /// The largest and the mean, side by side.
    MaxMean,
    /// The mean weighted by softmax(`v . tanh(W h + b)`) (Yang et al. 2016): the weights say which tokens decided.
    Attention,
}

/// Sizes and choices of a [`super::Classifier`]; as a recipe's `[model]`, every key is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassifierConfig {
    /// Which recurrent equations the encoder follows.
    pub cell: CellKind,
    /// Columns of the embedding.
    pub embedding: usize,
    /// Encoder units, of each direction.
    pub hidden: usize,
    /// Encoder layers, 1 to 4.
    pub layers: usize,
    /// The encoder also reads backwards.
    pub bidirectional: bool,
    /// How a text's states become one vector.
    pub pooling: PoolingKind,
    /// Probability of zeroing an activation in training.
    pub dropout: f64,
    /// One dropout mask a text (Gal & Ghahramani 2016).
    pub variational: bool,
}

impl Default for ClassifierConfig {
    fn default() -> Self {
        Self {
            cell: CellKind::Lstm,
            embedding: 200,
            hidden: 128,
            layers: 1,
            bidirectional: true,
            pooling: PoolingKind::Attention,
            dropout: 0.5,
            variational: false,
        }
    }
}

impl ClassifierConfig {
    /// Columns of the encoder's output.
    pub fn encoded(&self) -> usize {
        self.hidden * if self.bidirectional { 2 } else { 1 }
    }

    /// Columns of what the read-out layer sees.
    pub fn pooled(&self) -> usize {
        self.encoded() * if self.pooling == PoolingKind::MaxMean { 2 } else { 1 }
    }

    /// The noise of a training pass whose draws depend on `seed`.
    pub fn noise(&self, seed: u64) -> Option<Noise> {
        (self.dropout > 0.0).then(|| Noise::new(seed, self.dropout, self.variational))
    }

    /// The first value that can't be, as `(key, expected, got)`.
    pub fn problem(&self) -> Option<(&'static str, String, String)> {
        for (key, size) in [("embedding", self.embedding), ("hidden", self.hidden)] {
            if !(1..=8192).contains(&size) {
                return Some((key, "1 to 8192".into(), size.to_string()));
            }
        }
        if !(1..=4).contains(&self.layers) {
            return Some(("layers", "1 to 4".into(), self.layers.to_string()));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Some(("dropout", "0 up to but not 1".into(), self.dropout.to_string()));
        }
        None
    }
}
