//! One row of every sequence of a packed batch: the maximum or the mean over its steps (Collobert & Weston 2008).

use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Ragged, Real, ShapeError};

/// Elements from which on a second thread is worth it.
const WORTH: usize = 1 << 16;

/// What becomes of a column's numbers over a sequence's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The largest, the first of several. A NaN is larger than every number.
    Max,
    /// Their mean.
    Mean,
}

/// What pooling made.
#[derive(Clone, Debug)]
pub struct Pooled<T> {
    /// `[sequences, width]`.
    pub data: Vec<T>,
    /// Of each maximum, the step that it stood at; empty for means.
    pub steps: Vec<u32>,
}

/// Pools `x[rows, width]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn forward<T: Real>(x: &[T], width: usize, layout: &Ragged, pooling: Pooling) -> Result<Pooled<T>, ShapeError> {
    let check = Check("pooling");
    check.some("the width", width)?;
    check.elements("x", x.len(), &[("rows", layout.rows()), ("width", width)])?;
    let sequences = layout.sequences();
    let mut data = vec![T::ZERO; sequences * width];
    let mut steps = vec![0; if pooling == Pooling::Max { sequences * width } else { 0 }];
    let (to, at) = (Shared::new(&mut data), Shared::new(&mut steps));
    let parts = parallel::ranges(sequences, parallel::threads(), 1);
    parallel::each(parts.len(), x.len() >= WORTH, |part| {
        for sequence in parts.at(part) {
            let row = |t: usize| &x[layout.row(t, sequence) * width..][..width];
            // SAFETY: a sequence's rows of both results belong to one task.
            let to = unsafe { to.slice(sequence * width, width) };
            to.copy_from_slice(row(0));
            let length = layout.lengths()[sequence];
            match pooling {
                Pooling::Max => {
                    // SAFETY: as above.
                    let at = unsafe { at.slice(sequence * width, width) };
                    for t in 1..length {
                        for ((to, at), x) in to.iter_mut().zip(at.iter_mut()).zip(row(t)) {
                            let larger = *x > *to || (is_nan(*x) && !is_nan(*to));
                            *at = if larger { t as u32 } else { *at };
                            *to = if larger { *x } else { *to };
                        }
                    }
                }
                Pooling::Mean => {
                    for t in 1..length {
                        to.iter_mut().zip(row(t)).for_each(|(to, x)| *to += *x);
                    }
                    let share = T::ONE / T::from_f64(length as f64);
                    to.iter_mut().for_each(|to| *to *= share);
                }
            }
        }
    });
    Ok(Pooled { data, steps })
}

/// The gradient of `x[rows, width]` from that of the result, `d_pooled[sequences, width]`; `steps` are those of
/// [`Pooled::steps`].
///
/// # Errors
/// If the shapes do not fit.
pub fn backward<T: Real>(
    d_pooled: &[T],
    width: usize,
    layout: &Ragged,
    pooling: Pooling,
    steps: &[u32],
) -> Result<Vec<T>, ShapeError> {
    let check = Check("pooling backward");
    let (sequences, lengths) = (layout.sequences(), layout.lengths());
    check.some("the width", width)?;
    check.elements("d_pooled", d_pooled.len(), &[("sequences", sequences), ("width", width)])?;
    if pooling == Pooling::Max {
        check.elements("steps", steps.len(), &[("sequences", sequences), ("width", width)])?;
        for (steps, length) in steps.chunks_exact(width).zip(lengths) {
            check.indices("the step of column", steps.iter().map(|t| *t as usize), *length)?;
        }
    }
    let mut d_x = vec![T::ZERO; layout.rows() * width];
    for (sequence, d_pooled) in d_pooled.chunks_exact(width).enumerate() {
        match pooling {
            Pooling::Max => {
                for (column, (d, t)) in d_pooled.iter().zip(&steps[sequence * width..]).enumerate() {
                    d_x[layout.row(*t as usize, sequence) * width + column] = *d;
                }
            }
            Pooling::Mean => {
                let share = T::ONE / T::from_f64(lengths[sequence] as f64);
                for t in 0..lengths[sequence] {
                    let row = &mut d_x[layout.row(t, sequence) * width..][..width];
                    row.iter_mut().zip(d_pooled).for_each(|(to, d)| *to = *d * share);
                }
            }
        }
    }
    Ok(d_x)
}

fn is_nan<T: Real>(x: T) -> bool {
    x.partial_cmp(&x).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_ragged_sequences() {
        let layout = Ragged::new(&[3, 1]).unwrap();
        // Sequence 0: (1, 5), (3, -2), (3, 0); sequence 1: (7, 8).
        let x = [1.0, 5.0, 7.0, 8.0, 3.0, -2.0, 3.0, 0.0f64];
        let max = forward(&x, 2, &layout, Pooling::Max).unwrap();
        assert_eq!((max.data, max.steps.clone()), (vec![3.0, 5.0, 7.0, 8.0], vec![1, 0, 0, 0]));
        let d = backward(&[1.0, 2.0, 3.0, 4.0], 2, &layout, Pooling::Max, &max.steps).unwrap();
        assert_eq!(d, [0.0, 2.0, 3.0, 4.0, 1.0, 0.0, 0.0, 0.0]);
        let mean = forward(&x, 2, &layout, Pooling::Mean).unwrap();
        assert!((mean.data[0] - 7.0 / 3.0).abs() < 1e-12 && (mean.data[1] - 1.0).abs() < 1e-12);
        let d = backward(&[3.0, 6.0, 3.0, 4.0], 2, &layout, Pooling::Mean, &[]).unwrap();
        assert_eq!(d, [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 1.0, 2.0]);
    }

    #[test]
    fn a_nan_is_a_maximum_wherever_it_stands() {
        let layout = Ragged::new(&[3]).unwrap();
        for k in 0..3 {
            let mut x = [1.0f32, 2.0, 3.0];
            x[k] = f32::NAN;
            let pooled = forward(&x, 1, &layout, Pooling::Max).unwrap();
            assert!(pooled.data[0].is_nan() && pooled.steps[0] == k as u32, "{k}: {pooled:?}");
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let layout = Ragged::new(&[2]).unwrap();
        let error = forward(&[1.0f32; 5], 2, &layout, Pooling::Max).unwrap_err().to_string();
        assert_eq!(error, "pooling: `x` has 5 elements, expected 4 (rows 2 x width 2)");
        assert!(forward(&[1.0f32; 0], 0, &layout, Pooling::Mean).is_err());
        assert!(backward(&[1.0f32; 3], 2, &layout, Pooling::Mean, &[]).is_err());
        assert!(backward(&[1.0f32; 2], 2, &layout, Pooling::Max, &[0, 2]).is_err());
    }
}
