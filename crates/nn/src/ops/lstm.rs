//! One direction of one LSTM layer over a packed ragged batch, all steps in one operation.

use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::packs::packed;
use super::{Body, indices};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use simurgh_kernels::Ragged;
use simurgh_kernels::lstm as kernel;
pub use simurgh_kernels::lstm::Direction;
use std::sync::Arc;

/// Parameters of one direction of one layer: PyTorch's names, shapes and gate order `i, f, g, o`.
#[derive(Clone, Debug)]
pub struct Weights {
    /// `[4 hidden, input]`
    pub weight_ih: Tensor<2>,
    /// `[4 hidden, hidden]`
    pub weight_hh: Tensor<2>,
    /// `[4 hidden]`
    pub bias_ih: Tensor<1>,
    /// `[4 hidden]`
    pub bias_hh: Tensor<1>,
}

/// What a direction returns.
#[derive(Clone, Debug)]
pub struct LstmOutput {
    /// Hidden state of every row, `[rows, hidden]`.
    pub output: Tensor<2>,
    /// Hidden state after each sequence's last step in this direction, `[sequences, hidden]`.
    pub hidden: Tensor<2>,
    /// Cell after that step, `[sequences, hidden]`.
    pub cell: Tensor<2>,
}

/// Runs `x[rows, input]`, packed as `layout` says, from the state `hidden`, `cell`
/// (`[sequences, hidden]` each).
///
/// # Panics
/// If the shapes do not fit.
pub fn lstm(
    x: Tensor<2>,
    layout: &Arc<Ragged>,
    weights: Weights,
    hidden: Tensor<2>,
    cell: Tensor<2>,
    direction: Direction,
) -> LstmOutput {
    body(x, layout, weights, hidden, cell, direction, Body::Auto)
}

pub(crate) fn body(
    x: Tensor<2>,
    layout: &Arc<Ragged>,
    weights: Weights,
    hidden: Tensor<2>,
    cell: Tensor<2>,
    direction: Direction,
    body: Body,
) -> LstmOutput {
    let [rows, input] = x.dims();
    let [sequences, size] = hidden.dims();
    assert_eq!((rows, sequences), (layout.rows(), layout.sequences()), "lstm: rows and sequences of the layout");
    assert_eq!(weights.weight_ih.dims(), [4 * size, input], "lstm: weight_ih");
    assert_eq!(weights.weight_hh.dims(), [4 * size, size], "lstm: weight_hh");
    if !body.is_fused(&x) {
        return steps(x, layout, weights, hidden, cell, direction);
    }
    let inputs = vec![
        x.into_dispatch(),
        weights.weight_ih.into_dispatch(),
        weights.weight_hh.into_dispatch(),
        weights.bias_ih.into_dispatch(),
        weights.bias_hh.into_dispatch(),
        hidden.into_dispatch(),
        cell.into_dispatch(),
    ];
    let all: Tensor<2> = run_fused(inputs, Lstm { layout: layout.clone(), direction });
    LstmOutput {
        output: all.clone().slice([0..rows, 0..size]),
        hidden: all.clone().slice([rows..rows + sequences, 0..size]),
        cell: all.slice([rows + sequences..rows + 2 * sequences, 0..size]),
    }
}

#[derive(Debug)]
struct Lstm {
    layout: Arc<Ragged>,
    direction: Direction,
}

impl Kernel for Lstm {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let [x, w_ih, w_hh, b_ih, b_hh, h, c] = inputs else { unreachable!("seven operands") };
        let bias: Vec<T> = b_ih.data.iter().zip(b_hh.data).map(|(a, b)| *a + *b).collect();
        let weights = kernel::Weights { input_t: &packed(w_ih, true), hidden_t: &packed(w_hh, true), bias: &bias };
        let initial = kernel::State { hidden: h.data, cell: c.data };
        let (data, saved) = kernel::forward(&self.layout, x.data, weights, initial, self.direction);
        let rows = self.layout.rows() + 2 * self.layout.sequences();
        Output { data, shape: vec![rows, w_hh.shape[1]], saved: Arc::new(saved) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        output: &[T],
        saved: &Saved,
        d_output: &[T],
    ) -> Vec<Vec<T>> {
        let [x, w_ih, w_hh, _, _, h, c] = inputs else { unreachable!("seven operands") };
        let upstream = kernel::Upstream {
            x: x.data,
            output,
            saved: saved.downcast_ref().expect("the forward pass saved its gates"),
            initial: kernel::State { hidden: h.data, cell: c.data },
            weight_ih: &packed(w_ih, false),
            weight_hh: &packed(w_hh, false),
            d_output,
        };
        let g = kernel::backward(&self.layout, upstream, self.direction);
        vec![g.x, g.weight_ih, g.weight_hh, g.bias.clone(), g.bias, g.hidden, g.cell]
    }
}

/// The same as ordinary tensor operations, a step at a time.
fn steps(
    x: Tensor<2>,
    layout: &Ragged,
    weights: Weights,
    hidden: Tensor<2>,
    cell: Tensor<2>,
    direction: Direction,
) -> LstmOutput {
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let [_, size] = hidden.dims();
    let bias = weights.bias_ih + weights.bias_hh;
    let gates = x.matmul(weights.weight_ih.transpose()) + bias.unsqueeze();
    let weight_hh_t = weights.weight_hh.transpose();
    // State of every sequence; those that a step does not reach keep theirs.
    let (mut h_all, mut c_all) = (hidden, cell);
    let mut outputs = vec![None; layout.steps()];
    let order: Vec<usize> = match direction {
        Direction::Forward => (0..layout.steps()).collect(),
        Direction::Reverse => (0..layout.steps()).rev().collect(),
    };
    for t in order {
        let n = layout.batch_at(t);
        let (h, c) = (h_all.clone().slice([0..n, 0..size]), c_all.clone().slice([0..n, 0..size]));
        let pre = gates.clone().slice([layout.rows_at(t), 0..4 * size]) + h.matmul(weight_hh_t.clone());
        let gate = |k: usize| pre.clone().slice([0..n, k * size..(k + 1) * size]);
        let (i, f, g, o) = (sigmoid(gate(0)), sigmoid(gate(1)), gate(2).tanh(), sigmoid(gate(3)));
        let c = f * c + i * g;
        let h = o * c.clone().tanh();
        outputs[t] = Some(h.clone());
        let keep = |new: Tensor<2>, all: Tensor<2>| {
            if n == sequences { new } else { Tensor::cat(vec![new, all.slice([n..sequences, 0..size])], 0) }
        };
        (h_all, c_all) = (keep(h, h_all), keep(c, c_all));
    }
    let output = if rows == 0 {
        h_all.clone().select(0, indices([], &h_all))
    } else {
        Tensor::cat(outputs.into_iter().flatten().collect(), 0)
    };
    LstmOutput { output, hidden: h_all, cell: c_all }
}
