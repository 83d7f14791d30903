//! The network.

use super::LanguageModelConfig;
use crate::affine::Affine;
use crate::init::Init;
use crate::ops::{Activation, Loss, cross_entropy, indices};
use crate::pass::Pass;
use crate::recurrent::{Recurrent, RecurrentConfig, State};
use crate::sequences::Sequences;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// Embedding, recurrent layers, read-out.
#[derive(Module, Debug)]
pub struct LanguageModel {
    /// `[vocab, embedding]`
    pub(super) embedding: Param<Tensor<2>>,
    pub(super) encoder: Recurrent,
    /// States to as many columns as the embedding has, where it is the read-out.
    pub(super) project: Option<Affine>,
    /// `[vocab, hidden]`, where it is not.
    readout: Option<Param<Tensor<2>>>,
    /// `[vocab]`
    pub(super) readout_bias: Param<Tensor<1>>,
    #[module(skip)]
    config: LanguageModelConfig,
}

impl LanguageModel {
    /// A network for `vocab` tokens.
    ///
    /// # Errors
    /// If the configuration has a [`LanguageModelConfig::problem`], or the vocabulary is none or too large.
    pub fn new(config: &LanguageModelConfig, vocab: usize, init: &Init) -> Result<Self, ShapeError> {
        let (c, check) = (config.clone(), Check("language model"));
        if let Some((name, expected, got)) = c.problem() {
            return Err(ShapeError::Value { operation: check.0, name, expected, got });
        }
        check.some("the vocabulary", vocab)?;
        check.count("the embedding", &[("tokens", vocab), ("columns", c.embedding.max(c.hidden))])?;
        let encoder = RecurrentConfig {
            cell: c.cell,
            input: c.embedding,
            hidden: c.hidden,
            layers: c.layers,
            bidirectional: c.bidirectional,
        };
        let table = |name: &str, width: usize| init.normal(name, [vocab, width], 1.0 / (width as f64).sqrt());
        Ok(Self {
            embedding: table("embedding", c.embedding),
            encoder: encoder.init(init, "encoder")?,
            project: (c.tie && c.hidden != c.embedding)
                .then(|| Affine::new(init, "project", c.hidden, c.embedding, true)),
            readout: (!c.tie).then(|| table("readout", c.hidden)),
            readout_bias: init.constant([vocab], 0.0),
            config: c,
        })
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &LanguageModelConfig {
        &self.config
    }

    pub(super) fn readout_weight(&self) -> Tensor<2> {
        self.readout.as_ref().unwrap_or(&self.embedding).val()
    }

    /// The loss of guessing `targets`, a token a row of `inputs`, summed over the rows; and the states after the last tokens, to
    /// go on from. From `initial`, a state a layer whose rows are in the order of the sequences; zeros if absent.
    ///
    /// # Errors
    /// If a token is none of the vocabulary, there are other targets than rows, the smoothing is not a share, or the network
    /// reads both ways ([`LanguageModel::loss_both_ways`]).
    pub fn loss(
        &self,
        inputs: &Sequences,
        targets: &Arc<[u32]>,
        initial: Option<&[State]>,
        smoothing: f64,
        pass: &mut Pass,
    ) -> Result<(Loss, Vec<State>), ShapeError> {
        if self.config.bidirectional {
            let (operation, name) = ("language model", "bidirectional");
            return Err(ShapeError::Value { operation, name, expected: "false".into(), got: "true".into() });
        }
        let x = pass.drop_out(pass.embed(&self.embedding, inputs.ids.clone())?, &inputs.layout)?;
        let (states, last) = self.encoder.forward(x, &inputs.layout, initial, pass)?;
        let loss = self.guess(states, &inputs.layout, targets.clone(), smoothing, pass)?;
        Ok((loss, last))
    }

    fn guess(
        &self,
        states: Tensor<2>,
        layout: &Ragged,
        targets: Arc<[u32]>,
        smoothing: f64,
        pass: &mut Pass,
    ) -> Result<Loss, ShapeError> {
        let mut states = pass.drop_out(states, layout)?;
        if let Some(project) = &self.project {
            states = project.parameters().forward(states, Activation::Identity, pass.precision)?;
        }
        cross_entropy(states, self.readout_weight(), self.readout_bias.val(), targets, smoothing, pass.precision)
    }

    /// The losses of a network that reads both ways: of each token but the first from those before it, and of each but the last
    /// from those after it.
    ///
    /// # Errors
    /// If a token is none of the vocabulary, a sequence has one token alone, the smoothing is not a share, or the network reads
    /// one way.
    pub fn loss_both_ways(
        &self,
        sequences: &Sequences,
        smoothing: f64,
        pass: &mut Pass,
    ) -> Result<[Loss; 2], ShapeError> {
        let (layout, check) = (&sequences.layout, Check("language model"));
        if !self.config.bidirectional {
            let name = "bidirectional";
            return Err(ShapeError::Value { operation: check.0, name, expected: "true".into(), got: "false".into() });
        }
        let shortest = layout.lengths().iter().copied().min().unwrap_or(0);
        check.some("the number of tokens to be guessed of a sequence", shortest.saturating_sub(1))?;
        let x = pass.drop_out(pass.embed(&self.embedding, sequences.ids.clone())?, layout)?;
        let (states, _) = self.encoder.forward(x, layout, None, pass)?;
        let hidden = self.config.hidden;
        let rows = layout.rows();
        let fewer: Vec<usize> = layout.lengths().iter().map(|n| n - 1).collect();
        let fewer = Ragged::new(&fewer)?;
        // Row of step t + k, for the rows of sequences without one token.
        let shifted = |k: usize| -> Vec<usize> { fewer.cells().map(|(t, j)| layout.row(t + k, j)).collect() };
        let guess = |columns: std::ops::Range<usize>, from: usize, to: usize, pass: &mut Pass| {
            let states = states.clone().slice([0..rows, columns]);
            let states = states.clone().select(0, indices(shifted(from), &states));
            let targets: Arc<[u32]> = shifted(to).into_iter().map(|row| sequences.ids[row]).collect();
            self.guess(states, &fewer, targets, smoothing, pass)
        };
        Ok([guess(0..hidden, 0, 1, pass)?, guess(hidden..2 * hidden, 1, 0, pass)?])
    }
}
