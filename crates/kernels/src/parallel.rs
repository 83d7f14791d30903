//! Splitting work over threads without letting the split show in the result.

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
        assert!(start + len <= self.1, "slice out of bounds");
        // SAFETY: in bounds by the assertion; exclusive by the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

/// Threads that work may be split over.
pub fn threads() -> usize {
    rayon::current_num_threads().max(1)
}

/// Runs `task(0) .. task(count - 1)`, on several threads where `worth` says that it pays.
pub fn each(count: usize, worth: bool, task: impl Fn(usize) + Send + Sync) {
    if count <= 1 || !worth || threads() == 1 {
        (0..count).for_each(task);
        return;
    }
    rayon::scope(|scope| {
        let task = &task;
        for index in 1..count {
            scope.spawn(move |_| task(index));
        }
        task(0);
    });
}

/// Splits `0 .. total` into at most `parts` ranges whose borders are multiples of `grain`.
pub fn ranges(total: usize, parts: usize, grain: usize) -> Vec<std::ops::Range<usize>> {
    let blocks = total.div_ceil(grain.max(1));
    let parts = parts.clamp(1, blocks.max(1));
    (0..parts)
        .map(|part| {
            let start = blocks * part / parts * grain;
            let end = (blocks * (part + 1) / parts * grain).min(total);
            start..end
        })
        .filter(|range| !range.is_empty())
        .collect()
}

/// What `task` returns for each row of `data[_, width]`, rows shared out over the threads.
pub fn map_rows<T: Send, R: Send + Clone + Default>(
    data: &mut [T],
    width: usize,
    task: impl Fn(usize, &mut [T]) -> R + Sync,
) -> Vec<R> {
    let rows = data.len().checked_div(width).unwrap_or(0);
    let mut results = vec![R::default(); rows];
    let worth = data.len() > 1 << 14;
    let (data, out) = (Shared::new(data), Shared::new(&mut results));
    let parts = ranges(rows, threads(), 1);
    each(parts.len(), worth, |part| {
        for row in parts[part].clone() {
            // SAFETY: each row and its result belong to one part.
            unsafe { out.slice(row, 1)[0] = task(row, data.slice(row * width, width)) };
        }
    });
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_everything_once() {
        for total in [0, 1, 7, 32, 33, 100] {
            for parts in [1, 2, 3, 8] {
                let flat: Vec<usize> = ranges(total, parts, 8).into_iter().flatten().collect();
                assert_eq!(flat, (0..total).collect::<Vec<_>>());
            }
        }
    }
}
