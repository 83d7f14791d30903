//! 128-bit vectors of 64-bit Arm processors.

use super::super::{STRIPS, Strip, Tile};
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
