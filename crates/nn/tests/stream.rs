//! A stream allocates nothing once it has begun.

use simurgh_nn::burn::tensor::Device;
use simurgh_nn::init::Init;
use simurgh_nn::pass::Precision;
use simurgh_nn::recurrent::{CellKind, RecurrentConfig};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what the whole process allocates.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn steps_after_the_first_allocate_nothing() {
    // The last is large enough to be shared out over threads.
    for (batch, hidden) in [(1, 64), (5, 128), (40, 256)] {
        for cell in [CellKind::Lstm, CellKind::Gru, CellKind::RnnTanh] {
            let config = RecurrentConfig { cell, input: 16, hidden, layers: 2, bidirectional: false };
            let net = config.init(&Init::new(1, &Device::flex()), "stream");
            for precision in [Precision::F32, Precision::Bf16] {
                let stream = net.stream(precision).unwrap();
                let mut state = stream.start(batch).unwrap();
                let x = vec![0.5; batch * 16];
                stream.step(&x, &mut state).unwrap();
                let before = ALLOCATIONS.load(Ordering::Relaxed);
                for _ in 0..100 {
                    stream.step(&x, &mut state).unwrap();
                }
                let count = ALLOCATIONS.load(Ordering::Relaxed) - before;
                // The pool's queue of jobs, which is not of a step, takes a block every few dozen.
                assert!(count <= 8, "{cell:?} {precision:?} batch {batch}: {count} allocations in 100 steps");
            }
        }
    }
}
