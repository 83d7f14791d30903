//! Products of pairs of bfloat16 numbers: with the instruction for them, or taken apart in 256-bit vectors.

use super::super::{DEPTH, Pairs, STRIPS, Strip, Tile};
use super::x86::{fetch, finish_256, finish_512, lanes, start_256, start_512};
use super::{Walk, finish_narrow};
use std::arch::x86_64::*;

/// With the instruction.
pub(super) fn avx512() -> Pairs<f32> {
    Pairs { rows: 12, run: avx512_bf16, join: Some(avx512_join) }
}

/// Panels taken apart: as fast as numbers of the full type, faster where the memory is the bound.
pub(super) fn avx512_apart() -> Pairs<f32> {
    // Ten rows: of eleven the compiler keeps sums in memory.
    Pairs { rows: 10, run: avx512_pairs, join: None }
}

/// The same in vectors of half the width.
pub(super) fn avx2() -> Pairs<f32> {
    Pairs { rows: 6, run: avx2_pairs, join: None }
}

/// # Safety
/// The tile lies inside its matrices, its operands are words of pairs; the processor has AVX-512-BF16.
unsafe fn avx512_bf16(t: Tile<'_, f32>) {
    by_rows!(t, avx512_bf16_rows, 1 2 3 4 5 6 7 8 9 10 11 12; 1 2 3);
}

#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn avx512_bf16_rows<const ROWS: usize, const PANELS: usize, const COLUMNS: bool>(t: Tile<'_, f32>) {
    let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
    // SAFETY: the caller's contract; masked loads and stores touch only the tile's columns. The casts between
    // vectors of the same size keep the bits.
    unsafe {
        let mut sum = start_512!(strips, PANELS, ROWS);
        let mut a = Walk::<i32, ROWS, COLUMNS>::new(&t);
        let mut b = strips.each_ref().map(|strip| strip.panel.cast::<i32>());
        fetch(strips, ROWS);
        unrolled!(t.depth, k => {
            for (j, b) in b.iter().enumerate() {
                let b0: __m512bh = std::mem::transmute(_mm512_loadu_si512(b.add(32 * k).cast()));
                let b1: __m512bh = std::mem::transmute(_mm512_loadu_si512(b.add(32 * k + 16).cast()));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x: __m512bh = std::mem::transmute(_mm512_set1_epi32(a.element(i, k)));
                    row[j][0] = _mm512_dpbf16_ps(row[j][0], x, b0);
                    row[j][1] = _mm512_dpbf16_ps(row[j][1], x, b1);
                }
            }
        }, n => {
            a.advance(n);
            b = b.map(|b| b.add(32 * n));
        });
        finish_512!(strips, sum);
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
/// The tile lies inside its matrices, its panels are words of pairs; the processor has AVX-512F.
unsafe fn avx512_pairs(t: Tile<'_, f32>) {
    by_rows!(t, avx512_pairs_rows, 1 2 3 4 5 6 7 8 9 10; 1 2 3);
}

#[target_feature(enable = "avx512f")]
unsafe fn avx512_pairs_rows<const ROWS: usize, const PANELS: usize, const COLUMNS: bool>(t: Tile<'_, f32>) {
    let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
    // SAFETY: the caller's contract; masked loads and stores touch only the tile's columns.
    unsafe {
        let mut sum = start_512!(strips, PANELS, ROWS);
        let mut a = Walk::<f32, ROWS, COLUMNS>::new(&t);
        let mut b = strips.each_ref().map(|strip| strip.panel.cast::<__m512i>());
        // The first of a pair is its low half; a bfloat16 is the high half of an f32.
        let first = |word| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(word));
        let second = |word| _mm512_castsi512_ps(_mm512_and_si512(word, _mm512_set1_epi32(0xFFFF_0000_u32 as i32)));
        fetch(strips, ROWS);
        unrolled!(t.depth, k => {
            for (j, b) in b.iter().enumerate() {
                let words = [_mm512_loadu_si512(b.add(2 * k)), _mm512_loadu_si512(b.add(2 * k + 1))];
                for (column, numbers) in [words.map(first), words.map(second)].into_iter().enumerate() {
                    for (i, row) in sum.iter_mut().enumerate() {
                        let x = _mm512_set1_ps(a.element(i, 2 * k + column));
                        row[j][0] = _mm512_fmadd_ps(x, numbers[0], row[j][0]);
                        row[j][1] = _mm512_fmadd_ps(x, numbers[1], row[j][1]);
                    }
                }
            }
        }, n => {
            a.advance(2 * n);
            b = b.map(|b| b.add(2 * n));
        });
        finish_512!(strips, sum);
    }
}

/// # Safety
/// The tile lies inside its matrices, its panels are words of pairs; the processor has AVX2 and FMA.
unsafe fn avx2_pairs(t: Tile<'_, f32>) {
    by_rows!(t, avx2_pairs_rows, 1 2 3 4 5 6; 1);
}

#[target_feature(enable = "avx2,fma")]
unsafe fn avx2_pairs_rows<const ROWS: usize, const PANELS: usize, const COLUMNS: bool>(t: Tile<'_, f32>) {
    let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
    // SAFETY: the caller's contract; a narrow tile goes through a buffer.
    unsafe {
        let mut sum = start_256!(strips, PANELS, ROWS);
        let mut a = Walk::<f32, ROWS, COLUMNS>::new(&t);
        let mut b = strips.each_ref().map(|strip| strip.panel.cast::<__m256i>());
        // The first of a pair is its low half; a bfloat16 is the high half of an f32.
        let first = |word| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(word));
        let second = |word| _mm256_castsi256_ps(_mm256_and_si256(word, _mm256_set1_epi32(0xFFFF_0000_u32 as i32)));
        // One at a time: more would ask for more registers than there are.
        for _ in 0..t.depth {
            for (j, b) in b.iter_mut().enumerate() {
                let (b0, b1) = (first(_mm256_loadu_si256(*b)), first(_mm256_loadu_si256(b.add(1))));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x = _mm256_set1_ps(a.element(i, 0));
                    row[j][0] = _mm256_fmadd_ps(x, b0, row[j][0]);
                    row[j][1] = _mm256_fmadd_ps(x, b1, row[j][1]);
                }
                let (b0, b1) = (second(_mm256_loadu_si256(*b)), second(_mm256_loadu_si256(b.add(1))));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x = _mm256_set1_ps(a.element(i, 1));
                    row[j][0] = _mm256_fmadd_ps(x, b0, row[j][0]);
                    row[j][1] = _mm256_fmadd_ps(x, b1, row[j][1]);
                }
                *b = b.add(2);
            }
            a.advance(2);
        }
        finish_256!(strips, sum, ROWS);
    }
}
