//! Encoder-decoder with attention: many-to-many out of step.

mod batch;
mod config;
mod model;

pub use batch::{Batch, Sources};
pub use config::{AttentionKind, Seq2SeqConfig, Tying};
pub use model::{DecoderState, Memory, Seq2Seq};

#[cfg(test)]
mod tests;
