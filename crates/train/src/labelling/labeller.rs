//! A trained labeller in use.

use super::recipe::Recipe;
use super::segments::{Segment, Segments};
use crate::Error;
use crate::saved::{damaged, recipe_of};
use serde::{Deserialize, Serialize};
use simurgh_data::audio::{Features, Resampler};
use simurgh_data::metrics::classification::probabilities;
use simurgh_nn::artifact::Artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::init::Init;
use simurgh_nn::labeller::{Labeller, LabellerStream};
use simurgh_nn::parameters;
use simurgh_nn::pass::Precision;
use simurgh_nn::recurrent::stream::StreamState;
use simurgh_random::Random;
use std::time::{Duration, Instant};

/// Frames that another label must last.
pub(super) const LEAST: usize = 6;

/// What a model keeps of its data besides its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The labels; the first is silence.
    pub classes: Vec<String>,
    /// The mean of each band over the training frames.
    pub mean: Vec<f32>,
    /// Its standard deviation.
    pub deviation: Vec<f32>,
}

impl Kept {
    /// Brings features to mean 0 and deviation 1.
    pub(super) fn scale(&self, features: &mut [f32]) {
        for frame in features.chunks_exact_mut(self.mean.len()) {
            let scales = self.mean.iter().zip(&self.deviation);
            frame.iter_mut().zip(scales).for_each(|(x, (mean, deviation))| *x = (*x - mean) / deviation);
        }
    }
}

/// A network with its labels.
pub struct SoundLabeller {
    /// The network.
    pub network: Labeller,
    /// Its labels and scales.
    pub kept: Kept,
    /// The recipe that made it.
    pub recipe: Recipe,
}

impl std::fmt::Debug for SoundLabeller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SoundLabeller({})", self.recipe.name)
    }
}

impl SoundLabeller {
    /// The model of a file.
    ///
    /// # Errors
    /// If it is no labeller, or its tensors are not those of its configuration.
    pub fn new(artifact: Artifact, device: &Device) -> Result<Self, Error> {
        let header = artifact.header;
        let recipe: Recipe = recipe_of(&header)?;
        let kept: Kept = serde_json::from_str(&header.tokenizer)
            .map_err(|e| damaged("tokenizer", "labels and scales", e.to_string()))?;
        let bands = recipe.features.bands;
        if kept.mean.len() != bands || kept.deviation.len() != bands || kept.classes.len() < 2 {
            let got = format!("{} bands, {} labels", kept.mean.len(), kept.classes.len());
            return Err(damaged("tokenizer", "scales of every band, and labels", got).into());
        }
        // Compared before anything of the recipe's size is made.
        let numbers: usize = artifact.parameters.iter().map(|p| p.data.len()).sum();
        if recipe.model.hidden.saturating_mul(recipe.model.hidden) > numbers {
            return Err(damaged("tensors", "those of its configuration", format!("{numbers} numbers, too few")).into());
        }
        let network = Labeller::new(&recipe.model, bands, kept.classes.len(), &Init::zeros(device))?;
        let network = parameters::replace(network, artifact.parameters)
            .map_err(|problems| damaged("tensors", "those of its configuration", problems))?;
        Ok(Self { network, kept, recipe })
    }

    /// Listens to sound of `rate` samples a second.
    ///
    /// # Errors
    /// If the network is not on the CPU.
    pub fn listen(&self, rate: u32) -> Result<Listening<'_>, Error> {
        let stream = self.network.stream(Precision::F32)?;
        Ok(Listening {
            model: self,
            state: stream.start()?,
            stream,
            resampler: Resampler::new(rate, self.recipe.features.rate),
            features: Features::new(&self.recipe.features),
            segments: Segments::new(self.kept.classes.len(), LEAST),
            samples: Vec::new(),
            frames: Vec::new(),
            seen: 0,
        })
    }

    /// Milliseconds from the middle of a frame's sound to its label, however fast the machine: half a frame, and the look-ahead.
    pub fn latency_ms(&self) -> f64 {
        let f = &self.recipe.features;
        f.frame_ms / 2.0 + f.hop_ms * self.recipe.model.look_ahead as f64
    }

    /// Milliseconds from the end of a part to its being told: another label has lasted long enough.
    pub fn told_ms(&self) -> f64 {
        self.latency_ms() + self.recipe.features.hop_ms * (LEAST - 1) as f64
    }

    /// How fast this machine hears, measured on ten seconds of noise.
    ///
    /// # Errors
    /// If the network is not on the CPU.
    pub fn speed(&self) -> Result<Speed, Error> {
        const SECONDS: usize = 10;
        let f = &self.recipe.features;
        let mut random = Random::new(1);
        let noise: Vec<f32> = (0..SECONDS * f.rate as usize).map(|_| 0.1 * random.normal() as f32).collect();
        let (mut listening, mut heard) = (self.listen(f.rate)?, Vec::new());
        let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
        for samples in noise.chunks(f.hop()) {
            let frame = Instant::now();
            listening.push(samples, &mut heard)?;
            slowest = slowest.max(frame.elapsed());
        }
        Ok(Speed { real_time: SECONDS as f64 / begun.elapsed().as_secs_f64(), slowest })
    }
}

/// How fast a machine hears.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Seconds of sound a second.
    pub real_time: f64,
    /// The longest that a frame took.
    pub slowest: Duration,
}

/// What was heard: a frame's probabilities, and a part that ended with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// Of every label.
    pub probabilities: Vec<f64>,
    /// A part that has ended.
    pub ended: Option<Segment>,
}

/// Sound in the hearing. What is heard does not depend on how it arrives.
pub struct Listening<'a> {
    model: &'a SoundLabeller,
    stream: LabellerStream,
    state: StreamState,
    resampler: Resampler,
    features: Features,
    segments: Segments,
    samples: Vec<f32>,
    frames: Vec<f32>,
    /// Frames read.
    seen: usize,
}

impl Listening<'_> {
    /// Milliseconds that a sample waits for those after it to come to the model's rate.
    pub fn resampling_ms(&self) -> f64 {
        self.resampler.delay_ms()
    }

    /// Takes samples; what can be said is appended to `to`.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn push(&mut self, samples: &[f32], to: &mut Vec<Heard>) -> Result<(), Error> {
        self.samples.clear();
        self.resampler.push(samples, &mut self.samples);
        self.hear(to)
    }

    /// The frames that wait for what comes after them: nothing does. And the last part.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn finish(&mut self, to: &mut Vec<Heard>) -> Result<Option<Segment>, Error> {
        self.samples.clear();
        self.resampler.finish(&mut self.samples);
        self.hear(to)?;
        if self.seen > 0 {
            let wanted = self.seen + self.stream.look_ahead();
            self.samples = vec![0.0; self.model.recipe.features.hop()];
            while self.seen < wanted {
                self.hear(to)?;
            }
        }
        Ok(self.segments.finish())
    }

    fn hear(&mut self, to: &mut Vec<Heard>) -> Result<(), Error> {
        self.frames.clear();
        self.features.push(&self.samples, &mut self.frames);
        self.model.kept.scale(&mut self.frames);
        for frame in self.frames.chunks_exact(self.model.recipe.features.bands) {
            let logits = self.stream.step(frame, &mut self.state)?;
            self.seen += 1;
            if self.seen > self.stream.look_ahead() {
                let probabilities = probabilities(&logits, 1.0);
                let ended = self.segments.push(&probabilities);
                to.push(Heard { probabilities, ended });
            }
        }
        Ok(())
    }
}
