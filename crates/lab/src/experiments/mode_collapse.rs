//! Mode collapse as a process (Goodfellow et al. 2014, section 6; Metz et al. 2017, figure 2): a generator over-optimises against the
//! discriminator of the moment, which learns to reject that mode, which sends it to the next.

use crate::Settings;
use crate::report::{Comparison, Expected, Part, Report};
use simurgh_nn::adversarial::{ObjectiveKind, Penalty, PenaltyKind};
use simurgh_nn::burn::tensor::Device;
use simurgh_train::Error;
use simurgh_train::adversarial::{Game, MixtureKind, Recipe};
use simurgh_train::recipe::parse;
use std::fmt::Write;

/// Samples that a look is of.
const SAMPLES: usize = 512;
/// Steps from a look to the next.
const EVERY: u64 = 25;
/// Frames of a film.
const FRAMES: usize = 12;

/// What a game was like over its second half.
struct Film {
    /// e to the entropy of the modes' shares: as many modes as if all were equally likely; the median of all looks.
    effective: f64,
    /// Modes that had a tenth of the samples at some look.
    visited: usize,
    /// Mean share of the samples that change modes from a look to the next.
    turnover: f64,
    /// Steps after which samples are where they were, if there is such a time: the first peak of the shares' autocorrelation.
    period: Option<u64>,
    /// The discriminator's slope at the data, at the end.
    slope: f64,
    /// Points at looks of the whole game, evenly.
    frames: Vec<(u64, Vec<f32>)>,
}

/// The game that collapses: a discriminator that learns at a tenth of the generator's rate.
fn sick(seed: u64, steps: u64) -> Recipe {
    let text = "task = \"adversarial\"\n[data]\nmixture = \"ring8\"\n[model]\nhidden = [128, 128]\nlatent = 16\n[ema]\ndecay = 0.0";
    let mut recipe: Recipe = parse(text, &[]).expect("a recipe");
    recipe.seed = seed;
    recipe.adversarial.objective = ObjectiveKind::NonSaturating;
    (recipe.train.steps, recipe.train.batch) = (steps, 128);
    recipe.train.generator.learning_rate = 1e-3;
    recipe.train.discriminator.learning_rate = 1e-4;
    recipe
}

fn film(recipe: Recipe) -> Result<Film, Error> {
    let mixture = MixtureKind::Ring8.mixture();
    let modes = mixture.centres.len();
    let steps = recipe.train.steps;
    let mut game = Game::new(recipe, None, &Device::flex())?;
    let (mut shares, mut frames): (Vec<Vec<f64>>, _) = (Vec::new(), Vec::new());
    for step in 1..=steps {
        game.advance()?;
        if !step.is_multiple_of(EVERY) {
            continue;
        }
        let points = game.sampler()?.samples(SAMPLES, 1)?;
        if step > steps / 2 {
            let mut share = vec![0.0; modes];
            for point in points.chunks_exact(2) {
                share[mixture.nearest([f64::from(point[0]), f64::from(point[1])]).0] += 1.0 / SAMPLES as f64;
            }
            shares.push(share);
        }
        if step.is_multiple_of(steps / FRAMES as u64 / EVERY * EVERY) {
            frames.push((step, points));
        }
    }
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    let entropy = |share: &Vec<f64>| -share.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
    let changed = |pair: &[Vec<f64>]| pair[0].iter().zip(&pair[1]).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0;
    Ok(Film {
        effective: {
            let mut all: Vec<f64> = shares.iter().map(|share| entropy(share).exp()).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        },
        visited: (0..modes).filter(|mode| shares.iter().any(|share| share[*mode] >= 0.1)).count(),
        turnover: mean(&shares.windows(2).map(changed).collect::<Vec<f64>>()),
        period: period(&shares),
        slope: game.slope(256)?,
        frames,
    })
}

/// Steps to the first peak of the autocorrelation of the modes' shares, after it has fallen below 0; none if nothing is above a fifth.
fn period(shares: &[Vec<f64>]) -> Option<u64> {
    let count = shares.len();
    let means: Vec<f64> =
        (0..shares[0].len()).map(|mode| shares.iter().map(|s| s[mode]).sum::<f64>() / count as f64).collect();
    let product = |a: &[f64], b: &[f64]| -> f64 { (0..a.len()).map(|k| (a[k] - means[k]) * (b[k] - means[k])).sum() };
    let at = |lag: usize| {
        (0..count - lag).map(|k| product(&shares[k], &shares[k + lag])).sum::<f64>() / (count - lag) as f64
    };
    let all: Vec<f64> = (0..count / 2).map(|lag| at(lag) / at(0).max(1e-12)).collect();
    let low = all.iter().position(|x| *x < 0.0)?;
    let rest = all[low..].windows(3).position(|w| w[1] > 0.2 && w[1] >= w[0] && w[1] >= w[2])?;
    Some((low + rest + 1) as u64 * EVERY)
}

