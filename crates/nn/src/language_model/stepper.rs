//! A token in, the next one's logits out.

use super::LanguageModel;
use crate::ops::Plain;
use crate::pass::Precision;
use crate::recurrent::stream::{Stream, StreamError, StreamState};
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

    /// The state before the first token.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn start(&self) -> Result<StreamState, ShapeError> {
        self.stream.start(1)
    }

    /// Reads a token; returns the logits of the next one, `[vocab]`.
    ///
    /// # Errors
    /// If the token is none of the vocabulary, or the state another network's.
    pub fn step(&self, token: u32, state: &mut StreamState) -> Result<Vec<f32>, ShapeError> {
        Check("language model").indices("the token of text", [token as usize], self.vocab())?;
        let width = self.embedding.shape()[1];
        let x = &self.embedding.data()[token as usize * width..][..width];
        let hidden = self.stream.step(x, state)?;
        let projected = match &self.project {
            Some((weight, bias)) => Some(linear::forward(hidden, weight, Some(bias.data()), Activation::Identity)?),
            None => None,
        };
        let seen = projected.as_deref().unwrap_or(hidden);
        linear::forward(seen, &self.readout, Some(self.bias.data()), Activation::Identity)
    }
}
