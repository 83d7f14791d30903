//! What the machine can do at most: multiply-adds and bytes a second, measured.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::cpu::{Isa, isa};
use crate::elementwise;
use crate::parallel::{self, Shared};
use std::hint::black_box;
use std::time::Instant;

/// Independent chains of vectors: more than any processor's latency times its units.
const CHAINS: usize = 16;
/// The same where there are 16 registers: one is for the factor.
#[cfg(target_arch = "x86_64")]
const CHAINS_OF_16: usize = 12;

/// The most that `work`, given rounds and run on all threads at once, did a second, `amount` of it a round and thread.
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
fn rate(amount: f64, rounds: usize, work: impl Fn(usize) + Sync) -> f64 {
    let threads = parallel::threads();
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            parallel::each(threads, true, |_| work(rounds));
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    amount * (rounds * threads) as f64 / best
}

/// Floating-point operations a second of `f32` multiply-adds in registers, all threads; a multiply-add counts two. None
/// without an instruction for it.
pub fn multiply_adds() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    {
        let rounds = 4_000_000;
        match isa() {
            Isa::Avx512 | Isa::Avx512Bf16 => {
                return Some(rate((2 * CHAINS * 16) as f64, rounds, |rounds| {
                    // SAFETY: the processor has the instruction.
                    black_box(unsafe { x86::avx512(rounds, black_box(0.5)) });
                }));
            }
            Isa::Avx2 => {
                return Some(rate((2 * CHAINS_OF_16 * 8) as f64, rounds, |rounds| {
                    // SAFETY: as above.
                    black_box(unsafe { x86::avx2(rounds, black_box(0.5)) });
                }));
            }
            Isa::Portable | Isa::Neon => {}
        }
    }
    #[cfg(target_arch = "aarch64")]
    if isa() == Isa::Neon {
        return Some(rate((2 * CHAINS * 4) as f64, 4_000_000, |rounds| {
            // SAFETY: a basic instruction.
            black_box(unsafe { arm::neon(rounds, black_box(0.5)) });
        }));
    }
    None
}

/// The same of bfloat16 numbers: in pairs where they are multiplied so, else one by one.
pub fn bf16_multiply_adds() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    if crate::cpu::bf16() {
        return Some(rate((4 * CHAINS * 16) as f64, 4_000_000, |rounds| {
            // SAFETY: the processor has the instruction.
            black_box(unsafe { x86::bf16(rounds, black_box(0x3F00_3F00)) });
        }));
    }
    multiply_adds()
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::CHAINS;
    use std::arch::aarch64::*;

    /// # Safety
    /// None: a basic instruction.
    #[target_feature(enable = "neon")]
    pub(super) unsafe fn neon(rounds: usize, x: f32) -> f32 {
        let x = vdupq_n_f32(x);
        let mut sums = [x; CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = vfmaq_f32(x, *sum, x);
            }
        }
        sums.into_iter().fold(0.0, |total, sum| total + vaddvq_f32(sum))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{CHAINS, CHAINS_OF_16};
    use std::arch::x86_64::*;

    /// # Safety
    /// The processor has AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn avx512(rounds: usize, x: f32) -> f32 {
        let x = _mm512_set1_ps(x);
        let mut sums = [x; CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, x, x);
            }
        }
        let mut total = _mm512_setzero_ps();
        for sum in sums {
            total = _mm512_add_ps(total, sum);
        }
        _mm512_reduce_add_ps(total)
    }

    /// # Safety
    /// The processor has AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2(rounds: usize, x: f32) -> f32 {
        let x = _mm256_set1_ps(x);
        let mut sums = [x; CHAINS_OF_16];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, x, x);
            }
        }
        let mut total = _mm256_setzero_ps();
        for sum in sums {
            total = _mm256_add_ps(total, sum);
        }
        _mm256_cvtss_f32(total)
    }

    /// # Safety
    /// The processor has AVX-512-BF16.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) unsafe fn bf16(rounds: usize, pair: i32) -> f32 {
        // SAFETY: the cast between vectors of one size keeps the bits.
        let x: __m512bh = unsafe { std::mem::transmute(_mm512_set1_epi32(pair)) };
        let mut sums = [_mm512_set1_ps(1.0); CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_dpbf16_ps(*sum, x, x);
            }
        }
        let mut total = _mm512_setzero_ps();
        for sum in sums {
            total = _mm512_add_ps(total, sum);
        }
        _mm512_reduce_add_ps(total)
    }
}

/// Bytes a second that all threads together read from memory no cache holds, and that they read and write in place.
/// Each thread follows four streams at once: one alone leaves most of the memory's width unused.
pub fn bandwidth() -> (f64, f64) {
    const STREAMS: usize = 4;
    const BLOCK: usize = 1 << 11;
    let threads = parallel::threads();
    let own = (64 << 20) / threads / STREAMS / BLOCK * BLOCK;
    let size = own * STREAMS * threads;
    let mut data = vec![1.0f32; size];
    let timed = |work: &(dyn Fn(usize) + Sync)| {
        (0..4)
            .map(|_| {
                let start = Instant::now();
                parallel::each(threads, true, |thread| {
                    for at in (0..own).step_by(BLOCK) {
                        for stream in 0..STREAMS {
                            work((thread * STREAMS + stream) * own + at);
                        }
                    }
                });
                start.elapsed().as_secs_f64()
            })
            .fold(f64::INFINITY, f64::min)
    };
    let bytes = (size * size_of::<f32>()) as f64;
    let read = timed(&|at| {
        black_box(elementwise::sum(&data[at..at + BLOCK]));
    });
    let shared = Shared::new(&mut data);
    let update = timed(&|at| {
        // SAFETY: every block is one thread's.
        unsafe { shared.slice(at, BLOCK) }.iter_mut().for_each(|x| *x *= 1.0001);
    });
    (bytes / read, 2.0 * bytes / update)
}
