//! The gradient of every operand.

use super::{Groups, Operands, gather};
use crate::elementwise::dot;
use crate::gemm::{Packed, Start, View, gemm_serial};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};

/// Gradients of the operands, in their shapes.
#[derive(Clone, Debug)]
pub struct Gradient<T> {
    /// `[queries, width]`
    pub query: Vec<T>,
    /// `[sources, width]`
    pub key: Vec<T>,
    /// `[sources, depth]`
    pub value: Vec<T>,
    /// `[width]`, empty for the dot product.
    pub additive: Vec<T>,
}

/// Gradient from `d_context[queries, depth]` and the `weights` of the forward pass.
///
/// # Errors
/// If the shapes do not fit.
pub fn backward<T: Real>(
    operands: Operands<'_, T>,
    groups: &Groups,
    weights: &[T],
    d_context: &[T],
) -> Result<Gradient<T>, ShapeError> {
    let zeros = |like: &[T]| vec![T::ZERO; like.len()];
    let sums = Sums {
        key: zeros(operands.key),
        value: zeros(operands.value),
        additive: operands.additive.map_or_else(Vec::new, zeros),
    };
    backward_adding(operands, groups, weights, d_context, sums)
}

/// Gradients of what several queries' operations share, in the operands' shapes.
#[derive(Clone, Debug)]
pub struct Sums<T> {
    /// `[sources, width]`
    pub key: Vec<T>,
    /// `[sources, depth]`
    pub value: Vec<T>,
    /// `[width]`, empty for the dot product.
    pub additive: Vec<T>,
}

/// The same, all gradients but the query's added to `sums`.
///
/// # Errors
/// As [`backward`], and if the sums have other lengths.
pub fn backward_adding<T: Real>(
    operands: Operands<'_, T>,
    groups: &Groups,
    weights: &[T],
    d_context: &[T],
    sums: Sums<T>,
) -> Result<Gradient<T>, ShapeError> {
    let Operands { query, key, value, additive, width, depth } = operands;
    let check = Check("attention backward");
    operands.check(groups, check)?;
    check.elements("the weights", weights.len(), &[("queries x sources", groups.weights())])?;
    check.elements("d_context", d_context.len(), &[("queries", groups.query_count()), ("depth", depth)])?;
    check.elements("the sum of the keys", sums.key.len(), &[("sources x width", key.len())])?;
    check.elements("the sum of the values", sums.value.len(), &[("sources x depth", value.len())])?;
    check.elements("the sum of the vector", sums.additive.len(), &[("width", additive.map_or(0, <[T]>::len))])?;
    let Sums { key: d_keys, value: d_values, additive: d_additive } = sums;
    let mut gradient =
        Gradient { query: vec![T::ZERO; query.len()], key: d_keys, value: d_values, additive: d_additive };
    // The vector's gradient is summed over groups in their order, so each group writes its own.
    let vector_width = gradient.additive.len();
    let mut d_vectors = vec![T::ZERO; groups.len() * vector_width];
    let (gq, gk, gv) =
        (Shared::new(&mut gradient.query), Shared::new(&mut gradient.key), Shared::new(&mut gradient.value));
    let ga = Shared::new(&mut d_vectors);
    let parts = parallel::ranges(groups.len(), parallel::threads(), 1);
    let worth = groups.weights() * (width + depth) > 1 << 16;
    parallel::each(parts.len(), worth && groups.disjoint(), |part| {
        let (mut q, mut k, mut v, mut dc) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for group in parts.at(part) {
            let (queries, sources) = (groups.queries(group), groups.sources(group));
            let (nq, ns) = (queries.len(), sources.len());
            if nq == 0 {
                continue;
            }
            let w = &weights[groups.weight_range(group)];
            gather(query, width, queries, &mut q);
            gather(key, width, sources, &mut k);
            gather(value, depth, sources, &mut v);
            gather(d_context, depth, queries, &mut dc);
            // context = w v
            let mut d_value = vec![T::ZERO; ns * depth];
            let packed = Packed::new(View::new(&dc, nq, depth));
            gemm_serial(View::new(w, nq, ns).transposed(), &packed, &mut d_value, Start::Zero);
            let mut d_score = vec![T::ZERO; nq * ns];
            let packed = Packed::new(View::new(&v, ns, depth).transposed());
            gemm_serial(View::new(&dc, nq, depth), &packed, &mut d_score, Start::Zero);
            // w = softmax(score)
            for (d, w) in d_score.chunks_exact_mut(ns).zip(w.chunks_exact(ns)) {
                let mean = dot(d, w);
                for (d, w) in d.iter_mut().zip(w) {
                    *d = *w * (*d - mean);
                }
            }
            let (mut d_query, mut d_key) = (vec![T::ZERO; nq * width], vec![T::ZERO; ns * width]);
            match additive {
                // score = q k^T
                None => {
                    let packed = Packed::new(View::new(&k, ns, width));
                    gemm_serial(View::new(&d_score, nq, ns), &packed, &mut d_query, Start::Zero);
                    let packed = Packed::new(View::new(&q, nq, width));
                    gemm_serial(View::new(&d_score, nq, ns).transposed(), &packed, &mut d_key, Start::Zero);
                }
                Some(vector) => {
                    // SAFETY: this group's own copy of the vector's gradient.
                    let d_vector = unsafe { ga.slice(group * vector_width, vector_width) };
                    additive_backward(&q, &k, vector, &d_score, &mut d_query, &mut d_key, d_vector);
                }
            }
            // SAFETY: rows belong to one group where groups are computed at once.
            unsafe {
                scatter(&d_query, width, queries, &gq);
                scatter(&d_key, width, sources, &gk);
                scatter(&d_value, depth, sources, &gv);
            }
        }
    });
    for d in d_vectors.chunks_exact(vector_width.max(1)) {
        for (a, d) in gradient.additive.iter_mut().zip(d) {
            *a += *d;
        }
    }
    Ok(gradient)
}

