//! The micro-kernels: a tile of the result in registers, one rank-1 update a step.

use super::{Micro, Tile};
use crate::Real;
#[cfg(target_arch = "x86_64")]
use crate::cpu::{Isa, isa};

/// The `f32` micro-kernel for the instruction set in use.
pub(crate) fn micro_f32() -> Micro<f32> {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Avx512 => return Micro { rows: 12, cols: 32, run: x86::avx512 },
        Isa::Avx2 => return Micro { rows: 6, cols: 16, run: x86::avx2 },
        Isa::Portable => {}
    }
    Micro { rows: 4, cols: 8, run: portable::<f32, 4, 8> }
}

/// The `f64` micro-kernel: portable, since `f64` only checks gradients.
pub(crate) fn micro_f64() -> Micro<f64> {
    Micro { rows: 4, cols: 8, run: portable::<f64, 4, 8> }
}

/// # Safety
/// The tile lies inside its matrices.
unsafe fn portable<T: Real, const ROWS: usize, const COLS: usize>(t: Tile<T>) {
    let mut sum = [[T::ZERO; COLS]; ROWS];
    // SAFETY: the caller's contract: `t.rows <= ROWS`, `t.cols <= COLS`, the pointers cover them.
    unsafe {
        if !t.bias.is_null() {
            for row in sum.iter_mut().take(t.rows) {
                row.copy_from_slice(std::slice::from_raw_parts(t.bias, COLS));
            }
        }
        for p in 0..t.depth {
            let b = std::slice::from_raw_parts(t.panel.add(p * COLS), COLS);
            for (i, row) in sum.iter_mut().enumerate().take(t.rows) {
                let a = *t.a.add(i * t.a_row + p * t.a_col);
                for (s, b) in row.iter_mut().zip(b) {
                    *s += a * *b;
                }
            }
        }
        for (i, row) in sum.iter().enumerate().take(t.rows) {
            let c = std::slice::from_raw_parts_mut(t.c.add(i * t.c_row), t.cols);
            for (c, s) in c.iter_mut().zip(row) {
                *c = if t.add { *c + *s } else { *s };
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Tile;
    use std::arch::x86_64::*;

    /// Calls the instance for `$t.rows` rows.
    macro_rules! by_rows {
        ($t:ident, $kernel:ident, $($rows:literal)*) => {
            match $t.rows {
                // SAFETY: the same contract.
                $($rows => unsafe { $kernel::<$rows>($t) },)*
                _ => unreachable!("a tile of {} rows", $t.rows),
            }
        };
    }

    /// # Safety
    /// The tile lies inside its matrices; the processor has AVX-512F.
    pub(super) unsafe fn avx512(t: Tile<f32>) {
        by_rows!(t, avx512_rows, 1 2 3 4 5 6 7 8 9 10 11 12);
    }

    /// # Safety
    /// The tile lies inside its matrices; the processor has AVX2 and FMA.
    pub(super) unsafe fn avx2(t: Tile<f32>) {
        by_rows!(t, avx2_rows, 1 2 3 4 5 6);
    }

    #[target_feature(enable = "avx512f")]
    unsafe fn avx512_rows<const ROWS: usize>(t: Tile<f32>) {
        // SAFETY: the caller's contract; masked loads and stores touch only the tile's columns.
        unsafe {
            let mut sum = [[_mm512_setzero_ps(); 2]; ROWS];
            if !t.bias.is_null() {
                let bias = [_mm512_loadu_ps(t.bias), _mm512_loadu_ps(t.bias.add(16))];
                sum.fill(bias);
            }
            let (mut a, mut b) = (t.a, t.panel);
            for _ in 0..t.depth {
                let b0 = _mm512_loadu_ps(b);
                let b1 = _mm512_loadu_ps(b.add(16));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x = _mm512_set1_ps(*a.add(i * t.a_row));
                    row[0] = _mm512_fmadd_ps(x, b0, row[0]);
                    row[1] = _mm512_fmadd_ps(x, b1, row[1]);
                }
                a = a.add(t.a_col);
                b = b.add(32);
            }
            let low = if t.cols >= 16 { 0xFFFF } else { (1u32 << t.cols) as u16 - 1 };
            let high = if t.cols >= 32 {
                0xFFFF
            } else if t.cols > 16 {
                (1u32 << (t.cols - 16)) as u16 - 1
            } else {
                0
            };
            for (i, row) in sum.iter().enumerate() {
                let c = t.c.add(i * t.c_row);
                let (mut s0, mut s1) = (row[0], row[1]);
                if t.add {
                    s0 = _mm512_add_ps(s0, _mm512_maskz_loadu_ps(low, c));
                    s1 = _mm512_add_ps(s1, _mm512_maskz_loadu_ps(high, c.wrapping_add(16)));
                }
                _mm512_mask_storeu_ps(c, low, s0);
                _mm512_mask_storeu_ps(c.wrapping_add(16), high, s1);
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2_rows<const ROWS: usize>(t: Tile<f32>) {
        // SAFETY: the caller's contract; a narrow tile goes through a buffer.
        unsafe {
            let mut sum = [[_mm256_setzero_ps(); 2]; ROWS];
            if !t.bias.is_null() {
                let bias = [_mm256_loadu_ps(t.bias), _mm256_loadu_ps(t.bias.add(8))];
                sum.fill(bias);
            }
            let (mut a, mut b) = (t.a, t.panel);
            for _ in 0..t.depth {
                let b0 = _mm256_loadu_ps(b);
                let b1 = _mm256_loadu_ps(b.add(8));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x = _mm256_set1_ps(*a.add(i * t.a_row));
                    row[0] = _mm256_fmadd_ps(x, b0, row[0]);
                    row[1] = _mm256_fmadd_ps(x, b1, row[1]);
                }
                a = a.add(t.a_col);
                b = b.add(16);
            }
            for (i, row) in sum.iter().enumerate() {
                let c = t.c.add(i * t.c_row);
                if t.cols == 16 {
                    let (mut s0, mut s1) = (row[0], row[1]);
                    if t.add {
                        s0 = _mm256_add_ps(s0, _mm256_loadu_ps(c));
                        s1 = _mm256_add_ps(s1, _mm256_loadu_ps(c.add(8)));
                    }
                    _mm256_storeu_ps(c, s0);
                    _mm256_storeu_ps(c.add(8), s1);
                } else {
                    let mut buffer = [0f32; 16];
                    _mm256_storeu_ps(buffer.as_mut_ptr(), row[0]);
                    _mm256_storeu_ps(buffer.as_mut_ptr().add(8), row[1]);
                    for (j, s) in buffer.iter().enumerate().take(t.cols) {
                        *c.add(j) = if t.add { *c.add(j) + s } else { *s };
                    }
                }
            }
        }
    }
}
