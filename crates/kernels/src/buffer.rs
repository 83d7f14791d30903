//! Memory that is taken once and used again.
//!
//! A training step takes and drops the same blocks over and over. Fresh memory costs a page fault per 4 KiB and a pass
//! that clears it (a third of PyTorch's time as installed); a [`Buffer`] goes back to a pool and comes out of it with
//! whatever it held.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Most elements that a pool keeps for later.
const KEPT: usize = 32 << 20;

/// Buffers waiting for their next use.
#[derive(Debug)]
pub struct Pool<T>(Mutex<Vec<Vec<T>>>);

impl<T> Pool<T> {
    /// Nothing in it.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A type of numbers that has a pool.
pub trait Pooled: Copy + Default + 'static {
    /// Where buffers of this type wait for their next use.
    fn pool() -> &'static Pool<Self>;
}

macro_rules! pooled {
    ($($number:ty)*) => {
        $(impl Pooled for $number {
            fn pool() -> &'static Pool<Self> {
                static POOL: Pool<$number> = Pool::new();
                &POOL
            }
        })*
    };
}
pooled!(f32 f64 u16);

/// A slice from the pool of its type.
#[derive(Debug)]
pub struct Buffer<T: Pooled> {
    data: Vec<T>,
    len: usize,
}

impl<T: Pooled> Buffer<T> {
    /// `len` numbers of no particular value: whoever takes a buffer writes it before reading it.
    pub fn take(len: usize) -> Self {
        let mut free = T::pool().free();
        // The smallest that is large enough and not wasteful.
        let fits = |v: &&mut Vec<T>| v.len() >= len && v.len() <= 2 * len.max(1 << 10);
        let found = free.iter_mut().filter(fits).min_by_key(|v| v.len()).map(std::mem::take);
        free.retain(|v| !v.is_empty());
        drop(free);
        let data = found.unwrap_or_else(|| vec![T::default(); len]);
        Self { data, len }
    }
}

impl<T: Pooled> Drop for Buffer<T> {
    fn drop(&mut self) {
        let mut free = T::pool().free();
        let kept: usize = free.iter().map(Vec::len).sum();
        if !self.data.is_empty() && kept + self.data.len() <= KEPT {
            free.push(std::mem::take(&mut self.data));
        }
    }
}

impl<T: Pooled> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.data[..self.len]
    }
}

impl<T: Pooled> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data[..self.len]
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
}
