//! What a recurrent layer is like from inside: how far gradients reach, along which path, and how open its gates stand.
//! Plain numbers out of what a forward and a backward pass made; a training that does not ask pays nothing.
//!
//! After Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", and Hochreiter &
//! Schmidhuber 1997 (the constant error path).

use super::tangent::{Linearised, Tangent, tangent};
use super::{Cell, Direction, Keep, Saved, State, StateGradients, Upstream, backward_to_state};
use crate::gemm::Packed;
use crate::shape::Check;
use crate::{Ragged, Real, ShapeError};
use simurgh_random::Random;

/// The row of a sequence's step that lies `lag` steps before its last one in this direction.
fn row_at_lag(layout: &Ragged, sequence: usize, lag: usize, direction: Direction) -> usize {
    let last = layout.lengths()[sequence] - 1;
    layout.row(if direction == Direction::Forward { last - lag } else { lag }, sequence)
}

/// The sequences that have a step `lag` steps before their last one.
fn reaching(layout: &Ragged, lag: usize) -> usize {
    layout.batch_at(lag)
}

fn norm<T: Real>(values: impl Iterator<Item = T>) -> f64 {
    values.map(|v| v.to_f64() * v.to_f64()).sum::<f64>().sqrt()
}

/// `||dL/dh_{T-k}||` by lag `k`, from 0 to the longest sequence's first step: the mean over the sequences that reach so far
/// back, of the gradients that [`super::backward_with_states`] gave for a loss at each sequence's last step. (A loss at
/// other steps too would add gradients that had less far to come.) Either of its vectors will do.
///
/// Costs one reading of the gradients.
///
/// # Errors
/// If the gradients are not of this layout.
pub fn gradient_norm_by_lag<T: Real>(
    layout: &Ragged,
    gradients: &[T],
    hidden: usize,
    direction: Direction,
) -> Result<Vec<f64>, ShapeError> {
    Check("gradient norm by lag").elements(
        "gradients",
        gradients.len(),
        &[("rows", layout.rows()), ("hidden", hidden)],
    )?;
    let at = |lag: usize, j: usize| {
        let row = row_at_lag(layout, j, lag, direction);
        norm(gradients[row * hidden..][..hidden].iter().copied())
    };
    let mean = |lag: usize| {
        let sequences = reaching(layout, lag);
        (0..sequences).map(|j| at(lag, j)).sum::<f64>() / sequences as f64
    };
    Ok((0..layout.steps()).map(mean).collect())
}

/// By which way the gradient of an LSTM's cells came, by lag.
#[derive(Clone, Debug, PartialEq)]
pub struct CellPath {
    /// `||dL/dc_{T-k}||`, all ways together.
    pub total: Vec<f64>,
    /// The share that kept to the cells, `dL/dc_T` times the product of the forget gates in between: the constant error path.
    pub cell: Vec<f64>,
    /// What came through hidden states and gates: the norm of the difference of the two.
    pub rest: Vec<f64>,
}

