//! How much of the data a generator covers, and how good its samples are.

use super::recipe::Recipe;
use super::recognition::Recognition;
use super::sampler::{Sampler, scatter};
use super::source::{Kind, Source, points, stacked};
use crate::Error;
use crate::recipe::located;
use serde::Serialize;
use simurgh_data::InputError;
use simurgh_data::images::{Pictures, from_byte, grid, to_byte, to_png};
use simurgh_data::metrics::coverage::Coverage;
use simurgh_data::metrics::samples::{
    Birthday, Neighbourhoods, Rows, closest_pair, kernel_distance, sliced_wasserstein,
};
use simurgh_data::mixture::Mixture;
use simurgh_nn::adversarial::SampleShape;
use simurgh_nn::features::Features;
use simurgh_random::stream;
use std::path::Path;

/// Directions of the sliced Wasserstein distance.
const DIRECTIONS: usize = 128;
/// Neighbours of precision, recall, density and coverage (Naeem et al. 2020).
const NEIGHBOURS: usize = 5;
/// Most samples of either side that are projected on them.
const PROJECTED: usize = 2500;
/// Most samples of either side that are compared one by one.
const COMPARED: usize = 1000;
/// Pictures of a grid, and its columns.
const SHOWN: (usize, usize) = (64, 8);

/// What is measured of a generator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Samples that were made.
    pub samples: usize,
    /// Modes, where they are known: of points their Gaussians, of pictures what a classifier says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Sliced 2-Wasserstein distance from real samples.
    pub sliced_wasserstein: f64,
    /// That of as many other real samples: what a perfect generator would have.
    pub sliced_wasserstein_of_data: f64,
    /// Kernel distance from real samples (polynomial of degree 3), in the samples' own numbers or in features.
    pub kernel_distance: f64,
    /// Precision, recall, density and coverage, in the same; none of very few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbourhoods: Option<Neighbourhoods>,
    /// How far apart the two most alike of the samples are.
    pub closest_pair: f64,
    /// The same of real samples.
    pub closest_pair_of_data: f64,
    /// How many samples there are: duplicates are as alike as the closest two of as many real samples.
    pub birthday: Birthday,
}

impl Score {
    /// How far apart the closest two samples are, and the closest two of the data, in words.
    pub fn closest(&self) -> [String; 2] {
        let shown = |x: f64| if x > 0.0 && x < 1e-2 { format!("{x:.2e}") } else { format!("{x:.4}") };
        [self.closest_pair, self.closest_pair_of_data].map(shown)
    }

    /// The main numbers by name.
    pub fn numbers(&self) -> Vec<(&'static str, f64)> {
        let mut all = Vec::new();
        if let Some(c) = &self.coverage {
            all.extend([("modes", c.modes as f64), ("reverse_kl", c.reverse_kl)]);
            all.extend(c.high_quality.map(|quality| ("high_quality", quality)));
        }
        all.extend([("sliced_wasserstein", self.sliced_wasserstein), ("kernel_distance", self.kernel_distance)]);
        if let Some(n) = &self.neighbourhoods {
            all.extend([
                ("precision", n.precision),
                ("recall", n.recall),
                ("density", n.density),
                ("coverage", n.coverage),
            ]);
        }
        all.extend([("closest_pair", self.closest_pair), ("duplicates", self.birthday.duplicates as f64)]);
        all
    }

    /// They in a line, for a person.
    pub fn line(&self) -> String {
        if let Some(c) = &self.coverage {
            let quality = c.high_quality.map_or_else(String::new, |q| format!("  high quality {:.1} %", 100.0 * q));
            return format!("modes {} of {}{quality}  reverse KL {:.3}", c.modes, c.of, c.reverse_kl);
        }
        let (distance, of_data) = (self.sliced_wasserstein, self.sliced_wasserstein_of_data);
        let line = format!("sliced Wasserstein {distance:.4} (data {of_data:.4})");
        match &self.neighbourhoods {
            Some(n) => {
                format!("{line}  precision {:.3}  recall {:.3}  coverage {:.3}", n.precision, n.recall, n.coverage)
            }
            None => line,
        }
    }
}

/// Real samples to compare with, and how many are made.
pub(super) struct Meter {
    mixture: Option<Mixture>,
    recogniser: Option<Recognition>,
    features: Option<Features>,
    /// Two sets of as many real samples, `[samples, sample]`.
    real: [Vec<f32>; 2],
    /// Sliced Wasserstein distance and closest pair of real samples.
    of_data: [f64; 2],
    shape: SampleShape,
    samples: usize,
    seed: u64,
}

impl Meter {
    pub fn new(recipe: &Recipe, source: &Source) -> Self {
        let (samples, seed) = (recipe.train.eval_samples, stream(recipe.seed, "evaluation"));
        let shape = source.shape();
        let mixture = match &source.kind {
            Kind::Points(mixture) => Some(mixture.clone()),
            Kind::Pictures { .. } => None,
        };
        let real = match &source.kind {
            Kind::Points(mixture) => [1, 2].map(|k| points(mixture, seed ^ k, samples)),
            Kind::Pictures { train, held_out, stack, .. } => {
                let some = |pictures: &Pictures, k: u64| {
                    let count = samples.min(pictures.len());
                    match *stack {
                        1 => pictures.data[..count * pictures.size()].iter().map(|x| from_byte(*x)).collect(),
                        stack => stacked(pictures, stack, seed ^ k, count),
                    }
                };
                // Of few pictures a part is held out, or none: then with those that were learnt from.
                let held = if held_out.is_empty() { train } else { held_out };
                [some(held, 1), some(train, 2)]
            }
        };
        let [one, other] = real.each_ref().map(|real| rows(real, shape.len()));
        let of_data = [distance(one, other, seed), closest(one)];
        Self { mixture, recogniser: None, features: None, real, of_data, shape, samples, seed }
    }

