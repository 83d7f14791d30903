//! What each block of a backward pass adds to the gradients of the parameters, and the input's gradient.

use super::Cell;
use super::gradient::ParameterGradients;
use super::kept::Rows;
use super::layer::Layer;
use crate::Real;
use crate::gemm::{Packed, Part, Piece, Product, products};
use crate::parallel::{self, Shared};

/// Gradients of the parameters in the making.
pub(super) struct ParameterSums<T: Real> {
    cell: Cell,
    hidden: usize,
    gradients: ParameterGradients<T>,
    /// Of both biases, `[columns x hidden]`.
    bias: Vec<T>,
    block_x: Packed<T>,
    block_h: Packed<T>,
}

impl<T: Real> ParameterSums<T> {
    /// To be added to `gradients`, in blocks of at most `most` rows.
    pub(super) fn new(layer: &Layer<'_, T>, gradients: ParameterGradients<T>, most: usize) -> Self {
        // SAFETY: `add` packs them before it multiplies.
        let room = |columns| unsafe { Packed::with_room(most, columns, layer.format()) };
        Self {
            cell: layer.cell,
            hidden: layer.hidden,
            gradients,
            bias: vec![T::ZERO; layer.width()],
            block_x: room(layer.input()),
            block_h: room(layer.hidden),
        }
    }

    /// Adds the share of the first `count` rows of `d_gates`. `x(row, first)` and `before(row, first)` are a row's input and
    /// the hidden state that its step began with, from a column on; `d_x` is `W_ih` and what becomes the input's gradient,
    /// `[count, input]`, if that is wanted.
    pub(super) fn add<'a>(
        &mut self,
        d_gates: &Rows<T>,
        count: usize,
        x: impl Fn(usize, usize) -> &'a [T] + Sync,
        before: impl Fn(usize, usize) -> &'a [T] + Sync,
        d_x: Option<(&Packed<T>, &mut [T])>,
    ) where
        T: 'a,
    {
        let (cell, hidden, threads) = (self.cell, self.hidden, parallel::threads());
        let (width, input, gates) = (self.bias.len(), self.block_x.cols(), cell.gates() * hidden);
        let worth = count * width * (input + hidden) > 1 << 18;
        // SAFETY: packed before they are multiplied.
        unsafe {
            self.block_x.set_depth(count);
            self.block_h.set_depth(count);
        }
        let pack_x = self.block_x.packing(|part: Part<'_, T>| part.lines(&x));
        let pack_h = self.block_h.packing(|part: Part<'_, T>| part.lines(&before));
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
        let (of_ih, of_hh) = (Shared::new(&mut self.gradients.weight_ih), Shared::new(&mut self.gradients.weight_hh));
        let of_bias = Shared::new(&mut self.bias);
        let of_x = d_x.map(|(weight_ih, d_x)| (weight_ih, Shared::new(d_x)));
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
                    sums.push(Product::new(&self.block_x, at_row(&of_ih, mine.start, input), input, &[]).adding());
                }
                if let Some(row) = columns.state {
                    let to = row * hidden + mine.start - range.start;
                    sums.push(Product::new(&self.block_h, at_row(&of_hh, to, hidden), hidden, &[]).adding());
                }
                let piece = Piece { rows: 0..mine.len(), to: 0 };
                // SAFETY: tasks own disjoint rows of the weights' gradients.
                unsafe { products(left.columns(mine).transposed(), &[piece], &sums) };
            }
            // SAFETY: tasks own disjoint columns.
            d_gates.add_columns(count, own.start, unsafe { of_bias.slice(own.start, own.len()) });
            let rows = row_shares.at(share);
            if let (Some((weight_ih, of_x)), false) = (&of_x, rows.is_empty()) {
                // columns = x W_ih^T + ...
                let product = Product::new(weight_ih, at_row(of_x, 0, input), input, &[]);
                let piece = Piece { rows: rows.clone(), to: rows.start };
                // SAFETY: tasks own disjoint rows.
                unsafe { products(left.columns(0..gates), &[piece], &[product]) };
            }
        });
    }

    /// The gradients.
    pub(super) fn finish(self) -> ParameterGradients<T> {
        let Self { cell, hidden, mut gradients, bias, .. } = self;
        gradients.bias_ih.iter_mut().zip(&bias).for_each(|(sum, d)| *sum += *d);
        let of_state = cell.state_pieces(hidden).flat_map(|(columns, _)| &bias[columns]);
        gradients.bias_hh.iter_mut().zip(of_state).for_each(|(sum, d)| *sum += *d);
        gradients
    }
}

/// The first element of a row.
fn at_row<T>(matrix: &Shared<T>, row: usize, cols: usize) -> *mut T {
    assert!(row * cols <= matrix.len());
    matrix.pointer().wrapping_add(row * cols)
}
