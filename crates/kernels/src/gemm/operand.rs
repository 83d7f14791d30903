//! The operands of a product: the left one as it lies in memory, the right one packed.

use super::{DEPTH, WORTH};
use crate::buffer::Aligned;
use crate::parallel::{self, Shared};
use crate::{Real, multiversion};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
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
        assert_eq!(Some(data.len()), rows.checked_mul(cols), "View::new: {rows} x {cols}");
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// A matrix `[rows, cols]` whose rows begin `row_stride` apart.
    ///
    /// # Panics
    /// If `data` is shorter, or the stride than a row.
    pub fn strided(data: &'a [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        let reaches = rows.checked_mul(row_stride).is_some_and(|n| n <= data.len());
        assert!(cols <= row_stride && reaches, "View::strided: {rows} x {cols} of {row_stride}");
        Self { data, rows, cols, row_stride, col_stride: 1 }
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

    /// One row of a matrix whose columns stand together.
    pub(crate) fn row(&self, row: usize) -> &'a [T] {
        assert!(row < self.rows && self.col_stride == 1, "View::row: {row} of {}", self.rows);
        &self.data[row * self.row_stride..][..self.cols]
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

/// What the operands of a product are rounded to; sums are always of the full type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Not at all.
    #[default]
    Full,
    /// To bfloat16, eight bits of exponent and eight of precision: twice the speed where the processor multiplies pairs
    /// of them, the same numbers in registers of the full type elsewhere.
    Bf16,
}

/// The numbers of a packed operand.
#[derive(Debug)]
pub(super) enum Storage<T> {
    /// As they are.
    Full(Aligned<MaybeUninit<T>>),
    /// Rounded to bfloat16, in the full type.
    Rounded(Aligned<MaybeUninit<T>>),
    /// Two neighbours along the inner dimension in a word, the first in its low half.
    Pairs(Aligned<MaybeUninit<u32>>),
}

/// The right operand `[depth, cols]` of a product, laid out as the micro-kernel reads it: in blocks of [`DEPTH`] rows,
/// each of which has its panels one after the other.
#[derive(Debug)]
pub struct Packed<T> {
    pub(super) storage: Storage<T>,
    pub(super) depth: usize,
    pub(super) cols: usize,
    pub(super) width: usize,
}

impl<T: Real> Packed<T> {
    /// Packs `b`.
    pub fn new(b: View<'_, T>) -> Self {
        Self::with_format(b, Format::Full)
    }

