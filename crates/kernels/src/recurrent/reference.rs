//! The cells as their equations read, one sequence and one unit at a time: what the kernels are compared with.

use super::{Activation, Cell, Direction};
use crate::Real;

/// Plain parameters, PyTorch's names, shapes and gate orders.
#[derive(Clone, Debug)]
pub struct Parameters<T> {
    /// `[gates x hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[gates x hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[gates x hidden]`
    pub bias_ih: Vec<T>,
    /// `[gates x hidden]`
    pub bias_hh: Vec<T>,
}

/// All hidden states, and the final state, of the sequence `x` (a vector a step) from the state `h`, `c` (the cell only
/// for the LSTM).
pub fn sequence<T: Real>(
    cell: Cell,
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
        let affine = |weight: &[T], bias: &[T], row: usize, v: &[T]| {
            v.iter().zip(&weight[row * v.len()..]).fold(bias[row], |sum, (v, w)| sum + *v * *w)
        };
        let before = h.clone();
        for k in 0..hidden {
            let from_x = |gate: usize| affine(&p.weight_ih, &p.bias_ih, gate * hidden + k, &x[t]);
            let from_h = |gate: usize| affine(&p.weight_hh, &p.bias_hh, gate * hidden + k, &before);
            let sum = |gate: usize| from_x(gate) + from_h(gate);
            match cell {
                Cell::Lstm => {
                    let (i, f) = (sum(0).sigmoid::<false>(), sum(1).sigmoid::<false>());
                    let (g, o) = (sum(2).tanh::<false>(), sum(3).sigmoid::<false>());
                    c[k] = f * c[k] + i * g;
                    h[k] = o * c[k].tanh::<false>();
                }
                Cell::Gru => {
                    let (r, z) = (sum(0).sigmoid::<false>(), sum(1).sigmoid::<false>());
                    let n = (from_x(2) + r * from_h(2)).tanh::<false>();
                    h[k] = (T::ONE - z) * n + z * before[k];
                }
                Cell::Rnn(Activation::Tanh) => h[k] = sum(0).tanh::<false>(),
                // A NaN is not below 0.
                Cell::Rnn(Activation::Relu) => h[k] = if sum(0) < T::ZERO { T::ZERO } else { sum(0) },
            }
        }
        out[t] = h.clone();
    }
    (out, h, c)
}
