//! Rows of a table, and dropout masks.

use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};
use simurgh_random::mix;

/// `table[ids]`, `[ids, width]`.
///
/// # Errors
/// If the width is 0, or an id is outside of the table.
pub fn forward<T: Real>(table: &[T], width: usize, ids: &[u32]) -> Result<Vec<T>, ShapeError> {
    let check = Check("embedding");
    check_ids(check, table.len(), width, ids)?;
    let mut out = check.room("the result", &[("ids", ids.len()), ("width", width)])?;
    for &id in ids {
        out.extend_from_slice(&table[id as usize * width..][..width]);
    }
    Ok(out)
}

fn check_ids(check: Check, table: usize, width: usize, ids: &[u32]) -> Result<(), ShapeError> {
    check.some("the width", width)?;
    check.indices("id", ids.iter().map(|&id| id as usize), table / width)
}

/// Adds each row of `d_out` to its id's row of `d_table`, in the order of the rows.
///
/// # Errors
/// As [`forward`], and if there is not one row an id.
pub fn backward<T: Real>(d_out: &[T], width: usize, ids: &[u32], d_table: &mut [T]) -> Result<(), ShapeError> {
    let check = Check("embedding backward");
    check_ids(check, d_table.len(), width, ids)?;
    check.elements("d_out", d_out.len(), &[("ids", ids.len()), ("width", width)])?;
    for (&id, d) in ids.iter().zip(d_out.chunks_exact(width)) {
        for (t, d) in d_table[id as usize * width..][..width].iter_mut().zip(d) {
            *t += *d;
        }
    }
    Ok(())
}

/// Multiplies each element of `x[keys, width]` by 0 with probability `rate`, else by `1 / (1 - rate)`.
///
/// The draw depends on `seed`, the row's key and the column: rows with one key share a mask, which
/// over the steps of a sequence is variational dropout (Gal & Ghahramani 2016).
///
/// # Errors
/// Unless there is one row a key, and `0 <= rate < 1`.
pub fn dropout<T: Real>(x: &mut [T], width: usize, keys: &[u32], rate: f64, seed: u64) -> Result<(), ShapeError> {
    let check = Check("dropout");
    check.elements("x", x.len(), &[("keys", keys.len()), ("width", width)])?;
    check.share("the rate", rate)?;
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
    Ok(())
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
        dropout(&mut x, width, &keys, 0.3, 9).unwrap();
        let mean = x.iter().sum::<f32>() / x.len() as f32;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert_eq!(x[3 * width..4 * width], x[7 * width..8 * width]);
        assert_ne!(x[3 * width..4 * width], x[4 * width..5 * width]);
    }

    #[test]
    fn an_embedding_gradient_adds_up_repeated_ids() {
        let table: Vec<f64> = (0..6).map(f64::from).collect();
        assert_eq!(forward(&table, 2, &[2, 0, 2]).unwrap(), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
        let mut d = vec![0.0; 6];
        backward(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, &[2, 0, 2], &mut d).unwrap();
        assert_eq!(d, [3.0, 4.0, 0.0, 0.0, 6.0, 8.0]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let errors = [
            (forward(&[0.0; 6], 2, &[0, 3]).map(drop), "embedding: id 1 is 3, expected less than 3"),
            (forward(&[0.0; 6], 0, &[0]).map(drop), "embedding: the width is 0"),
            (
                backward(&[0.0; 3], 2, &[0, 1], &mut [0.0; 6]),
                "embedding backward: `d_out` has 3 elements, expected 4 (ids 2 x width 2)",
            ),
            (backward(&[0.0; 2], 2, &[7], &mut [0.0; 6]), "embedding backward: id 0 is 7, expected less than 3"),
            (dropout(&mut [0.0; 3], 2, &[0], 0.5, 1), "dropout: `x` has 3 elements, expected 2 (keys 1 x width 2)"),
            (dropout(&mut [0.0; 2], 2, &[0], 1.0, 1), "dropout: the rate is 1, expected 0 up to but not 1"),
        ];
        for (result, want) in errors {
            assert_eq!(result.unwrap_err().to_string(), want);
        }
    }
}
