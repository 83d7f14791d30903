//! The operands of a product: the left one as it lies in memory, the right one packed.

use super::{DEPTH, WORTH};
use crate::Real;
use crate::parallel::{self, Shared};
use std::ops::Range;

/// A matrix seen through strides, in elements.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    pub(super) data: &'a [T],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

impl<'a, T> View<'a, T> {
    /// A row-major matrix `[rows, cols]`.
    ///
    /// # Panics
    /// If `data` has another length.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "View::new: {rows} x {cols}");
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The same numbers with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// Some of the rows.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn rows(self, rows: Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "View::rows: {rows:?} of {}", self.rows);
        let first = (rows.start * self.row_stride).min(self.data.len());
        Self { data: &self.data[first..], rows: rows.len(), ..self }
    }

    /// Some of the columns.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn columns(self, columns: Range<usize>) -> Self {
        self.transposed().rows(columns).transposed()
    }
}

/// The right operand `[depth, cols]` of a product, laid out as the micro-kernel reads it.
#[derive(Clone, Debug)]
pub struct Packed<T> {
    pub(super) data: Vec<T>,
    pub(super) depth: usize,
    pub(super) cols: usize,
    pub(super) width: usize,
}

impl<T: Real> Packed<T> {
    /// Packs `b`.
    pub fn new(b: View<'_, T>) -> Self {
        let width = T::micro().cols;
        let (depth, cols) = (b.rows, b.cols);
        let panels = cols.div_ceil(width);
        let mut data = vec![T::ZERO; depth * panels * width];
        let blocks = depth.div_ceil(DEPTH);
        let shared = Shared::new(&mut data);
        let pack = |index: usize| {
            let (block, panel) = (index / panels, index % panels);
            let start = block * DEPTH;
            let length = DEPTH.min(depth - start);
            // SAFETY: panels are disjoint pieces of `data`, one task each.
            let to = unsafe { shared.slice((start * panels + panel * length) * width, length * width) };
            let first = panel * width;
            let wide = width.min(cols - first);
            if b.col_stride == 1 {
                for (p, to) in to.chunks_exact_mut(width).enumerate() {
                    let from = (start + p) * b.row_stride + first;
                    to[..wide].copy_from_slice(&b.data[from..from + wide]);
                }
            } else {
                // In pieces of 16 so that the strided side stays in the first-level cache.
                for p0 in (0..length).step_by(16) {
                    let p1 = length.min(p0 + 16);
                    for j in 0..wide {
                        let from = (first + j) * b.col_stride + start * b.row_stride;
                        for p in p0..p1 {
                            to[p * width + j] = b.data[from + p * b.row_stride];
                        }
                    }
                }
            }
        };
        let count = blocks * panels;
        let parts = parallel::ranges(count, parallel::threads(), 1);
        parallel::each(parts.len(), depth * cols > WORTH / 4, |part| {
            parts[part].clone().for_each(&pack);
        });
        Self { data, depth, cols, width }
    }

    /// Room for `depth` rows of `cols` numbers that [`Packed::rows`] fills.
    pub(crate) fn with_room(depth: usize, cols: usize) -> Self {
        let width = T::micro().cols;
        Self { data: vec![T::ZERO; depth * cols.div_ceil(width) * width], depth, cols, width }
    }

    /// Another inner dimension, at most the one that there was room for; what was packed is lost.
    pub(crate) fn set_depth(&mut self, depth: usize) {
        assert!(depth * self.panels() * self.width <= self.data.len(), "set_depth: no room");
        self.depth = depth;
    }

    /// To pack row by row, on several threads.
    pub(crate) fn rows(&mut self) -> PackedRows<T> {
        PackedRows { data: Shared::new(&mut self.data), depth: self.depth, cols: self.cols, width: self.width }
    }

    /// Inner dimension.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Columns of the product.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Columns of a panel.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn panels(&self) -> usize {
        self.cols.div_ceil(self.width)
    }
}

/// A [`Packed`] operand that is filled row by row.
pub(crate) struct PackedRows<T> {
    data: Shared<T>,
    depth: usize,
    cols: usize,
    width: usize,
}

impl<T: Copy> PackedRows<T> {
    /// Packs one row.
    ///
    /// # Safety
    /// The operand is alive, and nobody else writes this row or reads the operand meanwhile.
    pub(crate) unsafe fn set(&self, row: usize, values: &[T]) {
        assert!(row < self.depth && values.len() == self.cols, "PackedRows::set: row {row} of {}", self.depth);
        let panels = self.cols.div_ceil(self.width);
        let start = row / DEPTH * DEPTH;
        let length = DEPTH.min(self.depth - start);
        for (panel, values) in values.chunks(self.width).enumerate() {
            let at = (start * panels + panel * length + row - start) * self.width;
            // SAFETY: the caller's contract.
            unsafe { self.data.slice(at, values.len()) }.copy_from_slice(values);
        }
    }
}
