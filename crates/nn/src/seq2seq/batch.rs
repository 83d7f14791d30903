//! Sentences packed for the encoder and the decoder.

use simurgh_kernels::attention::Groups;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// Source sentences, packed.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Tokens of every row.
    pub ids: Arc<[u32]>,
    /// Their layout: sequence `k` is sentence `order[k]`.
    pub layout: Arc<Ragged>,
    /// Sentence of each sequence.
    pub order: Vec<usize>,
}

/// Packs sentences, the longest first.
fn pack(sentences: &[&[u32]]) -> Result<(Vec<usize>, Ragged), ShapeError> {
    let lengths: Vec<usize> = sentences.iter().map(|s| s.len()).collect();
    let order = Ragged::order(&lengths);
    let sorted: Vec<usize> = order.iter().map(|&i| lengths[i]).collect();
    // A sentence without tokens keeps its number in the message.
    if let Some(sequence) = lengths.iter().position(|n| *n == 0) {
        return Err(ShapeError::EmptySequence { sequence });
    }
    Ok((order, Ragged::new(&sorted)?))
}

fn rows(sentences: &[&[u32]], order: &[usize], layout: &Ragged) -> Arc<[u32]> {
    layout.cells().map(|(t, j)| sentences[order[j]][t]).collect()
}

impl Sources {
    /// Packs `sentences`, none of them empty.
    ///
    /// # Errors
    /// If there is none, or one is empty.
    pub fn new(sentences: &[&[u32]]) -> Result<Self, ShapeError> {
        let (order, layout) = pack(sentences)?;
        Ok(Self { ids: rows(sentences, &order, &layout), layout: Arc::new(layout), order })
    }
}

/// Sentence pairs for training.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The source side.
    pub sources: Sources,
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
        let sources = Sources::new(&source)?;
        let inputs: Vec<Vec<u32>> = pairs.iter().map(|p| [&[start], p.1].concat()).collect();
        let targets: Vec<Vec<u32>> = pairs.iter().map(|p| [p.1, &[end]].concat()).collect();
        let inputs: Vec<&[u32]> = inputs.iter().map(Vec::as_slice).collect();
        let targets: Vec<&[u32]> = targets.iter().map(Vec::as_slice).collect();
        let (order, layout) = pack(&inputs)?;
        let mut sequence_of = vec![0; pairs.len()];
        for (sequence, &sentence) in sources.order.iter().enumerate() {
            sequence_of[sentence] = sequence;
        }
        let source_of: Vec<usize> = order.iter().map(|&sentence| sequence_of[sentence]).collect();
        let groups = Groups::aligned(&layout, &sources.layout, &source_of);
        Ok(Self {
            inputs: rows(&inputs, &order, &layout),
            targets: rows(&targets, &order, &layout),
            layout: Arc::new(layout),
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
