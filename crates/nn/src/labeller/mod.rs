//! A label a frame, as frames arrive: many-to-many in step.

mod config;
mod network;

pub use config::LabellerConfig;
pub use network::{Labeller, LabellerStream};

#[cfg(test)]
mod tests;