    /// Packs `b`, rounded.
    pub fn with_format(b: View<'_, T>, format: Format) -> Self {
        // SAFETY: packed below.
        let mut packed = unsafe { Self::with_room(b.rows, b.cols, format) };
        if b.col_stride == 1 {
            packed.pack(|part: Part<'_, T>| part.lines(|row, first| &b.data[row * b.row_stride + first..]));
        } else {
            packed.pack(|part: Part<'_, T>| part.columns(b.data, (b.row_stride, b.col_stride)));
        }
        packed
    }

    /// Room for `depth` rows of `cols` numbers.
    ///
    /// # Safety
    /// It is packed, every index of [`Packed::packing`], before anything is multiplied with it.
    pub(crate) unsafe fn with_room(depth: usize, cols: usize, format: Format) -> Self {
        let width = T::micro().cols;
        let columns = cols.div_ceil(width) * width;
        let storage = match format {
            Format::Full => Storage::Full(Aligned::unwritten(depth * columns)),
            Format::Bf16 if T::micro().pairs.is_some() => {
                Storage::Pairs(Aligned::unwritten(depth.div_ceil(2) * columns))
            }
            Format::Bf16 => Storage::Rounded(Aligned::unwritten(depth * columns)),
        };
        Self { storage, depth, cols, width }
    }

    /// Another inner dimension, at most the one that there was room for; what was packed is lost.
    ///
    /// # Safety
    /// As [`Packed::with_room`].
    pub(crate) unsafe fn set_depth(&mut self, depth: usize) {
        let (room, rows) = match &self.storage {
            Storage::Full(numbers) | Storage::Rounded(numbers) => (numbers.len(), depth),
            Storage::Pairs(words) => (words.len(), depth.div_ceil(2)),
        };
        assert!(rows * self.panels() * self.width <= room, "set_depth: no room");
        self.depth = depth;
    }

    /// Packs what `fill` writes, on all threads.
    pub(super) fn pack(&mut self, fill: impl Fn(Part<'_, T>) + Sync) {
        let worth = self.depth * self.cols > WORTH / 4;
        let packing = self.packing(fill);
        let parts = parallel::ranges(packing.count(), parallel::threads(), 1);
        parallel::each(parts.len(), worth, |part| {
            for index in parts.at(part) {
                // SAFETY: each index once.
                unsafe { packing.run(index) };
            }
        });
    }

    /// The same in pieces, for callers that have more to share out.
    pub(crate) fn packing<F: Fn(Part<'_, T>) + Sync>(&mut self, fill: F) -> Packing<'_, T, F> {
        let (depth, cols, width, panels) = (self.depth, self.cols, self.width, self.panels());
        let count = depth.div_ceil(DEPTH) * panels;
        let offsets = (0..count).map(|index| self.offset(index / panels * DEPTH, index % panels)).collect();
        let to = match &mut self.storage {
            Storage::Full(numbers) => Destination::Full(Shared::new(numbers)),
            Storage::Rounded(numbers) => Destination::Rounded(Shared::new(numbers)),
            Storage::Pairs(words) => Destination::Pairs(Shared::new(words)),
        };
        Packing { fill, to, depth, cols, width, panels, offsets, packed: PhantomData }
    }

    /// The first number, or word.
    pub(super) fn pointer(&self) -> *const T {
        match &self.storage {
            Storage::Full(numbers) | Storage::Rounded(numbers) => numbers.as_ptr().cast(),
            Storage::Pairs(words) => words.as_ptr().cast(),
        }
    }

    /// Where a panel of the block of rows that begins at `start` begins.
    pub(super) fn offset(&self, start: usize, panel: usize) -> usize {
        let length = DEPTH.min(self.depth - start);
        let (start, length) = match self.storage {
            Storage::Pairs(_) => (start / 2, length.div_ceil(2)),
            _ => (start, length),
        };
        (start * self.panels() + panel * length) * self.width
    }

    /// Inner dimension.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Columns of the product.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// What its numbers are rounded to.
    pub fn format(&self) -> Format {
        if matches!(self.storage, Storage::Full(_)) { Format::Full } else { Format::Bf16 }
    }

    /// Columns of a panel.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn panels(&self) -> usize {
        self.cols.div_ceil(self.width)
    }
}

/// Where a [`Packing`] writes.
enum Destination<T> {
    Full(Shared<MaybeUninit<T>>),
    Rounded(Shared<MaybeUninit<T>>),
    Pairs(Shared<MaybeUninit<u32>>),
}

/// At least the width of any panel.
const WIDEST: usize = 32;
/// The width of most others.
const HALF: usize = 16;
/// Rows that are packed together: a line of memory of a column.
const TILE: usize = 16;

/// Rows `row .. row + rows` and columns `first .. first + wide` of an operand, to be written row after row.
pub(crate) struct Part<'a, T> {
    row: usize,
    rows: usize,
    first: usize,
    wide: usize,
    to: &'a mut Lines<T>,
    /// Room, zeros beyond the columns that the part has.
    columns: &'a mut Columns<T>,
}

/// Rows of a panel on their way into it.
pub(super) type Lines<T> = [[T; WIDEST]; TILE];
/// The same as columns.
pub(super) type Columns<T> = [[T; TILE]; WIDEST];

impl<T: Real> Part<'_, T> {
    /// Writes what stands at `line(row, first)` and after it.
    pub(crate) fn lines<'l>(self, line: impl Fn(usize, usize) -> &'l [T])
    where
        T: 'l,
    {
        for (i, to) in self.to.iter_mut().enumerate().take(self.rows) {
            let line = line(self.row + i, self.first);
            // Whole panels without a call.
            match (self.wide, line.first_chunk(), line.first_chunk()) {
                (WIDEST, Some(line), _) => *to = *line,
                (HALF, _, Some(line)) => *to.first_chunk_mut::<HALF>().expect("no wider") = *line,
                _ => to[..self.wide].copy_from_slice(&line[..self.wide]),
            }
        }
    }

    /// Writes what `data` holds, `strides` of a row and of a column, where the rows stand closer together than the columns.
    fn columns(self, data: &[T], (row_stride, col_stride): (usize, usize)) {
        let Self { row, rows, first, wide, to, columns } = self;
        for (j, column) in columns[..wide].iter_mut().enumerate() {
            let from = &data[row * row_stride + (first + j) * col_stride..];
            match (row_stride, from.first_chunk()) {
                (1, Some(whole)) => *column = *whole,
                _ => column.iter_mut().zip(from.iter().step_by(row_stride)).take(rows).for_each(|(to, x)| *to = *x),
            }
        }
        // SAFETY: the processor has the instructions of its own micro-kernel.
        unsafe { (T::micro().transpose)(columns, to, wide) };
    }
}

