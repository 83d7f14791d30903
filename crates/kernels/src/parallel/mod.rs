//! Splitting work over threads without letting the split show in the result.

mod awake;
mod team;

pub use awake::Awake;
pub use team::steps;

use std::cell::Cell;

/// A pointer that may be sent to other threads, for kernels whose tasks write disjoint parts of one
/// slice that a safe split can't describe (rows of one batch, columns of one matrix).
pub(crate) struct Shared<T>(*mut T, usize);

// SAFETY: the pointer comes from a `&mut [T]` that outlives the parallel section, and each task
// touches elements that no other task touches (the callers' contract, see `Shared::slice`).
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(slice: &mut [T]) -> Self {
        Self(slice.as_mut_ptr(), slice.len())
    }

    pub(crate) fn len(&self) -> usize {
        self.1
    }

    pub(crate) fn pointer(&self) -> *mut T {
        self.0
    }

    /// Elements `start .. start + len`.
    ///
    /// # Safety
    /// Nobody else may use any of these elements mutably while the returned slice lives, nor
    /// mutate what another task reads.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn slice(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.1 && len <= self.1 - start, "slice out of bounds");
        // SAFETY: in bounds by the assertion; exclusive by the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }

    /// The same to read only, by any number of tasks.
    ///
    /// # Safety
    /// Nobody may use any of these elements mutably while the returned slice lives.
    pub(crate) unsafe fn read(&self, start: usize, len: usize) -> &[T] {
        assert!(start <= self.1 && len <= self.1 - start, "slice out of bounds");
        // SAFETY: in bounds by the assertion; not written meanwhile by the caller's contract.
        unsafe { std::slice::from_raw_parts(self.0.add(start), len) }
    }
}

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Threads that work may be split over.
pub fn threads() -> usize {
    if ALONE.get() { 1 } else { rayon::current_num_threads().max(1) }
}

/// Runs `task` on the calling thread alone: for tasks that are shared out already. A thread that is woken for a part of one costs
/// more than it brings when every thread has a task of its own.
pub fn alone<R>(task: impl FnOnce() -> R) -> R {
    /// As it was before, even if the task panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _before = Before(ALONE.replace(true));
    task()
}

/// Runs `task(0) .. task(count - 1)`, on several threads where `worth` says that it pays.
pub fn each(count: usize, worth: bool, task: impl Fn(usize) + Send + Sync) {
    if count <= 1 || !worth || threads() == 1 {
        (0..count).for_each(task);
        return;
    }
    if !awake::each(count, &task) {
        halves(0..count, &task);
    }
}

/// What `task` makes of every item, in their order: as [`each`].
pub fn map<I: Sync, R: Send>(items: &[I], task: impl Fn(&I) -> R + Sync) -> Vec<R> {
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let shared = Shared::new(&mut results);
    each(items.len(), true, |k| {
        // SAFETY: every item has a result of its own.
        unsafe { shared.slice(k, 1)[0] = Some(task(&items[k])) };
    });
    results.into_iter().map(|result| result.expect("every task was run")).collect()
}

/// Without a list of jobs: nothing is allocated.
fn halves(range: std::ops::Range<usize>, task: &(impl Fn(usize) + Sync)) {
    if range.len() == 1 {
        return task(range.start);
    }
    let middle = range.start + range.len().div_ceil(2);
    rayon::join(|| halves(range.start..middle, task), || halves(middle..range.end, task));
}

/// `0 .. total` in at most `parts` ranges whose borders are multiples of `grain`.
pub fn ranges(total: usize, parts: usize, grain: usize) -> Ranges {
    let blocks = total.div_ceil(grain.max(1));
    Ranges { total, blocks, grain: grain.max(1), parts: parts.clamp(1, blocks.max(1)) }
}

/// Ranges that cover another one, see [`ranges`].
#[derive(Clone, Copy, Debug)]
pub struct Ranges {
    total: usize,
    blocks: usize,
    grain: usize,
    parts: usize,
}

impl Ranges {
    /// How many there are; none is empty.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        if self.total == 0 { 0 } else { self.parts }
    }

    /// One of them; an empty range where there are fewer.
    pub fn at(&self, part: usize) -> std::ops::Range<usize> {
        if part >= self.len() {
            return 0..0;
        }
        let border = |part: usize| (self.blocks * part / self.parts * self.grain).min(self.total);
        border(part)..border(part + 1)
    }
}

/// Runs `task(row, data's row, results[row])` for each row of `data[_, width]`, shared out over the threads. Nothing is
/// allocated.
///
/// # Panics
/// If there are fewer results than rows.
pub fn each_row<T: Send, R: Send>(
    data: &mut [T],
    width: usize,
    results: &mut [R],
    task: impl Fn(usize, &mut [T], &mut R) + Sync,
) {
    let rows = data.len().checked_div(width).unwrap_or(0);
    assert!(results.len() >= rows, "each_row: results");
    let worth = data.len() > 1 << 14;
    let (data, out) = (Shared::new(data), Shared::new(results));
    let parts = ranges(rows, threads(), 1);
    each(parts.len(), worth, |part| {
        for row in parts.at(part) {
            // SAFETY: each row and its result belong to one part.
            unsafe { task(row, data.slice(row * width, width), &mut out.slice(row, 1)[0]) };
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_everything_once() {
        for total in [0, 1, 7, 32, 33, 100] {
            for parts in [1, 2, 3, 8] {
                let ranges = ranges(total, parts, 8);
                let flat: Vec<usize> = (0..ranges.len()).flat_map(|part| ranges.at(part)).collect();
                assert!((0..ranges.len()).all(|part| !ranges.at(part).is_empty()) && ranges.at(parts).is_empty());
                assert_eq!(flat, (0..total).collect::<Vec<_>>());
            }
        }
    }
}
