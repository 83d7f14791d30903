//! Stochastic gradient descent, with momentum (Sutskever et al. 2013, in PyTorch's form).

use super::{Gradient, each_part};
use crate::parallel::Shared;
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};

/// The numbers of one update.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Step size.
    pub learning_rate: f64,
    /// What is kept of the velocity; 0 is no momentum.
    pub momentum: f64,
    /// Added to the gradient, times the parameter.
    pub weight_decay: f64,
    /// What each gradient is multiplied with first (clipping, accumulation).
    pub scale: f64,
}

/// `velocity = momentum * velocity + gradient; parameter -= learning_rate * velocity`; without momentum `velocity` is empty
/// and the gradient takes its place: then rows without a gradient are not touched, unless they decay.
///
/// # Errors
/// If the lengths differ.
pub fn update<T: Real>(
    u: Update,
    parameter: &mut [T],
    gradient: Gradient<'_, T>,
    velocity: &mut [T],
) -> Result<(), ShapeError> {
    let (n, check) = (parameter.len(), Check("sgd"));
    gradient.check(check, n)?;
    check.dimension("length of the velocity", velocity.len(), if u.momentum == 0.0 { 0 } else { n })?;
    let c = [u.learning_rate, u.momentum, u.weight_decay, u.scale].map(T::from_f64);
    let (p, v) = (Shared::new(parameter), Shared::new(velocity));
    each_part(n, |range| {
        gradient.pieces(range, |range, gradient| {
            // SAFETY: the parts are disjoint.
            let p = unsafe { p.slice(range.start, range.len()) };
            if v.len() == 0 {
                match gradient {
                    Some(g) => plain(c, p, g),
                    None if u.weight_decay == 0.0 => {}
                    None => plain(c, p, &vec![T::ZERO; range.len()]),
                }
                return;
            }
            // SAFETY: as above.
            let v = unsafe { v.slice(range.start, range.len()) };
            match gradient {
                Some(g) => with_momentum(c, p, g, v),
                None => without_gradient(c, p, v),
            }
        });
    });
    Ok(())
}

#[inline(always)]
fn plain_body<T: Real, const FMA: bool>(c: [T; 4], p: &mut [T], g: &[T]) {
    let [rate, _, decay, scale] = c;
    for (p, g) in p.iter_mut().zip(g) {
        let g = decay.fma::<FMA>(*p, *g * scale);
        *p -= rate * g;
    }
}

#[inline(always)]
fn one<T: Real, const FMA: bool>([rate, momentum, decay, scale]: [T; 4], p: &mut T, g: T, v: &mut T) {
    let g = decay.fma::<FMA>(*p, g * scale);
    *v = momentum.fma::<FMA>(*v, g);
    *p -= rate * *v;
}

#[inline(always)]
fn with_momentum_body<T: Real, const FMA: bool>(c: [T; 4], p: &mut [T], g: &[T], v: &mut [T]) {
    for ((p, g), v) in p.iter_mut().zip(g).zip(v) {
        one::<T, FMA>(c, p, *g, v);
    }
}

#[inline(always)]
fn without_gradient_body<T: Real, const FMA: bool>(c: [T; 4], p: &mut [T], v: &mut [T]) {
    for (p, v) in p.iter_mut().zip(v) {
        one::<T, FMA>(c, p, T::ZERO, v);
    }
}

multiversion! {
    fn plain<T: Real>(c: [T; 4], p: &mut [T], g: &[T]) = plain_body
}
multiversion! {
    fn with_momentum<T: Real>(c: [T; 4], p: &mut [T], g: &[T], v: &mut [T]) = with_momentum_body
}
multiversion! {
    fn without_gradient<T: Real>(c: [T; 4], p: &mut [T], v: &mut [T]) = without_gradient_body
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The textbook form, in f64.
    #[test]
    fn equals_the_algorithm_as_printed() {
        let n = 40_000;
        for (momentum, weight_decay) in [(0.0, 0.0), (0.0, 0.1), (0.9, 0.0), (0.9, 0.1)] {
            let mut p: Vec<f32> = (0..n).map(|i| (i as f32 * 0.1).sin()).collect();
            let mut q: Vec<f64> = p.iter().map(|&x| f64::from(x)).collect();
            let (mut v, mut v64) = (vec![0.0f32; if momentum > 0.0 { n } else { 0 }], vec![0.0f64; n]);
            for step in 1..=5u64 {
                let g: Vec<f32> = (0..n).map(|i| ((i as u64 * step) as f32).cos()).collect();
                let u = Update { learning_rate: 1e-2, momentum, weight_decay, scale: 0.5 };
                update(u, &mut p, Gradient::Dense(&g), &mut v).unwrap();
                for i in 0..n {
                    v64[i] = momentum * v64[i] + f64::from(g[i]) * 0.5 + weight_decay * q[i];
                    q[i] -= 1e-2 * v64[i];
                }
            }
            for (a, b) in p.iter().zip(&q) {
                let difference = (f64::from(*a) - b).abs();
                assert!(difference < 1e-6, "{momentum} {weight_decay}: {a} {b}");
            }
        }
    }
}
