//! Memory that begins at a line of the caches, and is taken once and used again.
//!
//! A training step takes and drops the same blocks over and over. Fresh memory costs a page fault per 4 KiB and a pass
//! that clears it (a third of PyTorch's time as installed); a [`Buffer`] goes back to a pool and comes out of it with
//! whatever it held.

use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Most bytes that a pool keeps for later.
const KEPT: usize = 128 << 20;

/// Bytes of a line of the caches.
const LINE: usize = 64;

/// A type of numbers that has a pool.
pub trait Plain: Copy + Default + 'static {
    /// Where buffers of this type wait for their next use.
    fn pool() -> &'static Pool<Self>;
}

macro_rules! plain {
    ($($number:ty)*) => {
        $(impl Plain for $number {
            fn pool() -> &'static Pool<Self> {
                static POOL: Pool<$number> = Pool::new();
                &POOL
            }
        })*
    };
}
plain!(f32 f64 u16);

/// Numbers of which the first begins a line: a vector of them lies in one, not across two.
#[derive(Debug, Default)]
pub struct Aligned<T> {
    /// A line more than there is room for: memory that is asked for by its alignment would be scattered.
    data: Vec<T>,
    first: usize,
    len: usize,
}

impl<T: Plain> Aligned<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        if len == 0 {
            return Self::default();
        }
        Self::beginning_at_a_line(vec![T::default(); with_a_line::<T>(len)], len)
    }
}

impl<T> Aligned<MaybeUninit<T>> {
    /// Room for `len` numbers, none of them written.
    pub(crate) fn unwritten(len: usize) -> Self {
        let mut data = Vec::with_capacity(with_a_line::<T>(len));
        // SAFETY: there is room, and what may be unwritten needs no writing.
        unsafe { data.set_len(with_a_line::<T>(len)) };
        Self::beginning_at_a_line(data, len)
    }
}

/// Numbers to ask for, that there are `len` from a line on.
fn with_a_line<T>(len: usize) -> usize {
    len + LINE / size_of::<T>()
}

impl<T> Aligned<T> {
    fn beginning_at_a_line(data: Vec<T>, len: usize) -> Self {
        Self { first: data.as_ptr().align_offset(LINE), data, len }
    }

    /// Numbers that there is room for.
    fn room(&self) -> usize {
        self.data.len().saturating_sub(LINE / size_of::<T>())
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.data[self.first..self.first + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data[self.first..self.first + self.len]
    }
}

/// Buffers waiting for their next use.
#[derive(Debug)]
pub struct Pool<T>(Mutex<Vec<Aligned<T>>>);

impl<T> Pool<T> {
    /// Nothing in it.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Aligned<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A slice from the pool of its type.
#[derive(Debug)]
pub struct Buffer<T: Plain>(Aligned<T>);

impl<T: Plain> Buffer<T> {
    /// `len` numbers of no particular value: whoever takes a buffer writes it before reading it.
    pub fn take(len: usize) -> Self {
        if len == 0 {
            return Self(Aligned::default());
        }
        let mut free = T::pool().free();
        // The smallest that is large enough and not wasteful.
        let fits = |v: &&mut Aligned<T>| v.room() >= len && v.room() <= 2 * len.max(1 << 10);
        let found = free.iter_mut().filter(fits).min_by_key(|v| v.room()).map(std::mem::take);
        free.retain(|v| v.room() > 0);
        drop(free);
        let mut numbers = found.unwrap_or_else(|| Aligned::zeros(len));
        numbers.len = len;
        Self(numbers)
    }
}

impl<T: Plain> Drop for Buffer<T> {
    fn drop(&mut self) {
        let mut free = T::pool().free();
        let kept: usize = free.iter().map(Aligned::room).sum();
        if self.0.room() > 0 && (kept + self.0.room()) * size_of::<T>() <= KEPT {
            free.push(std::mem::take(&mut self.0));
        }
    }
}

impl<T: Plain> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Plain> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_has_the_length_asked_for_and_its_memory_comes_back() {
        let mut first = Buffer::<f64>::take(123_457);
        first.fill(3.0);
        let place = first.as_ptr();
        drop(first);
        let again = Buffer::<f64>::take(120_000);
        assert_eq!((again.len(), again.as_ptr()), (120_000, place));
        assert_eq!(Buffer::<f64>::take(0).len(), 0);
    }

    #[test]
    fn numbers_begin_at_a_line() {
        for len in [1, 15, 16, 17, 1000] {
            let numbers = Aligned::<f32>::zeros(len);
            assert!(numbers.len() == len && numbers.iter().all(|x| *x == 0.0));
            assert_eq!(numbers.as_ptr() as usize % 64, 0);
            assert_eq!(Aligned::<MaybeUninit<u16>>::unwritten(len).as_ptr() as usize % 64, 0);
        }
    }
}
