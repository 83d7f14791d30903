//! The left operand of a product: as it lies, or a block of it copied for the micro-kernel.

use super::{DEPTH, Pairs, View};
use crate::{Real, multiversion};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Columns of a scratch copy of the left operand: no multiple of a page's share of the first-level cache.
pub(super) const COPIED: usize = DEPTH + 16;
/// Most rows of any micro-kernel.
pub(super) const MOST_ROWS: usize = 12;
/// Most rows of those that take rounded numbers of the full type, and no less than a vector of them.
const LOW_ROWS: usize = 8;

/// A left operand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left<'a, T> {
    /// Of the full type.
    Numbers(View<'a, T>),
    /// Of bfloat16 numbers, for products of rounded operands.
    Halves(View<'a, u16>),
}

impl<T> Left<'_, T> {
    /// Rows and columns.
    pub(super) fn shape(&self) -> (usize, usize) {
        match self {
            Self::Numbers(view) => (view.rows, view.cols),
            Self::Halves(view) => (view.rows, view.cols),
        }
    }

    /// Do its columns lie together rather than its rows?
    pub(super) fn by_columns(&self) -> bool {
        match self {
            Self::Numbers(view) => view.col_stride != 1,
            Self::Halves(view) => view.col_stride != 1,
        }
    }

    /// With rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        match self {
            Self::Numbers(view) => Self::Numbers(view.transposed()),
            Self::Halves(view) => Self::Halves(view.transposed()),
        }
    }

    /// Some of the columns.
    pub(crate) fn columns(self, columns: Range<usize>) -> Self {
        match self {
            Self::Numbers(view) => Self::Numbers(view.columns(columns)),
            Self::Halves(view) => Self::Halves(view.columns(columns)),
        }
    }
}

impl<'a, T> From<View<'a, T>> for Left<'a, T> {
    fn from(view: View<'a, T>) -> Self {
        Self::Numbers(view)
    }
}

/// How the left operand must be laid out.
#[derive(Clone, Copy)]
pub(super) enum Layout<T> {
    Full,
    Rounded,
    Pairs(Pairs<T>),
}

impl<T> Layout<T> {
    pub(super) fn pairs(&self) -> Option<&Pairs<T>> {
        if let Self::Pairs(pairs) = self { Some(pairs) } else { None }
    }
}

/// A block of the left operand as the micro-kernel reads it, in place or copied to `scratch`: its first element, and the
/// strides of a row and of a column.
///
/// # Safety
/// The block lies inside the view, and `scratch` has room for `MOST_ROWS * COPIED` numbers.
pub(super) unsafe fn block<T: Real>(
    format: Layout<T>,
    a: &Left<'_, T>,
    (row, column): (usize, usize),
    size: (usize, usize),
    // Enough panels to pay for a copy.
    copy: bool,
    scratch: *mut T,
) -> (*const T, usize, usize) {
    let (height, depth) = size;
    let a = match a {
        Left::Numbers(a) => a,
        Left::Halves(a) => {
            let (from, strides) = (&a.data[row * a.row_stride + column * a.col_stride..], (a.row_stride, a.col_stride));
            // SAFETY: the caller's contract.
            return unsafe { left_halves(format, from, strides, size, scratch) };
        }
    };
    let numbers = &a.data[(row * a.row_stride + column * a.col_stride).min(a.data.len())..];
    let (from, strides) = (numbers.as_ptr(), (a.row_stride, a.col_stride));
    // Rows a multiple of half a page apart fall on the same few lines of the first-level cache.
    let crowded = (a.row_stride * size_of::<T>()).is_multiple_of(2048);
    // SAFETY: inside the view, and inside the scratch block.
    unsafe {
        match format {
            Layout::Pairs(Pairs { join: Some(join), .. }) => {
                let (row, col) = join(from, strides, size, scratch.cast());
                (scratch.cast_const(), row, col)
            }
            Layout::Full if a.col_stride == 1 && !(crowded && copy) => (from, a.row_stride, 1),
            Layout::Full if a.col_stride == 1 => {
                for i in 0..height {
                    std::ptr::copy_nonoverlapping(from.add(i * a.row_stride), scratch.add(i * COPIED), depth);
                }
                (scratch.cast_const(), COPIED, 1)
            }
            Layout::Full | Layout::Rounded | Layout::Pairs(_) => {
                let to = std::slice::from_raw_parts_mut(scratch.cast(), COPIED * MOST_ROWS);
                let copy = if let Layout::Full = format { copied } else { rounded };
                let (row, col) = copy(numbers, strides, size, to);
                (scratch.cast_const(), row, col)
            }
        }
    }
}

/// The same of bfloat16 numbers: pairs of neighbours of a row are words as they lie.
///
/// # Safety
/// As [`block`].
unsafe fn left_halves<T: Real>(
    format: Layout<T>,
    from: &[u16],
    strides: (usize, usize),
    size: (usize, usize),
    scratch: *mut T,
) -> (*const T, usize, usize) {
    let ((row, col), (height, depth)) = (strides, size);
    if !matches!(format, Layout::Pairs(Pairs { join: Some(_), .. })) {
        // SAFETY: the caller's contract.
        let to = unsafe { std::slice::from_raw_parts_mut(scratch.cast::<MaybeUninit<T>>(), COPIED * MOST_ROWS) };
        let (row, col) = widened(from, strides, size, to);
        return (scratch.cast_const(), row, col);
    }
    let whole = col == 1 && row % 2 == 0 && depth % 2 == 0 && from.as_ptr().cast::<u32>().is_aligned();
    if whole {
        return (from.as_ptr().cast(), row / 2, 1);
    }
    // SAFETY: as above; a word is no larger than a number of a type whose pairs are multiplied.
    let words = unsafe { std::slice::from_raw_parts_mut(scratch.cast::<MaybeUninit<u32>>(), COPIED * MOST_ROWS) };
    let (row, col) = match col {
        1 => {
            for i in 0..height {
                let words = words[i * COPIED..].iter_mut().zip(from[i * row..][..depth].chunks(2));
                words.for_each(|(word, pair)| {
                    word.write(pair.iter().rev().fold(0, |word, half| word << 16 | u32::from(*half)));
                });
            }
            (COPIED, 1)
        }
        _ => {
            interleaved::<T>(from, strides, size, words);
            (1, height)
        }
    };
    (scratch.cast_const(), row, col)
}

