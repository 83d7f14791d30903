//! The decoder: all steps at once, or one after the other where a step reads the one before.

use super::{AttentionKind, Batch, DecoderState};
use crate::affine::Map;
use crate::ops::{Activation, Score, Shared, attention};
use crate::pass::{Pass, Precision};
use crate::recurrent::Stack;
use burn::tensor::Tensor;
use simurgh_kernels::attention::Groups;
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// What a step of the decoder reads: its parameters and its memory.
pub(super) struct Decoder {
    pub stack: Stack,
    pub query: Option<Map>,
    pub score: Option<Shared<1>>,
    pub combine: Map,
    pub keys: Shared<2>,
    pub values: Shared<2>,
    /// The sources.
    pub layout: Arc<Ragged>,
    pub attention: AttentionKind,
    /// Does a step read the attentional state of the one before?
    pub feeds: bool,
}

impl Decoder {
    /// The same, for many steps to come: their gradients are summed in one place.
    fn shared(self) -> Self {
        Self {
            stack: self.stack.shared(),
            query: self.query.map(Map::shared),
            score: self.score.map(|score| Shared::new(score.tensor)),
            combine: self.combine.shared(),
            keys: Shared::new(self.keys.tensor),
            values: Shared::new(self.values.tensor),
            ..self
        }
    }

    /// The decoder with input feeding: a step at a time, since a step reads the one before.
    pub(super) fn fed(
        self,
        batch: &Batch,
        x: Tensor<2>,
        mut state: DecoderState,
        pass: &mut Pass,
    ) -> Result<Tensor<2>, ShapeError> {
        let layout = &batch.layout;
        let x = Shared::new(x);
        let decoder = self.shared();
        let mut outputs = Vec::with_capacity(layout.steps());
        for t in 0..layout.steps() {
            let n = layout.batch_at(t);
            state = state.first(n);
            if pass.window_steps.is_some_and(|steps| t > 0 && t % steps == 0) {
                state = state.map(Tensor::detach);
            }
            let input = x.rows(layout.rows_at(t));
            let (readout, next, _) = decoder.advance(input, &batch.source_of[..n], state, pass)?;
            outputs.push(readout);
            state = next;
        }
        Ok(Tensor::cat(outputs, 0))
    }

    /// One decoder step of `x[hypotheses, embedding]`: the attentional state, the next state and the
    /// attention weights, hypothesis by hypothesis.
    ///
    /// # Errors
    /// If there is no hypothesis, it translates no sequence of the memory, or the state is of other ones.
    pub(super) fn advance(
        &self,
        x: Tensor<2>,
        sequence_of: &[usize],
        state: DecoderState,
        pass: &mut Pass,
    ) -> Result<(Tensor<2>, DecoderState, Option<Tensor<1>>), ShapeError> {
        let (count, check) = (sequence_of.len(), Check("decoder step"));
        check.dimension("number of tokens", x.dims()[0], count)?;
        check.indices("the sequence of hypothesis", sequence_of.iter().copied(), self.layout.sequences())?;
        let layout = Arc::new(Ragged::new(&vec![1; count])?);
        let x = match state.feed {
            Some(feed) => {
                check.dimension("rows of the fed state", feed.dims()[0], count)?;
                Tensor::cat(vec![x, feed], 1)
            }
            None => x,
        };
        let (out, layers) = self.stack.forward(x, &layout, Some(&state.layers), pass)?;
        let out = pass.drop_out(out, &layout)?;
        // Hypotheses of one sequence stand together and form a group.
        let mut groups = Groups::default();
        let mut start = 0;
        while start < sequence_of.len() {
            let sequence = sequence_of[start];
            let count = sequence_of[start..].iter().take_while(|&&s| s == sequence).count();
            let sources = (0..self.layout.lengths()[sequence]).map(|t| self.layout.row(t, sequence));
            groups.push(start..start + count, sources);
            start += count;
        }
        let (readout, weights) = self.attend(out, &Arc::new(groups), pass.precision)?;
        let feed = self.feeds.then(|| readout.clone());
        Ok((readout, DecoderState { layers, feed }, weights))
    }

    /// Attentional state `tanh(W [decoder output; context])` and the weights of every group.
    pub(super) fn attend(
        &self,
        out: Tensor<2>,
        groups: &Arc<Groups>,
        precision: Precision,
    ) -> Result<(Tensor<2>, Option<Tensor<1>>), ShapeError> {
        if self.attention == AttentionKind::None {
            return Ok((self.combine.forward(out, Activation::Tanh, precision)?, None));
        }
        let query = match &self.query {
            Some(query) => query.forward(out.clone(), Activation::Identity, precision)?,
            None => out.clone(),
        };
        let score = match &self.score {
            Some(vector) => Score::Additive(vector.clone()),
            None => Score::Dot,
        };
        let (context, weights) = attention(query, self.keys.clone(), self.values.clone(), score, groups)?;
        let both = Tensor::cat(vec![out, context], 1);
        Ok((self.combine.forward(both, Activation::Tanh, precision)?, Some(weights)))
    }
}
