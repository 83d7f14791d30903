//! Decoding on the CPU backend: the numbers of [`Seq2Seq::step`] to the bit, without tensors, tapes and allocations.

use super::model::{DecoderState, Memory, Seq2Seq};
use crate::affine::Affine;
use crate::ops::Plain;
use crate::pass::Precision;
use crate::recurrent::State;
use burn::module::Param;
use burn::tensor::Tensor;
use simurgh_kernels::attention::Prepared;
use simurgh_kernels::elementwise::tanh;
use simurgh_kernels::gemm::{Packed, Start, View, gemm, padded_bias};
use simurgh_kernels::recurrent;
use std::sync::Arc;

/// An affine map.
struct Dense {
    weight_t: Arc<Packed<f32>>,
    /// Padded to whole panels; empty where there is none.
    bias: Vec<f32>,
}

impl Dense {
    fn new(weight: &Plain, bias: Option<&Param<Tensor<1>>>, precision: Precision) -> Option<Self> {
        let bias = match bias {
            Some(bias) => padded_bias(Plain::of(bias.val())?.data()),
            None => Vec::new(),
        };
        Some(Self { weight_t: weight.packed_t(precision), bias })
    }

    fn affine(affine: &Affine, precision: Precision) -> Option<Self> {
        Self::new(&Plain::of(affine.weight.val())?, affine.bias.as_ref(), precision)
    }

    fn run(&self, x: &[f32], y: &mut [f32]) {
        let input = self.weight_t.depth();
        let start = if self.bias.is_empty() { Start::Zero } else { Start::Padded(&self.bias) };
        gemm(View::new(x, x.len() / input, input), &self.weight_t, y, start);
    }
}

/// A decoder ready to take steps over the memories of a batch.
pub(crate) struct Stepper {
    table: Plain,
    embedding: usize,
    layers: Vec<recurrent::Stepper<f32>>,
    states: usize,
    attention: Option<Prepared<f32>>,
    query: Option<Dense>,
    combine: Dense,
    readout: Dense,
    /// Columns of the attentional state where it is fed back.
    feed: usize,
}

/// The state of every hypothesis, row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    /// Hidden state and cell of each layer, `[hypotheses, hidden]`; the attentional state last, where it is fed back.
    all: Vec<Vec<f32>>,
    widths: Vec<usize>,
}

impl Rows {
    /// This state's rows `rows`, written to `to`.
    pub(crate) fn select(&self, rows: &[usize], to: &mut Self) {
        to.widths.clone_from(&self.widths);
        to.all.resize_with(self.all.len(), Vec::new);
        for ((from, to), &width) in self.all.iter().zip(&mut to.all).zip(&self.widths) {
            to.clear();
            for &row in rows {
                to.extend_from_slice(&from[row * width..(row + 1) * width]);
            }
        }
    }
}

/// What a step writes; taken once, used again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    x: Vec<f32>,
    out: Vec<f32>,
    gates: Vec<f32>,
    query: Vec<f32>,
    context: Vec<f32>,
    both: Vec<f32>,
    readout: Vec<f32>,
    /// `[hypotheses, vocab]`
    pub logits: Vec<f32>,
    /// Attention weights, one hypothesis after the other, each as long as its source.
    pub weights: Vec<f32>,
}

