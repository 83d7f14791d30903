//! A stream allocates nothing once it has begun.

use simurgh_nn::burn::tensor::Device;
use simurgh_nn::init::Init;
use simurgh_nn::pass::Precision;
use simurgh_nn::recurrent::{CellKind, RecurrentConfig};

#[test]
fn steps_after_the_first_allocate_nothing() {
    // The last is large enough to be shared out over threads.
    for (batch, hidden) in [(1, 64), (5, 128), (40, 256)] {
        for cell in [CellKind::Lstm, CellKind::Gru, CellKind::RnnTanh] {
            let config = RecurrentConfig { cell, input: 16, hidden, layers: 2, bidirectional: false };
            let net = config.init(&Init::new(1, &Device::flex()), "stream").unwrap();
            for precision in [Precision::F32, Precision::Bf16] {
                let stream = net.stream(precision).unwrap();
                let mut state = stream.start(batch).unwrap();
                let x = vec![0.5; batch * 16];
                stream.step(&x, &mut state).unwrap();
                let counted = allocation_counter::measure(|| {
                    for _ in 0..100 {
                        stream.step(&x, &mut state).unwrap();
                    }
                });
                // The thread pool's queue of jobs, which is not of a step, takes a block every few dozen of them.
                let count = counted.count_total;
                assert!(count <= 10, "{cell:?} {precision:?} batch {batch}: {count} allocations in 100 steps");
            }
        }
    }
}
