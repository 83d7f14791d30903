//! How much of what there is a generator makes: modes, and samples that are near one.

use crate::mixture::Mixture;
use serde::Serialize;

/// Deviations within which a sample is of high quality.
const NEAR: f64 = 3.0;

/// Which modes were found, and how often.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Modes with at least one sample (of high quality, where that is known).
    pub modes: usize,
    /// Modes that there are.
    pub of: usize,
    /// Share of the samples that are of high quality: within three deviations of the nearest mode. None where a classifier says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_quality: Option<f64>,
    /// `KL(q || uniform)` in nats, q the shares of the modes among the samples: 0 if all are equally likely, `ln(modes)` if there is
    /// one. Called reverse, since the model's shares stand first (Srivastava et al. 2017).
    pub reverse_kl: f64,
    /// Samples of every mode.
    #[serde(skip)]
    pub counts: Vec<usize>,
}

impl Coverage {
    /// Of points, by the standard protocol: a mode counts with one sample of high quality, and the shares are of those samples
    /// (Lin et al. 2018, section 4.1).
    pub fn of_points(mixture: &Mixture, points: &[[f64; 2]]) -> Self {
        let mut counts = vec![0; mixture.centres.len()];
        for point in points {
            let (mode, deviations) = mixture.nearest(*point);
            if deviations <= NEAR {
                counts[mode] += 1;
            }
        }
        let near: usize = counts.iter().sum();
        Self { high_quality: Some(near as f64 / points.len().max(1) as f64), ..Self::of_counts(counts) }
    }

    /// Of samples whose mode a classifier says, `classes` modes.
    ///
    /// # Panics
    /// If a sample is of none of them.
    pub fn of_classes(classes: usize, samples: impl IntoIterator<Item = usize>) -> Self {
        let mut counts = vec![0; classes];
        samples.into_iter().for_each(|class| counts[class] += 1);
        Self::of_counts(counts)
    }

    fn of_counts(counts: Vec<usize>) -> Self {
        let near: usize = counts.iter().sum();
        let share = |n: usize| n as f64 / near as f64;
        let terms = counts.iter().filter(|n| **n > 0).map(|n| share(*n) * (share(*n) * counts.len() as f64).ln());
        // Nothing was found: the divergence of one mode from all.
        let reverse_kl = if near == 0 { (counts.len() as f64).ln() } else { terms.sum::<f64>().max(0.0) };
        Self {
            modes: counts.iter().filter(|n| **n > 0).count(),
            of: counts.len(),
            high_quality: None,
            reverse_kl,
            counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use simurgh_random::Random;

    #[test]
    fn the_data_themselves_cover_everything() {
        for mixture in [Mixture::ring(), Mixture::grid()] {
            let mut random = Random::new(1);
            let points: Vec<[f64; 2]> = (0..2500).map(|_| mixture.draw(&mut random)).collect();
            let coverage = Coverage::of_points(&mixture, &points);
            assert_eq!(coverage.modes, mixture.centres.len());
            // Of a Gaussian in the plane 1 - exp(-9/2) lies within three deviations.
            assert!((coverage.high_quality.unwrap() - 0.98889).abs() < 0.01, "{coverage:?}");
            assert!(coverage.reverse_kl < 0.02, "{coverage:?}");
        }
    }

    #[test]
    fn few_modes_none_and_what_is_no_number() {
        let ring = Mixture::ring();
        let one = Coverage::of_points(&ring, &[[1.0, 0.0]; 10]);
        assert_eq!((one.modes, one.high_quality), (1, Some(1.0)));
        assert!((one.reverse_kl - 8f64.ln()).abs() < 1e-12);
        let two = Coverage::of_points(&ring, &[[1.0, 0.0], [0.0, 1.02], [0.5, 0.0], [f64::NAN, 0.0]]);
        assert_eq!((two.modes, two.high_quality), (2, Some(0.5)));
        assert!((two.reverse_kl - 4f64.ln()).abs() < 1e-12);
        let none = Coverage::of_points(&ring, &[[9.0, 9.0]]);
        assert_eq!((none.modes, none.high_quality), (0, Some(0.0)));
        assert!((none.reverse_kl - 8f64.ln()).abs() < 1e-12);
        let empty = Coverage::of_points(&ring, &[]);
        assert_eq!((empty.modes, empty.high_quality), (0, Some(0.0)));
        // By hand: shares 3/4 and 1/4 of four classes.
        let classes = Coverage::of_classes(4, [0, 0, 0, 2]);
        let by_hand = 0.75 * 3f64.ln() + 0.25 * 1f64.ln();
        assert!((classes.reverse_kl - by_hand).abs() < 1e-12 && classes.modes == 2);
    }
}
