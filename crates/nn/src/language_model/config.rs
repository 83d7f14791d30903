//! What a language model is made of.

use crate::pass::Noise;
use crate::recurrent::CellKind;
use serde::{Deserialize, Serialize};

/// Sizes and choices of a [`super::LanguageModel`]; as a recipe's `[model]`, every key is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LanguageModelConfig {
    /// Which recurrent equations it follows.
    pub cell: CellKind,
    /// Columns of the embedding.
    pub embedding: usize,
    /// Units, of each direction.
    pub hidden: usize,
    /// Layers, 1 to 4.
    pub layers: usize,
    /// A second layer of its own reads backwards and guesses the token before: for encoders that are trained further (Peters et
    /// al. 2017); one layer a direction, and nothing can be generated.
    pub bidirectional: bool,
    /// The read-out layer is the embedding (Press & Wolf 2017).
    pub tie: bool,
    /// Probability of zeroing an activation in training.
    pub dropout: f64,
    /// One dropout mask a sequence (Gal & Ghahramani 2016).
    pub variational: bool,
}

impl Default for LanguageModelConfig {
    fn default() -> Self {
        Self {
            cell: CellKind::Lstm,
            embedding: 128,
            hidden: 512,
            layers: 1,
            bidirectional: false,
            tie: true,
            dropout: 0.2,
            variational: false,
        }
    }
}

impl LanguageModelConfig {
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
        let most = if self.bidirectional { 1 } else { 4 };
        if !(1..=most).contains(&self.layers) {
            let why = if self.bidirectional { " (a second layer would see what the first is to guess)" } else { "" };
            return Some(("layers", format!("1 to {most}{why}"), self.layers.to_string()));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Some(("dropout", "0 up to but not 1".into(), self.dropout.to_string()));
        }
        None
    }
}
