//! Training: one readable loop a family of networks, and everything that a run leaves behind.
//!
//! * [`recipe`]: what to train, from TOML; every key typed, unknown ones denied.
//! * [`translation`]: the loop for encoder-decoders, their evaluation, and translating with them.
//! * [`run`]: the run directory: recipe, events, TensorBoard, checkpoints, model, report.
//! * [`report`]: the page and its drawings.

pub mod error;
pub mod recipe;
pub mod report;
pub mod run;
pub mod schedule;
pub mod translation;

pub use error::Error;
pub use simurgh_nn::artifact;
