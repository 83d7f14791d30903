//! The network.

use super::decoder::Decoder;
use super::{AttentionKind, Batch, Seq2SeqConfig, Tying};
use crate::affine::Affine;
use crate::init::Init;
use crate::ops::{Activation, Loss, cross_entropy, embedding, linear};
use crate::pass::{Pass, Precision};
use crate::recurrent::{CellKind, Recurrent, RecurrentConfig, State};
use crate::sequences::Sequences;
use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData};
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// Recurrent encoder-decoder.
#[derive(Module, Debug)]
pub struct Seq2Seq {
    /// `[vocab, embedding]`; the target's where `tie` is "all".
    source_embedding: Option<Param<Tensor<2>>>,
    pub(super) target_embedding: Param<Tensor<2>>,
    encoder: Recurrent,
    /// Encoder's final h to the decoder's first, a decoder layer each.
    bridge_hidden: Vec<Affine>,
    /// The same for c, where there is one.
    bridge_cell: Vec<Affine>,
    /// Encoder output to keys (general, additive).
    key: Option<Affine>,
    /// Decoder output to queries (additive).
    pub(super) query: Option<Affine>,
    /// The vector of additive scores.
    pub(super) score: Option<Param<Tensor<1>>>,
    pub(super) decoder: Recurrent,
    /// Decoder output and context to the attentional state.
    pub(super) combine: Affine,
    /// The read-out layer's own weight where it is not tied.
    readout: Option<Param<Tensor<2>>>,
    pub(super) readout_bias: Param<Tensor<1>>,
    #[module(skip)]
    config: Seq2SeqConfig,
}

/// What the decoder reads of a batch of sources.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Encoder output, `[rows, memory]`.
    pub(super) values: Tensor<2>,
    /// What queries are compared with, `[rows, key]`.
    pub(super) keys: Tensor<2>,
    pub(super) layout: Arc<Ragged>,
    /// The decoder's first state; row `k` belongs to sequence `k` of the layout.
    state: DecoderState,
}

impl Memory {
    /// State to decode every sequence from.
    pub fn state(&self) -> DecoderState {
        self.state.clone()
    }

    /// Length of a source sequence.
    pub fn source_length(&self, sequence: usize) -> usize {
        self.layout.lengths()[sequence]
    }
}

/// The decoder's state, a row a hypothesis.
#[derive(Clone, Debug)]
pub struct DecoderState {
    pub(super) layers: Vec<State>,
    pub(super) feed: Option<Tensor<2>>,
}

impl DecoderState {
    /// The state whose row `i` is row `rows[i]` of this one.
    ///
    /// # Errors
    /// If it has no such row, or none is asked for.
    pub fn select(&self, rows: &[usize]) -> Result<Self, ShapeError> {
        let check = Check("decoder state");
        check.some("the number of rows", rows.len())?;
        check.indices("row", rows.iter().copied(), self.layers[0].hidden.dims()[0])?;
        let device = self.layers[0].hidden.device().inner();
        let data: Vec<i64> = rows.iter().map(|&r| r as i64).collect();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(data, [rows.len()]), &device);
        Ok(self.map(|t| t.select(0, rows.clone())))
    }

    pub(super) fn first(&self, n: usize) -> Self {
        self.map(|t| match t.dims() {
            [rows, _] if rows == n => t,
            [_, width] => t.slice([0..n, 0..width]),
        })
    }

    pub(super) fn map(&self, f: impl Fn(Tensor<2>) -> Tensor<2>) -> Self {
        Self {
            layers: self
                .layers
                .iter()
                .map(|s| State { hidden: f(s.hidden.clone()), cell: s.cell.clone().map(&f) })
                .collect(),
            feed: self.feed.clone().map(f),
        }
    }
}

