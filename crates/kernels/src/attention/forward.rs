//! The forward pass.

use super::{Groups, Operands, gather};
use crate::elementwise::softmax;
use crate::gemm::{Packed, Start, View, gemm_serial};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};

/// Context vectors `[queries, depth]` and the weights of every group.
///
/// # Errors
/// If the shapes do not fit, or a group has queries and no source.
pub fn forward<T: Real>(operands: Operands<'_, T>, groups: &Groups) -> Result<(Vec<T>, Vec<T>), ShapeError> {
    operands.check(groups, Check("attention"))?;
    let Operands { query, key, value, additive, width, depth } = operands;
    let mut context = vec![T::ZERO; groups.query_count() * depth];
    let mut weights = vec![T::ZERO; groups.weights()];
    let (out, weight) = (Shared::new(&mut context), Shared::new(&mut weights));
    let parts = parallel::ranges(groups.len(), parallel::threads(), 1);
    let worth = groups.weights() * (width + depth) > 1 << 16;
    parallel::each(parts.len(), worth && groups.disjoint(), |part| {
        let (mut q, mut k, mut v, mut c) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for group in parts.at(part) {
            let (queries, sources) = (groups.queries(group), groups.sources(group));
            if queries.is_empty() {
                continue;
            }
            let range = groups.weight_range(group);
            // SAFETY: a group's weights belong to it alone.
            let w = unsafe { weight.slice(range.start, range.len()) };
            gather(query, width, queries, &mut q);
            gather(key, width, sources, &mut k);
            gather(value, depth, sources, &mut v);
            match additive {
                None => {
                    let keys = Packed::new(View::new(&k, sources.len(), width).transposed());
                    gemm_serial(View::new(&q, queries.len(), width), &keys, w, Start::Zero);
                }
                Some(vector) => additive_scores(&q, &k, vector, w),
            }
            w.chunks_exact_mut(sources.len()).for_each(softmax);
            c.clear();
            c.resize(queries.len() * depth, T::ZERO);
            let values = Packed::new(View::new(&v, sources.len(), depth));
            gemm_serial(View::new(w, queries.len(), sources.len()), &values, &mut c, Start::Zero);
            for (&row, c) in queries.iter().zip(c.chunks_exact(depth)) {
                // SAFETY: rows belong to one group where groups are computed at once.
                unsafe { out.slice(row * depth, depth) }.copy_from_slice(c);
            }
        }
    });
    Ok((context, weights))
}

#[inline(always)]
fn additive_scores_body<T: Real, const FMA: bool>(q: &[T], k: &[T], v: &[T], scores: &mut [T]) {
    let width = v.len();
    let sources = k.len() / width;
    let mut sum = vec![T::ZERO; width];
    for (q, scores) in q.chunks_exact(width).zip(scores.chunks_exact_mut(sources)) {
        for (k, score) in k.chunks_exact(width).zip(scores) {
            for i in 0..width {
                sum[i] = (q[i] + k[i]).tanh::<FMA>();
            }
            *score = crate::elementwise::dot_body::<T, FMA>(&sum, v);
        }
    }
}

multiversion! {
    /// `score = v . tanh(q + k)` for every pair of a query and a source.
    pub(super) fn additive_scores<T: Real>(q: &[T], k: &[T], v: &[T], scores: &mut [T]) = additive_scores_body
}
