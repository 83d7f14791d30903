//! Activations of rows, and their gradients: as they are, or rounded to bfloat16 where the products are. Half the bytes then
//! pass through the caches, and the products find their operand as they read it.

use super::layer::stride;
use crate::buffer::Buffer;
use crate::elementwise::add_columns_serial;
use crate::gemm::{Format, Left, View};
use crate::parallel::Shared;
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};
use std::ops::Range;

/// Units that are widened, worked on and rounded together: what they need stays in the first-level cache.
pub(super) const CHUNK: usize = 64;

/// A matrix of one kind of numbers or of the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Either<A, B> {
    /// Of the full type.
    Full(A),
    /// bfloat16 as bits.
    Rounded(B),
}

/// Rows of activations, `stride` elements from one to the next.
#[derive(Debug)]
pub(super) struct Rows<T: Real> {
    width: usize,
    stride: usize,
    numbers: Either<Buffer<T>, Buffer<u16>>,
}

impl<T: Real> Rows<T> {
    /// Rows of no particular values.
    pub(super) fn take(rows: usize, width: usize, format: Format) -> Self {
        match format {
            Format::Full => {
                let stride = stride::<T>(width);
                Self { width, stride, numbers: Either::Full(Buffer::take(rows * stride)) }
            }
            Format::Bf16 => {
                // Pairs begin at a row's first element.
                let stride = stride::<u16>(width.next_multiple_of(2));
                Self { width, stride, numbers: Either::Rounded(Buffer::take(rows * stride)) }
            }
        }
    }

    /// Are they so many, of `width` elements?
    pub(super) fn check(&self, rows: usize, width: usize, check: Check) -> Result<(), ShapeError> {
        let len = match &self.numbers {
            Either::Full(numbers) => numbers.len(),
            Either::Rounded(halves) => halves.len(),
        };
        check.dimension("columns of the kept activations", self.width, width)?;
        check.dimension("rows of the kept activations", len / self.stride, rows)
    }

    /// Are there any?
    pub(super) fn any(&self) -> bool {
        match &self.numbers {
            Either::Full(numbers) => !numbers.is_empty(),
            Either::Rounded(halves) => !halves.is_empty(),
        }
    }

    /// What they are rounded to.
    pub(super) fn format(&self) -> Format {
        if let Either::Full(_) = self.numbers { Format::Full } else { Format::Bf16 }
    }

    /// One number.
    pub(super) fn at(&self, row: usize, column: usize) -> T {
        let at = row * self.stride + column;
        match &self.numbers {
            Either::Full(numbers) => numbers[at],
            Either::Rounded(halves) => T::from_bf16_bits(halves[at]),
        }
    }

    /// Some numbers of a row.
    pub(super) fn read(&self, row: usize, columns: Range<usize>) -> Either<&[T], &[u16]> {
        let at = row * self.stride + columns.start;
        match &self.numbers {
            Either::Full(numbers) => Either::Full(&numbers[at..at + columns.len()]),
            Either::Rounded(halves) => Either::Rounded(&halves[at..at + columns.len()]),
        }
    }

    /// The first rows, `width` elements each, as the left operand of a product.
    pub(super) fn left(&self, rows: usize, width: usize) -> Left<'_, T> {
        match &self.numbers {
            Either::Full(numbers) => {
                Left::Numbers(View::strided(&numbers[..rows * self.stride], rows, width, self.stride))
            }
            Either::Rounded(halves) => {
                Left::Halves(View::strided(&halves[..rows * self.stride], rows, width, self.stride))
            }
        }
    }

    /// `to +=` the sums of as many columns of the first `rows` rows from column `first` on, on the calling thread.
    pub(super) fn add_columns(&self, rows: usize, first: usize, to: &mut [T]) {
        match &self.numbers {
            Either::Full(numbers) => add_columns_serial(&numbers[..rows * self.stride], self.stride, first, to),
            Either::Rounded(halves) => add_halves(&halves[..rows * self.stride], self.stride, first, to),
        }
    }

    pub(super) fn shared(&mut self) -> SharedRows<T> {
        let numbers = match &mut self.numbers {
            Either::Full(numbers) => Either::Full(Shared::new(numbers)),
            Either::Rounded(halves) => Either::Rounded(Shared::new(halves)),
        };
        SharedRows { stride: self.stride, numbers }
    }
}

