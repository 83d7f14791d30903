//! The decoder, step after step.

use super::Batch;
use super::{AttentionKind, DecoderState, Memory, Rows, Scratch, Seq2Seq, Stepper};
use crate::pass::{Pass, Precision};
use crate::scheduled_sampling::{Steps, Teacher, Walk, walk};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;

/// The network between two steps: plain memory where it is on the CPU, tensors elsewhere.
// One of them lives for one search: its size does not matter.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Walker<'m> {
    Plain {
        stepper: Stepper,
        state: Rows,
        next: Rows,
        scratch: Scratch,
    },
    Tensor {
        model: &'m Seq2Seq,
        memory: Memory,
        state: DecoderState,
        precision: Precision,
        logits: Vec<f32>,
        weights: Vec<f32>,
    },
}

impl<'m> Walker<'m> {
    pub(crate) fn new(model: &'m Seq2Seq, memory: Memory, precision: Precision) -> Self {
        let state = memory.state();
        if let Some(stepper) = Stepper::new(model, &memory, precision)
            && let Some(rows) = stepper.rows(&state)
        {
            return Self::Plain { stepper, state: rows, next: Rows::default(), scratch: Scratch::default() };
        }
        Self::Tensor { model, memory, state, precision, logits: Vec::new(), weights: Vec::new() }
    }

    /// Length of a source, where there is attention.
    pub(crate) fn source_len(&self, sequence: usize) -> usize {
        match self {
            Self::Plain { stepper, .. } => stepper.source_len(sequence),
            Self::Tensor { model, memory, .. } => {
                if model.config().attention == AttentionKind::None {
                    0
                } else {
                    memory.source_length(sequence)
                }
            }
        }
    }

    /// Takes a step; logits `[hypotheses, vocab]`, the vocabulary's size, and the attention weights.
    pub(crate) fn step(
        &mut self,
        tokens: &[u32],
        sequence_of: &[usize],
    ) -> Result<(&mut [f32], usize, &[f32]), ShapeError> {
        match self {
            Self::Plain { stepper, state, scratch, .. } => {
                stepper.step(tokens, sequence_of, state, scratch);
                let vocab = stepper.vocab();
                Ok((&mut scratch.logits[..tokens.len() * vocab], vocab, &scratch.weights))
            }
            Self::Tensor { model, memory, state, precision, logits, weights } => {
                let (values, next, looked) = model.step(memory, tokens, sequence_of, state.clone(), *precision)?;
                let [_, vocab] = values.dims();
                *state = next;
                *logits = values.into_data().iter::<f32>().collect();
                *weights = looked.map_or_else(Vec::new, |w| w.into_data().iter::<f32>().collect());
                Ok((logits, vocab, weights))
            }
        }
    }

    /// Goes on with these rows of the state, at least one.
    pub(crate) fn select(&mut self, rows: &[usize]) -> Result<(), ShapeError> {
        match self {
            Self::Plain { state, next, .. } => {
                state.select(rows, next);
                std::mem::swap(state, next);
            }
            Self::Tensor { state, .. } => *state = state.select(rows)?,
        }
        Ok(())
    }
}

/// The targets of a batch, one hypothesis each.
struct Targets<'m, 'b> {
    walker: Walker<'m>,
    /// Source sequence of each target sequence that goes on.
    source_of: &'b [usize],
}

impl Steps for Targets<'_, '_> {
    fn step(&mut self, tokens: &[u32]) -> Result<(&mut [f32], usize), ShapeError> {
        if tokens.len() < self.source_of.len() {
            self.source_of = &self.source_of[..tokens.len()];
            self.walker.select(&(0..tokens.len()).collect::<Vec<_>>())?;
        }
        let (logits, vocab, _) = self.walker.step(tokens, self.source_of)?;
        Ok((logits, vocab))
    }
}

impl Seq2Seq {
    /// What this network, without noise and off the tape, reads of a batch's target side where `teacher` is heard that often,
    /// and how likely the targets then are; it never reads a token of `never`.
    ///
    /// # Errors
    /// As [`Seq2Seq::loss`].
    pub fn walk(
        &self,
        batch: &Batch,
        never: &[u32],
        teacher: &Teacher,
        precision: Precision,
    ) -> Result<Walk, ShapeError> {
        Check("encoder-decoder").indices(
            "the token of row",
            batch.inputs.iter().map(|&token| token as usize),
            self.target_vocab(),
        )?;
        let memory = self.encode(&batch.sources, &mut Pass { precision, ..Pass::default() })?;
        let mut walker = Walker::new(self, memory, precision);
        walker.select(&batch.source_of)?;
        let mut steps = Targets { walker, source_of: &batch.source_of };
        walk(&mut steps, &batch.layout, &batch.inputs, &batch.targets, never, teacher)
    }
}
