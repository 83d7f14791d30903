//! One direction of one recurrent layer over a packed ragged batch, all steps in one operation.

use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::packs::{packed, packed_state};
use super::shared::{Shared, Sum};
use super::{Body, indices};
use crate::pass::Precision;
use crate::recurrent::observe::Observer;
use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid};
use simurgh_kernels::recurrent as kernel;
pub use simurgh_kernels::recurrent::{Activation as RnnActivation, Cell, Direction, Keep};
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// Parameters of one direction of one layer: PyTorch's names, shapes and gate orders.
#[derive(Clone, Debug)]
pub struct Weights {
    /// `[gates x hidden, input]`
    pub weight_ih: Shared<2>,
    /// `[gates x hidden, hidden]`
    pub weight_hh: Shared<2>,
    /// `[gates x hidden]`
    pub bias_ih: Shared<1>,
    /// `[gates x hidden]`
    pub bias_hh: Shared<1>,
}

impl Weights {
    /// The same, for many operations to come.
    pub fn shared(self) -> Self {
        Self {
            weight_ih: Shared::new(self.weight_ih.tensor),
            weight_hh: Shared::new(self.weight_hh.tensor),
            bias_ih: Shared::new(self.bias_ih.tensor),
            bias_hh: Shared::new(self.bias_hh.tensor),
        }
    }

    fn sums(&self) -> Option<[Arc<Sum>; 4]> {
        let Self { weight_ih, weight_hh, bias_ih, bias_hh } = self;
        let all = [weight_ih.sum.clone(), weight_hh.sum.clone(), bias_ih.sum.clone(), bias_hh.sum.clone()];
        let [Some(weight_ih), Some(weight_hh), Some(bias_ih), Some(bias_hh)] = all else { return None };
        Some([weight_ih, weight_hh, bias_ih, bias_hh])
    }
}

/// State of every sequence.
#[derive(Clone, Debug)]
pub struct State {
    /// h, `[sequences, hidden]`
    pub hidden: Tensor<2>,
    /// c, `[sequences, hidden]`; the LSTM's alone.
    pub cell: Option<Tensor<2>>,
}

impl State {
    /// That of one sequence.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn of(&self, sequence: usize) -> Self {
        let one = |all: &Tensor<2>| all.clone().narrow(0, sequence, 1);
        Self { hidden: one(&self.hidden), cell: self.cell.as_ref().map(one) }
    }
}

/// How a layer is unfolded in time.
#[derive(Clone, Debug)]
pub struct Unfolding {
    /// Which equations.
    pub cell: Cell,
    /// The packed batch.
    pub layout: Arc<Ragged>,
    /// Which way.
    pub direction: Direction,
    /// What a training pass keeps of the activations; the gradient is the same to the bit.
    pub keep: Keep,
    /// What the kernel multiplies with.
    pub precision: Precision,
    /// Where the backward pass writes down what it saw, and under which number.
    pub observer: Option<(Arc<Observer>, usize)>,
}

/// Runs `x[rows, input]`, packed as the layout says, from the state `initial`. Returns the hidden state of every row,
/// `[rows, hidden]`, and the state after each sequence's last step in this direction.
///
/// # Errors
/// If the shapes do not fit.
pub fn recurrent(
    x: Tensor<2>,
    unfolding: &Unfolding,
    weights: Weights,
    initial: State,
) -> Result<(Tensor<2>, State), ShapeError> {
    body(x, unfolding, weights, initial, Body::Auto)
}

pub(crate) fn body(
    x: Tensor<2>,
    unfolding: &Unfolding,
    weights: Weights,
    initial: State,
    body: Body,
) -> Result<(Tensor<2>, State), ShapeError> {
    let [rows, input] = x.dims();
    let [sequences, size] = initial.hidden.dims();
    let (cell, layout) = (unfolding.cell, &unfolding.layout);
    let check = Check("recurrent layer");
    for (dimension, size) in [("the input", input), ("hidden", size)] {
        if size == 0 {
            return Err(ShapeError::Zero { operation: check.0, dimension });
        }
    }
    let gates = check.count("weight_ih", &[("gates", cell.gates()), ("hidden", size)])?;
    check.dimension("rows of x", rows, layout.rows())?;
    check.dimension("sequences of the hidden state", sequences, layout.sequences())?;
    let [rows_ih, columns_ih] = weights.weight_ih.tensor.dims();
    let [rows_hh, columns_hh] = weights.weight_hh.tensor.dims();
    check.dimension("input of weight_ih", columns_ih, input)?;
    check.dimension("gates x hidden of weight_ih", rows_ih, gates)?;
    check.dimension("gates x hidden of weight_hh", rows_hh, gates)?;
    check.dimension("hidden of weight_hh", columns_hh, size)?;
    check.dimension("gates x hidden of bias_ih", weights.bias_ih.tensor.dims()[0], gates)?;
    check.dimension("gates x hidden of bias_hh", weights.bias_hh.tensor.dims()[0], gates)?;
    let [cell_sequences, cell_size] = initial.cell.as_ref().map_or([0, 0], Tensor::dims);
    let (want_sequences, want_size) = if cell.states() == 2 { (sequences, size) } else { (0, 0) };
    check.dimension("sequences of the cell", cell_sequences, want_sequences)?;
    check.dimension("hidden of the cell", cell_size, want_size)?;
    if !body.is_fused(&x) {
        return Ok(steps(x, unfolding, weights, initial));
    }
    let sums = weights.sums();
    let mut inputs = vec![
        x.into_dispatch(),
        weights.weight_ih.tensor.into_dispatch(),
        weights.weight_hh.tensor.into_dispatch(),
        weights.bias_ih.tensor.into_dispatch(),
        weights.bias_hh.tensor.into_dispatch(),
        initial.hidden.into_dispatch(),
    ];
    inputs.extend(initial.cell.map(Tensor::into_dispatch));
    let link = Arc::new(Link::default());
    let all: Tensor<2> = run_fused(inputs, Unfolded { unfolding: unfolding.clone(), link: link.clone(), sums });
    let states: Tensor<2> = run_fused(vec![all.clone().into_dispatch()], Last { link });
    let part = |k: usize| states.clone().slice([k * sequences..(k + 1) * sequences, 0..size]);
    let last = State { hidden: part(0), cell: (cell.states() == 2).then(|| part(1)) };
    Ok((all, last))
}

