//! Adam and AdamW.

use super::{Gradient, each_part};
use crate::parallel::Shared;
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};

/// The numbers of one update (Kingma & Ba 2015; weight decay decoupled as in Loshchilov & Hutter 2019).
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root in the denominator.
    pub epsilon: f64,
    /// Decoupled weight decay; 0 is Adam.
    pub weight_decay: f64,
    /// What each gradient is multiplied with first (clipping, accumulation).
    pub scale: f64,
    /// Updates including this one, from 1.
    pub step: u64,
}

/// Updates `parameter` with its `gradient` and moments.
///
/// # Errors
/// If the lengths differ.
pub fn update<T: Real>(
    u: Update,
    parameter: &mut [T],
    gradient: Gradient<'_, T>,
    mean: &mut [T],
    square: &mut [T],
) -> Result<(), ShapeError> {
    let (n, check) = (parameter.len(), Check("adam"));
    gradient.check(check, n)?;
    check.dimension("length of the mean", mean.len(), n)?;
    check.dimension("length of the square", square.len(), n)?;
    let steps = u.step as f64;
    let correct1 = 1.0 - u.beta1.powf(steps);
    let correct2 = 1.0 - u.beta2.powf(steps);
    let c = [
        u.beta1,
        u.beta2,
        u.scale,
        u.learning_rate / correct1,
        1.0 / correct2.sqrt(),
        u.epsilon,
        1.0 - u.learning_rate * u.weight_decay,
    ]
    .map(T::from_f64);
    let (p, m, v) = (Shared::new(parameter), Shared::new(mean), Shared::new(square));
    each_part(n, |range| {
        gradient.pieces(range, |range, gradient| {
            let (start, len) = (range.start, range.len());
            // SAFETY: the parts are disjoint.
            let (p, m, v) = unsafe { (p.slice(start, len), m.slice(start, len), v.slice(start, len)) };
            match gradient {
                Some(g) => segment(c, p, g, m, v),
                None => without_gradient(c, p, m, v),
            }
        });
    });
    Ok(())
}

#[inline(always)]
fn one<T: Real, const FMA: bool>(c: [T; 7], p: &mut T, g: T, m: &mut T, v: &mut T) {
    let [beta1, beta2, scale, rate, root, epsilon, keep] = c;
    let g = g * scale;
    *m = beta1.fma::<FMA>(*m, (T::ONE - beta1) * g);
    *v = beta2.fma::<FMA>(*v, (T::ONE - beta2) * g * g);
    *p = *p * keep - rate * *m / (v.sqrt().fma::<FMA>(root, epsilon));
}

#[inline(always)]
fn segment_body<T: Real, const FMA: bool>(c: [T; 7], p: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
    for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
        one::<T, FMA>(c, p, *g, m, v);
    }
}

#[inline(always)]
fn without_gradient_body<T: Real, const FMA: bool>(c: [T; 7], p: &mut [T], m: &mut [T], v: &mut [T]) {
    for ((p, m), v) in p.iter_mut().zip(m).zip(v) {
        one::<T, FMA>(c, p, T::ZERO, m, v);
    }
}

multiversion! {
    fn segment<T: Real>(c: [T; 7], p: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) = segment_body
}
multiversion! {
    fn without_gradient<T: Real>(c: [T; 7], p: &mut [T], m: &mut [T], v: &mut [T]) = without_gradient_body
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The textbook form, in f64.
    #[test]
    fn equals_the_algorithm_as_printed() {
        let n = 40_000;
        let mut p: Vec<f32> = (0..n).map(|i| (i as f32 * 0.1).sin()).collect();
        let mut q: Vec<f64> = p.iter().map(|&x| f64::from(x)).collect();
        let (mut m, mut v) = (vec![0.0f32; n], vec![0.0f32; n]);
        let (mut m64, mut v64) = (vec![0.0f64; n], vec![0.0f64; n]);
        for step in 1..=5u64 {
            let g: Vec<f32> = (0..n).map(|i| ((i as u64 * step) as f32).cos()).collect();
            let u = Update {
                learning_rate: 1e-2,
                beta1: 0.9,
                beta2: 0.98,
                epsilon: 1e-8,
                weight_decay: 0.1,
                scale: 0.5,
                step,
            };
            update(u, &mut p, Gradient::Dense(&g), &mut m, &mut v).unwrap();
            for i in 0..n {
                let g = f64::from(g[i]) * 0.5;
                m64[i] = 0.9 * m64[i] + 0.1 * g;
                v64[i] = 0.98 * v64[i] + 0.02 * g * g;
                let (mh, vh) = (m64[i] / (1.0 - 0.9f64.powi(step as i32)), v64[i] / (1.0 - 0.98f64.powi(step as i32)));
                q[i] = q[i] * (1.0 - 1e-2 * 0.1) - 1e-2 * mh / (vh.sqrt() + 1e-8);
            }
        }
        for (a, b) in p.iter().zip(&q) {
            let difference = (f64::from(*a) - b).abs();
            assert!(difference < 2e-6, "{a} {b}");
        }
    }
}