/// [`Rows`] that several threads write.
pub(super) struct SharedRows<T> {
    stride: usize,
    numbers: Either<Shared<T>, Shared<u16>>,
}

impl<T: Real> SharedRows<T> {
    /// The numbers themselves, unless they are rounded.
    pub(super) fn in_place(&self) -> Option<&Shared<T>> {
        match &self.numbers {
            Either::Full(numbers) => Some(numbers),
            Either::Rounded(_) => None,
        }
    }

    /// Some numbers of a row.
    ///
    /// # Safety
    /// As [`Shared::slice`].
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn slice(&self, row: usize, columns: Range<usize>) -> Either<&mut [T], &mut [u16]> {
        let at = row * self.stride + columns.start;
        // SAFETY: the caller's contract.
        unsafe {
            match &self.numbers {
                Either::Full(numbers) => Either::Full(numbers.slice(at, columns.len())),
                Either::Rounded(halves) => Either::Rounded(halves.slice(at, columns.len())),
            }
        }
    }

    /// The same to read only.
    ///
    /// # Safety
    /// Nobody writes there meanwhile.
    pub(super) unsafe fn read(&self, row: usize, columns: Range<usize>) -> Either<&[T], &[u16]> {
        let at = row * self.stride + columns.start;
        // SAFETY: the caller's contract.
        unsafe {
            match &self.numbers {
                Either::Full(numbers) => Either::Full(numbers.read(at, columns.len())),
                Either::Rounded(halves) => Either::Rounded(halves.read(at, columns.len())),
            }
        }
    }

    /// `count` rows from `first` on, `width` elements each, as the left operand of a product.
    ///
    /// # Safety
    /// Nobody writes there meanwhile.
    pub(super) unsafe fn left(&self, first: usize, count: usize, width: usize) -> Left<'_, T> {
        let (at, len) = (first * self.stride, count * self.stride);
        // SAFETY: the caller's contract.
        unsafe {
            match &self.numbers {
                Either::Full(numbers) => Left::Numbers(View::strided(numbers.read(at, len), count, width, self.stride)),
                Either::Rounded(halves) => Left::Halves(View::strided(halves.read(at, len), count, width, self.stride)),
            }
        }
    }
}

impl<'a, T: Real> Either<&'a [T], &'a [u16]> {
    /// The numbers, through `room` if they are rounded.
    ///
    /// # Panics
    /// If they are and there is none.
    pub(super) fn widened(self, room: Option<&'a mut [T; CHUNK]>) -> &'a [T] {
        match self {
            Self::Full(numbers) => numbers,
            Self::Rounded(halves) => {
                let room = &mut room.expect("room for rounded numbers")[..halves.len()];
                widen(halves, room);
                room
            }
        }
    }
}

#[inline(always)]
fn round_body<T: Real, const FMA: bool>(from: &[T], to: &mut [u16]) {
    for (to, x) in to.iter_mut().zip(from) {
        *to = x.bf16_bits();
    }
}

#[inline(always)]
fn widen_body<T: Real, const FMA: bool>(from: &[u16], to: &mut [T]) {
    for (to, x) in to.iter_mut().zip(from) {
        *to = T::from_bf16_bits(*x);
    }
}

#[inline(always)]
fn add_halves_body<T: Real, const FMA: bool>(a: &[u16], stride: usize, first: usize, to: &mut [T]) {
    for row in a.chunks_exact(stride) {
        for (t, x) in to.iter_mut().zip(&row[first..]) {
            *t += T::from_bf16_bits(*x);
        }
    }
}

multiversion! {
    /// The nearest bfloat16 numbers.
    pub(super) fn round<T: Real>(from: &[T], to: &mut [u16]) = round_body
}
multiversion! {
    fn widen<T: Real>(from: &[u16], to: &mut [T]) = widen_body
}
multiversion! {
    fn add_halves<T: Real>(a: &[u16], stride: usize, first: usize, to: &mut [T]) = add_halves_body
}