/// The frames side by side, modes as circles.
fn drawing(frames: &[(u64, Vec<f32>)]) -> String {
    const SIDE: f64 = 120.0;
    let columns = 6.0f64;
    let rows = (frames.len() as f64 / columns).ceil();
    let (width, height) = (columns * SIDE, rows * (SIDE + 16.0));
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"system-ui,sans-serif\" font-size=\"11\" fill=\"currentColor\"><title>samples over time</title>"
    );
    for (k, (step, points)) in frames.iter().enumerate() {
        let (left, top) = (k as f64 % columns * SIDE, (k as f64 / columns).floor() * (SIDE + 16.0));
        let at = |x: f64, y: f64| (left + SIDE * (0.5 + x / 3.4), top + 16.0 + SIDE * (0.5 - y / 3.4));
        let _ = write!(svg, "<text x=\"{}\" y=\"{}\">step {step}</text>", left + 4.0, top + 12.0);
        for [x, y] in MixtureKind::Ring8.mixture().centres {
            let (x, y) = at(x, y);
            let _ = write!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\".4\"/>"
            );
        }
        for p in points.chunks_exact(2).step_by(2) {
            let (x, y) = (f64::from(p[0]), f64::from(p[1]));
            if x.abs() < 1.7 && y.abs() < 1.7 {
                let (x, y) = at(x, y);
                let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\".9\" fill=\"#0072b2\"/>");
            }
        }
    }
    svg + "</svg>"
}

/// What is changed in the game, and what that does.
struct Change {
    name: &'static str,
    make: fn(&mut Recipe),
    /// Does the generator then cover the ring?
    cures: bool,
    /// Made in the quick form too.
    quick: bool,
}

fn equal_rates(recipe: &mut Recipe) {
    recipe.train.discriminator.learning_rate = recipe.train.generator.learning_rate;
}

fn penalised(recipe: &mut Recipe) {
    equal_rates(recipe);
    let of = |kind| Penalty { kind, weight: 0.03 };
    recipe.adversarial.penalty = vec![of(PenaltyKind::R1), of(PenaltyKind::R2)];
}

const CHANGES: [Change; 6] = [
    Change { name: "a discriminator as quick as the generator", make: equal_rates, cures: true, quick: false },
    Change { name: "the same, penalised for its slope (R1 and R2)", make: penalised, cures: true, quick: true },
    Change {
        name: "the same, and real samples paired with generated ones (relativistic)",
        make: |recipe| {
            penalised(recipe);
            recipe.adversarial.objective = ObjectiveKind::Relativistic;
        },
        cures: true,
        quick: true,
    },
    Change {
        name: "as quick, and it sees two samples at once (PacGAN)",
        make: |recipe| {
            equal_rates(recipe);
            recipe.adversarial.remedies.pack = 2;
        },
        cures: true,
        quick: false,
    },
    Change {
        name: "as quick, behind instance noise that falls to 0",
        make: |recipe| {
            equal_rates(recipe);
            recipe.adversarial.remedies.instance_noise = 0.3;
        },
        cures: true,
        quick: false,
    },
    Change {
        name: "as quick, with five moves to the generator's one and nothing that bounds its slope",
        make: |recipe| {
            equal_rates(recipe);
            recipe.train.discriminator.steps_per_update = 5;
        },
        cures: false,
        quick: false,
    },
];

pub fn run(settings: &Settings) -> Result<Report, Error> {
    let steps = if settings.quick { 1200 } else { 3000 };
    let ill = film(sick(settings.seed, steps))?;
    let back = ill.period.map_or_else(
        || "It comes back to a mode at no regular time.".to_string(),
        |steps| format!("It comes back to a mode after about {steps} steps."),
    );
    let mut parts = vec![
        Part::Text(format!(
            "Eight modes on a ring, and a discriminator that learns at a tenth of the generator's rate. The best answer to a \
             discriminator that stands still is the one point that it believes most; all samples go there, the discriminator learns to \
             reject it, and they leave together for the next. At a moment one mode is covered, over time all of them are: each look is \
             at {SAMPLES} samples, {EVERY} steps after the one before, over the second half of {steps} steps. {back} The \
             discriminator's slope at the data is {:.3} at the end: it hardly tells where the data are.",
            ill.slope
        )),
        Part::Comparisons(
            "the game that collapses".into(),
            vec![
                Comparison::new("modes at a time, of 8 (e to their entropy)", Expected::AtMost(4.0), ill.effective),
                Comparison::new("modes visited, by a tenth of the samples or more", Expected::AtLeast(6.0), ill.visited as f64),
                Comparison::new("share of samples that change modes between looks", Expected::AtLeast(0.4), ill.turnover),
            ],
        ),
        Part::Figure("a film of it".into(), drawing(&ill.frames)),
        Part::Text(
            "What changes it, each by itself. A discriminator that is as quick does not let the generator rest on one mode; bounding its \
             slope, pairing real samples with generated ones, packs and noise keep what it says of one mode from reaching over all \
             others. More moves alone are no cure: without a bound its slope grows, and where all that is generated is told apart \
             nothing leads on."
                .into(),
        ),
    ];
    for change in CHANGES.iter().filter(|change| change.quick || !settings.quick) {
        let mut recipe = sick(settings.seed, steps);
        (change.make)(&mut recipe);
        let film = film(recipe)?;
        let slope = format!("slope of the discriminator at the data ({:.3} before)", ill.slope);
        let rows = match change.cures {
            true => vec![
                Comparison::new("modes at a time, of 8", Expected::AtLeast(5.0), film.effective),
                Comparison::new(
                    "share of samples that change modes between looks",
                    Expected::AtMost(0.35),
                    film.turnover,
                ),
                Comparison::new(slope, Expected::AtLeast(ill.slope), film.slope),
            ],
            false => vec![
                Comparison::new("modes at a time, of 8", Expected::AtMost(7.0), film.effective),
                Comparison::new(slope, Expected::AtLeast(10.0), film.slope),
            ],
        };
        parts.push(Part::Comparisons(change.name.into(), rows));
        parts.push(Part::Figure(format!("a film of it: {}", change.name), drawing(&film.frames)));
    }
    Ok(Report { id: "mode-collapse", title: "Mode collapse: a generator that hops from mode to mode", parts })
}
