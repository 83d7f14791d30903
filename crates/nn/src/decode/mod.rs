//! From a model's next-token probabilities to sentences: greedy and beam search, and drawing.

mod beam;
mod hypothesis;
mod sample;

pub use beam::decode;
pub use hypothesis::{DecodeConfig, Hypothesis, Sentence, Special, Surface};
pub use sample::{Sampling, sample};