impl Seq2Seq {
    /// A network for vocabularies of `source_vocab` and `target_vocab` tokens.
    ///
    /// # Errors
    /// If the configuration has a [`Seq2SeqConfig::problem`], a vocabulary is empty or too large, or two differ that are tied.
    pub fn new(
        config: &Seq2SeqConfig,
        source_vocab: usize,
        target_vocab: usize,
        init: &Init,
    ) -> Result<Self, ShapeError> {
        let (c, check) = (config.clone(), Check("encoder-decoder"));
        if let Some((name, expected, got)) = c.problem() {
            return Err(ShapeError::Value { operation: check.0, name, expected, got });
        }
        for (dimension, vocab) in [("the source vocabulary", source_vocab), ("the target vocabulary", target_vocab)] {
            check.some(dimension, vocab)?;
            check.count(dimension, &[("tokens", vocab), ("columns", c.embedding.max(c.readout))])?;
        }
        if c.tie == Tying::All {
            check.dimension("size of the source vocabulary, tied to the target's,", source_vocab, target_vocab)?;
        }
        let memory = c.memory();
        let table =
            |name: &str, vocab: usize, width: usize| init.normal(name, [vocab, width], 1.0 / (width as f64).sqrt());
        let affine = |name: &str, input, output, bias| Affine::new(init, name, input, output, bias);
        let feed = if c.input_feeding { c.readout } else { 0 };
        let encoder = RecurrentConfig {
            cell: c.cell,
            input: c.embedding,
            hidden: c.encoder_hidden,
            layers: c.encoder_layers,
            bidirectional: c.bidirectional,
        };
        let decoder = RecurrentConfig {
            cell: c.cell,
            input: c.embedding + feed,
            hidden: c.decoder_hidden,
            layers: c.decoder_layers,
            bidirectional: false,
        };
        let bridge = |name: &str| {
            (0..c.decoder_layers).map(|l| affine(&format!("{name}.{l}"), memory, c.decoder_hidden, true)).collect()
        };
        let context = if c.attention == AttentionKind::None { 0 } else { memory };
        Ok(Self {
            source_embedding: (c.tie != Tying::All).then(|| table("source_embedding", source_vocab, c.embedding)),
            target_embedding: table("target_embedding", target_vocab, c.embedding),
            encoder: encoder.init(init, "encoder")?,
            bridge_hidden: bridge("bridge_hidden"),
            bridge_cell: if c.cell == CellKind::Lstm { bridge("bridge_cell") } else { Vec::new() },
            key: matches!(c.attention, AttentionKind::General | AttentionKind::Additive)
                .then(|| affine("key", memory, c.decoder_hidden, false)),
            query: (c.attention == AttentionKind::Additive)
                .then(|| affine("query", c.decoder_hidden, c.decoder_hidden, true)),
            score: (c.attention == AttentionKind::Additive)
                .then(|| init.constant([c.decoder_hidden], 1.0 / (c.decoder_hidden as f32).sqrt())),
            decoder: decoder.init(init, "decoder")?,
            combine: affine("combine", c.decoder_hidden + context, c.readout, true),
            readout: (c.tie == Tying::None).then(|| table("readout", target_vocab, c.readout)),
            readout_bias: init.constant([target_vocab], 0.0),
            config: c,
        })
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &Seq2SeqConfig {
        &self.config
    }

    /// A training pass whose draws depend on `seed`.
    pub fn training(&self, seed: u64, precision: Precision) -> Pass {
        Pass { noise: self.config.noise(seed), precision, rows: Some(Arc::default()), ..Pass::default() }
    }

    /// Reads the sources.
    ///
    /// # Errors
    /// If a token is none of the vocabulary, or the layout has other rows.
    pub fn encode(&self, sources: &Sequences, pass: &mut Pass) -> Result<Memory, ShapeError> {
        let table = self.source_embedding.as_ref().unwrap_or(&self.target_embedding);
        let x = pass.drop_out(pass.embed(table, sources.ids.clone())?, &sources.layout)?;
        let (values, finals) = self.encoder.forward(x, &sources.layout, None, pass)?;
        let directions = if self.config.bidirectional { 2 } else { 1 };
        let last = |layer: usize, pick: fn(&State) -> Option<Tensor<2>>| {
            // A decoder layer starts from the encoder layer of its number, or the top one.
            let from = layer.min(self.config.encoder_layers - 1) * directions;
            let states: Vec<_> = finals[from..from + directions].iter().filter_map(pick).collect();
            if states.len() == 1 { states[0].clone() } else { Tensor::cat(states, 1) }
        };
        let mut layers = Vec::with_capacity(self.config.decoder_layers);
        for l in 0..self.config.decoder_layers {
            let hidden = last(l, |s| Some(s.hidden.clone()));
            let hidden = self.bridge_hidden[l].parameters().forward(hidden, Activation::Tanh, pass.precision)?;
            let cell = match self.bridge_cell.get(l) {
                Some(bridge) => {
                    Some(bridge.parameters().forward(last(l, |s| s.cell.clone()), Activation::Tanh, pass.precision)?)
                }
                None => None,
            };
            layers.push(State { hidden, cell });
        }
        let keys = match &self.key {
            Some(key) => key.parameters().forward(values.clone(), Activation::Identity, pass.precision)?,
            None => values.clone(),
        };
        let sequences = sources.layout.sequences();
        let feed = self
            .config
            .input_feeding
            .then(|| Tensor::zeros([sequences, self.config.readout], (&values.device(), values.dtype())));
        Ok(Memory { values, keys, layout: sources.layout.clone(), state: DecoderState { layers, feed } })
    }

    /// Teacher-forced loss of a batch, summed over its target tokens.
    ///
    /// # Errors
    /// If a token is none of the vocabulary, the batch contradicts itself, or the smoothing is not a share.
    pub fn loss(&self, batch: &Batch, smoothing: f64, pass: &mut Pass) -> Result<Loss, ShapeError> {
        let check = Check("encoder-decoder");
        check.dimension("number of input tokens", batch.inputs.len(), batch.layout.rows())?;
        check.dimension("number of targets' sources", batch.source_of.len(), batch.layout.sequences())?;
        let memory = self.encode(&batch.sources, pass)?;
        let state = memory.state.select(&batch.source_of)?;
        let x = pass.embed(&self.target_embedding, batch.inputs.clone())?;
        let x = pass.drop_out(x, &batch.layout)?;
        let readout = if self.config.input_feeding {
            self.reading(&memory).fed(batch, x, state, pass)?
        } else {
            let (out, _) = self.decoder.forward(x, &batch.layout, Some(&state.layers), pass)?;
            let out = pass.drop_out(out, &batch.layout)?;
            self.reading(&memory).attend(out, &batch.groups, pass.precision)?.0
        };
        let readout = pass.drop_out(readout, &batch.layout)?;
        cross_entropy(
            readout,
            self.readout_weight(),
            self.readout_bias.val(),
            batch.targets.clone(),
            smoothing,
            pass.precision,
        )
    }

    /// The decoder, with this to look at.
    fn reading(&self, memory: &Memory) -> Decoder {
        Decoder {
            stack: self.decoder.parameters(),
            query: self.query.as_ref().map(Affine::parameters),
            score: self.score.as_ref().map(|score| score.val().into()),
            combine: self.combine.parameters(),
            keys: memory.keys.clone().into(),
            values: memory.values.clone().into(),
            layout: memory.layout.clone(),
            attention: self.config.attention,
            feeds: self.config.input_feeding,
        }
    }

    /// Tokens that it can say.
    pub fn target_vocab(&self) -> usize {
        self.readout_bias.val().dims()[0]
    }

    pub(super) fn readout_weight(&self) -> Tensor<2> {
        self.readout.as_ref().unwrap_or(&self.target_embedding).val()
    }

    /// One step of decoding: `tokens[i]` was the last token of hypothesis `i`, which translates
    /// source sequence `sequence_of[i]` (hypotheses of one sequence stand together).
    ///
    /// Returns logits `[hypotheses, vocab]`, the next state, and the attention weights, hypothesis by
    /// hypothesis, each as long as its source.
    ///
    /// # Errors
    /// If a token is none of the vocabulary, a hypothesis translates none of the sequences, or the state is of other ones.
    pub fn step(
        &self,
        memory: &Memory,
        tokens: &[u32],
        sequence_of: &[usize],
        state: DecoderState,
        precision: Precision,
    ) -> Result<(Tensor<2>, DecoderState, Option<Tensor<1>>), ShapeError> {
        let x = embedding(self.target_embedding.val(), tokens.into())?;
        let pass = &mut Pass { precision, ..Pass::default() };
        let (readout, state, weights) = self.reading(memory).advance(x, sequence_of, state, pass)?;
        let logits = linear(
            readout,
            self.readout_weight(),
            Some(self.readout_bias.val().into()),
            Activation::Identity,
            precision,
        )?;
        Ok((logits, state, weights))
    }
}
