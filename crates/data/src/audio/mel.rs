//! Bands of hearing.

use std::ops::Range;

fn mel(hertz: f64) -> f64 {
    2595.0 * (1.0 + hertz / 700.0).log10()
}

fn hertz(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

/// Triangles evenly spread on the mel scale (O'Shaughnessy 1987) over the bins of a power spectrum.
#[derive(Clone, Debug)]
pub(super) struct Bands {
    bands: Vec<(Range<usize>, Vec<f32>)>,
}

impl Bands {
    /// `count` bands from `low` to `high` Hz over spectra of `points` samples of `rate` a second.
    pub(super) fn new(count: usize, (low, high): (f64, f64), points: usize, rate: u32) -> Self {
        let edge = |k: usize| hertz(mel(low) + (mel(high) - mel(low)) * k as f64 / (count + 1) as f64);
        let bin = |k: usize| k as f64 * f64::from(rate) / points as f64;
        let band = |b: usize| {
            let (from, peak, to) = (edge(b), edge(b + 1), edge(b + 2));
            let weight = |k: usize| ((bin(k) - from) / (peak - from)).min((to - bin(k)) / (to - peak)).max(0.0) as f32;
            let first = (0..=points / 2).find(|k| weight(*k) > 0.0);
            // A band narrower than a bin takes the nearest one.
            let Some(first) = first else {
                let nearest = (peak * points as f64 / f64::from(rate)).round() as usize;
                return (nearest..nearest + 1, vec![1.0]);
            };
            let last = (first..=points / 2).rev().find(|k| weight(*k) > 0.0).unwrap_or(first);
            (first..last + 1, (first..=last).map(weight).collect())
        };
        Self { bands: (0..count).map(band).collect() }
    }

    /// The power of each band, appended to `to`.
    pub(super) fn powers(&self, spectrum: &[f32], to: &mut Vec<f32>) {
        let power = |(bins, weights): &(Range<usize>, Vec<f32>)| {
            spectrum[bins.clone()].iter().zip(weights).map(|(power, weight)| power * weight).sum::<f32>()
        };
        to.extend(self.bands.iter().map(power));
    }
}
