//! Memories packed once, for a decoder that looks at them step after step.

use super::forward::additive_scores;
use super::{Groups, Operands, gather};
use crate::elementwise::softmax;
use crate::gemm::{Packed, Start, View, gemm_serial};
use crate::parallel;
use crate::shape::Check;
use crate::{Real, ShapeError};

/// One memory.
struct Source<T> {
    /// `[width, sources]`, packed, for dot products.
    keys_t: Option<Packed<T>>,
    /// `[sources, width]`, for additive scores.
    keys: Vec<T>,
    /// `[sources, depth]`
    values: Packed<T>,
    len: usize,
}

/// Keys and values of every sequence; the same numbers as [`super::forward`] gives, to the bit.
pub struct Prepared<T> {
    sources: Vec<Source<T>>,
    additive: Option<Vec<T>>,
    width: usize,
    depth: usize,
}

impl<T: Real> Prepared<T> {
    /// From `key[rows, width]` and `value[rows, depth]`: sequence `k` has the rows `rows[k]`. `additive` as in
    /// [`super::Operands`].
    ///
    /// # Errors
    /// If the shapes do not fit, or a sequence is empty.
    pub fn new(
        key: &[T],
        value: &[T],
        additive: Option<&[T]>,
        (width, depth): (usize, usize),
        rows: &[Vec<usize>],
    ) -> Result<Self, ShapeError> {
        let mut groups = Groups::default();
        rows.iter().for_each(|rows| groups.push([], rows.iter().copied()));
        Operands { query: &[], key, value, additive, width, depth }.check(&groups, Check("attention"))?;
        if let Some(sequence) = rows.iter().position(Vec::is_empty) {
            return Err(ShapeError::EmptySequence { sequence });
        }
        let make = |rows: &Vec<usize>| {
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            gather(key, width, rows, &mut keys);
            gather(value, depth, rows, &mut values);
            let keys_t = additive.is_none().then(|| Packed::new(View::new(&keys, rows.len(), width).transposed()));
            if keys_t.is_some() {
                keys = Vec::new();
            }
            Source { keys_t, keys, values: Packed::new(View::new(&values, rows.len(), depth)), len: rows.len() }
        };
        Ok(Self { sources: rows.iter().map(make).collect(), additive: additive.map(<[T]>::to_vec), width, depth })
    }

    /// Steps of a sequence.
    pub fn source_len(&self, sequence: usize) -> usize {
        self.sources[sequence].len
    }

    /// Columns of a context.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Hypothesis `i` looks at sequence `sequence_of[i]`; hypotheses of one sequence stand together. From
    /// `query[hypotheses, width]` to `context[hypotheses, depth]`, and the weights one hypothesis after the other.
    ///
    /// # Errors
    /// If the shapes do not fit, or there is no such sequence.
    pub fn attend(
        &self,
        query: &[T],
        sequence_of: &[usize],
        weights: &mut [T],
        context: &mut [T],
    ) -> Result<(), ShapeError> {
        let (count, check) = (sequence_of.len(), Check("attention step"));
        check.indices("the sequence of hypothesis", sequence_of.iter().copied(), self.sources.len())?;
        check.elements("query", query.len(), &[("hypotheses", count), ("width", self.width)])?;
        check.elements("context", context.len(), &[("hypotheses", count), ("depth", self.depth)])?;
        let total: usize = sequence_of.iter().map(|&s| self.sources[s].len).sum();
        check.dimension("number of weights", weights.len(), total)?;
        if total * (self.width + self.depth) > 1 << 17 && parallel::threads() > 1 {
            // At a border between sequences near the middle.
            let half = count / 2;
            let same = |i: &usize| sequence_of[*i] == sequence_of[*i - 1];
            let at = (half.max(1)..count).find(|i| !same(i)).unwrap_or(count);
            if at < count {
                let cells: usize = sequence_of[..at].iter().map(|&s| self.sources[s].len).sum();
                let (w0, w1) = weights.split_at_mut(cells);
                let (c0, c1) = context.split_at_mut(at * self.depth);
                let (q0, q1) = query.split_at(at * self.width);
                let (s0, s1) = sequence_of.split_at(at);
                rayon::join(|| self.attend_serial(q0, s0, w0, c0), || self.attend_serial(q1, s1, w1, c1));
                return Ok(());
            }
        }
        self.attend_serial(query, sequence_of, weights, context);
        Ok(())
    }

    fn attend_serial(&self, query: &[T], sequence_of: &[usize], mut weights: &mut [T], mut context: &mut [T]) {
        let mut start = 0;
        while start < sequence_of.len() {
            let source = &self.sources[sequence_of[start]];
            let count = sequence_of[start..].iter().take_while(|&&s| s == sequence_of[start]).count();
            let q = &query[start * self.width..(start + count) * self.width];
            let (w, more) = weights.split_at_mut(count * source.len);
            let (c, rest) = context.split_at_mut(count * self.depth);
            match (&source.keys_t, &self.additive) {
                (Some(keys), _) => gemm_serial(View::new(q, count, self.width), keys, w, Start::Zero),
                (None, Some(vector)) => additive_scores(q, &source.keys, vector, w),
                (None, None) => unreachable!("keys are packed for dot products"),
            }
            w.chunks_exact_mut(source.len).for_each(softmax);
            gemm_serial(View::new(w, count, source.len), &source.values, c, Start::Zero);
            (weights, context) = (more, rest);
            start += count;
        }
    }
}
