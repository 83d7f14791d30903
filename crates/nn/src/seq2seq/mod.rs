//! Encoder-decoder with attention: many-to-many out of step.

mod batch;
mod config;
mod decoder;
mod model;
mod stepper;

pub use batch::Batch;
pub use config::{AttentionKind, Seq2SeqConfig, Tying};
pub use model::{DecoderState, Memory, Seq2Seq};
pub(crate) use stepper::{Rows, Scratch, Stepper};

#[cfg(test)]
mod tests;
