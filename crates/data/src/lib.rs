//! What comes in and what is measured: text, tokenizers, parallel corpora, batches, music, series, pictures, points, public sets,
//! metrics.
//!
//! No networks and no tensors: metrics take numbers and strings.

pub mod audio;
pub mod error;
pub mod images;
pub mod metrics;
pub mod mixture;
pub mod music;
pub mod series;
pub mod sets;
pub mod text;

pub use error::InputError;
