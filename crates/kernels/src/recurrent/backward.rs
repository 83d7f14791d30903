//! Backpropagation through time, written by hand; the derivatives quote the forward lines (`lstm`, `gru`, `rnn`).

use super::engine::{Cells, Engine, Memory, Place};
use super::gradient::{Gradient, StateGradients, Upstream};
use super::kept::{CHUNK, Either, Rows, SharedRows, round};
use super::layer::Layer;
use super::walk::{Pass, Run, owners};
use super::{Cell, Direction, Flow, Keep, Kept, differentiate};
use crate::buffer::Buffer;
use crate::gemm::{Follow, Format, Packed, Part, Piece, Product, products, products_then};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Ragged, Real, ShapeError};
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
    run(cell, layout, upstream, direction, Want { parameters: true, states: None })
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
    let gradient = run(cell, layout, upstream, direction, Want { parameters: true, states: Some(&mut states) })?;
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
    let gradient = run(cell, layout, upstream, direction, Want { parameters: false, states: None })?;
    Ok((gradient.hidden, gradient.cell))
}

/// What a backward pass is for, beside the gradient of the initial state.
struct Want<'a, T> {
    /// The gradients of the parameters and of the input.
    parameters: bool,
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
    let (mut d_x, mut d_bias) = (zeros(if wants_x { rows * input } else { 0 }), vec![T::ZERO; width]);
    let (mut d_weight_ih, mut d_weight_hh) = (zeros(gates * input), zeros(gates * hidden));

    let blocks = &engine.blocks;
    let most = blocks.most_rows();
    let format = weight_ih.format();
    let mut d_gates = Rows::take(most, width, format);
    let (mut block_x, mut block_h) = (Packed::with_room(most, input, format), Packed::with_room(most, hidden, format));
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
    let (dh, dc, dx) = (Shared::new(&mut d_hidden), Shared::new(&mut d_cell), Shared::new(&mut d_x));
    let (dw_ih, dw_hh) = (Shared::new(&mut d_weight_ih), Shared::new(&mut d_weight_hh));
    let db = Shared::new(&mut d_bias);
    let owners = owners(layout, width * hidden);
    let members = if owners.len() == 1 { engine.layer.members() } else { 1 };
    let threads = parallel::threads();
    for block in (0..blocks.count()).rev() {
        let block_rows = blocks.rows(block);
        let (first, count) = (block_rows.start, block_rows.len());
        block_x.set_depth(count);
        block_h.set_depth(count);
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
                let (mut wide, mut narrow) = ([[T::ZERO; CHUNK]; 4], [[T::ZERO; CHUNK]; 4]);
                // Rounded numbers are widened and rounded again in chunks.
                let chunk = if format == Format::Full { units.len().max(1) } else { CHUNK };
                for (row, start) in rows.flat_map(|i| units.clone().step_by(chunk).map(move |start| (i, start))) {
                    let (i, row) = (row, run.rows.start + row);
                    let units = start..units.end.min(start + chunk);
                    let n = units.len();
                    let at = row * hidden + start;
                    let state = (run.sequences.start + i) * hidden + start;
                    let columns = |k: usize| k * hidden + units.start..k * hidden + units.end;
                    let mut kept = Kept { gates: [&[]; 4], before: &[], h: &output[at..at + n], c_before: &[], c: &[] };
                    // SAFETY: the caller's contract.
                    unsafe {
                        if keeps_gates {
                            for (k, room) in wide.iter_mut().enumerate() {
                                let gates = match recompute {
                                    true => again.gates.read(row - first, columns(k)),
                                    false => saved.gates.read(row, columns(k)),
                                };
                                kept.gates[k] = gates.widened(room);
                            }
                            kept.before = &before[i * hidden + start..][..n];
                        }
                        if has_cell && recompute {
                            kept.c_before = again.c_before.slice(at - first * hidden, n);
                            kept.c = again.c.slice(at - first * hidden, n);
                        } else if has_cell {
                            kept.c = &saved.cells[at..at + n];
                            kept.c_before = match run.before {
                                Some(row) => &saved.cells[(row + i) * hidden + start..][..n],
                                None => &initial.cell[state..state + n],
                            };
                        }
                        let mut room = narrow.iter_mut();
                        let d_gates = std::array::from_fn(|k| match k < cell.columns() {
                            true => match dg.slice(row - first, columns(k)) {
                                Either::Full(numbers) => numbers,
                                Either::Rounded(_) => &mut room.next().expect("a gate")[..n],
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
                        for (k, narrow) in narrow.iter().enumerate().take(cell.columns()) {
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

        if !want.parameters {
            continue;
        }
        // What the block adds to the weights' gradients, and the input's gradient.
        let worth = count * width * (input + hidden) > 1 << 18;
        let pack_x = block_x.packing(|part: Part<'_, T>| part.lines(|k, from| &x[(first + k) * input + from..]));
        let pack_h = block_h.packing(|part: Part<'_, T>| part.lines(|k, from| &states_before(first + k, 1)[from..]));
        let panels = pack_x.count() + pack_h.count();
        let parts = parallel::ranges(panels, threads, 1);
        parallel::each(parts.len(), worth, |part| {
            for index in parts.at(part) {
                // SAFETY: each index once.
                unsafe {
                    match index.checked_sub(pack_x.count()) {
                        None => pack_x.run(index),
                        Some(index) => pack_h.run(index),
                    }
                }
            }
        });
        drop((pack_x, pack_h));
        let left = d_gates.left(count, width);
        let shares = parallel::ranges(width, threads, 16);
        let row_shares = parallel::ranges(count, shares.len(), 1);
        parallel::each(shares.len(), worth, |share| {
            let own = shares.at(share);
            for columns in cell.products() {
                let range = columns.range.start * hidden..columns.range.end * hidden;
                let mine = range.start.max(own.start)..range.end.min(own.end);
                if mine.is_empty() {
                    continue;
                }
                let mut sums = Vec::with_capacity(2);
                if columns.input {
                    sums.push(Product::new(&block_x, at_row(&dw_ih, mine.start, input), input, &[]).adding());
                }
                if let Some(row) = columns.state {
                    let to = row * hidden + mine.start - range.start;
                    sums.push(Product::new(&block_h, at_row(&dw_hh, to, hidden), hidden, &[]).adding());
                }
                let piece = Piece { rows: 0..mine.len(), to: 0 };
                // SAFETY: tasks own disjoint rows of the weights' gradients.
                unsafe { products(left.columns(mine).transposed(), &[piece], &sums) };
            }
            // SAFETY: tasks own disjoint columns.
            d_gates.add_columns(count, own.start, unsafe { db.slice(own.start, own.len()) });
            let rows = row_shares.at(share);
            if wants_x && !rows.is_empty() {
                // columns = x W_ih^T + ...
                let product = Product::new(weight_ih, at_row(&dx, first, input), input, &[]);
                let piece = Piece { rows: rows.clone(), to: rows.start };
                // SAFETY: tasks own disjoint rows.
                unsafe { products(left.columns(0..gates), &[piece], &[product]) };
            }
        });
    }
    let bias_ih = d_bias[..gates].to_vec();
    let bias_hh = cell.state_pieces(hidden).flat_map(|(columns, _)| d_bias[columns].to_vec()).collect();
    Ok(Gradient {
        x: d_x,
        weight_ih: d_weight_ih,
        weight_hh: d_weight_hh,
        bias_ih,
        bias_hh,
        hidden: d_hidden,
        cell: d_cell,
    })
}

/// The gradients with respect to a row's new state, before they are taken on to the old one.
fn watch<T: Real>(kept: &Kept<'_, T>, flow: &Flow<'_, T>, to_h: &mut [T], to_c: &mut [T]) {
    for ((to, up), along) in to_h.iter_mut().zip(flow.d_out).zip(&*flow.d_h) {
        *to = *up + *along;
    }
    for (k, to) in to_c.iter_mut().enumerate() {
        // h' = o tanh(c')
        let tanh = kept.c[k].tanh::<false>();
        *to = flow.d_c[k] + to_h[k] * kept.gates[3][k] * (T::ONE - tanh * tanh);
    }
}

/// The first element of a row.
fn at_row<T>(matrix: &Shared<T>, row: usize, cols: usize) -> *mut T {
    assert!(row * cols <= matrix.len());
    matrix.pointer().wrapping_add(row * cols)
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
