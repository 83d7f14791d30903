//! What comes in and what is measured: text, tokenizers, parallel corpora, batches, metrics.
//!
//! No networks and no tensors: metrics take numbers and strings.

pub mod error;
pub mod metrics;
pub mod music;
pub mod text;

pub use error::InputError;
