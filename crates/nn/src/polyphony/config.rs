//! What a model of music is made of.

use crate::pass::Noise;
use crate::recurrent::CellKind;
use serde::{Deserialize, Serialize};

/// How the notes of a frame are guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadKind {
    /// Each key by itself: whether it sounds says nothing about the others of its frame.
    Independent,
    /// One note after the other, from the highest down, each knowing those above it: the joint distribution of a frame (in the
    /// place of RNN-NADE's of Boulanger-Lewandowski et al. 2012, a recurrent network over the frame's notes).
    Joint,
}

/// Sizes and choices of a [`super::Polyphony`]; as a recipe's `[model]`, every key is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolyphonyConfig {
    /// Which recurrent equations it follows.
    pub cell: CellKind,
    /// Units.
    pub hidden: usize,
    /// Layers, 1 to 4.
    pub layers: usize,
    /// How the notes of a frame are guessed.
    pub head: HeadKind,
    /// Units of the joint head.
    pub head_hidden: usize,
    /// Probability of zeroing an activation in training.
    pub dropout: f64,
    /// One dropout mask a piece (Gal & Ghahramani 2016).
    pub variational: bool,
}

impl Default for PolyphonyConfig {
    fn default() -> Self {
        Self {
            cell: CellKind::Lstm,
            hidden: 256,
            layers: 1,
            head: HeadKind::Joint,
            head_hidden: 128,
            dropout: 0.3,
            variational: false,
        }
    }
}

impl PolyphonyConfig {
    /// The noise of a training pass whose draws depend on `seed`.
    pub fn noise(&self, seed: u64) -> Option<Noise> {
        (self.dropout > 0.0).then(|| Noise::new(seed, self.dropout, self.variational))
    }

    /// The first value that can't be, as `(key, expected, got)`.
    pub fn problem(&self) -> Option<(&'static str, String, String)> {
        for (key, size) in [("hidden", self.hidden), ("head_hidden", self.head_hidden)] {
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
