//! Backpropagation through time, written by hand; the derivatives quote the forward lines (`lstm`, `gru`, `rnn`).

use super::engine::{Cells, Engine, Memory, Place};
use super::gradient::{Gradient, ParameterGradients, StateGradients, Upstream};
use super::kept::{CHUNK, Either, Rows, SharedRows, round};
use super::layer::Layer;
use super::parameters::ParameterSums;
use super::walk::{Pass, Run, owners};
use super::{Cell, Direction, Flow, Keep, Kept, differentiate};
use crate::buffer::Buffer;
use crate::gemm::{Follow, Format, Piece, Product, products_then};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Ragged, Real, ShapeError, multiversion};
use std::ops::Range;

/// Gradient of one direction.
///
/// # Errors
/// If the shapes do not fit, or nothing was kept.
pub fn backward<T: Real>(
    cell: Cell,
    layout: &Ragged,
    upstream: Upstream<'_, T>,
    direction: Direction,
) -> Result<Gradient<T>, ShapeError> {
    run(cell, layout, upstream, direction, Want { parameters: true, sums: None, states: None })
}

/// The same, the parameters' gradients added to `sums`.
///
/// # Errors
/// As [`backward`], and if the sums have other lengths.
pub fn backward_adding<T: Real>(
    cell: Cell,
    layout: &Ragged,
    upstream: Upstream<'_, T>,
    direction: Direction,
    sums: ParameterGradients<T>,
) -> Result<Gradient<T>, ShapeError> {
    run(cell, layout, upstream, direction, Want { parameters: true, sums: Some(sums), states: None })
}

/// [`backward`], and the gradients with respect to all states on its way: `states` times `rows x hidden` numbers more to
/// write.
///
/// # Errors
/// As [`backward`].
pub fn backward_with_states<T: Real>(
    cell: Cell,
    layout: &Ragged,
    upstream: Upstream<'_, T>,
    direction: Direction,
) -> Result<(Gradient<T>, StateGradients<T>), ShapeError> {
    let mut states = StateGradients { hidden: Vec::new(), cell: Vec::new() };
    let gradient =
        run(cell, layout, upstream, direction, Want { parameters: true, sums: None, states: Some(&mut states) })?;
    Ok((gradient, states))
}

/// The gradient with respect to the initial state alone, `[sequences, hidden]` (hidden state, cell): a third of the work of
/// [`backward`].
///
/// # Errors
/// As [`backward`].
pub fn backward_to_state<T: Real>(
    cell: Cell,
    layout: &Ragged,
    upstream: Upstream<'_, T>,
    direction: Direction,
) -> Result<(Vec<T>, Vec<T>), ShapeError> {
    let gradient = run(cell, layout, upstream, direction, Want { parameters: false, sums: None, states: None })?;
    Ok((gradient.hidden, gradient.cell))
}

/// What a backward pass is for, beside the gradient of the initial state.
struct Want<'a, T> {
    /// The gradients of the parameters and of the input.
    parameters: bool,
    /// What the parameters' are added to.
    sums: Option<ParameterGradients<T>>,
    /// Those of all states.
    states: Option<&'a mut StateGradients<T>>,
}

