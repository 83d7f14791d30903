//! Two parallel lines (Arjovsky et al. 2017, example 1).

use super::optimal_discriminator::GAUSSIANS;
use crate::Settings;
use crate::probe::{Batch, Probe, jensen_shannon, logits};
use crate::quadrature::{Divergence, log_normal};
use crate::report::{Comparison, Expected, Part, Report};
use simurgh_nn::ShapeError;
use simurgh_nn::adversarial::{ObjectiveKind, Penalty, PenaltyKind};
use simurgh_random::{Random, mix};
use simurgh_train::Error;
use std::f64::consts::LN_2;

/// Points of (distance, U[0, 1]).
fn line(random: &mut Random, distance: f64, count: usize) -> Batch {
    (0..count).flat_map(|_| [distance, random.uniform()]).collect()
}

/// The least mean distance that earth is moved from one sample to the other of as many points: on parallel lines the order along
/// them is kept.
fn earth_mover(a: &Batch, b: &Batch) -> f64 {
    let sorted = |batch: &Batch| {
        let mut points: Vec<[f64; 2]> = batch.as_chunks().0.to_vec();
        points.sort_by(|a, b| a[1].total_cmp(&b[1]));
        points
    };
    let (a, b) = (sorted(a), sorted(b));
    a.iter().zip(&b).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).sum::<f64>() / a.len() as f64
}

/// Every distance, with noise and without, and a trained Wasserstein critic.
pub fn run(settings: &Settings) -> Result<Report, Error> {
    let mut distances = Vec::new();
    let mut random = Random::new(mix(settings.seed));
    for distance in [0.0, 0.1, 0.5, 1.0, 2.0] {
        let (a, b) = (line(&mut random, 0.0, 20_000), line(&mut random, distance, 20_000));
        // Two samples of one line are a little apart.
        let within = 0.02;
        distances.push(Comparison::new(
            format!("Wasserstein, {distance} apart"),
            Expected::Value { value: distance, within },
            earth_mover(&a, &b),
        ));
    }
    // A point near the other line is none of it: what is told apart at all is told apart for sure.
    let apart = if settings.quick { vec![0.0, 1.0] } else { vec![0.0, 0.1, 0.5, 1.0, 2.0] };
    for distance in apart {
        let probe = Probe {
            hidden: vec![32, 32],
            objective: ObjectiveKind::NonSaturating,
            penalty: None,
            steps: if settings.quick { 300 } else { 2000 },
            learning_rate: 3e-3,
        };
        let draw = |random: &mut Random, count| [line(random, 0.0, count), line(random, distance, count)];
        let network = probe.train(2, settings.seed, |random| draw(random, 256))?;
        let (found, error) = jensen_shannon(&network, &draw(&mut random, 20_000), 2)?;
        let (least, most) = if distance == 0.0 { (-0.02, 4.0 * error) } else { (LN_2 - 0.02, LN_2) };
        let what = format!("Jensen-Shannon by a discriminator, {distance} apart");
        distances.push(Comparison::new(format!("{what}: no more"), Expected::AtMost(most), found));
        distances.push(Comparison::new(format!("{what}: nearly reached"), Expected::AtLeast(least), found));
    }
    let mut noise = Vec::new();
    for (mean, nats) in GAUSSIANS.into_iter().filter(|g| g.0 > 0.0).rev() {
        // Lines 1 apart under such noise are normal distributions 2 mean of their deviations apart.
        let deviation = 0.5 / mean;
        let reach = 1.0 + 14.0 * deviation;
        let (p, q) = (|x| log_normal(x, 0.0, deviation), |x| log_normal(x, 1.0, deviation));
        let js = Divergence::between(-reach, reach, 40_000, p, q).jensen_shannon();
        noise.push(Comparison::new(format!("noise {deviation}"), Expected::Value { value: nats, within: 5e-7 }, js));
    }
    let mut trained = Vec::new();
    for distance in if settings.quick { vec![1.0] } else { vec![0.25, 0.5, 1.0, 2.0] } {
        let probe = Probe {
            hidden: vec![64, 64],
            objective: ObjectiveKind::Wasserstein,
            penalty: Some(Penalty { kind: PenaltyKind::GradientPenalty, weight: 10.0 }),
            steps: if settings.quick { 400 } else { 3000 },
            learning_rate: 2e-3,
        };
        let draw = |random: &mut Random| [line(random, 0.0, 128), line(random, distance, 128)];
        let critic = probe.train(2, settings.seed, draw)?;
        let [a, b] = [0.0, distance].map(|at| line(&mut random, at, 4000));
        let mean = |rows: &Batch| -> Result<f64, ShapeError> {
            let logits = logits(&critic, rows, 2)?;
            Ok(logits.iter().sum::<f64>() / logits.len() as f64)
        };
        trained.push(Comparison::new(
            format!("critic's difference of means, {distance} apart"),
            // The penalty is soft: a weight of 10 lets the slope pass 1 by distance / 20.
            Expected::Value { value: distance, within: 0.1 * distance + distance * distance / 20.0 },
            mean(&a)? - mean(&b)?,
        ));
    }
    let parts = vec![
        Part::Text(
            "Data on the line (0, U[0, 1]), a generator on (theta, U[0, 1]). Unless theta is 0 they have no point in common, however near: \
             the Jensen-Shannon divergence is log 2, both Kullback-Leibler divergences are infinite, the total variation is 1, and \
             none of them says which way to go. The Wasserstein distance is |theta|. Of 20,000 points each; the divergence as the held-out bound of a trained discriminator:"
                .into(),
        ),
        Part::Comparisons("distance of the samples".into(), distances),
        Part::Text(
            "Noise on the samples of both gives them common points, and the divergence a slope: it falls from log 2 to 0 as noise grows \
             beside the lines' distance of 1 (by integrals):"
                .into(),
        ),
        Part::Comparisons("Jensen-Shannon with instance noise".into(), noise),
        Part::Text(
            "A critic whose slope is kept near 1 by a gradient penalty measures the Wasserstein distance, and its slope shows the \
             generator the way, wherever it is:"
                .into(),
        ),
        Part::Comparisons("a trained Wasserstein critic".into(), trained),
    ];
    Ok(Report { id: "disjoint-supports", title: "Distributions that have no point in common", parts })
}
