//! Networks as Burn modules over fused operations.
//!
//! Sequences are packed, never padded ([`simurgh_kernels::Ragged`]); state is a value that goes in
//! and comes out; a model is saved as one safetensors file ([`artifact`]).

pub mod adversarial;
mod affine;
pub mod artifact;
pub mod classifier;
pub mod decode;
pub mod features;
#[cfg(test)]
mod finite_differences;
pub mod forecaster;
pub mod init;
pub mod labeller;
pub mod language_model;
pub mod ops;
pub mod optimizer;
pub mod parameters;
pub mod pass;
pub mod polyphony;
pub mod recurrent;
pub mod scheduled_sampling;
pub mod seq2seq;
pub mod sequences;

pub use burn;
pub use simurgh_kernels::attention::Groups;
pub use simurgh_kernels::normal::normal;
pub use simurgh_kernels::{Ragged, ShapeError, cpu, parallel};
