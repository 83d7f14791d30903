//! The micro-kernels: a tile of the result in registers, one rank-1 update a step.

use super::{Micro, Tile};
use crate::Real;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::cpu::{Isa, isa};

/// The `f32` micro-kernel for the instruction set in use.
pub(crate) fn micro_f32() -> Micro<f32> {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Avx512 | Isa::Avx512Bf16 => {
            return Micro { rows: 12, cols: 32, few_rows: 3, run: x86::avx512, pairs: x86::pairs() };
        }
        Isa::Avx2 => return Micro { rows: 6, cols: 16, few_rows: 1, run: x86::avx2, pairs: None },
        Isa::Portable | Isa::Neon => {}
    }
    #[cfg(target_arch = "aarch64")]
    if isa() == Isa::Neon {
        return Micro { rows: 6, cols: 16, few_rows: 1, run: arm::neon, pairs: None };
    }
    Micro { rows: 4, cols: 8, few_rows: 0, run: portable::<f32, 4, 8>, pairs: None }
}

/// The `f64` micro-kernel: portable, since `f64` only checks gradients.
pub(crate) fn micro_f64() -> Micro<f64> {
    Micro { rows: 4, cols: 8, few_rows: 0, run: portable::<f64, 4, 8>, pairs: None }
}

/// # Safety
/// The tile lies inside its matrices.
unsafe fn portable<T: Real, const ROWS: usize, const COLS: usize>(t: Tile<'_, T>) {
    let s = t.strips[0];
    let mut sum = [[T::ZERO; COLS]; ROWS];
    // SAFETY: the caller's contract: `t.rows <= ROWS`, `s.cols <= COLS`, the pointers cover them.
    unsafe {
        if !s.bias.is_null() {
            for row in sum.iter_mut().take(t.rows) {
                row.copy_from_slice(std::slice::from_raw_parts(s.bias, COLS));
            }
        }
        for p in 0..t.depth {
            let b = std::slice::from_raw_parts(s.panel.add(p * COLS), COLS);
            for (i, row) in sum.iter_mut().enumerate().take(t.rows) {
                let a = *t.a.add(i * t.a_row + p * t.a_col);
                for (s, b) in row.iter_mut().zip(b) {
                    *s += a * *b;
                }
            }
        }
        for (i, row) in sum.iter().enumerate().take(t.rows) {
            let c = std::slice::from_raw_parts_mut(s.c.add(i * s.c_row), s.cols);
            for (c, sum) in c.iter_mut().zip(row) {
                *c = if s.add { *c + *sum } else { *sum };
            }
        }
    }
}

