//! Threads that stay awake between two pieces of work.
//!
//! A thread that sleeps is there 50 microseconds after it is called, and more on a virtual machine; one that waits for others falls
//! asleep after 15. Steps of small networks are over by then. So the threads of a training look for work between its steps, awake,
//! where one of them finds it in less than a microsecond.

use rayon::Yield;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread looks for more before it sleeps: longer than what one thread does alone between two steps.
const PATIENCE: Duration = Duration::from_millis(1);
/// How old a call may be that a thread follows: later it may be in the midst of other work, which would wait for it.
const FRESH: Duration = Duration::from_micros(500);
/// Looks at the work in sight for one at other threads' lists, and at the clock.
const LOOKS: usize = 64;

/// Keeps the pool's other threads awake through a loop of short steps.
#[derive(Debug, Default)]
pub struct Awake {
    /// Threads that are kept awake.
    kept: Arc<AtomicUsize>,
}

impl Awake {
    /// Asks all other threads of the calling thread's pool to stay awake, for as long as there is something to do every millisecond.
    /// To be called where nobody is at work but the calling thread: at the beginning of a step.
    pub fn call(&self) {
        let Some(caller) = rayon::current_thread_index() else { return };
        let called = Instant::now();
        for _ in self.kept.load(Ordering::Acquire)..super::threads() - 1 {
            self.kept.fetch_add(1, Ordering::AcqRel);
            let one = One::new(self.kept.clone());
            rayon::spawn(move || {
                // The caller comes by its own call while it waits for others: it has work.
                if rayon::current_thread_index() != Some(caller) && called.elapsed() < FRESH {
                    stay();
                }
                drop(one);
            });
        }
    }
}

/// One of the threads kept awake, until it is dropped.
struct One(Arc<AtomicUsize>);

impl One {
    fn new(kept: Arc<AtomicUsize>) -> Self {
        IN_SIGHT.watched.fetch_add(1, Ordering::AcqRel);
        Self(kept)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        IN_SIGHT.watched.fetch_sub(1, Ordering::AcqRel);
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Works, or looks for work.
fn stay() {
    let mut last = Instant::now();
    while last.elapsed() < PATIENCE {
        for _ in 0..LOOKS {
            if IN_SIGHT.help() {
                last = Instant::now();
            }
            std::hint::spin_loop();
        }
        match rayon::yield_now() {
            Some(Yield::Executed) => last = Instant::now(),
            // Another program's thread may need the processor more.
            _ => std::thread::yield_now(),
        }
    }
}

/// Runs `task(0) .. task(count - 1)` with the threads that are awake, if there are any and nobody else has them: whether it did.
pub(super) fn each(count: usize, task: &(impl Fn(usize) + Sync)) -> bool {
    if IN_SIGHT.watched.load(Ordering::Acquire) == 0 || IN_SIGHT.taken.swap(true, Ordering::AcqRel) {
        return false;
    }
    /// One call of the task.
    ///
    /// # Safety
    /// `task` points to a `T`.
    unsafe fn run<T: Fn(usize)>(task: *const (), index: usize) {
        // SAFETY: the caller's contract.
        unsafe { (*task.cast::<T>())(index) }
    }
    fn runner<T: Fn(usize)>(_: &T) -> unsafe fn(*const (), usize) {
        run::<T>
    }
    let mut work = Work {
        task: std::ptr::from_ref(task).cast(),
        run: runner(task),
        count,
        next: AtomicUsize::new(0),
        panic: Mutex::new(None),
    };
    IN_SIGHT.work.store(&raw mut work, Ordering::SeqCst);
    work.take_part();
    // Out of sight; who has seen it is inside.
    IN_SIGHT.work.store(null_mut(), Ordering::SeqCst);
    for turn in 0u32.. {
        if IN_SIGHT.inside.load(Ordering::SeqCst) == 0 {
            break;
        }
        // Where there are more threads than processors, one of them may be waiting for this one's.
        if turn < 4000 { std::hint::spin_loop() } else { std::thread::yield_now() }
    }
    IN_SIGHT.taken.store(false, Ordering::Release);
    if let Some(panic) = work.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
        resume_unwind(panic);
    }
    true
}

/// What is to be done, on the stack of the thread that shares it out.
struct Work {
    task: *const (),
    /// Calls the task.
    run: unsafe fn(*const (), usize),
    count: usize,
    /// The first call that nobody has taken.
    next: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Work {
    /// Takes calls while there are any. Never panics.
    fn take_part(&self) {
        super::alone(|| {
            loop {
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                if index >= self.count {
                    return;
                }
                // SAFETY: the task lives as long as `each`, which waits for all who are inside; it may be called by any thread.
                let call = || unsafe { (self.run)(self.task, index) };
                if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
                    *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
                    self.next.store(self.count, Ordering::Relaxed);
                }
            }
        });
    }
}

/// Where the threads that are awake look.
struct InSight {
    /// Threads that look here, or will.
    watched: AtomicUsize,
    /// Somebody shares out work.
    taken: AtomicBool,
    work: AtomicPtr<Work>,
    /// Threads that may be at it.
    inside: AtomicUsize,
}

static IN_SIGHT: InSight = InSight {
    watched: AtomicUsize::new(0),
    taken: AtomicBool::new(false),
    work: AtomicPtr::new(null_mut()),
    inside: AtomicUsize::new(0),
};

impl InSight {
    /// Takes part in the work in sight, if there is any.
    fn help(&self) -> bool {
        if self.work.load(Ordering::Relaxed).is_null() {
            return false;
        }
        self.inside.fetch_add(1, Ordering::SeqCst);
        let work = self.work.load(Ordering::SeqCst);
        let found = !work.is_null();
        if found {
            // SAFETY: it was in sight after this thread went inside, and `each` waits for all who are.
            unsafe { (*work).take_part() };
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn threads_that_are_kept_awake_work_and_sleep_in_the_end() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let (awake, sum) = (Awake::default(), AtomicU64::new(0));
        pool.install(|| {
            for _ in 0..2000 {
                awake.call();
                super::super::each(10, true, |k| {
                    // Within a task there is nobody to share with.
                    super::super::each(3, true, |n| {
                        sum.fetch_add((k * n) as u64, Ordering::Relaxed);
                    });
                });
            }
        });
        assert_eq!(sum.into_inner(), 2000 * 45 * 3);
        let begin = Instant::now();
        while awake.kept.load(Ordering::Acquire) > 0 {
            assert!(begin.elapsed() < Duration::from_secs(20), "a thread stays awake for ever");
            std::thread::yield_now();
        }
        // Outside of any pool there is nobody to call.
        awake.call();
        assert_eq!(awake.kept.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_others_go_on() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let awake = Awake::default();
        pool.install(|| {
            for round in 0..200 {
                awake.call();
                let result = catch_unwind(|| super::super::each(8, true, |k| assert!(round % 2 == 0 || k != 5)));
                assert_eq!(result.is_err(), round % 2 == 1);
            }
        });
    }
}
