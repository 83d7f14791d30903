//! The paths of lesser processors, by forcing them: one test, since the choice is the whole process's.

use simurgh_kernels::cpu::{Isa, detected, force};
use simurgh_kernels::gemm::{Packed, Start, View, gemm, reference};
use simurgh_random::Random;

#[test]
fn every_instruction_set_computes_the_same_product() {
    for isa in [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Avx512Bf16] {
        let used = force(isa);
        assert_eq!(used, isa.min(detected()));
        for (m, k, n) in [(1, 1, 1), (5, 300, 33), (13, 7, 31), (37, 257, 70)] {
            let mut random = Random::new((m + k + n) as u64);
            let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| random.normal() as f32).collect() };
            let (a, b, c0) = (draw(m * k), draw(k * n), draw(m * n));
            for start in [Start::Zero, Start::Add] {
                let (mut got, mut want) = (c0.clone(), c0.clone());
                gemm(View::new(&a, m, k), &Packed::new(View::new(&b, k, n)), &mut got, start);
                reference::gemm(View::new(&a, m, k), View::new(&b, k, n), &mut want, start);
                for (g, w) in got.iter().zip(&want) {
                    let difference = (g - w).abs();
                    // The reference itself rounds in f32, k times.
                    assert!(difference <= 2e-6 * (1.0 + k as f32 / 8.0), "{used:?} {m}x{k}x{n}: {g} {w}");
                }
            }
        }
    }
}