fn run<T: Real>(
    cell: Cell,
    layout: &Ragged,
    upstream: Upstream<'_, T>,
    direction: Direction,
    want: Want<'_, T>,
) -> Result<Gradient<T>, ShapeError> {
    let Upstream { x, hidden: output, saved, initial, weights, weight_ih, weight_hh, .. } = upstream;
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let check = Check("recurrent backward");
    let engine = Engine::new(cell, layout, x, weights, direction, check.0)?;
    let (hidden, width, gates) = (engine.layer.hidden, engine.layer.width(), cell.gates() * engine.layer.hidden);
    let (input, has_cell) = (weight_ih.cols(), cell.states() == 2);
    upstream.check(cell, layout, hidden, check)?;
    let keeps_gates = !matches!(cell, Cell::Rnn(_));
    let recompute = saved.keep == Keep::Borders && keeps_gates;

    // The gradient that flows from step to step starts as that of the final state and ends as that of the initial
    // one; a sequence's share is touched only at the steps it reaches.
    let mut d_hidden = vec![T::ZERO; sequences * hidden];
    let mut d_cell = vec![T::ZERO; if has_cell { sequences * hidden } else { 0 }];
    if !upstream.d_last.is_empty() {
        let (of_hidden, of_cell) = upstream.d_last.split_at(sequences * hidden);
        d_hidden.copy_from_slice(of_hidden);
        d_cell.copy_from_slice(of_cell);
    }
    let nothing = vec![T::ZERO; if upstream.d_hidden.is_empty() { hidden } else { 0 }];
    // Of the gradient of a row's hidden state, units from `start` on.
    let d_out = |row: usize, start: usize, n: usize| match upstream.d_hidden {
        [] => &nothing[start..start + n],
        all => &all[row * hidden + start..][..n],
    };
    let zeros = |n: usize| vec![T::ZERO; if want.parameters { n } else { 0 }];
    let wants_x = want.parameters && upstream.wants_x;
    let mut d_x = zeros(if wants_x { rows * input } else { 0 });
    let sums = match want.sums {
        Some(sums) => sums.checked(input, hidden, gates, check)?,
        None => ParameterGradients {
            weight_ih: zeros(gates * input),
            weight_hh: zeros(gates * hidden),
            bias_ih: vec![T::ZERO; gates],
            bias_hh: vec![T::ZERO; gates],
        },
    };
    let blocks = &engine.blocks;
    let most = blocks.most_rows();
    let format = engine.layer.format();
    let mut d_gates = Rows::take(most, width, format);
    let mut parameters = want.parameters.then(|| ParameterSums::new(&engine.layer, sums, most));
    // Where the hidden state that each row's step began with stands: a row of the output, or after all of them one of
    // the initial state. Neighbours of a run stand together.
    let mut before_row = vec![0; rows];
    for block in 0..blocks.count() {
        for run in blocks.runs(block, &(0..sequences), Pass::Forward) {
            for i in 0..run.rows.len() {
                before_row[run.rows.start + i] = run.before.map_or(rows + run.sequences.start, |row| row) + i;
            }
        }
    }
    // Of `count` rows that take a step together.
    let states_before = |row: usize, count: usize| match before_row[row].checked_sub(rows) {
        None => &output[before_row[row] * hidden..][..count * hidden],
        Some(sequence) => &initial.hidden[sequence * hidden..][..count * hidden],
    };
    let before_of = |run: &Run| states_before(run.rows.start, run.rows.len());
    let mut again = Again::new(if recompute { most } else { 0 }, &engine.layer, has_cell);
    let mut none = StateGradients { hidden: Vec::new(), cell: Vec::new() };
    let watching = want.states.is_some();
    let states = want.states.unwrap_or(&mut none);
    if watching {
        states.hidden = vec![T::ZERO; rows * hidden];
        states.cell = vec![T::ZERO; if has_cell { rows * hidden } else { 0 }];
    }
    let (watch_h, watch_c) = (Shared::new(&mut states.hidden), Shared::new(&mut states.cell));
    let (dh, dc) = (Shared::new(&mut d_hidden), Shared::new(&mut d_cell));
    let owners = owners(layout, width * hidden);
    let members = if owners.len() == 1 { engine.layer.members() } else { 1 };
    for block in (0..blocks.count()).rev() {
        let block_rows = blocks.rows(block);
        let (first, count) = (block_rows.start, block_rows.len());
        let dg = d_gates.shared();
        let again = again.shared();

        // Each thread takes its own sequences back through the block; where there are too few of them, all share the
        // units of every step.
        parallel::each(owners.len(), true, |task| {
            let own = &owners[task];
            if recompute {
                let from = (block * sequences + own.start) * hidden;
                let mut c = if has_cell { saved.cells[from..from + own.len() * hidden].to_vec() } else { Vec::new() };
                let cells = Cells { all: &Shared::new(&mut c), first: own.start };
                let passage = engine.passage(block, own, Place::Row { first });
                let (gates, rounded) = match again.gates.in_place() {
                    Some(gates) => (gates, None),
                    None => (&again.sums, Some((&again.gates, first))),
                };
                engine.advance(&passage, gates, rounded, cells, members, |run| {
                    let at = (run.rows.start - first) * hidden;
                    Memory {
                        before: before_of(run),
                        h: (&again.h, at),
                        c_before: has_cell.then_some((&again.c_before, at)),
                        c: has_cell.then_some((&again.c, at)),
                    }
                });
            }
            let runs: Vec<Run> = blocks.runs(block, own, Pass::Backward).collect();
            // Of rows of a run, counted from its first, and units that belong to this member in this step.
            let through = |run: &Run, rows: Range<usize>, units: Range<usize>| {
                let before = before_of(run);
                // Rounded numbers are widened and rounded again in chunks.
                let rounded = format != Format::Full;
                let chunk = if rounded { CHUNK } else { units.len().max(1) };
                let mut room = rounded.then_some(([[T::ZERO; CHUNK]; 4], [[T::ZERO; CHUNK]; 4]));
                for (row, start) in rows.flat_map(|i| units.clone().step_by(chunk).map(move |start| (i, start))) {
                    let (i, row) = (row, run.rows.start + row);
                    let units = start..units.end.min(start + chunk);
                    let n = units.len();
                    let at = row * hidden + start;
                    let state = (run.sequences.start + i) * hidden + start;
                    let columns = |k: usize| k * hidden + units.start..k * hidden + units.end;
                    let mut kept = Kept { gates: [&[]; 4], before: &[], h: &output[at..at + n], c_before: &[], c: &[] };
                    let (wide, narrow) =
                        room.as_mut().map_or((None, None), |(wide, narrow)| (Some(wide), Some(narrow)));
                    let (mut wide, mut narrow) = (wide.map(|w| w.iter_mut()), narrow.map(|n| n.iter_mut()));
                    // SAFETY: these units of these rows belong to this member in this step, and nobody else reads them.
                    unsafe {
                        if keeps_gates {
                            for (k, gate) in kept.gates.iter_mut().enumerate() {
                                let gates = match recompute {
                                    true => again.gates.read(row - first, columns(k)),
                                    false => saved.gates.read(row, columns(k)),
                                };
                                *gate = gates.widened(wide.as_mut().and_then(Iterator::next));
                            }
                            kept.before = &before[i * hidden + start..][..n];
                        }
                        if has_cell && recompute {
                            kept.c_before = again.c_before.read(at - first * hidden, n);
                            kept.c = again.c.read(at - first * hidden, n);
                        } else if has_cell {
                            kept.c = &saved.cells[at..at + n];
                            kept.c_before = match run.before {
                                Some(row) => &saved.cells[(row + i) * hidden + start..][..n],
                                None => &initial.cell[state..state + n],
                            };
                        }
                        let d_gates = std::array::from_fn(|k| match k < cell.columns() {
                            true => match dg.slice(row - first, columns(k)) {
                                Either::Full(numbers) => numbers,
                                Either::Rounded(_) => {
                                    &mut narrow.as_mut().and_then(Iterator::next).expect("room for a gate")[..n]
                                }
                            },
                            false => &mut [],
                        });
                        let d_c = if has_cell { dc.slice(state, n) } else { &mut [] };
                        let d_out = d_out(row, start, n);
                        let flow = Flow { d_out, d_h: dh.slice(state, n), d_c, d_gates };
                        if watching {
                            let c = if has_cell { watch_c.slice(at, n) } else { &mut [] };
                            watch(&kept, &flow, watch_h.slice(at, n), c);
                        }
                        differentiate(cell, kept, flow);
                        for (k, narrow) in room.iter().flat_map(|(_, narrow)| narrow).enumerate().take(cell.columns()) {
                            if let Either::Rounded(to) = dg.slice(row - first, columns(k)) {
                                round(&narrow[..n], to);
                            }
                        }
                    }
                }
            };
            // A step takes the gradient of one run's gates on to the state before, and from there through the next run's
            // gates.
            parallel::steps(runs.len() + 1, members, |index, member, members| {
                let units = engine.layer.units(member, members);
                let next = runs.get(index);
                let Some(run) = index.checked_sub(1).map(|done| &runs[done]) else {
                    return next.iter().for_each(|next| through(next, 0..next.rows.len(), units.clone()));
                };
                // The sequences that take both; the others of the next run end, or begin, here.
                let both = match next {
                    Some(next) => {
                        let start = run.sequences.start.clamp(next.sequences.start, next.sequences.end);
                        start..run.sequences.end.clamp(start, next.sequences.end)
                    }
                    None => 0..0,
                };
                if let Some(next) = next {
                    let of = |sequence: usize| sequence - next.sequences.start;
                    through(next, 0..of(both.start), units.clone());
                    through(next, of(both.end)..next.rows.len(), units.clone());
                }
                let (row, count) = (run.rows.start, run.rows.len());
                // SAFETY: the rows of a run were written in the step before, and are only read now.
                let d_gates = unsafe { dg.left(row - first, count, width) };
                for (index, ((columns, _), weight)) in cell.state_pieces(hidden).zip(weight_hh).enumerate() {
                    // columns = ... + h W_hh^T
                    let product = Product::new(weight, dh.pointer(), hidden, &[]).adding();
                    let panel = weight.width();
                    let product = product.panels(units.start / panel..units.end.div_ceil(panel));
                    let piece = Piece { rows: 0..count, to: run.sequences.start };
                    let complete = index + 1 == weight_hh.len();
                    let with = &mut |rows: Range<usize>, columns: Range<usize>| {
                        let sequence = |row: usize| (run.sequences.start + row).clamp(both.start, both.end);
                        let units = units.start + columns.start..(units.start + columns.end).min(units.end);
                        if let (true, Some(next)) = (complete, next) {
                            let of = |sequence: usize| sequence - next.sequences.start;
                            through(next, of(sequence(rows.start))..of(sequence(rows.end)), units);
                        }
                    };
                    // SAFETY: these units of these states belong to this member.
                    unsafe {
                        products_then(d_gates.columns(columns), piece, &[product], Follow { beside: true, with });
                    }
                }
            });
        });

        let Some(parameters) = &mut parameters else { continue };
        let own_x = first * input..(first + count) * input;
        parameters.add(
            &d_gates,
            count,
            |k, from| &x[(first + k) * input + from..],
            |k, from| &states_before(first + k, 1)[from..],
            wants_x.then(|| (weight_ih, &mut d_x[own_x])),
        );
    }
    let parameters = parameters.map_or_else(ParameterGradients::none, ParameterSums::finish);
    let ParameterGradients { weight_ih, weight_hh, bias_ih, bias_hh } = parameters;
    Ok(Gradient { x: d_x, weight_ih, weight_hh, bias_ih, bias_hh, hidden: d_hidden, cell: d_cell })
}

