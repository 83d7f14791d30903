//! Maximum or mean over the steps of every sequence.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use burn::tensor::Tensor;
pub use simurgh_kernels::pooling::Pooling;
use simurgh_kernels::pooling::{backward, forward};
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// `x[rows, width]`, packed as `layout` says, to `[sequences, width]`.
///
/// # Errors
/// If the layout has other rows, or there is no column.
pub fn pool(x: Tensor<2>, layout: &Arc<Ragged>, pooling: Pooling) -> Result<Tensor<2>, ShapeError> {
    body(x, layout, pooling, Body::Auto)
}

pub(crate) fn body(x: Tensor<2>, layout: &Arc<Ragged>, pooling: Pooling, body: Body) -> Result<Tensor<2>, ShapeError> {
    let ([rows, width], check) = (x.dims(), Check("pooling"));
    check.dimension("rows of x", rows, layout.rows())?;
    check.some("the width", width)?;
    if body.is_fused(&x) {
        return Ok(run_fused(vec![x.into_dispatch()], Pool { layout: layout.clone(), pooling }));
    }
    // The sequences of a step are the first ones of all: those that have ended stay as they are.
    let sequences = layout.sequences();
    let mut all = x.clone().slice([layout.rows_at(0), 0..width]);
    for t in 1..layout.steps() {
        let rows = layout.rows_at(t);
        let (n, here) = (rows.len(), x.clone().slice([rows, 0..width]));
        let before = all.clone().slice([0..n, 0..width]);
        let now = match pooling {
            Pooling::Max => before.max_pair(here),
            Pooling::Mean => before + here,
        };
        all = match n == sequences {
            true => now,
            false => Tensor::cat(vec![now, all.slice([n..sequences, 0..width])], 0),
        };
    }
    if pooling == Pooling::Mean {
        let shares: Vec<f64> = layout.lengths().iter().map(|n| 1.0 / *n as f64).collect();
        let shares = burn::tensor::TensorData::new(shares, [sequences, 1]);
        all = all * Tensor::<2>::from_data(shares, (&x.device().inner(), x.dtype()));
    }
    Ok(all)
}

#[derive(Debug)]
struct Pool {
    layout: Arc<Ragged>,
    pooling: Pooling,
}

impl Kernel for Pool {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let width = inputs[0].shape[1];
        let pooled = forward(inputs[0].data, width, &self.layout, self.pooling).expect("shapes were checked before");
        let shape = vec![self.layout.sequences(), width];
        Output { data: pooled.data, shape, saved: Arc::new(pooled.steps) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        _: &[T],
        saved: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let steps = saved.downcast_ref::<Vec<u32>>().expect("the forward pass saved its steps");
        let width = inputs[0].shape[1];
        vec![backward(d_output, width, &self.layout, self.pooling, steps).expect("shapes were checked before")]
    }
}
