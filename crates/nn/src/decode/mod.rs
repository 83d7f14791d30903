//! From a model's next-token probabilities to sentences: greedy and beam search.

mod beam;
mod hypothesis;

pub use beam::decode;
pub use hypothesis::{DecodeConfig, Hypothesis, Sentence, Special, Surface};
