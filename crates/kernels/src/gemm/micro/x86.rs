//! 256-bit and 512-bit vectors.

use super::super::{Columns, Lines, STRIPS, Strip, Tile};
use super::{Walk, finish_narrow};
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

/// The sums of a tile in 512-bit vectors: 0, or the strips' biases.
macro_rules! start_512 {
    ($strips:ident, $panels:ident, $rows:ident) => {{
        let mut sum = [[[_mm512_setzero_ps(); 2]; $panels]; $rows];
        for (j, strip) in $strips.iter().enumerate() {
            if !strip.bias.is_null() {
                let bias = [_mm512_loadu_ps(strip.bias), _mm512_loadu_ps(strip.bias.add(16))];
                for row in &mut sum {
                    row[j] = bias;
                }
            }
        }
        sum
    }};
}
pub(super) use start_512;

/// Writes them, or adds them to what is there: the tile's columns alone.
macro_rules! finish_512 {
    ($strips:ident, $sum:ident) => {
        for (j, strip) in $strips.iter().enumerate() {
            let (low, high) = (lanes(strip.cols, 0), lanes(strip.cols, 16));
            for (i, row) in $sum.iter().enumerate() {
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
    };
}
pub(super) use finish_512;

#[target_feature(enable = "avx512f")]
unsafe fn avx512_rows<const ROWS: usize, const PANELS: usize, const COLUMNS: bool>(t: Tile<'_, f32>) {
    let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
    // SAFETY: the caller's contract; masked loads and stores touch only the tile's columns.
    unsafe {
        let mut sum = start_512!(strips, PANELS, ROWS);
        let mut a = Walk::<f32, ROWS, COLUMNS>::new(&t);
        let mut b = strips.each_ref().map(|strip| strip.panel);
        fetch(strips, ROWS);
        unrolled!(t.depth, k => {
            // Broadcast again for every panel: few rows leave loads to spare, many leave no register.
            for (j, b) in b.iter().enumerate() {
                let (b0, b1) = (_mm512_loadu_ps(b.add(32 * k)), _mm512_loadu_ps(b.add(32 * k + 16)));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x = _mm512_set1_ps(a.element(i, k));
                    row[j][0] = _mm512_fmadd_ps(x, b0, row[j][0]);
                    row[j][1] = _mm512_fmadd_ps(x, b1, row[j][1]);
                }
            }
        }, n => {
            a.advance(n);
            b = b.map(|b| b.add(32 * n));
        });
        finish_512!(strips, sum);
    }
}

/// Asks for the result's lines, so that they have come when the sums are done.
#[inline(always)]
pub(super) fn fetch(strips: &[Strip<f32>], rows: usize) {
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

/// # Safety
/// The processor has AVX.
#[target_feature(enable = "avx")]
pub(super) unsafe fn transpose(from: &Columns<f32>, to: &mut Lines<f32>, wide: usize) {
    // Eight columns and eight rows at a time; columns that are too many are 0.
    for (j, columns) in from.chunks_exact(8).enumerate().take(wide.div_ceil(8)) {
        for half in [0, 8] {
            // SAFETY: eight of a column's sixteen numbers.
            let r: [_; 8] = std::array::from_fn(|k| unsafe { _mm256_loadu_ps(columns[k][half..].as_ptr()) });
            let pairs: [_; 8] = std::array::from_fn(|k| {
                let (a, b) = (r[k / 2 * 2], r[k / 2 * 2 + 1]);
                if k % 2 == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) }
            });
            // Numbers k and k + 4 of four columns.
            let fours =
                |a, b, k| if k % 2 == 0 { _mm256_shuffle_ps::<0x44>(a, b) } else { _mm256_shuffle_ps::<0xEE>(a, b) };
            let low: [_; 4] = std::array::from_fn(|k| fours(pairs[k / 2], pairs[k / 2 + 2], k));
            let high: [_; 4] = std::array::from_fn(|k| fours(pairs[4 + k / 2], pairs[6 + k / 2], k));
            for k in 0..4 {
                let rows =
                    [_mm256_permute2f128_ps::<0x20>(low[k], high[k]), _mm256_permute2f128_ps::<0x31>(low[k], high[k])];
                for (row, numbers) in [half + k, half + 4 + k].into_iter().zip(rows) {
                    // SAFETY: eight of a row's numbers.
                    unsafe { _mm256_storeu_ps(to[row][8 * j..8 * j + 8].as_mut_ptr(), numbers) };
                }
            }
        }
    }
}