/// The gradients with respect to a row's new state, before they are taken on to the old one.
fn watch<T: Real>(kept: &Kept<'_, T>, flow: &Flow<'_, T>, to_h: &mut [T], to_c: &mut [T]) {
    for ((to, up), along) in to_h.iter_mut().zip(flow.d_out).zip(&*flow.d_h) {
        *to = *up + *along;
    }
    if !to_c.is_empty() {
        watch_cells(to_c, flow.d_c, to_h, kept.gates[3], kept.c);
    }
}

#[inline(always)]
fn watch_cells_body<T: Real, const FMA: bool>(to: &mut [T], d_c: &[T], d_h: &[T], o: &[T], c: &[T]) {
    for ((((to, d_c), d_h), o), c) in to.iter_mut().zip(d_c).zip(d_h).zip(o).zip(c) {
        // h' = o tanh(c')
        let tanh = c.tanh::<FMA>();
        *to = *d_c + *d_h * *o * (T::ONE - tanh * tanh);
    }
}

multiversion! {
    /// Of a row's new cells.
    fn watch_cells<T: Real>(to: &mut [T], d_c: &[T], d_h: &[T], o: &[T], c: &[T]) = watch_cells_body
}

/// The activations of a block, computed again.
struct Again<B, G> {
    /// Before they are rounded, if they are.
    sums: B,
    gates: G,
    h: B,
    c_before: B,
    c: B,
}

impl<T: Real> Again<Buffer<T>, Rows<T>> {
    fn new(rows: usize, layer: &Layer<'_, T>, has_cell: bool) -> Self {
        let take = |columns| Buffer::take(rows * columns);
        let cell = if has_cell { layer.hidden } else { 0 };
        Self {
            sums: take(if layer.format() == Format::Full { 0 } else { layer.stride() }),
            gates: Rows::take(rows, layer.width(), layer.format()),
            h: take(layer.hidden),
            c_before: take(cell),
            c: take(cell),
        }
    }

    fn shared(&mut self) -> Again<Shared<T>, SharedRows<T>> {
        Again {
            sums: Shared::new(&mut self.sums),
            gates: self.gates.shared(),
            h: Shared::new(&mut self.h),
            c_before: Shared::new(&mut self.c_before),
            c: Shared::new(&mut self.c),
        }
    }
}
