//! Rows of a table by index.

use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::{Body, indices};
use crate::optimizer::RowGradients;
use burn::module::{Param, ParamId};
use burn::tensor::{DType, Tensor};
use simurgh_kernels::embedding as kernel;
use std::sync::Arc;

/// `table[ids]`: `[ids, width]` from `table[vocab, width]`.
///
/// # Panics
/// If an id is outside of the table.
pub fn embedding(table: Tensor<2>, ids: Arc<[u32]>) -> Tensor<2> {
    body(table, ids, Body::Auto)
}

/// [`embedding`] of a parameter, whose gradient goes to `rows`: of the rows used alone. On other backends than the CPU's, and
/// of other numbers than `f32`, as [`embedding`].
///
/// # Panics
/// If an id is outside of the table.
pub fn embedding_rows(table: &Param<Tensor<2>>, ids: Arc<[u32]>, rows: Arc<RowGradients>) -> Tensor<2> {
    let value = table.val();
    let device = value.device();
    if !Body::Auto.is_fused(&value) || !device.is_autodiff() || value.dtype() != DType::F32 {
        return embedding(value, ids);
    }
    check(&value, &ids);
    // The table itself stays off the tape; something must be on it for the backward pass to come here.
    let anchor = Tensor::<1>::zeros([1], &device).require_grad();
    let inputs = vec![anchor.into_dispatch(), value.detach().into_dispatch()];
    run_fused(inputs, EmbeddingRows { ids, table: table.id, rows })
}

/// # Panics
/// If an id is outside of the table.
fn check(table: &Tensor<2>, ids: &[u32]) {
    let [vocab, _] = table.dims();
    assert!(ids.iter().all(|&id| (id as usize) < vocab), "embedding: an id is not below {vocab}");
}

/// The table's rows.
fn rows<T: Number>(table: &Operand<'_, T>, ids: &[u32]) -> Output<T> {
    let width = table.shape[1];
    Output { data: kernel::forward(table.data, width, ids), shape: vec![ids.len(), width], saved: Arc::new(()) }
}

#[derive(Debug)]
struct EmbeddingRows {
    ids: Arc<[u32]>,
    table: ParamId,
    rows: Arc<RowGradients>,
}

impl Kernel for EmbeddingRows {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        rows(&inputs[1], &self.ids)
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        _: &[T],
        _: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let data = bytemuck::cast_slice::<T, f32>(d_output).to_vec();
        self.rows.push(self.table, self.ids.clone(), inputs[1].shape[1], data);
        vec![vec![T::ZERO], Vec::new()]
    }
}

pub(crate) fn body(table: Tensor<2>, ids: Arc<[u32]>, body: Body) -> Tensor<2> {
    check(&table, &ids);
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
        rows(&inputs[0], &self.ids)
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        _: &[T],
        _: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let mut d_table = vec![T::ZERO; inputs[0].data.len()];
        kernel::backward(d_output, inputs[0].shape[1], &self.ids, &mut d_table);
        vec![d_table]
    }
}