/// Columns that a mask of 16 lanes covers from `first` on.
pub(super) fn lanes(cols: usize, first: usize) -> u16 {
    match cols.saturating_sub(first) {
        0 => 0,
        n if n >= 16 => 0xFFFF,
        n => (1u16 << n) - 1,
    }
}

/// The sums of a tile in 256-bit vectors: 0, or the strips' biases.
macro_rules! start_256 {
    ($strips:ident, $panels:ident, $rows:ident) => {{
        let mut sum = [[[_mm256_setzero_ps(); 2]; $panels]; $rows];
        for (j, strip) in $strips.iter().enumerate() {
            if !strip.bias.is_null() {
                let bias = [_mm256_loadu_ps(strip.bias), _mm256_loadu_ps(strip.bias.add(8))];
                for row in &mut sum {
                    row[j] = bias;
                }
            }
        }
        sum
    }};
}
pub(super) use start_256;

/// Writes them, or adds them to what is there; a narrow tile goes through a buffer.
macro_rules! finish_256 {
    ($strips:ident, $sum:ident, $rows:ident) => {
        for (j, strip) in $strips.iter().enumerate() {
            if strip.cols < 16 {
                let mut buffer = [[0f32; 16]; $rows];
                for (row, to) in $sum.iter().zip(&mut buffer) {
                    _mm256_storeu_ps(to.as_mut_ptr(), row[j][0]);
                    _mm256_storeu_ps(to.as_mut_ptr().add(8), row[j][1]);
                }
                finish_narrow(strip, &buffer);
                continue;
            }
            for (i, row) in $sum.iter().enumerate() {
                let c = strip.c.add(i * strip.c_row);
                let [mut s0, mut s1] = row[j];
                if strip.add {
                    s0 = _mm256_add_ps(s0, _mm256_loadu_ps(c));
                    s1 = _mm256_add_ps(s1, _mm256_loadu_ps(c.add(8)));
                }
                _mm256_storeu_ps(c, s0);
                _mm256_storeu_ps(c.add(8), s1);
            }
        }
    };
}
pub(super) use finish_256;

/// How many lines ahead a panel is asked for: at its end, the next one. The caches' own prefetching ends with every page.
const AHEAD: usize = 24;

#[target_feature(enable = "avx2,fma")]
unsafe fn avx2_rows<const ROWS: usize, const PANELS: usize, const COLUMNS: bool>(t: Tile<'_, f32>) {
    let strips: &[Strip<f32>; PANELS] = t.strips.try_into().expect("matched by their number");
    // SAFETY: the caller's contract; a narrow tile goes through a buffer.
    unsafe {
        let mut sum = start_256!(strips, PANELS, ROWS);
        let mut a = Walk::<f32, ROWS, COLUMNS>::new(&t);
        let mut b = strips.each_ref().map(|strip| strip.panel);
        fetch(strips, ROWS);
        unrolled!(t.depth, k => {
            for (j, b) in b.iter().enumerate() {
                _mm_prefetch::<_MM_HINT_T0>(b.wrapping_add(16 * (AHEAD + k)).cast());
                let (b0, b1) = (_mm256_loadu_ps(b.add(16 * k)), _mm256_loadu_ps(b.add(16 * k + 8)));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x = _mm256_set1_ps(a.element(i, k));
                    row[j][0] = _mm256_fmadd_ps(x, b0, row[j][0]);
                    row[j][1] = _mm256_fmadd_ps(x, b1, row[j][1]);
                }
            }
        }, n => {
            a.advance(n);
            b = b.map(|b| b.add(16 * n));
        });
        finish_256!(strips, sum, ROWS);
    }
}
