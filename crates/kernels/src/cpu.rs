//! Run-time dispatch on the processor's instruction set, and the treatment of denormals.

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set that the kernels have code for; a later one of the same processor is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Isa {
    /// Plain Rust, no assumption on the processor.
    Portable = 1,
    /// 128-bit vectors with fused multiply-add, of every 64-bit Arm processor.
    Neon = 5,
    /// 256-bit vectors with fused multiply-add.
    Avx2 = 2,
    /// 512-bit vectors.
    Avx512 = 3,
    /// The same, and products of bfloat16 pairs.
    Avx512Bf16 = 4,
}

impl Isa {
    /// As `simurgh bench --isa` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Bf16 => "avx512-bf16",
        }
    }
}

/// Those of this kind of processor, from the least on.
const KIND: &[Isa] = if cfg!(target_arch = "x86_64") {
    &[Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Avx512Bf16]
} else if cfg!(target_arch = "aarch64") {
    &[Isa::Portable, Isa::Neon]
} else {
    &[Isa::Portable]
};

/// Those that this processor has, from the least on.
pub fn available() -> impl Iterator<Item = Isa> {
    let best = KIND.iter().position(|isa| *isa == detected()).unwrap_or(0);
    KIND[..=best].iter().copied()
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
    if cfg!(target_arch = "aarch64") { Isa::Neon } else { Isa::Portable }
}

/// The fastest instruction set of this processor: the best one, but where products of pairs are slower than their numbers'
/// one by one.
///
/// Intel's processors that have AMX leave such products to it: `vdpbf16ps` takes 32 of them every other cycle there, two
/// multiply-adds take 16 each in every cycle (`simurgh bench kernels --isa avx512-bf16`). AVX-512-FP16 came with the same processors.
pub fn fastest() -> Isa {
    #[cfg(target_arch = "x86_64")]
    if detected() == Isa::Avx512Bf16 && is_x86_feature_detected!("avx512fp16") && vendor() == *b"GenuineIntel" {
        return Isa::Avx512;
    }
    detected()
}

#[cfg(target_arch = "x86_64")]
fn vendor() -> [u8; 12] {
    let id = std::arch::x86_64::__cpuid(0);
    let mut name = [0; 12];
    for (to, part) in name.chunks_exact_mut(4).zip([id.ebx, id.edx, id.ecx]) {
        to.copy_from_slice(&part.to_le_bytes());
    }
    name
}

/// The instruction set in use: the fastest one, unless [`force`] chose another one.
#[inline]
pub fn isa() -> Isa {
    match CHOSEN.load(Ordering::Relaxed) {
        5 => Isa::Neon,
        4 => Isa::Avx512Bf16,
        3 => Isa::Avx512,
        2 => Isa::Avx2,
        1 => Isa::Portable,
        _ => {
            let fastest = fastest();
            CHOSEN.store(fastest as u8, Ordering::Relaxed);
            fastest
        }
    }
}

/// Does the processor, as it is used, multiply pairs of bfloat16 numbers?
#[cfg(target_arch = "x86_64")]
pub(crate) fn bf16() -> bool {
    isa() == Isa::Avx512Bf16
}

/// Uses `isa` where the processor has it, else its fastest one; returns what is now in use.
///
/// For the whole process: meant for the program's start and for tests of the lesser paths.
pub fn force(isa: Isa) -> Isa {
    let isa = if available().any(|known| known == isa) { isa } else { fastest() };
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
    #[cfg(target_arch = "aarch64")]
    {
        let mut fpcr: u64;
        // SAFETY: both instructions read and write this thread's FPCR through a register; bit 24 flushes denormals to zero.
        unsafe {
            std::arch::asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack));
            fpcr |= 1 << 24;
            std::arch::asm!("msr fpcr, {}", in(reg) fpcr, options(nomem, nostack));
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
                    $crate::cpu::Isa::Portable | $crate::cpu::Isa::Neon => {}
                }
            }
            // Its vectors are part of the basic instruction set.
            #[cfg(target_arch = "aarch64")]
            if $crate::cpu::isa() == $crate::cpu::Isa::Neon {
                return $body::<$t, true>($($arg),*);
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
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            assert_eq!(tiny * half, 0.0);
        }
    }

    #[test]
    fn a_lesser_instruction_set_can_be_forced() {
        assert_eq!(available().next(), Some(Isa::Portable));
        assert_eq!(available().last(), Some(detected()));
        assert!(available().any(|known| known == isa()));
    }
}