/// A [`Packed`] operand being packed: a panel of a block of rows an index.
pub(crate) struct Packing<'p, T, F> {
    fill: F,
    to: Destination<T>,
    depth: usize,
    cols: usize,
    width: usize,
    panels: usize,
    offsets: Vec<usize>,
    packed: PhantomData<&'p mut T>,
}

impl<T: Real, F: Fn(Part<'_, T>) + Sync> Packing<'_, T, F> {
    /// How many indices there are.
    pub(crate) fn count(&self) -> usize {
        self.offsets.len()
    }

    /// Packs one.
    ///
    /// # Safety
    /// Nobody else packs the same index meanwhile.
    pub(crate) unsafe fn run(&self, index: usize) {
        let (start, first, offset) =
            (index / self.panels * DEPTH, index % self.panels * self.width, self.offsets[index]);
        let (length, wide) = (DEPTH.min(self.depth - start), self.width.min(self.cols - first));
        let (mut tile, mut columns) = ([[T::ZERO; WIDEST]; TILE], [[T::ZERO; TILE]; WIDEST]);
        for at in (0..length).step_by(TILE) {
            let (row, rows) = (start + at, TILE.min(length - at));
            (self.fill)(Part { row, rows, first, wide, to: &mut tile, columns: &mut columns });
            if let Destination::Pairs(_) = self.to {
                tile[rows..].fill([T::ZERO; WIDEST]);
            }
            // SAFETY: panels are disjoint pieces; the caller's contract.
            unsafe {
                match &self.to {
                    Destination::Full(to) => {
                        whole(&tile[..rows], to.slice(offset + at * self.width, rows * self.width))
                    }
                    Destination::Rounded(to) => {
                        rounded(&tile[..rows], to.slice(offset + at * self.width, rows * self.width))
                    }
                    Destination::Pairs(to) => {
                        let pairs = rows.div_ceil(2);
                        joined(&tile[..2 * pairs], to.slice(offset + at / 2 * self.width, pairs * self.width));
                    }
                }
            }
        }
    }
}

/// Writes as much of every `N` rows as a panel is wide.
#[inline(always)]
fn spread<T: Copy, U, const N: usize>(
    rows: &[[T; WIDEST]],
    to: &mut [MaybeUninit<U>],
    number: impl Fn(&[[T; WIDEST]; N], usize) -> U,
) {
    let (rows, _) = rows.as_chunks::<N>();
    let width = to.len() / rows.len();
    for (rows, to) in rows.iter().zip(to.chunks_exact_mut(width)) {
        // Blocks of a constant length become vectors.
        let (blocks, rest) = to.as_chunks_mut::<8>();
        let first = 8 * blocks.len();
        for (index, block) in blocks.iter_mut().enumerate() {
            (0..8).for_each(|j| {
                block[j].write(number(rows, 8 * index + j));
            });
        }
        rest.iter_mut().enumerate().for_each(|(j, to)| {
            to.write(number(rows, first + j));
        });
    }
}

#[inline(always)]
fn whole_body<T: Real, const FMA: bool>(rows: &[[T; WIDEST]], to: &mut [MaybeUninit<T>]) {
    spread(rows, to, |[row]: &[_; 1], j| row[j]);
}

#[inline(always)]
fn rounded_body<T: Real, const FMA: bool>(rows: &[[T; WIDEST]], to: &mut [MaybeUninit<T>]) {
    spread(rows, to, |[row]: &[_; 1], j| row[j].to_bf16());
}

#[inline(always)]
fn joined_body<T: Real, const FMA: bool>(rows: &[[T; WIDEST]], to: &mut [MaybeUninit<u32>]) {
    spread(rows, to, |[even, odd], j| u32::from(even[j].bf16_bits()) | u32::from(odd[j].bf16_bits()) << 16);
}

multiversion! {
    fn whole<T: Real>(rows: &[[T; WIDEST]], to: &mut [MaybeUninit<T>]) = whole_body
}
multiversion! {
    fn rounded<T: Real>(rows: &[[T; WIDEST]], to: &mut [MaybeUninit<T>]) = rounded_body
}
multiversion! {
    /// Two rows as pairs.
    fn joined<T: Real>(rows: &[[T; WIDEST]], to: &mut [MaybeUninit<u32>]) = joined_body
}
