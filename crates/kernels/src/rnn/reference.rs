//! The recurrence as its equation reads, one sequence at a time: what the fused kernel is compared with.

use super::{Activation, Direction};
use crate::Real;

/// Plain parameters, PyTorch's names and shapes.
#[derive(Clone, Debug)]
pub struct Parameters<T> {
    /// `[hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[hidden]`
    pub bias_ih: Vec<T>,
    /// `[hidden]`
    pub bias_hh: Vec<T>,
}

/// All hidden states, and the final one, of the sequence `x` (a vector a step).
pub fn sequence<T: Real>(
    p: &Parameters<T>,
    x: &[Vec<T>],
    mut h: Vec<T>,
    activation: Activation,
    direction: Direction,
) -> (Vec<Vec<T>>, Vec<T>) {
    let dot = |row: &[T], v: &[T]| v.iter().zip(row).fold(T::ZERO, |sum, (v, w)| sum + *v * *w);
    let mut out = vec![Vec::new(); x.len()];
    for s in 0..x.len() {
        let t = if direction == Direction::Forward { s } else { x.len() - 1 - s };
        let before = h.clone();
        for (k, h) in h.iter_mut().enumerate() {
            let from_x = dot(&p.weight_ih[k * x[t].len()..], &x[t]) + p.bias_ih[k];
            let sum = from_x + dot(&p.weight_hh[k * before.len()..], &before) + p.bias_hh[k];
            *h = match activation {
                Activation::Tanh => sum.tanh::<false>(),
                Activation::Relu => sum.maximum(T::ZERO),
            };
        }
        out[t] = h.clone();
    }
    (out, h)
}
