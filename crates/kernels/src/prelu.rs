//! What is above 0, and a part of what is below that is learnt (PReLU, He et al. 2015): one slope for a whole layer.

use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};

/// Numbers of a segment: the slope's gradient is the sum of theirs, in their order, whatever the threads.
const SEGMENT: usize = 1 << 14;
/// Partial sums of a segment, so that it vectorises.
const LANES: usize = 16;

/// `x` where it is above 0, `slope x` elsewhere.
pub fn forward<T: Real>(x: &[T], slope: T) -> Vec<T> {
    let mut y = x.to_vec();
    let shared = Shared::new(&mut y);
    parallel::each(x.len().div_ceil(SEGMENT), x.len() > 2 * SEGMENT, |k| {
        let len = SEGMENT.min(x.len() - k * SEGMENT);
        // SAFETY: every segment is a task's own.
        bend(unsafe { shared.slice(k * SEGMENT, len) }, slope);
    });
    y
}

/// The gradient of [`forward`]'s operands.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient<T> {
    /// As many as there were numbers.
    pub x: Vec<T>,
    /// Of the slope.
    pub slope: T,
}

/// Gradient from `d_y`.
///
/// # Errors
/// If there are not as many of `d_y` as of `x`.
pub fn backward<T: Real>(x: &[T], d_y: &[T], slope: T) -> Result<Gradient<T>, ShapeError> {
    Check("PReLU backward").dimension("numbers of d_y", d_y.len(), x.len())?;
    let mut d_x = d_y.to_vec();
    let mut sums = vec![T::ZERO; x.len().div_ceil(SEGMENT)];
    {
        let (shared, sums) = (Shared::new(&mut d_x), Shared::new(&mut sums));
        parallel::each(sums.len(), x.len() > 2 * SEGMENT, |k| {
            let len = SEGMENT.min(x.len() - k * SEGMENT);
            // SAFETY: every segment and its sum are a task's own.
            let (d, sum) = unsafe { (shared.slice(k * SEGMENT, len), sums.slice(k, 1)) };
            sum[0] = unbend(d, &x[k * SEGMENT..][..len], slope);
        });
    }
    Ok(Gradient { x: d_x, slope: sums.into_iter().sum() })
}

#[inline(always)]
fn bend_body<T: Real, const FMA: bool>(y: &mut [T], slope: T) {
    for y in y {
        // y = x, or slope x where x is not above 0; a NaN stays one
        *y = if *y > T::ZERO { *y } else { slope * *y };
    }
}

#[inline(always)]
fn unbend_body<T: Real, const FMA: bool>(d: &mut [T], x: &[T], slope: T) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (mut of_d, mut of_x) = (d.chunks_exact_mut(LANES), x.chunks_exact(LANES));
    let one = |d: &mut T, x: T, lane: &mut T| {
        let above = x > T::ZERO;
        // d slope = sum of d_y x where x is not above 0
        *lane += if above { T::ZERO } else { *d * x };
        *d = if above { *d } else { slope * *d };
    };
    for (d, x) in (&mut of_d).zip(&mut of_x) {
        for k in 0..LANES {
            one(&mut d[k], x[k], &mut lanes[k]);
        }
    }
    let rest = of_d.into_remainder().iter_mut().zip(of_x.remainder());
    rest.zip(&mut lanes).for_each(|((d, x), lane)| one(d, *x, lane));
    lanes.into_iter().sum()
}

multiversion! {
    /// [`forward`], in place.
    fn bend<T: Real>(y: &mut [T], slope: T) = bend_body
}

multiversion! {
    /// The gradient of `x` in place of that of the result; that of the slope is returned.
    fn unbend<T: Real>(d: &mut [T], x: &[T], slope: T) -> T = unbend_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use simurgh_random::Random;

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let mut random = Random::new(4);
        for count in [0, 1, 15, 40, 2 * SEGMENT + 17] {
            let x: Vec<f64> = (0..count).map(|_| random.normal()).collect();
            let d: Vec<f64> = (0..count).map(|_| random.normal()).collect();
            let loss = |x: &[f64], slope: f64| forward(x, slope).iter().zip(&d).map(|(y, d)| y * d).sum::<f64>();
            let (slope, step) = (0.25, 1e-6);
            let got = backward(&x, &d, slope).unwrap();
            let expected = (loss(&x, slope + step) - loss(&x, slope - step)) / (2.0 * step);
            assert!((got.slope - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{count}: {} {expected}", got.slope);
            for k in (0..count).step_by(count.div_ceil(20).max(1)) {
                let moved = |by: f64| {
                    let mut x = x.clone();
                    x[k] += by;
                    loss(&x, slope)
                };
                let expected = (moved(step) - moved(-step)) / (2.0 * step);
                assert!((got.x[k] - expected).abs() <= 1e-4 * (1.0 + expected.abs()), "{k}: {} {expected}", got.x[k]);
            }
        }
        assert!(backward(&[1.0], &[1.0, 2.0], 0.1).is_err());
        assert!(forward(&[f32::NAN], 0.1)[0].is_nan());
    }

    #[test]
    fn threads_do_not_show() {
        let x: Vec<f32> = (0..5 * SEGMENT).map(|k| (k as f32 * 0.7).sin()).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (forward(&x, 0.3), backward(&x, &x, 0.3).unwrap()))
        };
        assert!(run(1) == run(2) && run(1) == run(3));
    }
}
