//! Dropout whose mask is a function of a seed, so that a resumed run draws the same ones.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_kernels::embedding as kernel;
use simurgh_kernels::shape::Check;
use std::sync::Arc;

/// Zeroes each element of `x[keys, width]` with probability `rate` and scales the others by
/// `1 / (1 - rate)`. Rows with one key share a mask: give every row its own key for ordinary
/// dropout, the sequence's number for variational dropout (Gal & Ghahramani 2016).
///
/// # Errors
/// Unless there is one key a row and `0 <= rate < 1`.
pub fn dropout(x: Tensor<2>, keys: Arc<[u32]>, rate: f64, seed: u64) -> Result<Tensor<2>, ShapeError> {
    body(x, keys, rate, seed, Body::Auto)
}

pub(crate) fn body(x: Tensor<2>, keys: Arc<[u32]>, rate: f64, seed: u64, body: Body) -> Result<Tensor<2>, ShapeError> {
    let ([rows, width], check) = (x.dims(), Check("dropout"));
    check.dimension("number of keys", keys.len(), rows)?;
    check.share("the rate", rate)?;
    if rate == 0.0 {
        return Ok(x);
    }
    if body.is_fused(&x) {
        return Ok(run_fused(vec![x.into_dispatch()], Dropout { keys, rate, seed }));
    }
    let mut mask = vec![1.0f32; rows * width];
    kernel::dropout(&mut mask, width, &keys, rate, seed)?;
    let mask = Tensor::<2>::from_data(TensorData::new(mask, [rows, width]), (&x.device().inner(), x.dtype()));
    Ok(x * mask)
}

#[derive(Debug)]
struct Dropout {
    keys: Arc<[u32]>,
    rate: f64,
    seed: u64,
}

impl Dropout {
    /// What the mask leaves of `x`.
    fn masked<T: Number>(&self, x: &[T], width: usize) -> Vec<T> {
        let mut data = x.to_vec();
        kernel::dropout(&mut data, width, &self.keys, self.rate, self.seed).expect("keys were checked before");
        data
    }
}

impl Kernel for Dropout {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let data = self.masked(inputs[0].data, inputs[0].shape[1]);
        Output { data, shape: inputs[0].shape.to_vec(), saved: Arc::new(()) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        _: &[T],
        _: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        vec![self.masked(d_output, inputs[0].shape[1])]
    }
}
