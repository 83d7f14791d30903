//! Recordings with a label a frame, made of clips.

use super::recipe::Recipe;
use crate::recipe::located;
use simurgh_data::InputError;
use simurgh_data::audio::{Clip, Features, FeaturesConfig, read_clips};
use simurgh_random::{Random, mix, stream};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The name of what has no label.
pub(super) const SILENCE: &str = "-";

/// Clips, divided.
#[derive(Clone, Debug, Default)]
pub(super) struct Clips {
    pub train: Vec<Clip>,
    pub dev: Vec<Clip>,
    pub test: Vec<Clip>,
    pub test_is_dev: bool,
    /// The labels; the first is silence.
    pub classes: Vec<String>,
    pub notes: Vec<String>,
}

/// A recording: features, and a label a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Utterance {
    /// `[frames + look_ahead, bands]`: what comes after the last frame is silence.
    pub features: Vec<f32>,
    /// The number of each frame's label.
    pub labels: Vec<u32>,
    /// The labels that are said, in order.
    pub said: Vec<u32>,
}

impl Clips {
    /// Reads the recipe's folders.
    ///
    /// # Errors
    /// If one can't be used, or a label is measured that is not learnt.
    pub(super) fn read(recipe: &Recipe, directory: Option<&Path>) -> Result<Self, InputError> {
        let data = &recipe.data;
        let mut notes = Vec::new();
        let mut read = |folder: &PathBuf| -> Result<Vec<Clip>, InputError> {
            if folder.as_os_str().is_empty() {
                return Ok(Vec::new());
            }
            read_clips(&located(folder, directory), recipe.features.rate, &mut notes)
        };
        let (all, mut dev, mut test) = (read(&data.train)?, read(&data.dev)?, read(&data.test)?);
        let (held_dev, held_test) = (dev.is_empty(), test.is_empty());
        let mut train = Vec::new();
        for (index, clip) in all.into_iter().enumerate() {
            let number = clip.number.filter(|_| data.dev_numbers > 0);
            match number {
                Some(n) if held_test && n < data.test_numbers => test.push(clip),
                Some(n) if held_dev && n >= data.test_numbers && n - data.test_numbers < data.dev_numbers => {
                    dev.push(clip)
                }
                None if held_dev && index % 10 == 9 => dev.push(clip),
                _ => train.push(clip),
            }
        }
        if train.is_empty() || dev.is_empty() {
            let got = format!("{} to learn from, {} to choose by", train.len(), dev.len());
            let hint = "every tenth file is held back to choose by, unless data.dev or data.dev_numbers says which";
            return Err(InputError::new("at least 10 WAV files", got, hint).field("data.train"));
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for span in train.iter().flat_map(|clip| &clip.spans) {
            *counts.entry(span.label.clone()).or_default() += 1;
        }
        if counts.keys().all(|label| label == SILENCE) {
            let hint = "a file's label is what its name begins with, up to `_`, or its folder's name";
            return Err(InputError::new("labels", "none", hint).field("data.train"));
        }
        let mut classes = vec![SILENCE.to_string()];
        classes.extend(counts.into_keys().filter(|label| label != SILENCE));
        let unseen = |clip: &&Clip| clip.spans.iter().any(|span| !classes.contains(&span.label));
        if let Some(clip) = dev.iter().chain(&test).find(unseen) {
            let label = clip.spans.iter().map(|s| &s.label).find(|l| !classes.contains(l)).expect("found before");
            let expected = format!("a label that is learnt ({})", classes[1..].join(", "));
            let hint = "give files of it to learn from too, or leave this one out";
            return Err(InputError::new(expected, format!("`{label}`"), hint).at(&clip.path));
        }
        let test_is_dev = test.is_empty();
        if test_is_dev {
            test.clone_from(&dev);
        }
        Ok(Self { train, dev, test, test_is_dev, classes, notes })
    }
}

/// The recordings of `clips`, in an order and with silences, noise and loudness that `seed` decides: those with label tracks as they
/// are, the others put together.
pub(super) fn utterances<'a>(
    recipe: &'a Recipe,
    classes: &'a [String],
    clips: &'a [Clip],
    seed: u64,
) -> Vec<Box<dyn Fn() -> Utterance + Send + Sync + 'a>> {
    let mut random = Random::new(mix(seed));
    let mut all: Vec<Box<dyn Fn() -> Utterance + Send + Sync>> = Vec::new();
    let mut speakers: BTreeMap<&str, Vec<&Clip>> = BTreeMap::new();
    for clip in clips {
        if clip.labelled {
            all.push(Box::new(move || whole(recipe, classes, clip)));
        } else {
            speakers.entry(&clip.speaker).or_default().push(clip);
        }
    }
    for mut clips in speakers.into_values() {
        random.shuffle(&mut clips);
        for group in clips.chunks(recipe.utterances.clips) {
            let (group, seed) = (group.to_vec(), random.bits());
            all.push(Box::new(move || together(recipe, classes, &group, seed)));
        }
    }
    random.shuffle(&mut all);
    all
}

