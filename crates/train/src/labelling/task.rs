//! What labelling brings to the training loop.

use super::evaluate::{Score, fixed, measure};
use super::labeller::{Kept, SoundLabeller};
use super::recipe::Recipe;
use super::report;
use super::utterances::{Clips, Utterance, utterances};
use crate::Error;
use crate::run::{Event, RunDirectory};
use crate::training::{self, Evaluation, Moment, Step};
use rayon::prelude::*;
use serde_json::json;
use simurgh_data::InputError;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::init::Init;
use simurgh_nn::labeller::Labeller;
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::{Noise, Pass};
use simurgh_nn::{Ragged, ShapeError};
use simurgh_random::{mix, stream};
use std::path::Path;
use std::sync::Arc;

/// A labeller with its clips.
#[derive(Debug)]
pub struct Labelling {
    recipe: Recipe,
    clips: Clips,
    kept: Kept,
    /// Mean frames of an utterance.
    frames: usize,
}

impl Labelling {
    fn utterances(&self, epoch: u64) -> Vec<Box<dyn Fn() -> Utterance + Send + Sync + '_>> {
        let seed = stream(self.recipe.seed, "utterances") ^ mix(epoch);
        utterances(&self.recipe, &self.clips.classes, &self.clips.train, seed)
    }

    /// The recordings to measure on; where there are none, those to choose by.
    fn test_set(&self) -> Vec<Box<dyn Fn() -> Utterance + Send + Sync + '_>> {
        let name = if self.clips.test_is_dev { "dev" } else { "test" };
        fixed(&self.recipe, &self.kept.classes, &self.clips.test, name)
    }
}

impl training::Task for Labelling {
    type Recipe = Recipe;
    type Network = Labeller;
    type Model = SoundLabeller;
    type Score = Score;
    const UNIT: &'static str = "frames";
    const SUMS: [&'static str; 3] = ["loss", "nll", "accuracy"];

    fn read(recipe: Recipe, directory: Option<&Path>, begun: Option<&RunDirectory>) -> Result<Self, Error> {
        let clips = Clips::read(&recipe, directory)?;
        // Scales and mean length are those of one epoch.
        let all: Vec<Utterance> = {
            let makers = utterances(&recipe, &clips.classes, &clips.train, stream(recipe.seed, "scales"));
            makers.par_iter().map(|make| make()).collect()
        };
        let frames = all.iter().map(|u| u.labels.len()).sum::<usize>() / all.len().max(1);
        if let Some(short) = all.iter().find(|u| u.labels.is_empty()) {
            let got = format!("{} labels in less than a frame", short.said.len());
            let hint = "see features.frame_ms, and the shortest files";
            return Err(InputError::new("recordings of at least a frame", got, hint).field("data.train").into());
        }
        let kept = match begun {
            Some(run) => {
                let saved = run.read(&run.tokenizer())?;
                serde_json::from_str(&saved).map_err(|e| {
                    InputError::new("the labels and scales of the run", e.to_string(), "begin a new run")
                        .at(run.tokenizer())
                })?
            }
            None => {
                let bands = recipe.features.bands;
                let (mut sum, mut squares, mut count) = (vec![0.0f64; bands], vec![0.0f64; bands], 0.0);
                for frame in all.iter().flat_map(|u| u.features.chunks_exact(bands)) {
                    count += 1.0;
                    for ((x, sum), squares) in frame.iter().zip(&mut sum).zip(&mut squares) {
                        *sum += f64::from(*x);
                        *squares += f64::from(*x).powi(2);
                    }
                }
                let mean: Vec<f32> = sum.iter().map(|s| (s / count) as f32).collect();
                let deviation =
                    sum.iter().zip(&squares).map(|(s, q)| (q / count - (s / count).powi(2)).max(1e-6).sqrt() as f32);
                Kept { classes: clips.classes.clone(), deviation: deviation.collect(), mean }
            }
        };
        drop(all);
        Ok(Self { recipe, clips, kept, frames: frames.max(1) })
    }

    fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    fn network_config(&self) -> serde_json::Value {
        let mut config = json!(self.recipe.model);
        config["labels"] = json!(self.kept.classes);
        config
    }

    fn vocabulary(&self) -> String {
        serde_json::to_string(&self.kept).expect("labels and scales are JSON")
    }

    fn introduction(&self) -> String {
        let c = &self.clips;
        let test = if c.test_is_dev { "no test set".into() } else { format!("{} test", c.test.len()) };
        format!(
            "{} clips to learn from, {} dev, {test}; {} labels and silence",
            c.train.len(),
            c.dev.len(),
            c.classes.len() - 1
        )
    }

    fn notes(&self) -> &[String] {
        &self.clips.notes
    }

    fn fingerprint(&self) -> u64 {
        let samples =
            self.clips.train.iter().flat_map(|clip| clip.samples.iter().map(|x| x.to_bits()).chain([u32::MAX]));
        samples.fold(0, |hash, bits| mix(hash ^ u64::from(bits)))
    }

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let all: Vec<usize> = (0..self.utterances(epoch).len()).collect();
        all.chunks((self.recipe.train.batch_tokens / self.frames).max(1)).map(<[usize]>::to_vec).collect()
    }

