//! The network.

use super::{AttentionKind, Batch, Seq2SeqConfig, Sources, Tying};
use crate::init::Init;
use crate::ops::{Activation, Loss, Score, attention, cross_entropy, embedding, linear};
use crate::pass::{Noise, Pass, Precision};
use crate::recurrent::{CellKind, Recurrent, RecurrentConfig, State};
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use simurgh_kernels::Ragged;
use simurgh_kernels::attention::Groups;
use std::sync::Arc;

/// An affine map, `weight[output, input]`.
#[derive(Module, Debug)]
pub struct Affine {
    pub(super) weight: Param<Tensor<2>>,
    pub(super) bias: Option<Param<Tensor<1>>>,
}

impl Affine {
    fn new(init: &Init, name: &str, input: usize, output: usize, bias: bool) -> Self {
        Self { weight: init.glorot(name, [output, input], 1), bias: bias.then(|| init.constant([output], 0.0)) }
    }

    fn forward(&self, x: Tensor<2>, activation: Activation, precision: Precision) -> Tensor<2> {
        linear(x, self.weight.val(), self.bias.as_ref().map(Param::val), activation, precision)
    }
}

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
    pub fn select(&self, rows: &[usize]) -> Self {
        let device = self.layers[0].hidden.device().inner();
        let data: Vec<i64> = rows.iter().map(|&r| r as i64).collect();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(data, [rows.len()]), &device);
        self.map(|t| t.select(0, rows.clone()))
    }

    fn first(&self, n: usize) -> Self {
        self.map(|t| {
            let [_, width] = t.dims();
            t.slice([0..n, 0..width])
        })
    }

    fn map(&self, f: impl Fn(Tensor<2>) -> Tensor<2>) -> Self {
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
    /// A network for vocabularies of `source_vocab` and `target_vocab` tokens, initialised from `seed`.
    ///
    /// # Panics
    /// If the configuration has a [`Seq2SeqConfig::problem`], or vocabularies differ that are tied.
    pub fn new(config: &Seq2SeqConfig, source_vocab: usize, target_vocab: usize, seed: u64, device: &Device) -> Self {
        Self::with(config, source_vocab, target_vocab, &Init::new(seed, device))
    }

    /// A network of zeros, for parameters that are about to be replaced by a file's.
    ///
    /// # Panics
    /// As [`Seq2Seq::new`].
    pub fn empty(config: &Seq2SeqConfig, source_vocab: usize, target_vocab: usize, device: &Device) -> Self {
        Self::with(config, source_vocab, target_vocab, &Init::zeros(device))
    }

    fn with(config: &Seq2SeqConfig, source_vocab: usize, target_vocab: usize, init: &Init) -> Self {
        assert!(config.problem().is_none(), "Seq2Seq: {:?}", config.problem());
        assert!(config.tie != Tying::All || source_vocab == target_vocab, "Seq2Seq: tied vocabularies differ");
        let c = config.clone();
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
        Self {
            source_embedding: (c.tie != Tying::All).then(|| table("source_embedding", source_vocab, c.embedding)),
            target_embedding: table("target_embedding", target_vocab, c.embedding),
            encoder: encoder.init(init, "encoder"),
            bridge_hidden: bridge("bridge_hidden"),
            bridge_cell: if c.cell == CellKind::Lstm { bridge("bridge_cell") } else { Vec::new() },
            key: matches!(c.attention, AttentionKind::General | AttentionKind::Additive)
                .then(|| affine("key", memory, c.decoder_hidden, false)),
            query: (c.attention == AttentionKind::Additive)
                .then(|| affine("query", c.decoder_hidden, c.decoder_hidden, true)),
            score: (c.attention == AttentionKind::Additive)
                .then(|| init.constant([c.decoder_hidden], 1.0 / (c.decoder_hidden as f32).sqrt())),
            decoder: decoder.init(init, "decoder"),
            combine: affine("combine", c.decoder_hidden + context, c.readout, true),
            readout: (c.tie == Tying::None).then(|| table("readout", target_vocab, c.readout)),
            readout_bias: init.constant([target_vocab], 0.0),
            config: c,
        }
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &Seq2SeqConfig {
        &self.config
    }

    /// A training pass whose draws depend on `seed`.
    pub fn training(&self, seed: u64, precision: Precision) -> Pass {
        let noise = (self.config.dropout > 0.0).then(|| Noise::new(seed, self.config.dropout, self.config.variational));
        Pass { noise, precision, rows: Some(Arc::default()), ..Pass::default() }
    }

    /// Reads the sources.
    pub fn encode(&self, sources: &Sources, pass: &mut Pass) -> Memory {
        let table = self.source_embedding.as_ref().unwrap_or(&self.target_embedding);
        let x = pass.drop_out(pass.embed(table, sources.ids.clone()), &sources.layout);
        let (values, finals) = self.encoder.forward(x, &sources.layout, None, pass).expect("the model's own shapes");
        let directions = if self.config.bidirectional { 2 } else { 1 };
        let last = |layer: usize, pick: fn(&State) -> Option<Tensor<2>>| {
            // A decoder layer starts from the encoder layer of its number, or the top one.
            let from = layer.min(self.config.encoder_layers - 1) * directions;
            let states: Vec<_> = finals[from..from + directions].iter().filter_map(pick).collect();
            if states.len() == 1 { states[0].clone() } else { Tensor::cat(states, 1) }
        };
        let layers = (0..self.config.decoder_layers)
            .map(|l| State {
                hidden: self.bridge_hidden[l].forward(
                    last(l, |s| Some(s.hidden.clone())),
                    Activation::Tanh,
                    pass.precision,
                ),
                cell: self
                    .bridge_cell
                    .get(l)
                    .map(|b| b.forward(last(l, |s| s.cell.clone()), Activation::Tanh, pass.precision)),
            })
            .collect();
        let keys = match &self.key {
            Some(key) => key.forward(values.clone(), Activation::Identity, pass.precision),
            None => values.clone(),
        };
        let sequences = sources.layout.sequences();
        let feed = self
            .config
            .input_feeding
            .then(|| Tensor::zeros([sequences, self.config.readout], (&values.device(), values.dtype())));
        Memory { values, keys, layout: sources.layout.clone(), state: DecoderState { layers, feed } }
    }

    /// Teacher-forced loss of a batch, summed over its target tokens.
    pub fn loss(&self, batch: &Batch, smoothing: f64, pass: &mut Pass) -> Loss {
        let memory = self.encode(&batch.sources, pass);
        let state = memory.state.select(&batch.source_of);
        let x = pass.embed(&self.target_embedding, batch.inputs.clone());
        let x = pass.drop_out(x, &batch.layout);
        let readout = if self.config.input_feeding {
            self.fed(&memory, batch, x, state, pass)
        } else {
            let (out, _) =
                self.decoder.forward(x, &batch.layout, Some(&state.layers), pass).expect("the model's own shapes");
            let out = pass.drop_out(out, &batch.layout);
            self.attend(&memory, out, &batch.groups, pass.precision).0
        };
        let readout = pass.drop_out(readout, &batch.layout);
        cross_entropy(
            readout,
            self.readout_weight(),
            self.readout_bias.val(),
            batch.targets.clone(),
            smoothing,
            pass.precision,
        )
    }

    /// The decoder with input feeding: a step at a time, since a step reads the one before.
    fn fed(&self, memory: &Memory, batch: &Batch, x: Tensor<2>, mut state: DecoderState, pass: &mut Pass) -> Tensor<2> {
        let layout = &batch.layout;
        let [_, width] = x.dims();
        let mut outputs = Vec::with_capacity(layout.steps());
        for t in 0..layout.steps() {
            let n = layout.batch_at(t);
            state = state.first(n);
            if pass.window_steps.is_some_and(|steps| t > 0 && t % steps == 0) {
                state = state.map(Tensor::detach);
            }
            let input = x.clone().slice([layout.rows_at(t), 0..width]);
            let (readout, next, _) = self.advance(memory, input, &batch.source_of[..n], state, pass);
            outputs.push(readout);
            state = next;
        }
        Tensor::cat(outputs, 0)
    }

    /// One decoder step of `x[hypotheses, embedding]`: the attentional state, the next state and the
    /// attention weights, hypothesis by hypothesis.
    fn advance(
        &self,
        memory: &Memory,
        x: Tensor<2>,
        sequence_of: &[usize],
        state: DecoderState,
        pass: &mut Pass,
    ) -> (Tensor<2>, DecoderState, Option<Tensor<1>>) {
        let layout = Arc::new(Ragged::new(&vec![1; sequence_of.len()]).expect("a step has hypotheses"));
        let x = match state.feed {
            Some(feed) => Tensor::cat(vec![x, feed], 1),
            None => x,
        };
        let (out, layers) =
            self.decoder.forward(x, &layout, Some(&state.layers), pass).expect("the model's own shapes");
        let out = pass.drop_out(out, &layout);
        // Hypotheses of one sequence stand together and form a group.
        let mut groups = Groups::default();
        let mut start = 0;
        while start < sequence_of.len() {
            let sequence = sequence_of[start];
            let count = sequence_of[start..].iter().take_while(|&&s| s == sequence).count();
            let sources = (0..memory.layout.lengths()[sequence]).map(|t| memory.layout.row(t, sequence));
            groups.push(start..start + count, sources);
            start += count;
        }
        let (readout, weights) = self.attend(memory, out, &Arc::new(groups), pass.precision);
        let feed = self.config.input_feeding.then(|| readout.clone());
        (readout, DecoderState { layers, feed }, weights)
    }

    /// Attentional state `tanh(W [decoder output; context])` and the weights of every group.
    fn attend(
        &self,
        memory: &Memory,
        out: Tensor<2>,
        groups: &Arc<Groups>,
        precision: Precision,
    ) -> (Tensor<2>, Option<Tensor<1>>) {
        if self.config.attention == AttentionKind::None {
            return (self.combine.forward(out, Activation::Tanh, precision), None);
        }
        let query = match &self.query {
            Some(query) => query.forward(out.clone(), Activation::Identity, precision),
            None => out.clone(),
        };
        let score = match &self.score {
            Some(vector) => Score::Additive(vector.val()),
            None => Score::Dot,
        };
        let (context, weights) = attention(query, memory.keys.clone(), memory.values.clone(), score, groups);
        let both = Tensor::cat(vec![out, context], 1);
        (self.combine.forward(both, Activation::Tanh, precision), Some(weights))
    }

    pub(super) fn readout_weight(&self) -> Tensor<2> {
        self.readout.as_ref().unwrap_or(&self.target_embedding).val()
    }

    /// One step of decoding: `tokens[i]` was the last token of hypothesis `i`, which translates
    /// source sequence `sequence_of[i]` (hypotheses of one sequence stand together).
    ///
    /// Returns logits `[hypotheses, vocab]`, the next state, and the attention weights, hypothesis by
    /// hypothesis, each as long as its source.
    pub fn step(
        &self,
        memory: &Memory,
        tokens: &[u32],
        sequence_of: &[usize],
        state: DecoderState,
        precision: Precision,
    ) -> (Tensor<2>, DecoderState, Option<Tensor<1>>) {
        let x = embedding(self.target_embedding.val(), tokens.into());
        let (readout, state, weights) =
            self.advance(memory, x, sequence_of, state, &mut Pass { precision, ..Pass::default() });
        let logits =
            linear(readout, self.readout_weight(), Some(self.readout_bias.val()), Activation::Identity, precision);
        (logits, state, weights)
    }
}
