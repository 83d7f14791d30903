//! Dropout whose mask is a function of a seed, so that a resumed run draws the same ones.

use super::Body;
use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::embedding as kernel;
use std::sync::Arc;

/// Zeroes each element of `x[keys, width]` with probability `rate` and scales the others by
/// `1 / (1 - rate)`. Rows with one key share a mask: give every row its own key for ordinary
/// dropout, the sequence's number for variational dropout (Gal & Ghahramani 2016).
///
/// # Panics
/// Unless there is one key a row and `0 <= rate < 1`.
pub fn dropout(x: Tensor<2>, keys: Arc<[u32]>, rate: f64, seed: u64) -> Tensor<2> {
    body(x, keys, rate, seed, Body::Auto)
}

pub(crate) fn body(x: Tensor<2>, keys: Arc<[u32]>, rate: f64, seed: u64, body: Body) -> Tensor<2> {
    let [rows, width] = x.dims();
    assert_eq!(rows, keys.len(), "dropout: one key a row");
    assert!((0.0..1.0).contains(&rate), "dropout: rate {rate}");
    if rate == 0.0 {
        return x;
    }
    if body.is_fused(&x) {
        return run_fused(vec![x.into_dispatch()], Dropout { keys, rate, seed });
    }
    let mut mask = vec![1.0f32; rows * width];
    kernel::dropout(&mut mask, width, &keys, rate, seed);
    let mask = Tensor::<2>::from_data(TensorData::new(mask, [rows, width]), (&x.device().inner(), x.dtype()));
    x * mask
}

#[derive(Debug)]
struct Dropout {
    keys: Arc<[u32]>,
    rate: f64,
    seed: u64,
}

impl Kernel for Dropout {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let mut data = inputs[0].data.to_vec();
        kernel::dropout(&mut data, inputs[0].shape[1], &self.keys, self.rate, self.seed);
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
        let mut d = d_output.to_vec();
        kernel::dropout(&mut d, inputs[0].shape[1], &self.keys, self.rate, self.seed);
        vec![d]
    }
}
