//! A token of each text in, the logits of the next ones out.

use super::LanguageModel;
use crate::ops::Plain;
use crate::pass::Precision;
use crate::recurrent::State;
use crate::recurrent::stream::{Stream, StreamError, StreamState};
use crate::scheduled_sampling::{Steps, Teacher, Walk, walk};
use crate::sequences::Sequences;
use simurgh_kernels::ShapeError;
use simurgh_kernels::gemm::Packed;
use simurgh_kernels::linear::{self, Activation};
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// A language model, ready to be taken step by step. It keeps no state: one serves any number of texts.
#[derive(Debug)]
pub struct Stepper {
    stream: Stream,
    embedding: Plain,
    project: Option<(Arc<Packed<f32>>, Plain)>,
    readout: Arc<Packed<f32>>,
    bias: Plain,
}

impl LanguageModel {
    /// This network, ready to be taken step by step; products round as `precision` says.
    ///
    /// # Errors
    /// If it reads both ways or is not on the CPU backend.
    pub fn stepper(&self, precision: Precision) -> Result<Stepper, StreamError> {
        let plain = |tensor| Plain::of::<2>(tensor).ok_or(StreamError::Device);
        let bias = |tensor| Plain::of::<1>(tensor).ok_or(StreamError::Device);
        let project = match &self.project {
            Some(project) => {
                let (weight, shift) = project.values();
                Some((plain(weight)?.packed_t(precision), bias(shift)?))
            }
            None => None,
        };
        Ok(Stepper {
            stream: self.encoder.stream(precision)?,
            embedding: plain(self.embedding.val())?,
            project,
            readout: plain(self.readout_weight())?.packed_t(precision),
            bias: bias(self.readout_bias.val())?,
        })
    }
}

impl Stepper {
    /// Tokens of the vocabulary.
    pub fn vocab(&self) -> usize {
        self.bias.data().len()
    }

    /// The state of `batch` texts before their first tokens.
    ///
    /// # Errors
    /// If there is none, or no memory for it.
    pub fn start(&self, batch: usize) -> Result<StreamState, ShapeError> {
        self.stream.start(batch)
    }

    /// Reads a token of each text; returns the logits of the next ones, `[tokens, vocab]`.
    ///
    /// # Errors
    /// If a token is none of the vocabulary, there is not one a text, or the state is another network's.
    pub fn step(&self, tokens: &[u32], state: &mut StreamState) -> Result<Vec<f32>, ShapeError> {
        Check("language model").indices("the token of text", tokens.iter().map(|t| *t as usize), self.vocab())?;
        let width = self.embedding.shape()[1];
        let row = |token: &u32| &self.embedding.data()[*token as usize * width..][..width];
        let x: Vec<f32> = tokens.iter().flat_map(row).copied().collect();
        let hidden = self.stream.step(&x, state)?;
        let projected = match &self.project {
            Some((weight, bias)) => Some(linear::forward(hidden, weight, Some(bias.data()), Activation::Identity)?),
            None => None,
        };
        let seen = projected.as_deref().unwrap_or(hidden);
        linear::forward(seen, &self.readout, Some(self.bias.data()), Activation::Identity)
    }
}

/// The texts of a batch.
struct Texts {
    stepper: Stepper,
    state: StreamState,
    logits: Vec<f32>,
}

impl Steps for Texts {
    fn step(&mut self, tokens: &[u32]) -> Result<(&mut [f32], usize), ShapeError> {
        self.state.truncate(tokens.len());
        self.logits = self.stepper.step(tokens, &mut self.state)?;
        Ok((&mut self.logits, self.stepper.vocab()))
    }
}

impl LanguageModel {
    /// What this network, without noise and off the tape, reads of texts whose tokens are `inputs` where `teacher` is heard that
    /// often, and how likely the targets then are; it never reads a token of `never`. From `initial`, as in
    /// [`LanguageModel::loss`].
    ///
    /// # Errors
    /// As [`LanguageModel::loss`], and if the network is not on the CPU backend.
    pub fn walk(
        &self,
        inputs: &Sequences,
        targets: &[u32],
        initial: Option<&[State]>,
        never: &[u32],
        teacher: &Teacher,
        precision: Precision,
    ) -> Result<Walk, StreamError> {
        let stepper = self.stepper(precision)?;
        let state = match initial {
            Some(states) => stepper.stream.resume(states)?,
            None => stepper.start(inputs.layout.sequences())?,
        };
        let mut steps = Texts { stepper, state, logits: Vec::new() };
        Ok(walk(&mut steps, &inputs.layout, &inputs.ids, targets, never, teacher)?)
    }
}
