//! What a labeller is made of.

use crate::pass::Noise;
use crate::recurrent::CellKind;
use serde::{Deserialize, Serialize};

/// Sizes and choices of a [`super::Labeller`]; as a recipe's `[model]`, every key is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabellerConfig {
    /// Which recurrent equations it follows.
    pub cell: CellKind,
    /// Units.
    pub hidden: usize,
    /// Layers, 1 to 4.
    pub layers: usize,
    /// Frames that are seen after a frame before its label is said.
    pub look_ahead: usize,
    /// Probability of zeroing an activation in training.
    pub dropout: f64,
    /// One dropout mask a recording (Gal & Ghahramani 2016).
    pub variational: bool,
}

impl Default for LabellerConfig {
    fn default() -> Self {
        Self { cell: CellKind::Lstm, hidden: 128, layers: 2, look_ahead: 12, dropout: 0.2, variational: false }
    }
}

impl LabellerConfig {
    /// The noise of a training pass whose draws depend on `seed`.
    pub fn noise(&self, seed: u64) -> Option<Noise> {
        (self.dropout > 0.0).then(|| Noise::new(seed, self.dropout, self.variational))
    }

    /// The first value that can't be, as `(key, expected, got)`.
    pub fn problem(&self) -> Option<(&'static str, String, String)> {
        for (key, size, (low, high)) in [
            ("hidden", self.hidden, (1, 8192)),
            ("layers", self.layers, (1, 4)),
            ("look_ahead", self.look_ahead, (0, 1000)),
        ] {
            if !(low..=high).contains(&size) {
                return Some((key, format!("{low} to {high}"), size.to_string()));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Some(("dropout", "0 up to but not 1".into(), self.dropout.to_string()));
        }
        None
    }
}
