//! Integrals over the line, of what falls to nothing at both ends.

/// The integral of `f` from `low` to `high` by the trapezoidal rule: of an analytic function that vanishes at both ends with all its
/// derivatives the error falls faster than any power of the step (Trefethen & Weideman 2014).
pub fn integral(low: f64, high: f64, steps: usize, f: impl Fn(f64) -> f64) -> f64 {
    let step = (high - low) / steps as f64;
    let inner: f64 = (1..steps).map(|k| f(low + k as f64 * step)).sum();
    step * (inner + 0.5 * (f(low) + f(high)))
}

/// `log(exp(a) + exp(b))`.
pub fn log_sum(a: f64, b: f64) -> f64 {
    let (most, least) = (a.max(b), a.min(b));
    if most == f64::NEG_INFINITY { most } else { most + (least - most).exp().ln_1p() }
}

/// The probability of a logit.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The logarithm of the density of a normal distribution.
pub fn log_normal(x: f64, mean: f64, deviation: f64) -> f64 {
    let z = (x - mean) / deviation;
    -0.5 * z * z - deviation.ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// How far two distributions on a line are from each other, from the logarithms of their densities.
#[derive(Clone, Copy, Debug)]
pub struct Divergence {
    /// Kullback-Leibler from the first to the mean of both.
    pub first: f64,
    /// From the second to the mean of both.
    pub second: f64,
}

impl Divergence {
    /// Of two log-densities that vanish outside of `low` to `high`.
    pub fn between(low: f64, high: f64, steps: usize, p: impl Fn(f64) -> f64, q: impl Fn(f64) -> f64) -> Self {
        let half = |a: &dyn Fn(f64) -> f64, b: &dyn Fn(f64) -> f64| {
            integral(low, high, steps, |x| {
                let (a, b) = (a(x), b(x));
                // a log(a / m), m the mean of both
                if a == f64::NEG_INFINITY { 0.0 } else { a.exp() * (a + std::f64::consts::LN_2 - log_sum(a, b)) }
            })
        };
        Self { first: half(&p, &q), second: half(&q, &p) }
    }

    /// Jensen-Shannon, nats: 0 where both are the same, log 2 where they have nothing in common.
    pub fn jensen_shannon(self) -> f64 {
        0.5 * (self.first + self.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrals_of_densities_are_one_and_divergences_stay_in_their_range() {
        let density = |x: f64| log_normal(x, 0.3, 0.7).exp();
        assert!((integral(-10.0, 10.0, 400, density) - 1.0).abs() < 1e-13);
        let between = |m: f64| {
            let d = Divergence::between(-60.0, 60.0, 6000, |x| log_normal(x, -m, 1.0), |x| log_normal(x, m, 1.0));
            d.jensen_shannon()
        };
        assert!(between(0.0).abs() < 1e-14 && (between(20.0) - std::f64::consts::LN_2).abs() < 1e-12);
        assert_eq!(log_sum(f64::NEG_INFINITY, f64::NEG_INFINITY), f64::NEG_INFINITY);
    }
}