    fn network(&self, init: &Init) -> Result<Labeller, ShapeError> {
        Labeller::new(&self.recipe.model, self.recipe.features.bands, self.kept.classes.len(), init)
    }

    fn noise(&self, seed: u64) -> Option<Noise> {
        self.recipe.model.noise(seed)
    }

    fn loss(
        &self,
        network: &Labeller,
        batch: &[usize],
        moment: &mut Moment<'_>,
        pass: &mut Pass,
    ) -> Result<Step, Error> {
        let makers = self.utterances(moment.epoch);
        let mut all: Vec<Utterance> = batch.par_iter().map(|&i| makers[i]()).collect();
        all.iter_mut().for_each(|u| self.kept.scale(&mut u.features));
        all.sort_by_key(|u| std::cmp::Reverse(u.labels.len()));
        let (bands, look_ahead) = (self.recipe.features.bands, self.recipe.model.look_ahead);
        let lengths: Vec<usize> = all.iter().map(|u| u.features.len() / bands).collect();
        let layout = Arc::new(Ragged::new(&lengths)?);
        let mut frames = Vec::with_capacity(layout.rows() * bands);
        let mut targets = Vec::new();
        for (t, j) in layout.cells() {
            frames.extend_from_slice(&all[j].features[t * bands..(t + 1) * bands]);
            if t >= look_ahead {
                targets.push(all[j].labels[t - look_ahead]);
            }
        }
        let count = targets.len();
        let loss = network.loss(&frames, &layout, targets.into(), self.recipe.train.label_smoothing, pass)?;
        Ok(Step::sum(&[loss], count))
    }

    fn model(&self, parameters: Vec<Parameter>, device: &Device) -> Result<SoundLabeller, Error> {
        let network = self.network(&Init::zeros(device))?;
        let network = parameters::replace(network, parameters).expect("the same network");
        Ok(SoundLabeller { network, kept: self.kept.clone(), recipe: self.recipe.clone() })
    }

    fn evaluate(
        &self,
        model: &SoundLabeller,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Evaluation<Score>>, Error> {
        let set = fixed(&self.recipe, &self.kept.classes, &self.clips.dev, "dev");
        let Some(score) = measure(model, &set, go_on)? else { return Ok(None) };
        let events = training::Score::events(&score);
        Ok(Some(Evaluation { value: score.accuracy - score.label_error_rate, score, events }))
    }

    fn test(&self, model: &SoundLabeller, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Score>, Error> {
        measure(model, &self.test_set(), go_on)
    }

    fn measured_on(&self) -> &'static str {
        if self.clips.test_is_dev { "dev set (the recipe names no test set)" } else { "test set" }
    }

    fn provenance(&self) -> Vec<(&'static str, serde_json::Value)> {
        vec![("training_clips", json!(self.clips.train.len())), ("licences", json!(self.recipe.data.licences))]
    }

    fn report(&self, model: &SoundLabeller, events: &[Event], test: &Score) -> Result<String, Error> {
        let set = self.test_set();
        report::sections(model, events, (self.measured_on(), test), set.iter().take(3).map(|make| make()))
    }
}
