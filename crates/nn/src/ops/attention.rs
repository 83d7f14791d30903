//! Attention of ragged queries over ragged sources.

use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::shared::{Shared, Sum, finish, start};
use super::{Body, indices};
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use simurgh_kernels::ShapeError;
use simurgh_kernels::attention::{Groups, Operands, Sums, backward_adding, forward};
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// How a query and a key are compared.
// One of them lives for one call: its size does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Score {
    /// Their dot product (Luong et al. 2015).
    Dot,
    /// `v . tanh(query + key)` with `v[width]` (Bahdanau et al. 2015).
    Additive(Shared<1>),
}

/// For each query the mean of its group's values, weighted by softmax(score): `query[queries, width]`,
/// `key[sources, width]`, `value[sources, depth]` to `[queries, depth]`; and the weights, group by
/// group, `[queries of the group, sources of the group]` each.
///
/// # Errors
/// If the shapes do not fit, there is no query, or one has nothing to look at.
pub fn attention(
    query: Tensor<2>,
    key: impl Into<Shared<2>>,
    value: impl Into<Shared<2>>,
    score: Score,
    groups: &Arc<Groups>,
) -> Result<(Tensor<2>, Tensor<1>), ShapeError> {
    body(query, key, value, score, groups, Body::Auto)
}

pub(crate) fn body(
    query: Tensor<2>,
    key: impl Into<Shared<2>>,
    value: impl Into<Shared<2>>,
    score: Score,
    groups: &Arc<Groups>,
    body: Body,
) -> Result<(Tensor<2>, Tensor<1>), ShapeError> {
    let (key, value) = (key.into(), value.into());
    let ([queries, width], [sources, key_width], [value_rows, depth]) =
        (query.dims(), key.tensor.dims(), value.tensor.dims());
    let check = Check("attention");
    check.some("the number of queries", queries)?;
    check.dimension("width of the keys", key_width, width)?;
    check.dimension("rows of the values", value_rows, sources)?;
    if let Score::Additive(vector) = &score {
        check.dimension("width of the vector of additive scores", vector.tensor.dims()[0], width)?;
    }
    groups.check(check, [queries, width], [sources, depth])?;
    if !body.is_fused(&query) {
        return Ok(pairs(query, key.tensor, value.tensor, score, groups));
    }
    let mut sums = [key.sum, value.sum, None];
    let mut inputs = vec![query.into_dispatch(), key.tensor.into_dispatch(), value.tensor.into_dispatch()];
    if let Score::Additive(vector) = score {
        sums[2] = vector.sum;
        inputs.push(vector.tensor.into_dispatch());
    }
    let all: Tensor<1> = run_fused(inputs, Attention { groups: groups.clone(), sums });
    let context = all.clone().slice([0..queries * depth]).reshape([queries, depth]);
    Ok((context, all.slice([queries * depth..queries * depth + groups.weights()])))
}

#[derive(Debug)]
struct Attention {
    groups: Arc<Groups>,
    /// Of the keys, the values and the vector, if they are shared.
    sums: [Option<Arc<Sum>>; 3],
}

fn operands<'a, T: Number>(inputs: &'a [Operand<'a, T>]) -> Operands<'a, T> {
    Operands {
        query: inputs[0].data,
        key: inputs[1].data,
        value: inputs[2].data,
        additive: inputs.get(3).map(|v| v.data),
        width: inputs[0].shape[1],
        depth: inputs[2].shape[1],
    }
}

impl Kernel for Attention {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let (mut data, weights) = forward(operands(inputs), &self.groups).expect("shapes were checked before");
        data.extend_from_slice(&weights);
        let shape = vec![data.len()];
        Output { data, shape, saved: Arc::new(weights) }
    }

    /// The weights are for looking at: no gradient flows through them.
    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        _: &[T],
        saved: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let operands = operands(inputs);
        let weights = saved.downcast_ref::<Vec<T>>().expect("the forward pass saved its weights");
        let d_context = &d_output[..self.groups.query_count() * operands.depth];
        let [of_keys, of_values, of_vector] = self.sums.each_ref().map(Option::as_ref);
        let sums = Sums {
            key: start(of_keys, operands.key.len()),
            value: start(of_values, operands.value.len()),
            additive: start(of_vector, operands.additive.map_or(0, <[T]>::len)),
        };
        let g = backward_adding(operands, &self.groups, weights, d_context, sums).expect("shapes were checked before");
        let mut all = vec![g.query, finish(of_keys, g.key), finish(of_values, g.value)];
        if inputs.len() == 4 {
            all.push(finish(of_vector, g.additive));
        }
        all
    }

    fn passes_zeros(&self, input: usize) -> bool {
        let shared = input.checked_sub(1).and_then(|input| self.sums[input].as_ref());
        shared.is_some_and(|sum| sum.passes())
    }
}

/// The same as ordinary tensor operations, a group at a time.
fn pairs(query: Tensor<2>, key: Tensor<2>, value: Tensor<2>, score: Score, groups: &Groups) -> (Tensor<2>, Tensor<1>) {
    let (mut contexts, mut weights, mut order) = (Vec::new(), Vec::new(), Vec::new());
    for group in 0..groups.len() {
        let (rows, sources) = (groups.queries(group), groups.sources(group));
        if rows.is_empty() {
            continue;
        }
        let sources = indices(sources.iter().copied(), &key);
        let q = query.clone().select(0, indices(rows.iter().copied(), &query));
        let k = key.clone().select(0, sources.clone());
        let v = value.clone().select(0, sources);
        let scores = match &score {
            Score::Dot => q.matmul(k.transpose()),
            Score::Additive(vector) => {
                let sum: Tensor<3> = q.unsqueeze_dim::<3>(1) + k.unsqueeze_dim::<3>(0);
                (sum.tanh() * vector.tensor.clone().unsqueeze()).sum_dim(2).squeeze_dim(2)
            }
        };
        let w = softmax(scores, 1);
        contexts.push(w.clone().matmul(v));
        let [m, n] = w.dims();
        weights.push(w.reshape([m * n]));
        order.extend_from_slice(rows);
    }
    let mut back = vec![0; order.len()];
    for (position, &row) in order.iter().enumerate() {
        back[row] = position;
    }
    let context = Tensor::cat(contexts, 0);
    let back = indices(back, &context);
    (context.select(0, back), Tensor::cat(weights, 0))
}
