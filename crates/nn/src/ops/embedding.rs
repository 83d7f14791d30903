//! Rows of a table by index.

use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::{Body, indices};
use crate::optimizer::RowGradients;
use burn::module::{Param, ParamId};
use burn::tensor::{DType, Tensor};
use simurgh_kernels::ShapeError;
use simurgh_kernels::embedding as kernel;
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// `table[ids]`: `[ids, width]` from `table[vocab, width]`.
///
/// # Errors
/// If there are no ids, or one is outside of the table.
pub fn embedding(table: Tensor<2>, ids: Arc<[u32]>) -> Result<Tensor<2>, ShapeError> {
    body(table, ids, Body::Auto)
}

/// [`embedding`] of a parameter, whose gradient goes to `rows`: of the rows used alone. On other backends than the CPU's, and
/// of other numbers than `f32`, as [`embedding`].
///
/// # Errors
/// As [`embedding`].
pub fn embedding_rows(
    table: &Param<Tensor<2>>,
    ids: Arc<[u32]>,
    rows: Arc<RowGradients>,
) -> Result<Tensor<2>, ShapeError> {
    let value = table.val();
    let device = value.device();
    if !Body::Auto.is_fused(&value) || !device.is_autodiff() || value.dtype() != DType::F32 {
        return embedding(value, ids);
    }
    check(&value, &ids)?;
    // The table itself stays off the tape; something must be on it for the backward pass to come here.
    let anchor = Tensor::<1>::zeros([1], &device).require_grad();
    let inputs = vec![anchor.into_dispatch(), value.detach().into_dispatch()];
    Ok(run_fused(inputs, EmbeddingRows { ids, table: table.id, rows }))
}

fn check(table: &Tensor<2>, ids: &[u32]) -> Result<(), ShapeError> {
    let ([vocab, width], check) = (table.dims(), Check("embedding"));
    check.some("the width", width)?;
    check.some("the number of ids", ids.len())?;
    check.indices("id", ids.iter().map(|&id| id as usize), vocab)?;
    check.count("the result", &[("ids", ids.len()), ("width", width)]).map(drop)
}

/// The table's rows.
fn rows<T: Number>(table: &Operand<'_, T>, ids: &[u32]) -> Output<T> {
    let width = table.shape[1];
    let data = kernel::forward(table.data, width, ids).expect("ids were checked before");
    Output { data, shape: vec![ids.len(), width], saved: Arc::new(()) }
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

pub(crate) fn body(table: Tensor<2>, ids: Arc<[u32]>, body: Body) -> Result<Tensor<2>, ShapeError> {
    check(&table, &ids)?;
    if body.is_fused(&table) {
        return Ok(run_fused(vec![table.into_dispatch()], Embedding { ids }));
    }
    let rows = indices(ids.iter().map(|&id| id as usize), &table);
    Ok(table.select(0, rows))
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
        kernel::backward(d_output, inputs[0].shape[1], &self.ids, &mut d_table).expect("ids were checked before");
        vec![d_table]
    }
}
