//! Run-time dispatch on the processor's instruction set, and the treatment of denormals.

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set that the kernels have code for, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Isa {
    /// Plain Rust, no assumption on the processor.
    Portable = 1,
    /// 256-bit vectors with fused multiply-add.
    Avx2 = 2,
    /// 512-bit vectors.
    Avx512 = 3,
    /// The same, and products of bfloat16 pairs.
    Avx512Bf16 = 4,
}

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The best instruction set of this processor.
pub fn detected() -> Isa {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("fma")
        {
            return if is_x86_feature_detected!("avx512bf16") { Isa::Avx512Bf16 } else { Isa::Avx512 };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Isa::Avx2;
        }
    }
    Isa::Portable
}

/// The instruction set in use: the best one, unless [`force`] chose a lesser one.
#[inline]
pub fn isa() -> Isa {
    match CHOSEN.load(Ordering::Relaxed) {
        4 => Isa::Avx512Bf16,
        3 => Isa::Avx512,
        2 => Isa::Avx2,
        1 => Isa::Portable,
        _ => {
            let best = detected();
            CHOSEN.store(best as u8, Ordering::Relaxed);
            best
        }
    }
}

/// Does the processor, as it is used, multiply pairs of bfloat16 numbers?
#[cfg(target_arch = "x86_64")]
pub(crate) fn bf16() -> bool {
    isa() == Isa::Avx512Bf16
}

/// Uses `isa`, or the best one that the processor has if that is less; returns what is now in use.
///
/// For the whole process: meant for the program's start and for tests of the lesser paths.
pub fn force(isa: Isa) -> Isa {
    let isa = isa.min(detected());
    CHOSEN.store(isa as u8, Ordering::Relaxed);
    isa
}

/// Makes this thread treat denormal numbers as zero.
///
/// A denormal costs a hundred cycles and carries no information that training can use. Each thread
/// that computes calls this once, the main one too, so that results do not depend on which one did.
pub fn flush_denormals() {
    #[cfg(target_arch = "x86_64")]
    {
        let mut mxcsr: u32 = 0;
        // SAFETY: both instructions read and write this thread's MXCSR through a valid pointer to a
        // local; bits 15 (flush to zero) and 6 (denormals are zero) exist on every x86-64 processor.
        // Rust assumes the default MXCSR when it folds constants: what is folded may keep a denormal
        // that the processor would flush, which no result of ours can tell apart from rounding.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &mut mxcsr, options(nostack));
            mxcsr |= (1 << 15) | (1 << 6);
            std::arch::asm!("ldmxcsr [{}]", in(reg) &mxcsr, options(nostack));
        }
    }
}

/// Tells the allocator to keep freed memory for the next allocation rather than hand it back: a training
/// step frees and takes the same blocks again, and each return costs a page fault per 4 KiB (a third of
/// PyTorch's time as installed).
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` sets three numbers of the allocator; it has no preconditions.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 512 << 20);
        libc::mallopt(libc::M_TOP_PAD, 16 << 20);
    }
}

/// Compiles `$body`, an `#[inline(always)]` function, once per instruction set and calls the one in
/// use. The compiler then vectorises the same source for each.
#[macro_export]
#[doc(hidden)]
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$t:ident: Real>($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:ident) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name<$t: $crate::Real>($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[allow(clippy::too_many_arguments)]
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
                unsafe fn avx512<$t: $crate::Real>($($arg: $ty),*) $(-> $ret)? { $body::<$t, true>($($arg),*) }
                #[allow(clippy::too_many_arguments)]
                #[target_feature(enable = "avx2,fma")]
                unsafe fn avx2<$t: $crate::Real>($($arg: $ty),*) $(-> $ret)? { $body::<$t, true>($($arg),*) }
                match $crate::cpu::isa() {
                    // SAFETY: `isa()` returns only what the processor was found to have.
                    $crate::cpu::Isa::Avx512 | $crate::cpu::Isa::Avx512Bf16 => return unsafe { avx512::<$t>($($arg),*) },
                    // SAFETY: as above.
                    $crate::cpu::Isa::Avx2 => return unsafe { avx2::<$t>($($arg),*) },
                    $crate::cpu::Isa::Portable => {}
                }
            }
            $body::<$t, false>($($arg),*)
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denormals_are_flushed_where_the_processor_can() {
        flush_denormals();
        let tiny = std::hint::black_box(f32::MIN_POSITIVE);
        let half = std::hint::black_box(0.5f32);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(tiny * half, 0.0);
        }
    }

    #[test]
    fn a_lesser_instruction_set_can_be_forced() {
        assert!(detected() >= Isa::Portable);
        assert!(isa() <= detected());
    }
}