    /// A classifier says what samples show.
    pub fn recognising(self, recogniser: Option<Recognition>) -> Self {
        Self { recogniser, ..self }
    }

    /// The recipe's network says how alike pictures are.
    pub fn by_features(self, recipe: &Recipe, directory: Option<&Path>) -> Result<Self, Error> {
        let path = &recipe.data.features;
        if path.as_os_str().is_empty() {
            return Ok(self);
        }
        let SampleShape::Picture(height, width, channels) = self.shape else {
            let hint = "leave it out: points are compared as they are";
            return Err(InputError::new("pictures, that have features", "points", hint).field("data.features").into());
        };
        let features = Features::read(&located(path, directory), [height, width, channels])?;
        Ok(Self { features: Some(features), ..self })
    }

    /// The first samples, as they are compared one by one: their features, or as they are.
    fn seen(&self, samples: &[f32], count: usize) -> Result<(Vec<f32>, usize), Error> {
        let (width, count) = (self.shape.len(), count.min(samples.len() / self.shape.len()));
        let samples = &samples[..count * width];
        Ok(match &self.features {
            Some(features) => (features.of(samples)?, features.width()),
            None => (samples.to_vec(), width),
        })
    }

    pub fn score(&self, model: &Sampler) -> Result<Score, Error> {
        let made = model.samples(self.samples, self.seed)?;
        let coverage = match (&self.mixture, &self.recogniser) {
            (Some(mixture), _) => Some(Coverage::of_points(mixture, &pairs(&made))),
            (None, Some(recogniser)) => Some(recogniser.coverage(&made)?),
            (None, None) => None,
        };
        let ((seen, width), (seen_made, _)) = (self.seen(&self.real[0], COMPARED)?, self.seen(&made, COMPARED)?);
        let (seen, seen_made) = (rows(&seen, width), rows(&seen_made, width));
        let (real, made) = (rows(&self.real[0], self.shape.len()), rows(&made, self.shape.len()));
        let [sliced_wasserstein_of_data, closest_pair_of_data] = self.of_data;
        Ok(Score {
            samples: self.samples,
            coverage,
            sliced_wasserstein: distance(real, made, self.seed),
            sliced_wasserstein_of_data,
            kernel_distance: kernel_distance(seen, seen_made),
            neighbourhoods: Neighbourhoods::new(seen, seen_made, NEIGHBOURS),
            closest_pair: closest(made),
            closest_pair_of_data,
            birthday: Birthday::new(made.first(self.compared(real)), closest_pair_of_data),
        })
    }

    /// Samples of either side that are compared one by one.
    fn compared(&self, real: Rows<'_>) -> usize {
        real.len().min(self.samples).min(COMPARED)
    }

    /// A PNG of samples of the same noise at every step.
    pub fn picture(&self, model: &Sampler) -> Result<Vec<u8>, Error> {
        Ok(to_png(&match &self.mixture {
            Some(_) => self.plane(&model.samples(self.samples, self.seed)?),
            None => {
                let made = model.samples(SHOWN.0, self.seed)?;
                grid(&model.pictures(&made).expect("samples of pictures"), SHOWN.1, 1)
            }
        }))
    }

    /// Points among the real ones.
    pub fn plane(&self, made: &[f32]) -> Pictures {
        let most = self.real[0].iter().fold(0.0f32, |most, x| most.max(x.abs()));
        scatter(&self.real[0], made, 1.25 * f64::from(most))
    }

    /// A PNG of real pictures, to set beside; None of points, among which real ones stand anyway.
    pub fn real_picture(&self) -> Option<Vec<u8>> {
        let SampleShape::Picture(height, width, channels) = self.shape else { return None };
        let count = SHOWN.0.min(self.real[0].len() / self.shape.len());
        let data = self.real[0][..count * self.shape.len()].iter().map(|x| to_byte(*x)).collect();
        Some(to_png(&grid(&Pictures { width, height, channels, data }, SHOWN.1, 1)))
    }
}

fn distance(a: Rows<'_>, b: Rows<'_>, seed: u64) -> f64 {
    sliced_wasserstein(a.first(PROJECTED), b.first(PROJECTED), DIRECTIONS, seed)
}

/// How far apart the two most alike are.
fn closest(rows: Rows<'_>) -> f64 {
    closest_pair(rows.first(COMPARED)).map_or(f64::NAN, |pair| pair.2)
}

fn rows(data: &[f32], width: usize) -> Rows<'_> {
    Rows::new(data, width).expect("whole samples")
}

fn pairs(points: &[f32]) -> Vec<[f64; 2]> {
    points.chunks_exact(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect()
}
