//! Sentences packed for the encoder and the decoder.

use crate::sequences::Sequences;
use simurgh_kernels::attention::Groups;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// Sentence pairs for training.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The source side.
    pub sources: Sequences,
    /// What the decoder reads at every row: START and the target but for its last token.
    pub inputs: Arc<[u32]>,
    /// What it should answer: the target and END.
    pub targets: Arc<[u32]>,
    /// Layout of the target side.
    pub layout: Arc<Ragged>,
    /// Source sequence of each target sequence.
    pub source_of: Vec<usize>,
    /// Which rows of the target look at which rows of the source.
    pub groups: Arc<Groups>,
}

impl Batch {
    /// Packs pairs of token sequences; `start` and `end` frame the target.
    ///
    /// # Errors
    /// If there is none, or a source is empty.
    pub fn new(pairs: &[(&[u32], &[u32])], start: u32, end: u32) -> Result<Self, ShapeError> {
        let source: Vec<&[u32]> = pairs.iter().map(|p| p.0).collect();
        let sources = Sequences::new(&source)?;
        let inputs: Vec<Vec<u32>> = pairs.iter().map(|p| [&[start], p.1].concat()).collect();
        let targets: Vec<Vec<u32>> = pairs.iter().map(|p| [p.1, &[end]].concat()).collect();
        let inputs: Vec<&[u32]> = inputs.iter().map(Vec::as_slice).collect();
        let targets: Vec<&[u32]> = targets.iter().map(Vec::as_slice).collect();
        let targets_side = Sequences::new(&inputs)?;
        let mut sequence_of = vec![0; pairs.len()];
        for (sequence, &sentence) in sources.order.iter().enumerate() {
            sequence_of[sentence] = sequence;
        }
        let source_of: Vec<usize> = targets_side.order.iter().map(|&sentence| sequence_of[sentence]).collect();
        let groups = Groups::aligned(&targets_side.layout, &sources.layout, &source_of);
        Ok(Self {
            targets: targets_side.rows(&targets),
            inputs: targets_side.ids,
            layout: targets_side.layout,
            source_of,
            groups: Arc::new(groups),
            sources,
        })
    }

    /// Number of target tokens, END included.
    pub fn tokens(&self) -> usize {
        self.targets.len()
    }
}
