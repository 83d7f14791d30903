//! Backpropagation through time, written by hand; the derivatives quote the forward lines (`lstm`, `gru`, `rnn`).

use super::forward::{Engine, Memory, Place, Saved};
use super::walk::{Pass, owners};
use super::{Cell, Direction, Keep, Kept, State, Weights, differentiate};
use crate::buffer::Buffer;
use crate::elementwise::add_columns_serial;
use crate::gemm::{Packed, Piece, Product, View, products};
use crate::parallel::{self, Shared};
use crate::{Ragged, Real};

/// The forward pass's operands and results, as the backward pass reads them.
#[derive(Clone, Copy)]
pub struct Upstream<'a, T: Real> {
    /// `[rows, input]`
    pub x: &'a [T],
    /// What [`super::forward`] returned.
    pub output: &'a [T],
    /// What [`super::forward`] saved.
    pub saved: &'a Saved<T>,
    /// The state it started from.
    pub initial: State<'a, T>,
    /// The weights it read; needed where activations are computed again ([`Keep::Borders`]).
    pub weights: Weights<'a, T>,
    /// `W_ih`, `[gates x hidden, input]`, packed.
    pub weight_ih: &'a Packed<T>,
    /// `W_hh`, see [`Cell::pack_state_weight`].
    pub weight_hh: &'a [Packed<T>],
    /// Gradient of the output, `[rows + states x sequences, hidden]`.
    pub d_output: &'a [T],
}

/// Gradients of the operands.
#[derive(Clone, Debug)]
pub struct Gradient<T> {
    /// `[rows, input]`
    pub x: Vec<T>,
    /// `[gates x hidden, input]`
    pub weight_ih: Vec<T>,
    /// `[gates x hidden, hidden]`
    pub weight_hh: Vec<T>,
    /// `[gates x hidden]`
    pub bias_ih: Vec<T>,
    /// `[gates x hidden]`
    pub bias_hh: Vec<T>,
    /// `[sequences, hidden]`
    pub hidden: Vec<T>,
    /// `[sequences, hidden]`; empty but for the LSTM.
    pub cell: Vec<T>,
}