/// Splits the gradients of an LSTM's cells, which [`super::backward_with_states`] gave for a loss at each sequence's last
/// step, into the share that the product of forget gates carries and the rest; means as [`gradient_norm_by_lag`]'s.
///
/// Costs one reading of the gradients and of the forget gates.
///
/// # Errors
/// If the shapes do not fit, the layer is no LSTM, or not all activations were kept.
pub fn cell_path<T: Real>(
    layout: &Ragged,
    saved: &Saved<T>,
    gradients: &StateGradients<T>,
    hidden: usize,
    direction: Direction,
) -> Result<CellPath, ShapeError> {
    let check = Check("cell path");
    let rows = layout.rows();
    check.elements("gradients of cells", gradients.cell.len(), &[("rows", rows), ("hidden", hidden)])?;
    if saved.keep != Keep::All {
        return Err(ShapeError::NothingKept { operation: check.0 });
    }
    saved.check(Cell::Lstm, layout, hidden, check)?;
    let steps = layout.steps();
    let mut path = CellPath { total: vec![0.0; steps], cell: vec![0.0; steps], rest: vec![0.0; steps] };
    for j in 0..layout.sequences() {
        let mut along: Vec<f64> = Vec::new();
        for lag in 0..layout.lengths()[j] {
            let row = row_at_lag(layout, j, lag, direction);
            let total: Vec<f64> = gradients.cell[row * hidden..][..hidden].iter().map(|g| g.to_f64()).collect();
            if lag == 0 {
                along.clone_from(&total);
            } else {
                // c' = f c + i g, f of the step after.
                let after = row_at_lag(layout, j, lag - 1, direction);
                along.iter_mut().zip(hidden..).for_each(|(a, k)| *a *= saved.gates.at(after, k).to_f64());
            }
            path.total[lag] += norm(total.iter().copied());
            path.cell[lag] += norm(along.iter().copied());
            path.rest[lag] += norm(total.iter().zip(&along).map(|(t, a)| t - a));
        }
    }
    for lag in 0..steps {
        let sequences = reaching(layout, lag) as f64;
        for sums in [&mut path.total, &mut path.cell, &mut path.rest] {
            sums[lag] /= sequences;
        }
    }
    Ok(path)
}

/// How many of a gate's values stand near an end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Saturation {
    /// Of which gate: `i, f, o` (LSTM), `r, z` (GRU).
    pub gate: char,
    /// Share of values below 0.1: shut.
    pub below: f64,
    /// Share above 0.9: open.
    pub above: f64,
}

/// The gates' saturation over all rows and units; none of an RNN, which has no gates.
///
/// Costs one reading of the kept activations.
///
/// # Errors
/// If not all activations were kept, or by a pass of another shape.
pub fn gate_saturation<T: Real>(
    cell: Cell,
    layout: &Ragged,
    saved: &Saved<T>,
    hidden: usize,
) -> Result<Vec<Saturation>, ShapeError> {
    let check = Check("gate saturation");
    if saved.keep != Keep::All {
        return Err(ShapeError::NothingKept { operation: check.0 });
    }
    saved.check(cell, layout, hidden, check)?;
    let gates: &[(char, usize)] = match cell {
        Cell::Lstm => &[('i', 0), ('f', 1), ('o', 3)],
        Cell::Gru => &[('r', 0), ('z', 1)],
        Cell::Rnn(_) => &[],
    };
    let (low, high) = (T::from_f64(0.1), T::from_f64(0.9));
    let count = (layout.rows() * hidden) as f64;
    let share = |&(gate, column): &(char, usize)| {
        let (mut below, mut above) = (0u64, 0u64);
        for row in 0..layout.rows() {
            for k in column * hidden..(column + 1) * hidden {
                let value = saved.gates.at(row, k);
                below += u64::from(value < low);
                above += u64::from(value > high);
            }
        }
        Saturation { gate, below: below as f64 / count, above: above as f64 / count }
    };
    Ok(gates.iter().map(share).collect())
}

/// The largest singular value of each sequence's Jacobian product.
#[derive(Clone, Debug, PartialEq)]
pub struct Singular {
    /// `||d(h_T, c_T) / d(h_0, c_0)||_2`, one a sequence.
    pub values: Vec<f64>,
    /// Rounds taken.
    pub rounds: usize,
    /// The largest relative change of a value in the last round.
    pub change: f64,
}

/// When a power iteration ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// After so many rounds; after none the values are 0.
    pub rounds: usize,
    /// Or once no value changes by more than this share of itself.
    pub change: f64,
}

