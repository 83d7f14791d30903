//! What goes into a search and what comes out.

use crate::pass::Precision;
use serde::{Deserialize, Serialize};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;
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
    /// Of matrix products.
    pub precision: Precision,
    /// Of hypotheses that read the same, cut into tokens in several ways, only the likeliest is kept: a list of several
    /// then has as many texts. The best one alone is found a little less often.
    pub distinct: bool,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self { beam: 5, length_penalty: 1.0, max_ratio: 2.0, max_extra: 10, precision: Precision::F32, distinct: false }
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
    /// What each token is written as.
    pub surfaces: Vec<Surface>,
}

impl Special {
    /// Every token is one of `vocab`, those that the sentences require, too.
    pub(super) fn check(&self, check: Check, vocab: usize, sentences: &[Sentence]) -> Result<(), ShapeError> {
        check.dimension("number of surfaces", self.surfaces.len(), vocab)?;
        let ids = |ids: &[u32]| ids.iter().map(|&id| id as usize).collect::<Vec<_>>();
        check.indices("the start's id", [self.start as usize], vocab)?;
        check.indices("the end's id", [self.end as usize], vocab)?;
        check.indices("the id of banned token", ids(&self.banned), vocab)?;
        check.indices("the id of reserved token", self.reserved.clone().map(|id| id as usize), vocab)?;
        sentences.iter().try_for_each(|s| check.indices("the id of required token", ids(&s.required), vocab))
    }
}

/// A text as a number, however it is cut into tokens: a polynomial over its bytes modulo 2^61 - 1 (Karp & Rabin 1987).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Surface {
    value: u64,
    /// The base to the power of the length.
    power: u64,
}

impl Surface {
    /// No text.
    pub const EMPTY: Self = Self { value: 0, power: 1 };

    /// The number of `text`.
    pub fn of(text: &str) -> Self {
        const BASE: u64 = 1_000_003;
        let byte = |b: u8| Self { value: u64::from(b) + 1, power: BASE };
        text.bytes().fold(Self::EMPTY, |all, b| all.then(byte(b)))
    }

    /// This text and then another.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let modulo = |x: u128| (x % ((1 << 61) - 1)) as u64;
        let times = |a: u64, b: u64| u128::from(a) * u128::from(b);
        Self {
            value: modulo(times(self.value, next.power) + u128::from(next.value)),
            power: modulo(times(self.power, next.power)),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::Surface;

    #[test]
    fn a_surface_is_the_text_however_it_is_cut() {
        let whole = Surface::of("می\u{200c}روم home");
        for (left, right) in [("", "می\u{200c}روم home"), ("می", "\u{200c}روم home"), ("می\u{200c}روم ho", "me")]
        {
            assert_eq!(Surface::of(left).then(Surface::of(right)), whole);
        }
        assert_ne!(Surface::of("ab"), Surface::of("ba"));
        assert_ne!(Surface::of("\0"), Surface::EMPTY);
    }
}