/// Gradient of one direction.
///
/// # Panics
/// If the shapes do not fit, or nothing was kept.
pub fn backward<T: Real>(cell: Cell, layout: &Ragged, upstream: Upstream<'_, T>, direction: Direction) -> Gradient<T> {
    let Upstream { x, output, saved, initial, weights, weight_ih, weight_hh, d_output } = upstream;
    let (rows, sequences) = (layout.rows(), layout.sequences());
    let engine = Engine::new(cell, layout, x, weights, direction);
    let (hidden, width, gates) = (engine.hidden, engine.width(), cell.gates() * engine.hidden);
    let (input, has_cell) = (weight_ih.cols(), cell.states() == 2);
    assert_eq!(d_output.len(), (rows + cell.states() * sequences) * hidden, "recurrent backward: d_output");
    assert_ne!(saved.keep, Keep::Nothing, "recurrent backward: the forward pass kept nothing");
    let recompute = saved.keep == Keep::Borders && !matches!(cell, Cell::Rnn(_));

    // The gradient that flows from step to step starts as that of the final state and ends as that of the initial
    // one; a sequence's share is touched only at the steps it reaches.
    let mut d_hidden = d_output[rows * hidden..(rows + sequences) * hidden].to_vec();
    let mut d_cell = d_output[(rows + sequences) * hidden..].to_vec();
    let mut d_x = vec![T::ZERO; rows * input];
    let mut d_weight_ih = vec![T::ZERO; gates * input];
    let mut d_weight_hh = vec![T::ZERO; gates * hidden];
    let mut d_bias = vec![T::ZERO; width];

    let blocks = &engine.blocks;
    let most = blocks.most_rows();
    let mut d_gates = Buffer::take(most * width);
    let (mut block_x, mut block_h) = (Packed::with_room(most, input), Packed::with_room(most, hidden));
    let mut again = Again::new(if recompute { most } else { 0 }, width, if has_cell { hidden } else { 0 }, hidden);
    let (dh, dc, dx) = (Shared::new(&mut d_hidden), Shared::new(&mut d_cell), Shared::new(&mut d_x));
    let (dw_ih, dw_hh) = (Shared::new(&mut d_weight_ih), Shared::new(&mut d_weight_hh));
    let db = Shared::new(&mut d_bias);
    let owners = owners(layout, width * hidden);
    let threads = parallel::threads();
    for block in (0..blocks.count()).rev() {
        let block_rows = blocks.rows(block);
        let (first, count) = (block_rows.start, block_rows.len());
        block_x.set_depth(count);
        block_h.set_depth(count);
        let (rows_x, rows_h) = (block_x.rows(), block_h.rows());
        let dg = Shared::new(&mut d_gates);
        let again = again.shared();
        let before_of = |run: &super::walk::Run| -> &[T] {
            let count = run.rows.len() * hidden;
            match run.before {
                Some(row) => &output[row * hidden..][..count],
                None => &initial.hidden[run.sequences.start * hidden..][..count],
            }
        };

        // Each thread takes its own sequences back through the block.
        parallel::each(owners.len(), true, |task| {
            let own = &owners[task];
            if recompute {
                let from = (block * sequences + own.start) * hidden;
                let mut c = if has_cell { saved.cells[from..from + own.len() * hidden].to_vec() } else { Vec::new() };
                engine.advance(block, own, &again.gates, Place::Row { first }, &mut c, |run| {
                    let (at, count) = ((run.rows.start - first) * hidden, run.rows.len() * hidden);
                    let cells = if has_cell { count } else { 0 };
                    // SAFETY: the rows of a run belong to one task.
                    unsafe {
                        Memory {
                            before: before_of(run),
                            h: again.h.slice(at, count),
                            c_before: again.c_before.slice(at.min(again.c_before.len()), cells),
                            c: again.c.slice(at.min(again.c.len()), cells),
                        }
                    }
                });
            }
            for run in blocks.runs(block, own, Pass::Backward) {
                let (row, count) = (run.rows.start, run.rows.len());
                let here = row * hidden..(row + count) * hidden;
                let states = run.sequences.start * hidden..run.sequences.end * hidden;
                let before = before_of(&run);
                let mut kept = Kept { gates: &[], before, h: &output[here.clone()], c_before: &[], c: &[] };
                if recompute {
                    let at = (row - first) * hidden;
                    // SAFETY: this task wrote these rows and only reads them now.
                    unsafe {
                        kept.gates = again.gates.slice((row - first) * width, count * width);
                        if has_cell {
                            kept.c_before = again.c_before.slice(at, here.len());
                            kept.c = again.c.slice(at, here.len());
                        }
                    }
                } else if !matches!(cell, Cell::Rnn(_)) {
                    kept.gates = &saved.gates[row * width..(row + count) * width];
                    if has_cell {
                        kept.c = &saved.cells[here.clone()];
                        kept.c_before = match run.before {
                            Some(row) => &saved.cells[row * hidden..][..here.len()],
                            None => &initial.cell[states.clone()],
                        };
                    }
                }
                // SAFETY: rows and states of this task's own sequences.
                let (d_gates, d_h, d_c) = unsafe {
                    (
                        dg.slice((row - first) * width, count * width),
                        dh.slice(states.start, states.len()),
                        if has_cell { dc.slice(states.start, states.len()) } else { &mut [] },
                    )
                };
                differentiate(cell, &kept, &d_output[here], d_h, d_c, d_gates, hidden);
                let d_gates = View::new(d_gates, count, width);
                for ((columns, _), weight) in cell.state_pieces(hidden).zip(weight_hh) {
                    // columns = ... + h W_hh^T
                    let product = Product::new(weight, d_h.as_mut_ptr(), hidden, &[]);
                    let piece = Piece { rows: 0..count, to: 0 };
                    // SAFETY: `d_h` is borrowed for this alone.
                    unsafe { products(&d_gates.columns(columns), &[piece], &[product], true) };
                }
                for i in 0..count {
                    let at = row + i;
                    // SAFETY: rows of this task's own sequences; they are read after all tasks are done.
                    unsafe {
                        rows_x.set(at - first, &x[at * input..(at + 1) * input]);
                        rows_h.set(at - first, &before[i * hidden..(i + 1) * hidden]);
                    }
                }
            }
        });

        // What the block adds to the weights' gradients, and the input's gradient.
        let d_gates = &d_gates[..count * width];
        let view = View::new(d_gates, count, width);
        let shares = parallel::ranges(width, threads, 16);
        let row_shares = parallel::ranges(count, shares.len(), 1);
        parallel::each(shares.len(), count * width * (input + hidden) > 1 << 18, |share| {
            for columns in cell.products() {
                let range = columns.range.start * hidden..columns.range.end * hidden;
                let mine = range.start.max(shares[share].start)..range.end.min(shares[share].end);
                if mine.is_empty() {
                    continue;
                }
                let mut sums = Vec::with_capacity(2);
                if columns.input {
                    sums.push(Product::new(&block_x, at_row(&dw_ih, mine.start, input), input, &[]));
                }
                if let Some(row) = columns.state {
                    let to = row * hidden + mine.start - range.start;
                    sums.push(Product::new(&block_h, at_row(&dw_hh, to, hidden), hidden, &[]));
                }
                let piece = Piece { rows: 0..mine.len(), to: 0 };
                // SAFETY: tasks own disjoint rows of the weights' gradients.
                unsafe { products(&view.columns(mine).transposed(), &[piece], &sums, true) };
            }
            let own = &shares[share];
            // SAFETY: tasks own disjoint columns.
            add_columns_serial(d_gates, width, own.start, unsafe { db.slice(own.start, own.len()) });
            if let Some(rows) = row_shares.get(share) {
                // columns = x W_ih^T + ...
                let product = Product::new(weight_ih, at_row(&dx, first, input), input, &[]);
                let piece = Piece { rows: rows.clone(), to: rows.start };
                // SAFETY: tasks own disjoint rows.
                unsafe { products(&view.columns(0..gates), &[piece], &[product], false) };
            }
        });
    }
    let bias_ih = d_bias[..gates].to_vec();
    let bias_hh = cell.state_pieces(hidden).flat_map(|(columns, _)| d_bias[columns].to_vec()).collect();
    Gradient {
        x: d_x,
        weight_ih: d_weight_ih,
        weight_hh: d_weight_hh,
        bias_ih,
        bias_hh,
        hidden: d_hidden,
        cell: d_cell,
    }
}

/// The first element of a row.
fn at_row<T>(matrix: &Shared<T>, row: usize, cols: usize) -> *mut T {
    assert!(row * cols <= matrix.len());
    matrix.pointer().wrapping_add(row * cols)
}

/// The activations of a block, computed again.
struct Again<B> {
    gates: B,
    h: B,
    c_before: B,
    c: B,
}

impl<T: Real> Again<Buffer<T>> {
    fn new(rows: usize, width: usize, cell: usize, hidden: usize) -> Self {
        let take = |columns| Buffer::take(rows * columns);
        Self { gates: take(width), h: take(hidden), c_before: take(cell), c: take(cell) }
    }

    fn shared(&mut self) -> Again<Shared<T>> {
        Again {
            gates: Shared::new(&mut self.gates),
            h: Shared::new(&mut self.h),
            c_before: Shared::new(&mut self.c_before),
            c: Shared::new(&mut self.c),
        }
    }
}
