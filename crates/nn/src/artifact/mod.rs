//! A model as one safetensors file: the only code, with `train/checkpoint`, that defines bytes on disk.
//!
//! Tensors stand under [`crate::parameters`]' names; everything else (format version, task, network,
//! recipe, tokenizer, provenance) is one JSON text under the metadata key `simurgh`. Any tool that
//! reads safetensors reads it. The same model gives the same bytes.

mod bytes;
mod error;

pub(crate) use bytes::numbers;
pub use bytes::{Precision, atomic_write, atomic_write_all, parse, read, to_bytes};
pub use error::ArtifactError;

use crate::parameters::Parameter;
use serde::{Deserialize, Serialize};

/// Version of the format; raised when an older program could not read a file.
pub const FORMAT: u32 = 1;

/// What a file says of its model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// `translation`, or `checkpoint`.
    pub task: String,
    /// The network's configuration.
    pub model: serde_json::Value,
    /// The resolved recipe, TOML.
    pub recipe: String,
    /// The tokenizer, JSON; empty where there is none.
    pub tokenizer: String,
    /// Where it comes from: command, data and their licences, scores.
    pub provenance: serde_json::Value,
}

/// A model on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// What it says of itself.
    pub header: Header,
    /// Its tensors.
    pub parameters: Vec<Parameter>,
}

#[cfg(test)]
mod tests;