/// Makes `buffer` hold `len` numbers of no particular value.
fn room(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

impl Stepper {
    /// None where the model is not on the CPU backend.
    pub(crate) fn new(model: &Seq2Seq, memory: &Memory, precision: Precision) -> Option<Self> {
        let config = model.config();
        let layers = model.decoder.layers();
        let mut steppers = Vec::with_capacity(layers.len());
        for weights in layers {
            let [ih, hh] = [Plain::of(weights.weight_ih.tensor)?, Plain::of(weights.weight_hh.tensor)?];
            let [bias_ih, bias_hh] = [Plain::of(weights.bias_ih.tensor)?, Plain::of(weights.bias_hh.tensor)?];
            let stepper = recurrent::Stepper::new(
                config.cell.into(),
                ih.packed_t(precision),
                hh.packed_state_t(config.cell.into(), precision),
                bias_ih.data(),
                bias_hh.data(),
            );
            steppers.push(stepper.expect("the model's own shapes"));
        }
        let query = match &model.query {
            Some(query) => Some(Dense::affine(query, precision)?),
            None => None,
        };
        let score = match &model.score {
            Some(score) => Some(Plain::of(score.val())?),
            None => None,
        };
        let attention = if config.attention == super::AttentionKind::None {
            None
        } else {
            let [_, width] = memory.keys.dims();
            let [_, depth] = memory.values.dims();
            let layout = &memory.layout;
            let rows: Vec<Vec<usize>> =
                (0..layout.sequences()).map(|s| (0..layout.lengths()[s]).map(|t| layout.row(t, s)).collect()).collect();
            let [keys, values] = [Plain::of(memory.keys.clone())?, Plain::of(memory.values.clone())?];
            let additive = score.as_ref().map(Plain::data);
            let prepared = Prepared::new(keys.data(), values.data(), additive, (width, depth), &rows);
            Some(prepared.expect("the model's own shapes"))
        };
        Some(Self {
            table: Plain::of(model.target_embedding.val())?,
            embedding: config.embedding,
            states: recurrent::Cell::from(config.cell).states(),
            layers: steppers,
            attention,
            query,
            combine: Dense::affine(&model.combine, precision)?,
            readout: Dense::new(&Plain::of(model.readout_weight())?, Some(&model.readout_bias), precision)?,
            feed: if config.input_feeding { config.readout } else { 0 },
        })
    }

    /// The state that `state` is.
    pub(crate) fn rows(&self, state: &DecoderState) -> Option<Rows> {
        let mut rows = Rows::default();
        let mut push = |tensor: Tensor<2>| {
            rows.widths.push(tensor.dims()[1]);
            rows.all.push(Plain::of(tensor)?.data().to_vec());
            Some(())
        };
        for State { hidden, cell } in &state.layers {
            push(hidden.clone())?;
            if let Some(cell) = cell {
                push(cell.clone())?;
            }
        }
        if let Some(feed) = &state.feed {
            push(feed.clone())?;
        }
        Some(rows)
    }

    /// Attention weights of a hypothesis of sequence `sequence`.
    pub(crate) fn source_len(&self, sequence: usize) -> usize {
        self.attention.as_ref().map_or(0, |a| a.source_len(sequence))
    }

    /// One step: `tokens[i]` was the last token of hypothesis `i`, which translates source sequence `sequence_of[i]`
    /// (hypotheses of one sequence stand together). Logits and attention weights are left in `scratch`, the state moves on.
    pub(crate) fn step(&self, tokens: &[u32], sequence_of: &[usize], state: &mut Rows, scratch: &mut Scratch) {
        let count = tokens.len();
        let width = self.embedding + self.feed;
        let x = room(&mut scratch.x, count * width);
        for (i, (&token, x)) in tokens.iter().zip(x.chunks_exact_mut(width)).enumerate() {
            let (embedded, fed) = x.split_at_mut(self.embedding);
            embedded.copy_from_slice(&self.table.data()[token as usize * self.embedding..][..self.embedding]);
            if self.feed > 0 {
                let feed = state.all.last().expect("a state with feeding has one");
                fed.copy_from_slice(&feed[i * self.feed..][..self.feed]);
            }
        }
        for (layer, stepper) in self.layers.iter().enumerate() {
            let hidden = stepper.hidden();
            let (before, cells) = state.all[layer * self.states..].split_first_mut().expect("a state a layer");
            let cells: &mut [f32] = if self.states == 2 { &mut cells[0] } else { &mut [] };
            let out = room(&mut scratch.out, count * hidden);
            let gates = room(&mut scratch.gates, stepper.scratch(count));
            stepper
                .step(&scratch.x[..count * stepper.input()], before, cells, out, gates)
                .expect("the model's own shapes");
            before.copy_from_slice(out);
            room(&mut scratch.x, count * hidden).copy_from_slice(out);
        }
        let hidden = self.layers.last().map_or(0, recurrent::Stepper::hidden);
        let out = &scratch.x[..count * hidden];
        let both: &[f32] = if let Some(attention) = &self.attention {
            let query: &[f32] = match &self.query {
                Some(query) => {
                    let to = room(&mut scratch.query, count * query.weight_t.cols());
                    query.run(out, to);
                    to
                }
                None => out,
            };
            let cells = sequence_of.iter().map(|&s| attention.source_len(s)).sum();
            scratch.weights.resize(cells, 0.0);
            let depth = attention.depth();
            let context = room(&mut scratch.context, count * depth);
            attention.attend(query, sequence_of, &mut scratch.weights, context).expect("the model's own shapes");
            let both = room(&mut scratch.both, count * (hidden + depth));
            for ((to, out), context) in
                both.chunks_exact_mut(hidden + depth).zip(out.chunks_exact(hidden)).zip(context.chunks_exact(depth))
            {
                to[..hidden].copy_from_slice(out);
                to[hidden..].copy_from_slice(context);
            }
            both
        } else {
            out
        };
        let readout = room(&mut scratch.readout, count * self.combine.weight_t.cols());
        self.combine.run(both, readout);
        tanh(readout);
        if self.feed > 0 {
            state.all.last_mut().expect("a state with feeding has one").copy_from_slice(readout);
        }
        let logits = room(&mut scratch.logits, count * self.readout.weight_t.cols());
        self.readout.run(readout, logits);
    }

    /// Tokens that there are.
    pub(crate) fn vocab(&self) -> usize {
        self.readout.weight_t.cols()
    }
}
