//! 128-bit vectors of 64-bit Arm processors.

use super::super::{STRIPS, Strip, Tile};
use super::{Walk, finish_narrow};
use std::arch::aarch64::*;

/// # Safety
/// The tile lies inside its matrices.
pub(super) unsafe fn neon(t: Tile<'_, f32>) {
    by_rows!(t, neon_rows, 1 2 3 4 5 6; 1);
}

#[target_feature(enable = "neon")]
unsafe fn neon_rows<const ROWS: usize, const PANELS: usize, const COLUMNS: bool>(t: Tile<'_, f32>) {
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
        let mut a = Walk::<f32, ROWS, COLUMNS>::new(&t);
        let mut b = strips.each_ref().map(|strip| strip.panel);
        unrolled!(t.depth, k => {
            for (j, b) in b.iter().enumerate() {
                let columns: [_; 4] = std::array::from_fn(|part| vld1q_f32(b.add(16 * k + 4 * part)));
                for (i, row) in sum.iter_mut().enumerate() {
                    let x = a.element(i, k);
                    for (sum, column) in row[j].iter_mut().zip(columns) {
                        *sum = vfmaq_n_f32(*sum, column, x);
                    }
                }
            }
        }, n => {
            a.advance(n);
            b = b.map(|b| b.add(16 * n));
        });
        for (j, strip) in strips.iter().enumerate() {
            if strip.cols < 16 {
                let mut buffer = [[0f32; 16]; ROWS];
                for (row, to) in sum.iter().zip(&mut buffer) {
                    for (k, sum) in row[j].iter().enumerate() {
                        vst1q_f32(to.as_mut_ptr().add(4 * k), *sum);
                    }
                }
                finish_narrow(strip, &buffer);
                continue;
            }
            for (i, row) in sum.iter().enumerate() {
                for (k, sum) in row[j].iter().enumerate() {
                    let c = strip.c.add(i * strip.c_row + 4 * k);
                    vst1q_f32(c, if strip.add { vaddq_f32(*sum, vld1q_f32(c)) } else { *sum });
                }
            }
        }
    }
}