/// `to[pair, height]`: two neighbouring columns of `from[height, depth]` in a word, the first in its low half.
/// `T` says nothing here: what is compiled once an instruction set is generic over the type of numbers.
#[allow(clippy::extra_unused_type_parameters)]
#[inline(always)]
fn interleaved_body<T: Real, const FMA: bool>(
    from: &[u16],
    (row, col): (usize, usize),
    (height, depth): (usize, usize),
    to: &mut [MaybeUninit<u32>],
) {
    for pair in 0..depth.div_ceil(2) {
        let even = &from[2 * pair * col..];
        let odd = if 2 * pair + 1 < depth { &even[col..] } else { &[] };
        let words = &mut to[pair * height..];
        // Lines as long as the highest block, where there are any: what is too much is written again.
        if row == 1
            && let (Some(even), Some(odd), Some(words)) =
                (even.first_chunk::<MOST_ROWS>(), odd.first_chunk::<MOST_ROWS>(), words.first_chunk_mut::<MOST_ROWS>())
        {
            for i in 0..MOST_ROWS {
                words[i].write(u32::from(even[i]) | u32::from(odd[i]) << 16);
            }
            continue;
        }
        for (i, word) in words.iter_mut().enumerate().take(height) {
            let odd = odd.get(i * row).map_or(0, |odd| u32::from(*odd) << 16);
            word.write(u32::from(even[i * row]) | odd);
        }
    }
}

/// `from[height, depth]` as numbers of the full type in `to`, an even number of columns: as rows where they lie so, else as
/// columns; the strides of a row and a column in `to` are returned.
#[inline(always)]
fn convert<S: Copy, T: Real>(
    from: &[S],
    (row, col): (usize, usize),
    (height, depth): (usize, usize),
    to: &mut [MaybeUninit<T>],
    number: impl Fn(S) -> T,
) -> (usize, usize) {
    if col == 1 {
        for (i, to) in to.chunks_exact_mut(COPIED).enumerate().take(height) {
            to[..depth].iter_mut().zip(&from[i * row..][..depth]).for_each(|(to, x)| {
                to.write(number(*x));
            });
            to[depth].write(T::ZERO);
        }
        return (COPIED, 1);
    }
    for p in 0..depth {
        let (from, to) = (&from[p * col..], &mut to[p * height..]);
        // Lines of one length, though blocks are lower: what is too much is written again.
        let whole = match row {
            1 if height > LOW_ROWS => line::<_, _, MOST_ROWS>(from, to, &number),
            1 => line::<_, _, LOW_ROWS>(from, to, &number),
            _ => false,
        };
        if !whole {
            to.iter_mut().enumerate().take(height).for_each(|(i, to)| {
                to.write(number(from[i * row]));
            });
        }
    }
    to[depth * height..][..height].fill(MaybeUninit::new(T::ZERO));
    (1, height)
}

/// The first `N` numbers, if there are as many.
#[inline(always)]
fn line<S: Copy, T, const N: usize>(from: &[S], to: &mut [MaybeUninit<T>], number: impl Fn(S) -> T) -> bool {
    let (Some(from), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) else { return false };
    for i in 0..N {
        to[i].write(number(from[i]));
    }
    true
}

#[inline(always)]
fn copied_body<T: Real, const FMA: bool>(
    from: &[T],
    strides: (usize, usize),
    size: (usize, usize),
    to: &mut [MaybeUninit<T>],
) -> (usize, usize) {
    convert(from, strides, size, to, |x| x)
}

#[inline(always)]
fn rounded_body<T: Real, const FMA: bool>(
    from: &[T],
    strides: (usize, usize),
    size: (usize, usize),
    to: &mut [MaybeUninit<T>],
) -> (usize, usize) {
    convert(from, strides, size, to, T::to_bf16)
}

#[inline(always)]
fn widened_body<T: Real, const FMA: bool>(
    from: &[u16],
    strides: (usize, usize),
    size: (usize, usize),
    to: &mut [MaybeUninit<T>],
) -> (usize, usize) {
    convert(from, strides, size, to, T::from_bf16_bits)
}

multiversion! {
    fn interleaved<T: Real>(from: &[u16], strides: (usize, usize), size: (usize, usize), to: &mut [MaybeUninit<u32>]) = interleaved_body
}
multiversion! {
    fn copied<T: Real>(from: &[T], strides: (usize, usize), size: (usize, usize), to: &mut [MaybeUninit<T>]) -> (usize, usize) = copied_body
}
multiversion! {
    fn rounded<T: Real>(from: &[T], strides: (usize, usize), size: (usize, usize), to: &mut [MaybeUninit<T>]) -> (usize, usize) = rounded_body
}
multiversion! {
    fn widened<T: Real>(from: &[u16], strides: (usize, usize), size: (usize, usize), to: &mut [MaybeUninit<T>]) -> (usize, usize) = widened_body
}
