//! Through the sequences of a batch, step after step.

use serde::{Deserialize, Serialize};
use simurgh_kernels::draw::{draw, likeliest, likelihood};
use simurgh_kernels::parallel::each_row;
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use simurgh_random::{Random, mix};
use std::sync::Arc;

/// For what the coin is thrown whether the teacher is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// For every token.
    #[default]
    Token,
    /// Once for every sequence.
    Sequence,
}

/// Which of its tokens a network reads where the teacher is not heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// One drawn from its distribution.
    #[default]
    Drawn,
    /// The likeliest.
    Likeliest,
}

/// How often the teacher is heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Teacher {
    /// The share of the tokens that are the teacher's.
    pub share: f64,
    /// For what the coin is thrown.
    pub unit: Unit,
    /// What is read instead.
    pub choice: Choice,
    /// Of all draws.
    pub seed: u64,
}

impl Teacher {
    /// Teacher forcing: every token is the teacher's.
    pub const ALWAYS: Self = Self { share: 1.0, unit: Unit::Token, choice: Choice::Drawn, seed: 0 };
    /// Free running as in greedy search: every token but the first is the network's likeliest.
    pub const NEVER: Self = Self { share: 0.0, unit: Unit::Token, choice: Choice::Likeliest, seed: 0 };

    /// Is the teacher heard at step `t` of a sequence? At the first step always.
    pub fn is_heard(&self, sequence: usize, t: usize) -> bool {
        let throw = match self.unit {
            Unit::Token => t as u64,
            Unit::Sequence => 0,
        };
        t == 0 || self.random(sequence, throw, 1).uniform() < self.share
    }

    /// The draw of the token that is read at step `t`, 0 up to but not 1.
    fn uniform(&self, sequence: usize, t: usize) -> f64 {
        self.random(sequence, t as u64, 2).uniform()
    }

    /// The draws of a sequence that is walked through by itself.
    pub(crate) fn random(&self, sequence: usize, t: u64, purpose: u64) -> Random {
        Random::new(mix(self.seed ^ mix(purpose << 60 ^ (sequence as u64) << 32 ^ t)))
    }
}

/// A network that is taken step by step over the sequences of a batch, the longest first.
pub trait Steps {
    /// Reads a token of each of the first `tokens.len()` sequences, those that go on; the logits of the next ones,
    /// `[tokens, vocab]`, and the size of the vocabulary.
    ///
    /// # Errors
    /// If a token is none of the vocabulary, or there are more than in the step before.
    fn step(&mut self, tokens: &[u32]) -> Result<(&mut [f32], usize), ShapeError>;
}

/// What was seen on a walk, row by row.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The token that was read.
    pub read: Arc<[u32]>,
    /// Negative log-likelihood of the target, nats.
    pub nll: Vec<f64>,
    /// Whether no token was likelier than the target.
    pub correct: Vec<bool>,
}

/// Walks through sequences of which `inputs` are the teacher's tokens and `targets` what is to be said, row by row; the network's
/// own token is never one of `never`, such as the end: a sequence is as long as the teacher's.
///
/// # Errors
/// If there are other tokens than rows, or a token is none of the vocabulary.
pub fn walk(
    steps: &mut dyn Steps,
    layout: &Ragged,
    inputs: &[u32],
    targets: &[u32],
    never: &[u32],
    teacher: &Teacher,
) -> Result<Walk, ShapeError> {
    let check = Check("scheduled sampling");
    check.dimension("number of input tokens", inputs.len(), layout.rows())?;
    check.dimension("number of targets", targets.len(), layout.rows())?;
    let mut read = inputs.to_vec();
    let (mut nll, mut correct) = (Vec::with_capacity(layout.rows()), Vec::with_capacity(layout.rows()));
    let mut seen: Vec<(f64, bool, u32)> = vec![(0.0, false, 0); layout.batch_at(0)];
    for t in 0..layout.steps() {
        let rows = layout.rows_at(t);
        // Sequences that go on, of which the next step reads.
        let next = if t + 1 < layout.steps() { layout.batch_at(t + 1) } else { 0 };
        let (logits, vocab) = steps.step(&read[rows.clone()])?;
        check.indices("the target of row", targets[rows.clone()].iter().map(|&y| y as usize), vocab)?;
        check.indices("the banned token", never.iter().map(|&y| y as usize), vocab)?;
        let targets = &targets[rows.clone()];
        each_row(logits, vocab, &mut seen, |j, logits, seen| {
            (seen.0, seen.1) = likelihood(logits, targets[j] as usize);
            if j < next && !teacher.is_heard(j, t + 1) {
                never.iter().for_each(|token| logits[*token as usize] = f32::NEG_INFINITY);
                let token = match teacher.choice {
                    Choice::Drawn => draw(logits, teacher.uniform(j, t + 1)),
                    Choice::Likeliest => likeliest(logits),
                };
                seen.2 = token as u32;
            }
        });
        for (j, (value, best, token)) in seen[..rows.len()].iter().enumerate() {
            nll.push(*value);
            correct.push(*best);
            if j < next && !teacher.is_heard(j, t + 1) {
                read[layout.row(t + 1, j)] = *token;
            }
        }
    }
    Ok(Walk { read: read.into(), nll, correct })
}
