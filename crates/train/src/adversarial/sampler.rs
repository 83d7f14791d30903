//! A generator in use.

use super::recipe::Recipe;
use super::share::{EXACT, latent};
use crate::Error;
use crate::saved::{damaged, recipe_of};
use simurgh_data::images::{Pictures, to_byte};
use simurgh_nn::adversarial::{Generator, SampleShape};
use simurgh_nn::artifact::{Artifact, ArtifactError};
use simurgh_nn::burn::tensor::{Device, Tensor, TensorData};
use simurgh_nn::init::Init;
use simurgh_nn::parameters::{self, Parameter};
use simurgh_random::{mix, stream};

/// Samples that say what a network is like that is normalised over the batch.
const CALIBRATION: usize = 1024;
/// Samples made at once.
const BATCH: usize = 256;

/// A generator.
#[derive(Debug)]
pub struct Sampler {
    /// How it was trained.
    pub recipe: Recipe,
    /// What a sample is.
    pub shape: SampleShape,
    network: Generator,
}

impl Sampler {
    pub(super) fn new(recipe: Recipe, shape: SampleShape, parameters: Vec<Parameter>) -> Result<Self, Error> {
        let like = recipe.model.generator(shape, &Init::zeros(&Device::flex()))?;
        let network = parameters::replace(like, parameters)
            .map_err(|problem| damaged("tensors", "those of the recipe's generator", problem))?;
        Ok(Self { recipe, shape, network })
    }

    /// Ready for use, whatever batches it learnt by.
    pub(super) fn calibrated(self) -> Result<Self, Error> {
        let noise =
            latent(stream(self.recipe.seed, "calibration"), [CALIBRATION, self.recipe.model.latent], &Device::flex());
        Ok(Self { network: self.network.calibrated(noise, EXACT)?, ..self })
    }

    pub(super) fn parameters(&self) -> Vec<Parameter> {
        parameters::collect(&self.network)
    }

    /// The generator in a model's file.
    ///
    /// # Errors
    /// If it is of another task, or damaged.
    pub fn from_artifact(artifact: Artifact) -> Result<Self, Error> {
        let recipe: Recipe = recipe_of(&artifact.header)?;
        let shape = serde_json::from_value(artifact.header.model["sample"].clone());
        let shape: SampleShape =
            shape.map_err(|e| -> ArtifactError { damaged("model.sample", "what a sample is", e.to_string()) })?;
        Self::new(recipe, shape, artifact.parameters)
    }

    /// `count` samples, `[count, sample]`; those of one seed are the first of more.
    ///
    /// # Errors
    /// If there is no memory for them.
    pub fn samples(&self, count: usize, seed: u64) -> Result<Vec<f32>, Error> {
        let mut all = Vec::with_capacity(count * self.shape.len());
        let seed = stream(seed, "samples");
        for (number, first) in (0..count).step_by(BATCH).enumerate() {
            let batch = BATCH.min(count - first);
            // A row's noise does not depend on how many follow it.
            all.extend(self.of(latent(
                mix(seed ^ number as u64),
                [batch, self.recipe.model.latent],
                &Device::flex(),
            ))?);
        }
        Ok(all)
    }

    /// `rows` ways of `columns` samples each from one random sample to another, `[rows, columns, sample]`: the noise goes along the
    /// great circle between the two, where normal noise is at home (White 2016).
    ///
    /// # Errors
    /// If there is no memory for them.
    pub fn interpolated(&self, rows: usize, columns: usize, seed: u64) -> Result<Vec<f32>, Error> {
        let (width, seed) = (self.recipe.model.latent, stream(seed, "samples"));
        let ends = latent(seed, [2 * rows, width], &Device::flex()).into_data().iter::<f32>().collect::<Vec<f32>>();
        let mut z = Vec::with_capacity(rows * columns * width);
        for pair in ends.chunks_exact(2 * width) {
            let (from, to) = pair.split_at(width);
            for k in 0..columns {
                z.extend(between(from, to, k as f64 / (columns.max(2) - 1) as f64));
            }
        }
        let mut all = Vec::with_capacity(rows * columns * self.shape.len());
        for z in z.chunks(BATCH * width) {
            let data = TensorData::new(z.to_vec(), [z.len() / width, width]);
            all.extend(self.of(Tensor::from_data(data, &Device::flex()))?);
        }
        Ok(all)
    }

    fn of(&self, z: Tensor<2>) -> Result<Vec<f32>, Error> {
        Ok(self.network.samples(z, EXACT)?.into_data().iter::<f32>().collect())
    }

    /// Samples as pictures; None where they are points.
    pub fn pictures(&self, samples: &[f32]) -> Option<Pictures> {
        match self.shape {
            SampleShape::Numbers(_) => None,
            SampleShape::Picture(height, width, channels) => {
                Some(Pictures { width, height, channels, data: samples.iter().map(|x| to_byte(*x)).collect() })
            }
        }
    }
}

/// The point of the great circle from one vector to another, the lengths going evenly from one's to the other's.
fn between(from: &[f32], to: &[f32], share: f64) -> Vec<f32> {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let cosine = product(from, to) / (product(from, from) * product(to, to)).sqrt().max(1e-12);
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let (a, b) = if angle.sin() < 1e-6 {
        (1.0 - share, share)
    } else {
        (((1.0 - share) * angle).sin() / angle.sin(), (share * angle).sin() / angle.sin())
    };
    from.iter().zip(to).map(|(x, y)| (a * f64::from(*x) + b * f64::from(*y)) as f32).collect()
}

/// Pixels a side of a plane with points.
const PLANE: usize = 240;

/// Generated points, blue, over real ones, grey, in a square of the plane that reaches so far.
pub fn scatter(real: &[f32], generated: &[f32], reach: f64) -> Pictures {
    let mut data = vec![255u8; PLANE * PLANE * 3];
    let mut dot = |points: &[f32], colour: [u8; 3]| {
        for point in points.chunks_exact(2) {
            let at = |x: f32| ((f64::from(x) / reach + 1.0) * 0.5 * PLANE as f64).floor();
            let (x, y) = (at(point[0]), at(-point[1]));
            // What lies outside, or is no number, is not seen.
            if x >= 0.0 && y >= 0.0 && x < PLANE as f64 && y < PLANE as f64 {
                let k = (y as usize * PLANE + x as usize) * 3;
                data[k..k + 3].copy_from_slice(&colour);
            }
        }
    };
    dot(real, [190, 190, 190]);
    dot(generated, [0, 114, 178]);
    Pictures { width: PLANE, height: PLANE, channels: 3, data }
}