/// What passes between the two operations that are one layer: an operation has one result, and final states beside all
/// hidden states in one tensor would be cut apart and put together again by copying.
#[derive(Debug, Default)]
struct Link {
    /// The final states, on their way to [`Last`]'s result.
    last: Mutex<Option<Box<dyn Any + Send>>>,
    /// Their gradient, on its way to [`Unfolded`]'s backward pass, which comes after [`Last`]'s.
    d_last: Mutex<Option<Box<dyn Any + Send>>>,
}

fn put<T: Number>(slot: &Mutex<Option<Box<dyn Any + Send>>>, numbers: Vec<T>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(numbers));
}

/// What was put there, or nothing.
fn take<T: Number>(slot: &Mutex<Option<Box<dyn Any + Send>>>) -> Vec<T> {
    let numbers = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    numbers.and_then(|numbers| numbers.downcast().ok()).map_or_else(Vec::new, |numbers| *numbers)
}

/// All hidden states, `[rows, hidden]`.
#[derive(Debug)]
struct Unfolded {
    unfolding: Unfolding,
    link: Arc<Link>,
    /// Where the parameters' gradients are summed, if they are shared.
    sums: Option<[Arc<Sum>; 4]>,
}

/// The final states, `[states x sequences, hidden]`, of the layer whose hidden states it reads.
#[derive(Debug)]
struct Last {
    link: Arc<Link>,
}

impl Kernel for Last {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let data: Vec<T> = take(&self.link.last);
        let hidden = inputs[0].shape[1];
        Output { shape: vec![data.len() / hidden, hidden], data, saved: Arc::new(()) }
    }

    fn backward<T: Number>(&self, _: &[Operand<'_, T>], _: &[T], _: &Saved, d_output: &[T], _: &[bool]) -> Vec<Vec<T>> {
        put(&self.link.d_last, d_output.to_vec());
        vec![Vec::new()]
    }

    fn passes_zeros(&self, _: usize) -> bool {
        true
    }
}

