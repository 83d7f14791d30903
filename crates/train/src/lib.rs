//! Training: one readable loop, and everything that a run leaves behind.
//!
//! * [`recipe`]: what to train, from TOML; every key typed, unknown ones denied.
//! * [`training`]: the loop, whatever the task.
//! * [`adversarial`]: generators and discriminators, how much they cover, and sampling from them.
//! * [`translation`]: encoder-decoders, their evaluation, and translating with them.
//! * [`classification`]: classifiers, their evaluation, and classifying with them.
//! * [`language_model`]: language models, their evaluation, and writing with them.
//! * [`forecasting`]: forecasters, their backtest, and forecasting with them.
//! * [`labelling`]: labellers of sound, their evaluation, and listening with them.
//! * [`music`]: models of music, their evaluation, and composing with them.
//! * [`scheduled_sampling`]: whose tokens a network reads while it learns, and exposure bias.
//! * [`run`]: the run directory: recipe, events, TensorBoard, checkpoints, model, report.
//! * [`report`]: the page and its drawings.

pub mod adversarial;
pub mod classification;
pub mod error;
pub mod forecasting;
pub mod labelling;
pub mod language_model;
pub mod music;
pub mod recipe;
pub mod report;
pub mod run;
mod saved;
pub mod schedule;
pub mod scheduled_sampling;
pub mod training;
pub mod translation;

pub use error::Error;
pub use simurgh_nn::artifact;

/// A pool of `threads` threads to compute with, denormals flushed in each; results do not depend on it.
///
/// # Panics
/// If the system refuses threads.
pub fn thread_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .start_handler(|_| simurgh_nn::cpu::flush_denormals())
        .build()
        .expect("threads can be started")
}