fn class(classes: &[String], label: &str) -> u32 {
    classes.iter().position(|name| name == label).expect("labels were checked") as u32
}

/// A recording with its own labels.
fn whole(recipe: &Recipe, classes: &[String], clip: &Clip) -> Utterance {
    let spans: Vec<(usize, usize, u32)> =
        clip.spans.iter().map(|s| (s.begin, s.end, class(classes, &s.label))).collect();
    cut(recipe, &clip.samples, &spans)
}

/// Clips one after the other.
fn together(recipe: &Recipe, classes: &[String], clips: &[&Clip], seed: u64) -> Utterance {
    let (u, rate) = (&recipe.utterances, f64::from(recipe.features.rate));
    let mut random = Random::new(stream(seed, "utterance"));
    let mut between = |[low, high]: [f64; 2]| low + (high - low) * random.uniform();
    let noise = 10f64.powf(between(u.noise_db) / 20.0);
    let mut samples: Vec<f32> = Vec::new();
    let mut spans = Vec::new();
    let pause = |ms: f64| (ms / 1000.0 * rate) as usize;
    for clip in clips {
        samples.resize(samples.len() + pause(between(u.pause_ms)), 0.0);
        let gain = 10f64.powf(between(u.gain_db) / 20.0) as f32;
        let begin = samples.len();
        samples.extend(clip.samples.iter().map(|x| (x * gain).clamp(-1.0, 1.0)));
        spans.push((begin, samples.len(), class(classes, &clip.spans[0].label)));
    }
    samples.resize(samples.len() + pause(between(u.pause_ms)) + recipe.features.frame(), 0.0);
    let mut random = Random::new(stream(seed, "noise"));
    samples.iter_mut().for_each(|x| *x += (random.normal() * noise) as f32);
    cut(recipe, &samples, &spans)
}

fn cut(recipe: &Recipe, samples: &[f32], spans: &[(usize, usize, u32)]) -> Utterance {
    let f: &FeaturesConfig = &recipe.features;
    let mut features = Vec::new();
    let mut maker = Features::new(f);
    maker.push(samples, &mut features);
    let frames = features.len() / f.bands;
    // As at the end of a stream.
    maker.push(&vec![0.0; f.hop() * recipe.model.look_ahead], &mut features);
    features.truncate((frames + recipe.model.look_ahead) * f.bands);
    let label = |frame: usize| {
        let centre = frame * f.hop() + f.frame() / 2;
        spans.iter().find(|(begin, end, _)| (*begin..*end).contains(&centre)).map_or(0, |span| span.2)
    };
    let said = spans.iter().map(|span| span.2).filter(|class| *class != 0).collect();
    Utterance { features, labels: (0..frames).map(label).collect(), said }
}