/// The largest singular value of the Jacobian of each sequence's final state with respect to its initial state, the product
/// of the Jacobians of all its steps, by power iteration on `J^T J`: a [`tangent`] and a [`backward_to_state`] a round.
/// `weight_ih` and `weight_hh` are as in [`Upstream`], `x` is the input.
///
/// Costs a forward pass a round (half for the tangent without input, half for the states' gradient), all sequences at once.
///
/// # Errors
/// If the shapes do not fit, or not all activations were kept.
pub fn largest_singular_value<T: Real>(
    cell: Cell,
    layout: &Ragged,
    x: &[T],
    at: Linearised<'_, T>,
    (weight_ih, weight_hh): (&Packed<T>, &[Packed<T>]),
    direction: Direction,
    stop: Stop,
) -> Result<Singular, ShapeError> {
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let hidden = at.weights.sizes(cell, Check("largest singular value"))?.1;
    let states = cell.states();
    let mut random = Random::new(0x5167);
    // `[states, sequences, hidden]`, as all states here.
    let mut v: Vec<T> = (0..states * sequences * hidden).map(|_| T::from_f64(random.normal())).collect();
    // The norm of each sequence's state, which becomes 1.
    let normalise = |v: &mut [T]| -> Vec<f64> {
        let of = |v: &[T], j: usize| {
            norm((0..states).flat_map(|s| v[(s * sequences + j) * hidden..][..hidden].iter().copied()))
        };
        let norms: Vec<f64> = (0..sequences).map(|j| of(v, j)).collect();
        for s in 0..states {
            for (j, norm) in norms.iter().enumerate() {
                let scale = T::from_f64(if *norm > 0.0 { 1.0 / norm } else { 0.0 });
                v[(s * sequences + j) * hidden..][..hidden].iter_mut().for_each(|v| *v *= scale);
            }
        }
        norms
    };
    normalise(&mut v);
    let mut found = Singular { values: vec![0.0; sequences], rounds: 0, change: f64::INFINITY };
    while found.rounds < stop.rounds && found.change > stop.change {
        let (h, c) = v.split_at(sequences * hidden);
        let along = Tangent { x: &[], initial: State { hidden: h, cell: c } };
        let mut moved = tangent(cell, layout, at, along, direction)?.split_off(rows * hidden);
        // ||J v|| with ||v|| = 1
        let values = normalise(&mut moved);
        let Linearised { hidden, saved, initial, weights } = at;
        let (d_hidden, d_last, wants_x) = (&[][..], &moved[..], false);
        let upstream = Upstream { x, hidden, saved, initial, weights, weight_ih, weight_hh, d_hidden, d_last, wants_x };
        let (h, c) = backward_to_state(cell, layout, upstream, direction)?;
        v = [h, c].concat();
        normalise(&mut v);
        let changes = values.iter().zip(&found.values).map(|(new, old)| (new - old).abs() / new.max(f64::MIN_POSITIVE));
        // A NaN stays in sight.
        found.change = changes.fold(0.0, |most, change| if change > most || change.is_nan() { change } else { most });
        found = Singular { values, rounds: found.rounds + 1, change: found.change };
    }
    Ok(found)
}

/// The cosine of the angle between two vectors given in parts, such as the gradients of all parameters in full and
/// truncated: 1 is the same direction, 0 none in common. NaN where one of them is 0.
///
/// Costs one reading of both (and the pass that made the second one).
///
/// # Errors
/// If parts differ in length.
pub fn cosine<T: Real>(parts: impl IntoIterator<Item = (impl AsRef<[T]>, impl AsRef<[T]>)>) -> Result<f64, ShapeError> {
    let (mut product, mut first, mut second) = (0.0, 0.0, 0.0);
    for (a, b) in parts {
        Check("cosine").dimension("length of a part of the second vector", b.as_ref().len(), a.as_ref().len())?;
        for (a, b) in a.as_ref().iter().zip(b.as_ref()) {
            let (a, b) = (a.to_f64(), b.to_f64());
            product += a * b;
            first += a * a;
            second += b * b;
        }
    }
    Ok(product / (f64::sqrt(first) * f64::sqrt(second)))
}
