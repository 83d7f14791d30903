//! Recurrent layers observed from inside: how far back gradients reach, by which path, how open gates stand, and how much
//! a change of the state grows. The measures themselves are [`simurgh_kernels::recurrent::observe`].

use super::{Layer, Recurrent};
use crate::ops::{Cell, Direction, Keep, Plain, Unfolding};
use crate::pass::Precision;
use burn::tensor::Tensor;
use simurgh_kernels::gemm::Packed;
use simurgh_kernels::recurrent::observe::{
    CellPath, Saturation, cell_path, gate_saturation, gradient_norm_by_lag, largest_singular_value,
};
pub use simurgh_kernels::recurrent::observe::{Singular, Stop};
use simurgh_kernels::recurrent::{self as kernel, Linearised, StateGradients, Upstream};
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, Real, ShapeError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What one direction of one layer was like in one backward pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Its number among the recurrent layers of the forward pass, from 0; a window of a truncated pass has its layer's.
    pub site: usize,
    /// Which way it reads.
    pub direction: Direction,
    /// `||dL/dh_{T-k}||` by lag `k`. It says how far the layer reaches if the loss is at each sequence's last step alone.
    pub gradient_by_lag: Vec<f64>,
    /// By which way the cells' gradient came; an LSTM's alone.
    pub cell_path: Option<CellPath>,
    /// How many of each gate's values stand near an end.
    pub saturation: Vec<Saturation>,
}

/// Collects observations of the backward passes whose forward pass it went with ([`crate::pass::Pass::observer`]): use a new
/// one for each. An observed pass computes the same gradients. It costs another writing of `rows x hidden` numbers (twice for
/// an LSTM) and a few readings of what was kept, on one thread: a tenth to a quarter of a training step (`simurgh bench lstm
/// --only train` times both). Of a pass that keeps only borders ([`Keep::Borders`]) the gradients by lag are observed alone.
#[derive(Debug, Default)]
pub struct Observer {
    sites: AtomicUsize,
    seen: Mutex<Vec<Observation>>,
}

impl Observer {
    /// The next layer's number.
    pub(crate) fn site(&self) -> usize {
        self.sites.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn record<T: Real>(
        &self,
        site: usize,
        unfolding: &Unfolding,
        upstream: &Upstream<'_, T>,
        states: &StateGradients<T>,
    ) {
        let Unfolding { cell, layout, direction, keep, .. } = unfolding;
        let hidden = states.hidden.len() / layout.rows();
        let all = *keep == Keep::All;
        let measured = || -> Result<Observation, ShapeError> {
            Ok(Observation {
                site,
                direction: *direction,
                gradient_by_lag: gradient_norm_by_lag(layout, &states.hidden, hidden, *direction)?,
                cell_path: match cell {
                    Cell::Lstm if all => Some(cell_path(layout, upstream.saved, states, hidden, *direction)?),
                    _ => None,
                },
                saturation: if all { gate_saturation(*cell, layout, upstream.saved, hidden)? } else { Vec::new() },
            })
        };
        let seen = measured().expect("what a backward pass made has its shape");
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }

    /// What was seen, in the order of the forward pass; of a layer's windows the last one first, as the backward pass comes
    /// to them.
    pub fn take(&self) -> Vec<Observation> {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        seen.sort_by_key(|o| o.site);
        seen
    }
}

/// How much a change of one layer's state has grown or shrunk after a number of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// From below.
    pub layer: usize,
    /// Which way it reads.
    pub direction: Direction,
    /// Steps between the two states.
    pub lag: usize,
    /// `||d state_T / d state_{T-lag}||_2` of each sequence that has so many steps; the slope of its logarithm by lag is
    /// a finite-time Lyapunov exponent.
    pub singular: Singular,
}

impl Recurrent {
    /// The largest singular values of the Jacobian products of every layer and direction over the last `lags` steps of
    /// `x[rows, input]`, from states of zero, without dropout and in f32 whatever it was trained in. Lags of 0 or longer than
    /// the longest sequence have no entry. The network and `x` are on the CPU backend, off the tape.
    ///
    /// Costs one forward pass, and for each lag another one over the steps before it and one over its own a round of
    /// [`largest_singular_value`].
    ///
    /// # Errors
    /// If the shapes do not fit, or something is not plain `f32` memory.
    pub fn growth(
        &self,
        x: Tensor<2>,
        layout: &Ragged,
        lags: &[usize],
        stop: Stop,
    ) -> Result<Vec<Growth>, super::stream::StreamError> {
        let plain = Plain::of(x).ok_or(super::stream::StreamError::Device)?;
        let mut x = plain.data().to_vec();
        let mut all = Vec::new();
        for layer in 0..self.forward.len() {
            let mut outputs = Vec::new();
            for (stack, direction) in [(&self.forward, Direction::Forward), (&self.reverse, Direction::Reverse)] {
                let Some(parameters) = stack.get(layer) else { continue };
                let view = OneLayer::new(self.cell.into(), parameters, direction)?;
                for &lag in lags {
                    if lag > 0 && lag <= layout.steps() {
                        let singular = view.growth(&x, layout, lag, stop)?;
                        all.push(Growth { layer, direction, lag, singular });
                    }
                }
                outputs.push(view.forward(&x, layout, None, Keep::Nothing)?.hidden);
            }
            let rows = layout.rows();
            let part = |out: &Vec<f32>, row: usize| out[row * self.hidden..][..self.hidden].to_vec();
            x = (0..rows).flat_map(|row| outputs.iter().flat_map(move |out| part(out, row))).collect();
        }
        Ok(all)
    }
}

