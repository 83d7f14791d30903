//! A recurrent classifier: many-to-one. A text goes in, one of a few classes comes out.

mod config;
mod network;

pub use config::{ClassifierConfig, PoolingKind};
pub use network::{Answers, Classifier};

#[cfg(test)]
mod tests;
