//! Products of pairs of bfloat16 numbers: with the instruction for them, or taken apart in 256-bit vectors.

use super::super::{DEPTH, Pairs, STRIPS, Strip, Tile};
use super::x86::{fetch, finish_256, lanes, start_256};
use std::arch::x86_64::*;

/// With the instruction.
pub(super) fn avx512() -> Pairs<f32> {
    Pairs { run: avx512_bf16, join: Some(avx512_join) }
}

/// Panels taken apart: as fast as numbers of the full type, faster where the memory is the bound.
pub(super) fn avx2() -> Pairs<f32> {
    Pairs { run: avx2_pairs, join: None }
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

/// # Safety
/// The tile lies inside its matrices, its panels are words of pairs; the processor has AVX2 and FMA.
unsafe fn avx2_pairs(t: Tile<'_, f32>) {
    by_rows!(t, avx2_pairs_rows, 1 2 3 4 5 6; 1);
}

#[target_feature(enable = "avx2,fma")]
unsafe fn avx2_pairs_rows<const ROWS: usize, const PANELS: usize>(t: Tile<'_, f32>) {
    let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
    // SAFETY: the caller's contract; a narrow tile goes through a buffer.
    unsafe {
        let mut sum = start_256!(strips, PANELS, ROWS);
        let mut a: [_; 2] = std::array::from_fn(|k| t.a.wrapping_add(3 * k * t.a_row));
        let mut b = [std::ptr::null::<__m256i>(); PANELS];
        for (b, strip) in b.iter_mut().zip(strips) {
            *b = strip.panel.cast();
        }
        // The first of a pair is its low half; a bfloat16 is the high half of an f32.
        let first = |word| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(word));
        let second = |word| _mm256_castsi256_ps(_mm256_and_si256(word, _mm256_set1_epi32(0xFFFF_0000_u32 as i32)));
        for _ in 0..t.depth {
            for (j, b) in b.iter_mut().enumerate() {
                let (b0, b1) = (first(_mm256_loadu_si256(*b)), first(_mm256_loadu_si256(b.add(1))));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x = _mm256_set1_ps(*a[i / 3].add(i % 3 * t.a_row));
                    row[j][0] = _mm256_fmadd_ps(x, b0, row[j][0]);
                    row[j][1] = _mm256_fmadd_ps(x, b1, row[j][1]);
                }
                let (b0, b1) = (second(_mm256_loadu_si256(*b)), second(_mm256_loadu_si256(b.add(1))));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x = _mm256_set1_ps(*a[i / 3].add(t.a_col + i % 3 * t.a_row));
                    row[j][0] = _mm256_fmadd_ps(x, b0, row[j][0]);
                    row[j][1] = _mm256_fmadd_ps(x, b1, row[j][1]);
                }
                *b = b.add(2);
            }
            a = a.map(|a| a.wrapping_add(2 * t.a_col));
        }
        finish_256!(strips, sum);
    }
}