fn initial<'a, T: Number>(inputs: &'a [Operand<'a, T>]) -> kernel::State<'a, T> {
    kernel::State { hidden: inputs[5].data, cell: inputs.get(6).map_or(&[], |c| c.data) }
}

impl Kernel for Unfolded {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], track: bool) -> Output<T> {
        let [x, w_ih, w_hh, b_ih, b_hh, ..] = inputs else { unreachable!("six or seven operands") };
        let Unfolding { cell, layout, direction, keep, precision, .. } = &self.unfolding;
        let precision = *precision;
        let weights = kernel::Weights {
            input_t: &packed(w_ih, true, precision.into()),
            state_t: &packed_state(*cell, w_hh, true, precision.into()),
            bias_ih: b_ih.data,
            bias_hh: b_hh.data,
        };
        let keep = if track { *keep } else { Keep::Nothing };
        let made = kernel::forward(*cell, layout, x.data, weights, initial(inputs), *direction, keep);
        let made = made.expect("shapes were checked before");
        put(&self.link.last, made.last);
        Output { data: made.hidden, shape: vec![layout.rows(), w_hh.shape[1]], saved: Arc::new(made.saved) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        output: &[T],
        saved: &Saved,
        d_output: &[T],
        wanted: &[bool],
    ) -> Vec<Vec<T>> {
        let Unfolding { cell, layout, direction, precision, observer, .. } = &self.unfolding;
        let (cell, direction, precision) = (*cell, *direction, *precision);
        let [x, w_ih, w_hh, b_ih, b_hh, ..] = inputs else { unreachable!("six or seven operands") };
        let upstream = kernel::Upstream {
            x: x.data,
            hidden: output,
            saved: saved.downcast_ref().expect("the forward pass saved its activations"),
            initial: initial(inputs),
            weights: kernel::Weights {
                input_t: &packed(w_ih, true, precision.into()),
                state_t: &packed_state(cell, w_hh, true, precision.into()),
                bias_ih: b_ih.data,
                bias_hh: b_hh.data,
            },
            weight_ih: &packed(w_ih, false, precision.into()),
            weight_hh: &packed_state(cell, w_hh, false, precision.into()),
            d_hidden: d_output,
            d_last: &take(&self.link.d_last),
            wants_x: wanted[0],
        };
        let g = match (observer, &self.sums) {
            (None, None) => kernel::backward(cell, layout, upstream, direction),
            (None, Some([of_ih, of_hh, of_bias_ih, of_bias_hh])) => {
                let sums = kernel::ParameterGradients {
                    weight_ih: of_ih.take(w_ih.data.len()),
                    weight_hh: of_hh.take(w_hh.data.len()),
                    bias_ih: of_bias_ih.take(b_ih.data.len()),
                    bias_hh: of_bias_hh.take(b_hh.data.len()),
                };
                kernel::backward_adding(cell, layout, upstream, direction, sums).map(|mut gradient| {
                    of_ih.put(std::mem::take(&mut gradient.weight_ih));
                    of_hh.put(std::mem::take(&mut gradient.weight_hh));
                    of_bias_ih.put(std::mem::take(&mut gradient.bias_ih));
                    of_bias_hh.put(std::mem::take(&mut gradient.bias_hh));
                    gradient
                })
            }
            (Some((observer, site)), _) => {
                kernel::backward_with_states(cell, layout, upstream, direction).map(|(gradient, states)| {
                    observer.record(*site, &self.unfolding, &upstream, &states);
                    gradient
                })
            }
        };
        let g = g.expect("shapes were checked before");
        let mut all = vec![g.x, g.weight_ih, g.weight_hh, g.bias_ih, g.bias_hh, g.hidden];
        if cell.states() == 2 {
            all.push(g.cell);
        }
        all
    }

    const TAKES_NOTHING: bool = true;

    fn passes_zeros(&self, input: usize) -> bool {
        let shared = self.sums.as_ref().and_then(|sums| sums.get(input.checked_sub(1)?));
        shared.is_some_and(|sum| sum.passes())
    }
}

/// The same as ordinary tensor operations, a step at a time.
fn steps(x: Tensor<2>, unfolding: &Unfolding, weights: Weights, initial: State) -> (Tensor<2>, State) {
    let Unfolding { cell: kind, layout, direction, .. } = unfolding;
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let [_, size] = initial.hidden.dims();
    let width = kind.gates() * size;
    let from_x = x.matmul(weights.weight_ih.tensor.transpose()) + weights.bias_ih.tensor.unsqueeze();
    let (weight_hh_t, bias_hh) = (weights.weight_hh.tensor.transpose(), weights.bias_hh.tensor.unsqueeze::<2>());
    // State of every sequence; those that a step does not reach keep theirs.
    let State { hidden: mut h_all, cell: mut c_all } = initial;
    let mut outputs = vec![None; layout.steps()];
    let order: Vec<usize> = match direction {
        Direction::Forward => (0..layout.steps()).collect(),
        Direction::Reverse => (0..layout.steps()).rev().collect(),
    };
    for t in order {
        let n = layout.batch_at(t);
        let h = h_all.clone().slice([0..n, 0..size]);
        let from_x = from_x.clone().slice([layout.rows_at(t), 0..width]);
        let from_h = h.clone().matmul(weight_hh_t.clone()) + bias_hh.clone();
        let block = |all: &Tensor<2>, k: usize| all.clone().slice([0..n, k * size..(k + 1) * size]);
        let sum = |k: usize| block(&from_x, k) + block(&from_h, k);
        let keep = |new: Tensor<2>, all: Tensor<2>| {
            if n == sequences { new } else { Tensor::cat(vec![new, all.slice([n..sequences, 0..size])], 0) }
        };
        let h = match kind {
            Cell::Lstm => {
                let all = c_all.take().expect("an LSTM has a cell");
                let c = all.clone().slice([0..n, 0..size]);
                let (i, f, g, o) = (sigmoid(sum(0)), sigmoid(sum(1)), sum(2).tanh(), sigmoid(sum(3)));
                let c = f * c + i * g;
                let h = o * c.clone().tanh();
                c_all = Some(keep(c, all));
                h
            }
            Cell::Gru => {
                let (r, z) = (sigmoid(sum(0)), sigmoid(sum(1)));
                let candidate = (block(&from_x, 2) + r * block(&from_h, 2)).tanh();
                candidate.clone() + z * (h - candidate)
            }
            Cell::Rnn(RnnActivation::Tanh) => sum(0).tanh(),
            Cell::Rnn(RnnActivation::Relu) => relu(sum(0)),
        };
        outputs[t] = Some(h.clone());
        h_all = keep(h, h_all);
    }
    let output = if rows == 0 {
        h_all.clone().select(0, indices([], &h_all))
    } else {
        Tensor::cat(outputs.into_iter().flatten().collect(), 0)
    };
    (output, State { hidden: h_all, cell: c_all })
}
