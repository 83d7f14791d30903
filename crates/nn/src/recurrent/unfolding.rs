//! Truncated backpropagation through time.

use crate::ops::{Direction, State, Unfolding, Weights, recurrent};
use crate::parameters::Parameter;
use burn::tensor::{Device, Int, Tensor, TensorData};
use simurgh_kernels::{Ragged, ShapeError};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

impl State {
    /// The same numbers, through which no gradient flows back: what carries a stream on from one training step to the next.
    pub fn detach(self) -> Self {
        Self { hidden: self.hidden.detach(), cell: self.cell.map(Tensor::detach) }
    }

    /// The numbers of some states, a layer each, by name: what a checkpoint keeps of a stream.
    pub fn write(states: &[Self]) -> Vec<Parameter> {
        let numbers = |name: String, tensor: &Tensor<2>| {
            let data = tensor.clone().into_data();
            Parameter { name, shape: data.shape().to_vec(), data: data.iter::<f32>().collect() }
        };
        let all = states.iter().enumerate().flat_map(|(layer, state)| {
            let hidden = numbers(format!("hidden.{layer}"), &state.hidden);
            let cell = state.cell.as_ref().map(|cell| numbers(format!("cell.{layer}"), cell));
            std::iter::once(hidden).chain(cell)
        });
        all.collect()
    }

    /// The states that [`State::write`] wrote, on `device`; none of nothing.
    pub fn read(numbers: &[Parameter], device: &Device) -> Option<Vec<Self>> {
        let find = |name: String| {
            let p = numbers.iter().find(|p| p.name == name)?;
            Some(Tensor::<2>::from_data(TensorData::new(p.data.clone(), p.shape.clone()), device))
        };
        let layers = (0..).map_while(|layer| {
            let hidden = find(format!("hidden.{layer}"))?;
            Some(Self { hidden, cell: find(format!("cell.{layer}")) })
        });
        let states: Vec<Self> = layers.collect();
        (!states.is_empty()).then_some(states)
    }

    /// The states of these sequences, in this order.
    #[must_use]
    pub fn pick(&self, sequences: &[usize]) -> Self {
        let ids: Vec<i64> = sequences.iter().map(|&i| i as i64).collect();
        let ids = TensorData::new(ids, [sequences.len()]);
        self.map(|all| {
            let ids = Tensor::<1, Int>::from_data(ids.clone(), &all.device());
            all.select(0, ids)
        })
    }

    /// The states of all sequences but those that begin anew: with zeros.
    #[must_use]
    pub fn begin_anew(&self, which: &[bool]) -> Self {
        let keep: Vec<f32> = which.iter().map(|anew| f32::from(u8::from(!anew))).collect();
        let keep = TensorData::new(keep, [which.len(), 1]);
        self.map(|all| {
            let keep = Tensor::<2>::from_data(keep.clone(), (&all.device(), all.dtype()));
            all * keep
        })
    }

    fn map(&self, apply: impl Fn(Tensor<2>) -> Tensor<2>) -> Self {
        Self { hidden: apply(self.hidden.clone()), cell: self.cell.clone().map(apply) }
    }

    /// The states of some of the sequences.
    fn sequences(&self, range: Range<usize>) -> Self {
        self.map(|all| {
            let size = all.dims()[1];
            all.slice([range.clone(), 0..size])
        })
    }

    /// These sequences' states, then those.
    fn then(self, others: Self) -> Self {
        let join = |a: Tensor<2>, b: Tensor<2>| match (a.dims()[0], b.dims()[0]) {
            (_, 0) => a,
            (0, _) => b,
            _ => Tensor::cat(vec![a, b], 0),
        };
        Self { hidden: join(self.hidden, others.hidden), cell: self.cell.zip(others.cell).map(|(a, b)| join(a, b)) }
    }
}

/// [`recurrent`] in windows of `steps`: the numbers are the same, the gradient ends at each window's beginning, but for the
/// initial state's where a sequence begins.
pub(super) fn truncated(
    x: Tensor<2>,
    unfolding: &Unfolding,
    weights: Weights,
    initial: State,
    steps: NonZeroUsize,
) -> Result<(Tensor<2>, State), ShapeError> {
    let layout = &unfolding.layout;
    let weights = weights.shared();
    let [_, input] = x.dims();
    let mut windows: Vec<Range<usize>> =
        (0..layout.steps()).step_by(steps.get()).map(|a| a..layout.steps().min(a + steps.get())).collect();
    if unfolding.direction == Direction::Reverse {
        windows.reverse();
    }
    let mut outputs = Vec::with_capacity(windows.len());
    // Of all sequences; of those that no window has reached yet, the initial one.
    let mut state = initial;
    let mut begun = 0;
    for window in windows {
        let count = layout.batch_at(window.start);
        let lengths: Vec<usize> = layout.lengths()[..count].iter().map(|n| n.min(&window.end) - window.start).collect();
        let rows = layout.rows_at(window.start).start..layout.rows_at(window.end - 1).end;
        let begun_here = begun.min(count);
        let carried = state.sequences(0..begun_here).detach().then(state.sequences(begun_here..count));
        let part = Unfolding { layout: Arc::new(Ragged::new(&lengths)?), ..unfolding.clone() };
        let (output, last) = recurrent(x.clone().slice([rows, 0..input]), &part, weights.clone(), carried)?;
        outputs.push(output);
        state = last.then(state.sequences(count..layout.sequences()));
        begun = begun.max(count);
    }
    if unfolding.direction == Direction::Reverse {
        outputs.reverse();
    }
    Ok((Tensor::cat(outputs, 0), state))
}
