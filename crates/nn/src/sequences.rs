//! Token sequences, packed.

use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// Sequences of tokens, packed time-major, the longest first.
#[derive(Clone, Debug)]
pub struct Sequences {
    /// Tokens of every row.
    pub ids: Arc<[u32]>,
    /// Their layout: sequence `k` is the `order[k]`th of those given.
    pub layout: Arc<Ragged>,
    /// Which of those given each sequence is.
    pub order: Vec<usize>,
}

impl Sequences {
    /// Packs `sequences`, none of them empty.
    ///
    /// # Errors
    /// If there is none, or one is empty.
    pub fn new(sequences: &[&[u32]]) -> Result<Self, ShapeError> {
        let lengths: Vec<usize> = sequences.iter().map(|s| s.len()).collect();
        // A sequence without tokens keeps its number in the message.
        if let Some(sequence) = lengths.iter().position(|n| *n == 0) {
            return Err(ShapeError::EmptySequence { sequence });
        }
        let order = Ragged::order(&lengths);
        let sorted: Vec<usize> = order.iter().map(|&i| lengths[i]).collect();
        let layout = Ragged::new(&sorted)?;
        let mut packed = Self { ids: Arc::default(), layout: Arc::new(layout), order };
        packed.ids = packed.rows(sequences);
        Ok(packed)
    }

    /// Other tokens of the same sequences, such as their targets, in the same rows.
    ///
    /// # Panics
    /// If one is shorter than the sequence of its number.
    pub fn rows(&self, sequences: &[&[u32]]) -> Arc<[u32]> {
        self.layout.cells().map(|(t, j)| sequences[self.order[j]][t]).collect()
    }
}
