//! Rows of a table, and dropout masks.

use crate::parallel::{self, Shared};
use crate::{Real, multiversion};
use simurgh_random::mix;

/// `table[ids]`, `[ids, width]`.
///
/// # Panics
/// If an id is outside of the table.
pub fn forward<T: Real>(table: &[T], width: usize, ids: &[u32]) -> Vec<T> {
    let mut out = Vec::with_capacity(ids.len() * width);
    for &id in ids {
        out.extend_from_slice(&table[id as usize * width..][..width]);
    }
    out
}

/// Adds each row of `d_out` to its id's row of `d_table`, in the order of the rows.
pub fn backward<T: Real>(d_out: &[T], width: usize, ids: &[u32], d_table: &mut [T]) {
    for (&id, d) in ids.iter().zip(d_out.chunks_exact(width)) {
        for (t, d) in d_table[id as usize * width..][..width].iter_mut().zip(d) {
            *t += *d;
        }
    }
}

/// Multiplies each element of `x[keys, width]` by 0 with probability `rate`, else by `1 / (1 - rate)`.
///
/// The draw depends on `seed`, the row's key and the column: rows with one key share a mask, which
/// over the steps of a sequence is variational dropout (Gal & Ghahramani 2016).
pub fn dropout<T: Real>(x: &mut [T], width: usize, keys: &[u32], rate: f64, seed: u64) {
    let threshold = (rate * 65536.0).round() as u64;
    let scale = T::from_f64(65536.0 / (65536 - threshold.min(65535)) as f64);
    let shared = Shared::new(x);
    let parts = parallel::ranges(keys.len(), parallel::threads(), 1);
    parallel::each(parts.len(), keys.len() * width > 1 << 14, |part| {
        for row in parts.at(part) {
            // SAFETY: each row belongs to one part.
            let x = unsafe { shared.slice(row * width, width) };
            mask_row(x, mix(seed ^ u64::from(keys[row])), threshold, scale);
        }
    });
}

/// Lanes of a row that draw together: lane `i` of a block has one word for four elements `WORDS` apart.
const WORDS: usize = 16;

#[inline(always)]
fn mask_row_body<T: Real, const FMA: bool>(x: &mut [T], base: u64, threshold: u64, scale: T) {
    for (block, x) in x.chunks_mut(4 * WORDS).enumerate() {
        let mut bits = [0u64; WORDS];
        for (i, bits) in bits.iter_mut().enumerate() {
            *bits = mix(base.wrapping_add((block * WORDS + i) as u64));
        }
        // Four 16-bit draws from one word.
        for x in x.chunks_mut(WORDS) {
            for (x, bits) in x.iter_mut().zip(&mut bits) {
                let keep = *bits & 0xFFFF >= threshold;
                *bits >>= 16;
                *x = if keep { *x * scale } else { T::ZERO };
            }
        }
    }
}

multiversion! {
    fn mask_row<T: Real>(x: &mut [T], base: u64, threshold: u64, scale: T) = mask_row_body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropout_keeps_the_mean_and_shares_masks_by_key() {
        let (rows, width) = (400, 101);
        let mut keys: Vec<u32> = (0..rows).collect();
        keys[7] = 3;
        let mut x = vec![1.0f32; rows as usize * width];
        dropout(&mut x, width, &keys, 0.3, 9);
        let mean = x.iter().sum::<f32>() / x.len() as f32;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert_eq!(x[3 * width..4 * width], x[7 * width..8 * width]);
        assert_ne!(x[3 * width..4 * width], x[4 * width..5 * width]);
    }

    #[test]
    fn an_embedding_gradient_adds_up_repeated_ids() {
        let table: Vec<f64> = (0..6).map(f64::from).collect();
        assert_eq!(forward(&table, 2, &[2, 0, 2]), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
        let mut d = vec![0.0; 6];
        backward(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, &[2, 0, 2], &mut d);
        assert_eq!(d, [3.0, 4.0, 0.0, 0.0, 6.0, 8.0]);
    }
}
