//! The learning rate over a run.

use serde::{Deserialize, Serialize};

/// What follows the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// The peak for ever.
    Constant,
    /// Proportional to 1 / sqrt(step) (Vaswani et al. 2017).
    InverseSqrt,
    /// Half a cosine down to 0 at the last step (Loshchilov & Hutter 2017).
    Cosine,
    /// Halved when the dev score has not risen for `plateau_patience` evaluations.
    Plateau,
}

/// Learning rate of `step` (from 1) of `steps`: linear to `peak` over `warmup` steps, then `decay`;
/// `factor` is the plateau's.
pub fn learning_rate(decay: Decay, peak: f64, warmup: u64, step: u64, steps: u64, factor: f64) -> f64 {
    let warm = warmup.max(1) as f64;
    let s = step as f64;
    if step < warmup {
        return peak * s / warm;
    }
    match decay {
        Decay::Constant => peak,
        Decay::Plateau => peak * factor,
        Decay::InverseSqrt => peak * (warm / s.max(warm)).sqrt(),
        Decay::Cosine => {
            let done = (s - warmup as f64) / (steps.saturating_sub(warmup)).max(1) as f64;
            peak * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_start_peak_and_end_where_they_should() {
        let rate = |decay, step| learning_rate(decay, 1.0, 10, step, 100, 0.25);
        for decay in [Decay::Constant, Decay::InverseSqrt, Decay::Cosine, Decay::Plateau] {
            assert!((rate(decay, 5) - 0.5).abs() < 1e-12);
        }
        assert!((rate(Decay::Constant, 100) - 1.0).abs() < 1e-12);
        assert!((rate(Decay::InverseSqrt, 40) - 0.5).abs() < 1e-12);
        assert!((rate(Decay::Cosine, 55) - 0.5).abs() < 1e-12 && rate(Decay::Cosine, 100).abs() < 1e-12);
        assert!((rate(Decay::Plateau, 50) - 0.25).abs() < 1e-12);
    }
}
