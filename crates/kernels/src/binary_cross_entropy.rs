//! Loss of many yes-or-no answers at once, from logits.

use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};

/// Sums over all rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sums {
    /// Negative log-likelihood, nats.
    pub nll: f64,
    /// Rows whose answers, a logit above 0 being yes, are all right.
    pub correct: usize,
}

/// `-sum(y ln p + (1 - y) ln(1 - p))` with `p = sigmoid(z)`, as `max(z, 0) - z y + ln(1 + exp(-|z|))`, which overflows nowhere.
/// `z[rows, width]`, `y[rows, width]` of zeros and ones; the gradient with respect to `z`, `p - y`, goes to `d_z`, unless that is
/// empty.
///
/// # Errors
/// If the shapes do not fit.
pub fn binary_cross_entropy<T: Real>(z: &[T], y: &[T], width: usize, d_z: &mut [T]) -> Result<Sums, ShapeError> {
    let check = Check("binary_cross_entropy");
    check.some("the width", width)?;
    let rows = z.len() / width;
    check.elements("the logits", z.len(), &[("rows", rows), ("width", width)])?;
    check.elements("the answers", y.len(), &[("rows", rows), ("width", width)])?;
    if !d_z.is_empty() {
        check.elements("the gradient", d_z.len(), &[("rows", rows), ("width", width)])?;
    }
    let mut sums = Sums { nll: 0.0, correct: 0 };
    let mut terms = vec![T::ZERO; width];
    for (k, (z, y)) in z.chunks_exact(width).zip(y.chunks_exact(width)).enumerate() {
        let d_z = if d_z.is_empty() { &mut [][..] } else { &mut d_z[k * width..][..width] };
        row(z, y, &mut terms, d_z);
        sums.nll += terms.iter().map(|t| t.to_f64()).sum::<f64>();
        let right = z.iter().zip(y).all(|(z, y)| (*z > T::ZERO) == (*y > T::ZERO));
        sums.correct += usize::from(right);
    }
    Ok(sums)
}

#[inline(always)]
fn row_body<T: Real, const FMA: bool>(z: &[T], y: &[T], terms: &mut [T], d_z: &mut [T]) {
    for ((z, y), term) in z.iter().zip(y).zip(terms) {
        let minus_abs = if *z > T::ZERO { T::ZERO - *z } else { *z };
        let above = if *z > T::ZERO { *z } else { T::ZERO };
        *term = above - *z * *y + (T::ONE + minus_abs.exp::<FMA>()).ln();
        // A NaN is neither above nor below.
        if z.partial_cmp(z).is_none() {
            *term = *z;
        }
    }
    for ((d, z), y) in d_z.iter_mut().zip(z).zip(y) {
        *d = z.sigmoid::<FMA>() - *y;
    }
}

multiversion! {
    fn row<T: Real>(z: &[T], y: &[T], terms: &mut [T], d_z: &mut [T]) = row_body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_definition_and_its_derivative() {
        let z = [0.3, -2.0, 0.0, 5.0, -0.1, 1.5f64];
        let y = [1.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let mut d = [0.0; 6];
        let sums = binary_cross_entropy(&z, &y, 3, &mut d).unwrap();
        let loss = |z: &[f64]| -> f64 {
            z.iter()
                .zip(y)
                .map(|(z, y)| {
                    let p = 1.0 / (1.0 + (-z).exp());
                    -(y * p.ln() + (1.0 - y) * (1.0 - p).ln())
                })
                .sum()
        };
        assert!((sums.nll - loss(&z)).abs() < 1e-9, "{sums:?}");
        for k in 0..6 {
            let mut near = z;
            near[k] += 1e-6;
            let numeric = (loss(&near) - loss(&z)) / 1e-6;
            assert!((numeric - d[k]).abs() < 1e-5);
        }
        // Row 0: yes, no, no for yes, no, yes; row 1 has two wrong ones.
        assert_eq!(sums.correct, 0);
        assert_eq!(binary_cross_entropy(&z[3..4], &y[3..4], 1, &mut []).unwrap().correct, 1);
    }

    #[test]
    fn far_logits_are_finite_and_nan_stays() {
        let sums = binary_cross_entropy(&[200.0f32, -200.0], &[0.0, 1.0], 2, &mut []).unwrap();
        assert!((sums.nll - 400.0).abs() < 1e-3);
        assert!(binary_cross_entropy(&[f32::NAN], &[0.0], 1, &mut []).unwrap().nll.is_nan());
        assert!(binary_cross_entropy(&[0.0f32; 3], &[0.0; 2], 1, &mut []).is_err());
        assert!(binary_cross_entropy(&[0.0f32; 3], &[0.0; 3], 2, &mut []).is_err());
    }
}
