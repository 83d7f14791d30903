//! The LSTM as its equations read, one sequence at a time: what the fused kernel is compared with.

use super::Direction;
use crate::Real;

/// Plain parameters, PyTorch's names, shapes and gate order.
#[derive(Clone, Debug)]
pub struct Parameters<T> {
    /// `[4 hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[4 hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[4 hidden]`
    pub bias_ih: Vec<T>,
    /// `[4 hidden]`
    pub bias_hh: Vec<T>,
}

/// All hidden states, and the final state, of the sequence `x` (a vector a step).
pub fn sequence<T: Real>(
    p: &Parameters<T>,
    x: &[Vec<T>],
    mut h: Vec<T>,
    mut c: Vec<T>,
    direction: Direction,
) -> (Vec<Vec<T>>, Vec<T>, Vec<T>) {
    let hidden = h.len();
    let mut out = vec![Vec::new(); x.len()];
    for s in 0..x.len() {
        let t = if direction == Direction::Forward { s } else { x.len() - 1 - s };
        let input = x[t].len();
        let gate = |k: usize, h: &[T]| {
            let mut sum = p.bias_ih[k] + p.bias_hh[k];
            for (j, x) in x[t].iter().enumerate() {
                sum += *x * p.weight_ih[k * input + j];
            }
            for (j, h) in h.iter().enumerate() {
                sum += *h * p.weight_hh[k * hidden + j];
            }
            sum
        };
        let before = h.clone();
        for k in 0..hidden {
            let i = gate(k, &before).sigmoid::<false>();
            let f = gate(hidden + k, &before).sigmoid::<false>();
            let g = gate(2 * hidden + k, &before).tanh::<false>();
            let o = gate(3 * hidden + k, &before).sigmoid::<false>();
            c[k] = f * c[k] + i * g;
            h[k] = o * c[k].tanh::<false>();
        }
        out[t] = h.clone();
    }
    (out, h, c)
}
