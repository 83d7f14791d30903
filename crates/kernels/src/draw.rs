//! A class from a row of logits, and how likely one is.

use crate::Real;
use crate::elementwise::{exp_sum, exp_total, maximum};

/// Negative log-likelihood of `target` under the softmax of `logits`, nats; and whether no class is likelier. A NaN makes the
/// likelihood one.
///
/// # Panics
/// If the target is no class.
pub fn likelihood<T: Real>(logits: &[T], target: usize) -> (f64, bool) {
    let (top, logit) = (maximum(logits), logits[target]);
    let mass = exp_total(logits, top);
    (top.to_f64() + mass.to_f64().ln() - logit.to_f64(), logit == top)
}

/// The likeliest class, of equals the first; 0 where no logit is a number.
pub fn likeliest<T: Real>(logits: &[T]) -> usize {
    let top = maximum(logits);
    logits.iter().position(|logit| *logit == top).unwrap_or(0)
}

/// The class of the softmax of `logits` on which `uniform`, 0 up to but not 1, falls where the classes' probabilities stand one
/// after the other. The logits are overwritten.
pub fn draw<T: Real>(logits: &mut [T], uniform: f64) -> usize {
    let top = maximum(logits);
    let mass = exp_sum(logits, top).to_f64();
    let mut rest = uniform * mass;
    let mut last = 0;
    for (class, weight) in logits.iter().enumerate() {
        let weight = weight.to_f64();
        if weight > 0.0 {
            last = class;
            rest -= weight;
            if rest < 0.0 {
                return class;
            }
        }
    }
    // The sum was taken in another order: what little is left belongs to the last class that can come.
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_falls_where_the_probabilities_say() {
        let logits = [0.5f64.ln(), f64::NEG_INFINITY, 0.3f64.ln(), 0.2f64.ln()];
        for (uniform, class) in [(0.0, 0), (0.49, 0), (0.51, 2), (0.79, 2), (0.81, 3), (1.0 - f64::EPSILON, 3)] {
            assert_eq!(draw(&mut logits.clone(), uniform), class, "{uniform}");
        }
        assert_eq!(draw(&mut [f64::NEG_INFINITY, 0.0, f64::NEG_INFINITY], 0.999_999), 1);
        assert_eq!((likeliest(&logits), likeliest(&[1.0, 2.0, 2.0]), likeliest(&[f32::NAN])), (0, 1, 0));
    }

    #[test]
    fn a_likelihood_is_that_of_the_softmax() {
        for (target, want, first) in [(0, 0.5f64, true), (2, 0.3, false), (3, 0.2, false)] {
            let logits = [0.5f64.ln() + 700.0, f64::NEG_INFINITY, 0.3f64.ln() + 700.0, 0.2f64.ln() + 700.0];
            let (nll, best) = likelihood(&logits, target);
            assert!((nll + want.ln()).abs() < 1e-12 && best == first, "{target}: {nll}");
        }
        assert!(likelihood(&[0.0, f64::NAN], 0).0.is_nan());
    }
}
