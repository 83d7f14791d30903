//! What goes into a search and what comes out.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How to search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecodeConfig {
    /// Hypotheses kept at every step; 1 is greedy search.
    pub beam: usize,
    /// A hypothesis' log-probability is divided by its length to this power (Wu et al. 2016 without
    /// the constant): 0 favours short ones.
    pub length_penalty: f64,
    /// Longest translation, as a multiple of the source's length in tokens ...
    pub max_ratio: f64,
    /// ... plus this many tokens.
    pub max_extra: usize,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self { beam: 5, length_penalty: 1.0, max_ratio: 2.0, max_extra: 10 }
    }
}

/// Tokens with a meaning of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Special {
    /// Begins every target.
    pub start: u32,
    /// Ends every target.
    pub end: u32,
    /// Never produced: padding, unknown, START.
    pub banned: Vec<u32>,
    /// Produced only where the source requires them: placeholders.
    pub reserved: std::ops::Range<u32>,
}

/// A sentence to decode.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// Source tokens, at least one.
    pub ids: Vec<u32>,
    /// Reserved tokens that must be produced, each as often as it stands here.
    pub required: Vec<u32>,
}

/// A finished hypothesis.
#[derive(Clone, Debug)]
pub struct Hypothesis {
    /// Target tokens without START and END.
    pub tokens: Vec<u32>,
    /// Sum of log-probabilities, END included, nats.
    pub log_probability: f64,
    /// The log-probability after length normalisation, by which hypotheses are ranked.
    pub score: f64,
    /// Attention weights of each token over the source tokens; empty without attention.
    pub alignment: Vec<Arc<[f32]>>,
    /// END was reached before the length limit.
    pub complete: bool,
}
