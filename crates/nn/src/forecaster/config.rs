//! What a forecaster is made of.

use crate::pass::Noise;
use crate::recurrent::CellKind;
use serde::{Deserialize, Serialize};
use simurgh_kernels::quantile::point;

/// How the steps of the horizon are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecodingKind {
    /// All at once: each segment of the horizon is one step from the state at the end of the look-back, told apart by its number
    /// (parallel multi-step forecasting of Lin et al. 2023, SegRNN).
    Direct,
    /// One after the other: each segment is read before the next is forecast. Any horizon; errors go on.
    Recursive,
}

/// What is taken from every window before it is read, and given back to its forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormaliseKind {
    /// Nothing.
    None,
    /// Its last value is subtracted.
    Last,
    /// Its mean is subtracted, and it is divided by its standard deviation (Kim et al. 2022, without their affine map).
    Standard,
}

impl NormaliseKind {
    /// What is subtracted from a window, and what it is then divided by.
    pub(super) fn scale(self, past: &[f32]) -> (f32, f32) {
        match self {
            Self::None => (0.0, 1.0),
            Self::Last => (past[past.len() - 1], 1.0),
            Self::Standard => {
                let n = past.len() as f64;
                let mean = past.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
                let variance = past.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
                (mean as f32, (variance + 1e-5).sqrt() as f32)
            }
        }
    }
}

/// Sizes and choices of a [`super::Forecaster`]; as a recipe's `[model]`, every key is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForecasterConfig {
    /// Which recurrent equations it follows.
    pub cell: CellKind,
    /// Units.
    pub hidden: usize,
    /// Layers, 1 to 4.
    pub layers: usize,
    /// Steps that are read at once, and forecast at once.
    pub segment: usize,
    /// Steps that are read, a multiple of `segment`.
    pub look_back: usize,
    /// Steps that are forecast.
    pub horizon: usize,
    /// How the steps of the horizon are reached.
    pub decoding: DecodingKind,
    /// What is taken from every window before it is read.
    pub normalise: NormaliseKind,
    /// A forecast is averaged with the linear baseline's, by the share that is best on the dev windows: where there is little to learn
    /// from, both together are better than either. Only where decoding is direct.
    pub linear: bool,
    /// Every series has a vector of its own: then no others can be forecast.
    pub series_embedding: bool,
    /// Quantiles that are forecast, rising, the median among them: their pinball loss is minimised. None: the mean, by squared
    /// errors.
    pub quantiles: Vec<f64>,
    /// Probability of zeroing an activation in training.
    pub dropout: f64,
}

impl Default for ForecasterConfig {
    fn default() -> Self {
        Self {
            cell: CellKind::Gru,
            hidden: 128,
            layers: 1,
            segment: 12,
            look_back: 96,
            horizon: 24,
            decoding: DecodingKind::Direct,
            normalise: NormaliseKind::Last,
            linear: false,
            series_embedding: false,
            quantiles: vec![0.1, 0.5, 0.9],
            dropout: 0.1,
        }
    }
}

impl ForecasterConfig {
    /// Numbers that are forecast for a step.
    pub fn width(&self) -> usize {
        self.quantiles.len().max(1)
    }

    /// Which of them is the point forecast.
    pub fn point(&self) -> usize {
        point(&self.quantiles)
    }

    /// Segments of the look-back.
    pub fn segments(&self) -> usize {
        self.look_back / self.segment
    }

    /// Segments that a horizon needs.
    pub fn segments_ahead(&self, horizon: usize) -> usize {
        horizon.div_ceil(self.segment)
    }

    /// The noise of a training pass whose draws depend on `seed`.
    pub fn noise(&self, seed: u64) -> Option<Noise> {
        (self.dropout > 0.0).then(|| Noise::new(seed, self.dropout, false))
    }

    /// The first value that can't be, as `(key, expected, got)`.
    pub fn problem(&self) -> Option<(&'static str, String, String)> {
        for (key, size, most) in [
            ("hidden", self.hidden, 8192),
            ("layers", self.layers, 4),
            ("segment", self.segment, 10_000),
            ("look_back", self.look_back, 100_000),
            ("horizon", self.horizon, 100_000),
        ] {
            if !(1..=most).contains(&size) {
                return Some((key, format!("1 to {most}"), size.to_string()));
            }
        }
        if !self.look_back.is_multiple_of(self.segment) {
            let expected = format!("a multiple of model.segment ({})", self.segment);
            return Some(("look_back", expected, self.look_back.to_string()));
        }
        let q = &self.quantiles;
        let rising = q.windows(2).all(|w| w[0] < w[1]) && q.iter().all(|q| *q > 0.0 && *q < 1.0);
        if !rising || (!q.is_empty() && !q.contains(&0.5)) || q.len() > 99 {
            let expected = "rising numbers between 0 and 1, 0.5 among them, or none".to_string();
            return Some(("quantiles", expected, format!("{q:?}")));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Some(("dropout", "0 up to but not 1".into(), self.dropout.to_string()));
        }
        None
    }
}