/// Calls the instance for the tile's rows: one strip of them, or four of few.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! by_rows {
    ($t:ident, $kernel:ident, $($rows:literal)*; $($few:literal)*) => {
        match ($t.strips.len(), $t.rows) {
            // SAFETY: the same contract.
            $((1, $rows) => unsafe { $kernel::<$rows, 1>($t) },)*
            // SAFETY: as above.
            $((STRIPS, $few) => unsafe { $kernel::<$few, STRIPS>($t) },)*
            (strips, rows) => unreachable!("a tile of {rows} rows and {strips} panels"),
        }
    };
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::super::{STRIPS, Strip};
    use super::Tile;
    use std::arch::aarch64::*;

    /// # Safety
    /// The tile lies inside its matrices.
    pub(super) unsafe fn neon(t: Tile<'_, f32>) {
        by_rows!(t, neon_rows, 1 2 3 4 5 6; 1);
    }

    #[target_feature(enable = "neon")]
    unsafe fn neon_rows<const ROWS: usize, const PANELS: usize>(t: Tile<'_, f32>) {
        let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
        // SAFETY: the caller's contract; a narrow tile goes through a buffer.
        unsafe {
            let mut sum = [[[vdupq_n_f32(0.0); 4]; PANELS]; ROWS];
            for (j, strip) in strips.iter().enumerate() {
                if !strip.bias.is_null() {
                    let bias: [_; 4] = std::array::from_fn(|k| vld1q_f32(strip.bias.add(4 * k)));
                    for row in &mut sum {
                        row[j] = bias;
                    }
                }
            }
            let mut a = t.a;
            let mut b = [std::ptr::null(); PANELS];
            for (b, strip) in b.iter_mut().zip(strips) {
                *b = strip.panel;
            }
            for _ in 0..t.depth {
                for (j, b) in b.iter_mut().enumerate() {
                    let columns = [vld1q_f32(*b), vld1q_f32(b.add(4)), vld1q_f32(b.add(8)), vld1q_f32(b.add(12))];
                    for (i, row) in sum.iter_mut().enumerate() {
                        let x = *a.add(i * t.a_row);
                        for (sum, column) in row[j].iter_mut().zip(columns) {
                            *sum = vfmaq_n_f32(*sum, column, x);
                        }
                    }
                    *b = b.add(16);
                }
                a = a.add(t.a_col);
            }
            for (j, strip) in strips.iter().enumerate() {
                for (i, row) in sum.iter().enumerate() {
                    let c = strip.c.add(i * strip.c_row);
                    if strip.cols == 16 {
                        for (k, sum) in row[j].iter().enumerate() {
                            let c = c.add(4 * k);
                            vst1q_f32(c, if strip.add { vaddq_f32(*sum, vld1q_f32(c)) } else { *sum });
                        }
                    } else {
                        let mut buffer = [0f32; 16];
                        for (k, sum) in row[j].iter().enumerate() {
                            vst1q_f32(buffer.as_mut_ptr().add(4 * k), *sum);
                        }
                        for (j, s) in buffer.iter().enumerate().take(strip.cols) {
                            *c.add(j) = if strip.add { *c.add(j) + s } else { *s };
                        }
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::{DEPTH, Pairs, STRIPS, Strip};
    use super::Tile;
    use crate::cpu::bf16;
    use std::arch::x86_64::*;

    /// # Safety
    /// The tile lies inside its matrices; the processor has AVX-512F.
    pub(super) unsafe fn avx512(t: Tile<'_, f32>) {
        by_rows!(t, avx512_rows, 1 2 3 4 5 6 7 8 9 10 11 12; 1 2 3);
    }

    /// # Safety
    /// The tile lies inside its matrices; the processor has AVX2 and FMA.
    pub(super) unsafe fn avx2(t: Tile<'_, f32>) {
        by_rows!(t, avx2_rows, 1 2 3 4 5 6; 1);
    }

    #[target_feature(enable = "avx512f")]
    unsafe fn avx512_rows<const ROWS: usize, const PANELS: usize>(t: Tile<'_, f32>) {
        let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
        // SAFETY: the caller's contract; masked loads and stores touch only the tile's columns.
        unsafe {
            let mut sum = [[[_mm512_setzero_ps(); 2]; PANELS]; ROWS];
            for (j, strip) in strips.iter().enumerate() {
                if !strip.bias.is_null() {
                    let bias = [_mm512_loadu_ps(strip.bias), _mm512_loadu_ps(strip.bias.add(16))];
                    for row in &mut sum {
                        row[j] = bias;
                    }
                }
            }
            let mut a: [_; 4] = std::array::from_fn(|k| t.a.wrapping_add(3 * k * t.a_row));
            let mut b = [std::ptr::null(); PANELS];
            for (b, strip) in b.iter_mut().zip(strips) {
                *b = strip.panel;
            }
            fetch(strips, ROWS);
            for _ in 0..t.depth {
                // Broadcast again for every panel: few rows leave loads to spare, many leave no register.
                for (j, b) in b.iter_mut().enumerate() {
                    let (b0, b1) = (_mm512_loadu_ps(*b), _mm512_loadu_ps(b.add(16)));
                    for (i, row) in sum.iter_mut().enumerate() {
                        let x = _mm512_set1_ps(*a[i / 3].add(i % 3 * t.a_row));
                        row[j][0] = _mm512_fmadd_ps(x, b0, row[j][0]);
                        row[j][1] = _mm512_fmadd_ps(x, b1, row[j][1]);
                    }
                    *b = b.add(32);
                }
                a = a.map(|a| a.wrapping_add(t.a_col));
            }
            for (j, strip) in strips.iter().enumerate() {
                let (low, high) = (lanes(strip.cols, 0), lanes(strip.cols, 16));
                for (i, row) in sum.iter().enumerate() {
                    let c = strip.c.add(i * strip.c_row);
                    let [mut s0, mut s1] = row[j];
                    if strip.add {
                        s0 = _mm512_add_ps(s0, _mm512_maskz_loadu_ps(low, c));
                        s1 = _mm512_add_ps(s1, _mm512_maskz_loadu_ps(high, c.wrapping_add(16)));
                    }
                    _mm512_mask_storeu_ps(c, low, s0);
                    _mm512_mask_storeu_ps(c.wrapping_add(16), high, s1);
                }
            }
        }
    }

    /// Asks for the result's lines, so that they have come when the sums are done.
    #[inline(always)]
    fn fetch(strips: &[Strip<f32>], rows: usize) {
        for strip in strips {
            for i in 0..rows {
                let c = strip.c.wrapping_add(i * strip.c_row);
                // SAFETY: a hint, which may point anywhere.
                unsafe {
                    _mm_prefetch::<_MM_HINT_T0>(c.cast());
                    _mm_prefetch::<_MM_HINT_T0>(c.wrapping_add(16).cast());
                }
            }
        }
    }

    /// Columns that a mask of 16 lanes covers from `first` on.
    fn lanes(cols: usize, first: usize) -> u16 {
        match cols.saturating_sub(first) {
            0 => 0,
            n if n >= 16 => 0xFFFF,
            n => (1u16 << n) - 1,
        }
    }

    /// Products of bfloat16 pairs, where the processor has them.
    pub(super) fn pairs() -> Option<Pairs<f32>> {
        bf16().then_some(Pairs { run: avx512_bf16, join: avx512_join })
    }

    /// # Safety
    /// The tile lies inside its matrices, its operands are words of pairs; the processor has AVX-512-BF16.
    unsafe fn avx512_bf16(t: Tile<'_, f32>) {
        by_rows!(t, avx512_bf16_rows, 1 2 3 4 5 6 7 8 9 10 11 12; 1 2 3);
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn avx512_bf16_rows<const ROWS: usize, const PANELS: usize>(t: Tile<'_, f32>) {
        let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
        // SAFETY: the caller's contract; masked loads and stores touch only the tile's columns. The casts between
        // vectors of the same size keep the bits.
        unsafe {
            let mut sum = [[[_mm512_setzero_ps(); 2]; PANELS]; ROWS];
            for (j, strip) in strips.iter().enumerate() {
                if !strip.bias.is_null() {
                    let bias = [_mm512_loadu_ps(strip.bias), _mm512_loadu_ps(strip.bias.add(16))];
                    for row in &mut sum {
                        row[j] = bias;
                    }
                }
            }
            let mut a: [_; 4] = std::array::from_fn(|k| t.a.cast::<i32>().wrapping_add(3 * k * t.a_row));
            let mut b = [std::ptr::null::<i32>(); PANELS];
            for (b, strip) in b.iter_mut().zip(strips) {
                *b = strip.panel.cast();
            }
            fetch(strips, ROWS);
            for _ in 0..t.depth {
                for (j, b) in b.iter_mut().enumerate() {
                    let b0: __m512bh = std::mem::transmute(_mm512_loadu_si512(b.cast()));
                    let b1: __m512bh = std::mem::transmute(_mm512_loadu_si512(b.add(16).cast()));
                    for (i, row) in sum.iter_mut().enumerate() {
                        let x: __m512bh = std::mem::transmute(_mm512_set1_epi32(*a[i / 3].add(i % 3 * t.a_row)));
                        row[j][0] = _mm512_dpbf16_ps(row[j][0], x, b0);
                        row[j][1] = _mm512_dpbf16_ps(row[j][1], x, b1);
                    }
                    *b = b.add(32);
                }
                a = a.map(|a| a.wrapping_add(t.a_col));
            }
            for (j, strip) in strips.iter().enumerate() {
                let (low, high) = (lanes(strip.cols, 0), lanes(strip.cols, 16));
                for (i, row) in sum.iter().enumerate() {
                    let c = strip.c.add(i * strip.c_row);
                    let [mut s0, mut s1] = row[j];
                    if strip.add {
                        s0 = _mm512_add_ps(s0, _mm512_maskz_loadu_ps(low, c));
                        s1 = _mm512_add_ps(s1, _mm512_maskz_loadu_ps(high, c.wrapping_add(16)));
                    }
                    _mm512_mask_storeu_ps(c, low, s0);
                    _mm512_mask_storeu_ps(c.wrapping_add(16), high, s1);
                }
            }
        }
    }

    /// Words of a row of a joined block: no multiple of a page's share of the first-level cache.
    const JOINED_ROW: usize = DEPTH / 2 + 16;

    /// # Safety
    /// `from` covers the block, `to` has room for `MOST_ROWS * JOINED_ROW` words; the processor has AVX-512-BF16.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    unsafe fn avx512_join(
        from: *const f32,
        (row, col): (usize, usize),
        (height, depth): (usize, usize),
        to: *mut u32,
    ) -> (usize, usize) {
        // SAFETY: the caller's contract; masked loads touch only the block.
        unsafe {
            if col == 1 {
                for i in 0..height {
                    let (from, to) = (from.add(i * row), to.add(i * JOINED_ROW));
                    for k in (0..depth).step_by(32) {
                        let (low, high) = (lanes(depth, k), lanes(depth, k + 16));
                        let first = _mm512_maskz_loadu_ps(low, from.wrapping_add(k));
                        let second = _mm512_maskz_loadu_ps(high, from.wrapping_add(k + 16));
                        let both: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(second, first));
                        _mm512_storeu_si512(to.add(k / 2).cast(), both);
                    }
                }
                return (JOINED_ROW, 1);
            }
            for pair in 0..depth.div_ceil(2) {
                let mut halves = [_mm512_setzero_si512(); 2];
                for (k, half) in halves.iter_mut().enumerate().take(depth - 2 * pair) {
                    let from = from.add((2 * pair + k) * col);
                    let numbers = if row == 1 {
                        _mm512_maskz_loadu_ps(lanes(height, 0), from)
                    } else {
                        let mut numbers = [0.0f32; 16];
                        for (i, number) in numbers.iter_mut().enumerate().take(height) {
                            *number = *from.add(i * row);
                        }
                        _mm512_loadu_ps(numbers.as_ptr())
                    };
                    let short: __m256i = std::mem::transmute(_mm512_cvtneps_pbh(numbers));
                    *half = _mm512_cvtepu16_epi32(short);
                }
                let words = _mm512_or_si512(halves[0], _mm512_slli_epi32::<16>(halves[1]));
                _mm512_mask_storeu_epi32(to.add(pair * height).cast(), lanes(height, 0), words);
            }
            (1, height)
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2_rows<const ROWS: usize, const PANELS: usize>(t: Tile<'_, f32>) {
        let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
        // SAFETY: the caller's contract; a narrow tile goes through a buffer.
        unsafe {
            let mut sum = [[[_mm256_setzero_ps(); 2]; PANELS]; ROWS];
            for (j, strip) in strips.iter().enumerate() {
                if !strip.bias.is_null() {
                    let bias = [_mm256_loadu_ps(strip.bias), _mm256_loadu_ps(strip.bias.add(8))];
                    for row in &mut sum {
                        row[j] = bias;
                    }
                }
            }
            let mut a = t.a;
            let mut b = [std::ptr::null(); PANELS];
            for (b, strip) in b.iter_mut().zip(strips) {
                *b = strip.panel;
            }
            for _ in 0..t.depth {
                for (j, b) in b.iter_mut().enumerate() {
                    let (b0, b1) = (_mm256_loadu_ps(*b), _mm256_loadu_ps(b.add(8)));
                    for (i, row) in sum.iter_mut().enumerate() {
                        let x = _mm256_set1_ps(*a.add(i * t.a_row));
                        row[j][0] = _mm256_fmadd_ps(x, b0, row[j][0]);
                        row[j][1] = _mm256_fmadd_ps(x, b1, row[j][1]);
                    }
                    *b = b.add(16);
                }
                a = a.add(t.a_col);
            }
            for (j, strip) in strips.iter().enumerate() {
                for (i, row) in sum.iter().enumerate() {
                    let c = strip.c.add(i * strip.c_row);
                    let [mut s0, mut s1] = row[j];
                    if strip.cols == 16 {
                        if strip.add {
                            s0 = _mm256_add_ps(s0, _mm256_loadu_ps(c));
                            s1 = _mm256_add_ps(s1, _mm256_loadu_ps(c.add(8)));
                        }
                        _mm256_storeu_ps(c, s0);
                        _mm256_storeu_ps(c.add(8), s1);
                    } else {
                        let mut buffer = [0f32; 16];
                        _mm256_storeu_ps(buffer.as_mut_ptr(), s0);
                        _mm256_storeu_ps(buffer.as_mut_ptr().add(8), s1);
                        for (j, s) in buffer.iter().enumerate().take(strip.cols) {
                            *c.add(j) = if strip.add { *c.add(j) + s } else { *s };
                        }
                    }
                }
            }
        }
    }
}
