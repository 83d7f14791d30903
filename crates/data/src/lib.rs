//! What comes in and what is measured: text, tokenizers, parallel corpora, batches, music, series, public sets, metrics.
//!
//! No networks and no tensors: metrics take numbers and strings.

pub mod audio;
pub mod error;
pub mod metrics;
pub mod music;
pub mod series;
pub mod sets;
pub mod text;

pub use error::InputError;
