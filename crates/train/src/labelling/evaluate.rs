//! How well frames and parts are labelled.

use super::labeller::{LEAST, SoundLabeller};
use super::recipe::Recipe;
use super::segments::{Segments, edits};
use super::utterances::{Clips, Utterance, utterances};
use crate::Error;
use crate::training;
use serde::Serialize;
use simurgh_data::InputError;
use simurgh_data::metrics::classification::probabilities;
use simurgh_nn::pass::Precision;
use simurgh_random::stream;
use std::path::Path;

/// Scores on a set of recordings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Score {
    /// Recordings.
    pub utterances: usize,
    /// Frames.
    pub frames: usize,
    /// Share of frames whose label is right.
    pub accuracy: f64,
    /// Mean negative log-likelihood of a frame's label, nats.
    pub nll: f64,
    /// Labels that are said.
    pub said: usize,
    /// Insertions, deletions and replacements among the labels heard, a label said.
    pub label_error_rate: f64,
    /// Parts heard too much, too little or otherwise.
    pub wrong: usize,
    /// Share of frames that the most frequent label is right for.
    pub most_frequent: f64,
}

impl training::Score for Score {
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![("accuracy", self.accuracy), ("nll", self.nll), ("label_error_rate", self.label_error_rate)]
    }

    fn line(&self) -> String {
        format!("frames right {:.2} %  label error rate {:.2} %", 100.0 * self.accuracy, 100.0 * self.label_error_rate)
    }
}

/// The set that clips make, always the same.
pub(super) fn fixed<'a>(
    recipe: &'a Recipe,
    classes: &'a [String],
    clips: &'a [simurgh_data::audio::Clip],
    name: &str,
) -> Vec<Box<dyn Fn() -> Utterance + Send + Sync + 'a>> {
    // Whatever the recipe's seed: all runs are measured on the same recordings.
    utterances(recipe, classes, clips, stream(1, name))
}

/// Scores; none if `go_on` said no.
pub(super) fn measure(
    model: &SoundLabeller,
    set: &[Box<dyn Fn() -> Utterance + Send + Sync + '_>],
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Score>, Error> {
    let labels = model.kept.classes.len();
    let mut score = Score { utterances: set.len(), ..Score::default() };
    let (mut right, mut wrong, mut counts) = (0usize, 0usize, vec![0usize; labels]);
    for make in set {
        let Utterance { mut features, labels: truth, said } = make();
        model.kept.scale(&mut features);
        let logits = model.network.logits(&features, Precision::F32)?;
        let mut segments = Segments::new(labels, LEAST);
        let mut heard = Vec::new();
        for (row, label) in logits.chunks_exact(labels).zip(&truth) {
            let probabilities = probabilities(row, 1.0);
            score.nll -= probabilities[*label as usize].ln();
            let best = (0..labels).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap_or(0);
            right += usize::from(best == *label as usize);
            counts[*label as usize] += 1;
            heard.extend(segments.push(&probabilities).map(|s| s.class as u32));
        }
        heard.extend(segments.finish().map(|s| s.class as u32));
        wrong += edits(&heard, &said);
        score.frames += truth.len();
        score.said += said.len();
        if !go_on() {
            return Ok(None);
        }
    }
    let frames = score.frames.max(1) as f64;
    score.accuracy = right as f64 / frames;
    score.nll /= frames;
    score.wrong = wrong;
    score.label_error_rate = wrong as f64 / score.said.max(1) as f64;
    score.most_frequent = counts.iter().copied().max().unwrap_or(0) as f64 / frames;
    Ok(Some(score))
}

/// Scores of a model on the recordings of `folder`, or of its recipe's test set.
///
/// # Errors
/// If a file can't be used, or has a label that the model does not know.
pub fn evaluate(
    model: &SoundLabeller,
    folder: Option<&Path>,
    directory: Option<&Path>,
    go_on: impl FnMut() -> bool,
) -> Result<Option<Score>, Error> {
    let recipe = &model.recipe;
    let mut notes = Vec::new();
    let clips = match folder {
        Some(folder) => simurgh_data::audio::read_clips(folder, recipe.features.rate, &mut notes)?,
        None => Clips::read(recipe, directory)?.test,
    };
    let classes = &model.kept.classes;
    for clip in &clips {
        if let Some(span) = clip.spans.iter().find(|span| !classes.contains(&span.label)) {
            let expected = format!("a label of the model ({})", classes[1..].join(", "));
            let hint = "leave this file out, or train a model with its label";
            return Err(InputError::new(expected, format!("`{}`", span.label), hint).at(&clip.path).into());
        }
    }
    measure(model, &fixed(recipe, classes, &clips, "test"), go_on)
}