/// One direction of one layer on plain memory.
struct OneLayer {
    cell: Cell,
    direction: Direction,
    ih: Plain,
    hh: Plain,
    bias_ih: Plain,
    bias_hh: Plain,
}

/// A layer's weights as a forward pass multiplies with them.
type Packs = (Arc<Packed<f32>>, Arc<Vec<Packed<f32>>>);

/// Hidden states and cells of all sequences.
type States = (Vec<f32>, Vec<f32>);

impl OneLayer {
    fn new(cell: Cell, layer: &Layer, direction: Direction) -> Result<Self, super::stream::StreamError> {
        let device = super::stream::StreamError::Device;
        let (Some(ih), Some(hh)) = (Plain::of(layer.weight_ih.val()), Plain::of(layer.weight_hh.val())) else {
            return Err(device);
        };
        let (Some(bias_ih), Some(bias_hh)) = (Plain::of(layer.bias_ih.val()), Plain::of(layer.bias_hh.val())) else {
            return Err(device);
        };
        Ok(Self { cell, direction, ih, hh, bias_ih, bias_hh })
    }

    fn hidden(&self) -> usize {
        self.hh.shape()[1]
    }

    fn zeros(&self, sequences: usize) -> States {
        let n = sequences * self.hidden();
        (vec![0.0; n], vec![0.0; n * (self.cell.states() - 1)])
    }

    /// `W_ih^T` and `W_hh^T`, packed; from the cache but for the first time.
    fn packs(&self) -> Packs {
        (self.ih.packed_t(Precision::F32), self.hh.packed_state_t(self.cell, Precision::F32))
    }

    fn weights<'a>(&'a self, (input_t, state_t): &'a Packs) -> kernel::Weights<'a, f32> {
        kernel::Weights { input_t, state_t, bias_ih: self.bias_ih.data(), bias_hh: self.bias_hh.data() }
    }

    /// A forward pass.
    fn forward(
        &self,
        x: &[f32],
        layout: &Ragged,
        from: Option<&States>,
        keep: Keep,
    ) -> Result<kernel::Forward<f32>, ShapeError> {
        let zeros = self.zeros(layout.sequences());
        let (h, c) = from.unwrap_or(&zeros);
        let packs = self.packs();
        let weights = self.weights(&packs);
        kernel::forward(self.cell, layout, x, weights, kernel::State { hidden: h, cell: c }, self.direction, keep)
    }

    /// Over the last `lag` steps of every sequence that has them.
    fn growth(&self, x: &[f32], layout: &Ragged, lag: usize, stop: Stop) -> Result<Singular, ShapeError> {
        let (hidden, input) = (self.hidden(), self.ih.shape()[1]);
        Check("growth").elements("x", x.len(), &[("rows", layout.rows()), ("input", input)])?;
        let count = layout.batch_at(lag - 1);
        let lengths = &layout.lengths()[..count];
        // In time: the steps that are read first, and the last ones.
        let first = |j: usize, steps: usize, t: usize| match self.direction {
            Direction::Forward => t,
            Direction::Reverse => lengths[j] - steps + t,
        };
        let last = |j: usize, t: usize| match self.direction {
            Direction::Forward => lengths[j] - lag + t,
            Direction::Reverse => t,
        };
        let gather = |part: &Ragged, step: &dyn Fn(usize, usize) -> usize| -> Vec<f32> {
            let row = |(t, j): (usize, usize)| layout.row(step(j, t), j) * input;
            part.cells().flat_map(|cell| x[row(cell)..][..input].to_vec()).collect()
        };
        let mut state = self.zeros(count);
        let before: Vec<usize> = lengths.iter().map(|n| n - lag).filter(|n| *n > 0).collect();
        if !before.is_empty() {
            let part = Ragged::new(&before)?;
            let x = gather(&part, &|j, t| first(j, before[j], t));
            let n = before.len() * hidden;
            let states = self.forward(&x, &part, None, Keep::Nothing)?.last;
            state.0[..n].copy_from_slice(&states[..n]);
            if !state.1.is_empty() {
                state.1[..n].copy_from_slice(&states[n..]);
            }
        }
        let part = Ragged::new(&vec![lag; count])?;
        let x = gather(&part, &|j, t| last(j, t));
        let made = self.forward(&x, &part, Some(&state), Keep::All)?;
        let packs = self.packs();
        let weights = self.weights(&packs);
        let initial = kernel::State { hidden: &state.0, cell: &state.1 };
        let at = Linearised { hidden: &made.hidden, saved: &made.saved, initial, weights };
        let back = (self.ih.packed(Precision::F32), self.hh.packed_state(self.cell, Precision::F32));
        largest_singular_value(self.cell, &part, &x, at, (&back.0, &back.1), self.direction, stop)
    }
}
