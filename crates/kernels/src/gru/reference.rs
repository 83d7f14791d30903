//! The GRU as its equations read, one sequence at a time: what the fused kernel is compared with.

use super::Direction;
use crate::Real;

/// Plain parameters, PyTorch's names, shapes and gate order.
#[derive(Clone, Debug)]
pub struct Parameters<T> {
    /// `[3 hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[3 hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[3 hidden]`
    pub bias_ih: Vec<T>,
    /// `[3 hidden]`
    pub bias_hh: Vec<T>,
}

/// All hidden states, and the final one, of the sequence `x` (a vector a step).
pub fn sequence<T: Real>(
    p: &Parameters<T>,
    x: &[Vec<T>],
    mut h: Vec<T>,
    direction: Direction,
) -> (Vec<Vec<T>>, Vec<T>) {
    let hidden = h.len();
    let mut out = vec![Vec::new(); x.len()];
    for s in 0..x.len() {
        let t = if direction == Direction::Forward { s } else { x.len() - 1 - s };
        let affine = |weight: &[T], bias: &[T], k: usize, v: &[T]| {
            v.iter().zip(&weight[k * v.len()..]).fold(bias[k], |sum, (v, w)| sum + *v * *w)
        };
        let before = h.clone();
        for k in 0..hidden {
            let from_x = |gate: usize| affine(&p.weight_ih, &p.bias_ih, gate * hidden + k, &x[t]);
            let from_h = |gate: usize| affine(&p.weight_hh, &p.bias_hh, gate * hidden + k, &before);
            let r = (from_x(0) + from_h(0)).sigmoid::<false>();
            let z = (from_x(1) + from_h(1)).sigmoid::<false>();
            let n = (from_x(2) + r * from_h(2)).tanh::<false>();
            h[k] = (T::ONE - z) * n + z * before[k];
        }
        out[t] = h.clone();
    }
    (out, h)
}
