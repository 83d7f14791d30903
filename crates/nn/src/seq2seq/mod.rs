//! Encoder-decoder with attention: many-to-many out of step.

mod batch;
mod config;
mod decoder;
mod model;
mod stepper;
mod walker;

pub use batch::Batch;
pub use config::{AttentionKind, Seq2SeqConfig, Tying};
pub use model::{DecoderState, Memory, Seq2Seq};
use stepper::{Rows, Scratch, Stepper};
pub(crate) use walker::Walker;

#[cfg(test)]
mod tests;
