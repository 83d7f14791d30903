//! Rows of a table by index.

use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::{Body, indices};
use burn::tensor::Tensor;
use simurgh_kernels::embedding as kernel;
use std::sync::Arc;

/// `table[ids]`: `[ids, width]` from `table[vocab, width]`.
///
/// # Panics
/// If an id is outside of the table.
pub fn embedding(table: Tensor<2>, ids: Arc<[u32]>) -> Tensor<2> {
    body(table, ids, Body::Auto)
}

pub(crate) fn body(table: Tensor<2>, ids: Arc<[u32]>, body: Body) -> Tensor<2> {
    let [vocab, _] = table.dims();
    assert!(ids.iter().all(|&id| (id as usize) < vocab), "embedding: an id is not below {vocab}");
    if body.is_fused(&table) {
        return run_fused(vec![table.into_dispatch()], Embedding { ids });
    }
    let rows = indices(ids.iter().map(|&id| id as usize), &table);
    table.select(0, rows)
}

#[derive(Debug)]
struct Embedding {
    ids: Arc<[u32]>,
}

impl Kernel for Embedding {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let width = inputs[0].shape[1];
        let data = kernel::forward(inputs[0].data, width, &self.ids);
        Output { data, shape: vec![self.ids.len(), width], saved: Arc::new(()) }
    }

    fn backward<T: Number>(&self, inputs: &[Operand<'_, T>], _: &[T], _: &Saved, d_output: &[T]) -> Vec<Vec<T>> {
        let mut d_table = vec![T::ZERO; inputs[0].data.len()];
        kernel::backward(d_output, inputs[0].shape[1], &self.ids, &mut d_table);
        vec![d_table]
    }
}