/// Adds row `i` of `from` to row `rows[i]` of `to`.
///
/// # Safety
/// No other task has these rows.
unsafe fn scatter<T: Real>(from: &[T], width: usize, rows: &[usize], to: &Shared<T>) {
    for (&row, from) in rows.iter().zip(from.chunks_exact(width)) {
        // SAFETY: the caller's contract.
        let to = unsafe { to.slice(row * width, width) };
        to.iter_mut().zip(from).for_each(|(to, x)| *to += *x);
    }
}

#[inline(always)]
fn additive_backward_body<T: Real, const FMA: bool>(
    q: &[T],
    k: &[T],
    v: &[T],
    d_score: &[T],
    d_query: &mut [T],
    d_key: &mut [T],
    d_vector: &mut [T],
) {
    let width = v.len();
    let sources = k.len() / width;
    for (i, (q, d_query)) in q.chunks_exact(width).zip(d_query.chunks_exact_mut(width)).enumerate() {
        for (j, (k, d_key)) in k.chunks_exact(width).zip(d_key.chunks_exact_mut(width)).enumerate() {
            let d = d_score[i * sources + j];
            for h in 0..width {
                // score = v . tanh(q + k)
                let tanh = (q[h] + k[h]).tanh::<FMA>();
                let d_sum = d * v[h] * (T::ONE - tanh * tanh);
                d_query[h] += d_sum;
                d_key[h] += d_sum;
                d_vector[h] = d.fma::<FMA>(tanh, d_vector[h]);
            }
        }
    }
}

multiversion! {
    fn additive_backward<T: Real>(
        q: &[T], k: &[T], v: &[T], d_score: &[T], d_query: &mut [T], d_key: &mut [T], d_vector: &mut [T],
    ) = additive_backward_body
}
