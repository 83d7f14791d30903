//! How likely a text is.

use super::generator::Generator;
use super::recipe::{Documents, Recipe};
use super::texts::{characters, documents, stream};
use crate::Error;
use crate::recipe::OneOrMany;
use crate::training;
use serde::Serialize;
use simurgh_data::text::Vocabulary;
use simurgh_nn::ShapeError;
use simurgh_nn::language_model::LanguageModel;
use simurgh_nn::ops::Loss;
use simurgh_nn::pass::Pass;
use simurgh_nn::recurrent::State;
use simurgh_nn::sequences::Sequences;
use std::path::{Path, PathBuf};

/// Parts that a stream is measured in at once, and the steps of each that are taken together.
const STREAMS: usize = 16;
const WINDOW: usize = 256;
/// Lines measured together.
const BATCH: usize = 64;

/// Scores on a text.
#[derive(Clone, Debug, Serialize)]
pub struct Score {
    /// Tokens that were guessed.
    pub tokens: usize,
    /// Characters, ends of lines among them.
    pub characters: usize,
    /// Mean negative log-likelihood of a token, nats.
    pub nll: f64,
    /// Its exponential: between how many tokens the model wavers.
    pub perplexity: f64,
    /// What a character takes, in bits.
    pub bits_per_character: f64,
    /// Share of tokens that were the likeliest.
    pub accuracy: f64,
}

impl training::Score for Score {
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("nll", self.nll),
            ("perplexity", self.perplexity),
            ("bits_per_character", self.bits_per_character),
            ("accuracy", self.accuracy),
        ]
    }

    fn line(&self) -> String {
        format!("{:.4} bits a character  perplexity {:.2}", self.bits_per_character, self.perplexity)
    }
}

/// The windows of a stream cut in `streams` parts: inputs and targets of every part, `steps` at most.
pub(super) fn window(ids: &[u32], streams: usize, steps: usize, index: usize) -> Option<Vec<(&[u32], &[u32])>> {
    let length = (ids.len() - 1) / streams;
    let from = index * steps;
    let to = length.min(from + steps);
    (from < to).then(|| {
        let part =
            |k: usize| (&ids[k * length + from..k * length + to], &ids[k * length + from + 1..k * length + to + 1]);
        (0..streams).map(part).collect()
    })
}

/// The loss of windows that stand side by side, and their last states.
pub(super) fn window_loss(
    network: &LanguageModel,
    parts: &[(&[u32], &[u32])],
    initial: Option<&[State]>,
    smoothing: f64,
    pass: &mut Pass,
) -> Result<(Loss, Vec<State>), ShapeError> {
    let inputs = Sequences::new(&parts.iter().map(|part| part.0).collect::<Vec<_>>())?;
    let targets = inputs.rows(&parts.iter().map(|part| part.1).collect::<Vec<_>>());
    network.loss(&inputs, &targets, initial, smoothing, pass)
}

/// The summed losses of texts of their own: of every token but the first; both ways, if the network reads so, halved. And how
/// many tokens they are of.
pub(super) fn document_loss(
    network: &LanguageModel,
    texts: &[&[u32]],
    smoothing: f64,
    pass: &mut Pass,
) -> Result<(Vec<Loss>, usize), ShapeError> {
    let count = texts.iter().map(|text| text.len() - 1).sum();
    if network.config().bidirectional {
        let losses = network.loss_both_ways(&Sequences::new(texts)?, smoothing, pass)?;
        return Ok((losses.into(), 2 * count));
    }
    let parts: Vec<(&[u32], &[u32])> = texts.iter().map(|text| (&text[..text.len() - 1], &text[1..])).collect();
    Ok((vec![window_loss(network, &parts, None, smoothing, pass)?.0], count))
}

/// How likely the lines are; none if `go_on` said no.
///
/// # Errors
/// If the network does not fit its vocabulary.
pub(super) fn measure(
    network: &LanguageModel,
    vocabulary: &Vocabulary,
    recipe: &Recipe,
    lines: &[String],
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Score>, Error> {
    let (mut sums, mut tokens) = ([0.0; 3], 0);
    let mut add = |loss: &Loss| sums.iter_mut().zip(loss.values()).for_each(|(sum, value)| *sum += value);
    match recipe.text.documents {
        Documents::Stream => {
            let ids = stream(vocabulary, lines);
            // Short parts would begin without a state too often.
            let streams = (ids.len() / (4 * WINDOW)).clamp(1, STREAMS);
            let mut states: Option<Vec<State>> = None;
            for index in 0.. {
                let Some(parts) = window(&ids, streams, WINDOW, index) else { break };
                let (loss, last) = window_loss(network, &parts, states.as_deref(), 0.0, &mut Pass::default())?;
                add(&loss);
                tokens += parts.iter().map(|part| part.0.len()).sum::<usize>();
                states = Some(last);
                if !go_on() {
                    return Ok(None);
                }
            }
        }
        Documents::Line => {
            let mut all = documents(vocabulary, lines);
            all.sort_by_key(Vec::len);
            for chunk in all.chunks(BATCH) {
                let texts: Vec<&[u32]> = chunk.iter().map(Vec::as_slice).collect();
                let (losses, count) = document_loss(network, &texts, 0.0, &mut Pass::default())?;
                losses.iter().for_each(&mut add);
                tokens += count;
                if !go_on() {
                    return Ok(None);
                }
            }
        }
    }
    let nll = sums[1] / tokens as f64;
    let characters = characters(lines);
    let both = if network.config().bidirectional { 2.0 } else { 1.0 };
    Ok(Some(Score {
        tokens,
        characters,
        nll,
        perplexity: nll.exp(),
        bits_per_character: sums[1] / both / std::f64::consts::LN_2 / characters as f64,
        accuracy: sums[2] / tokens as f64,
    }))
}

/// How likely the text of these files is under a model; those of its recipe's test set without any.
///
/// # Errors
/// If a file can't be used.
pub fn evaluate(
    model: &Generator,
    files: &OneOrMany<PathBuf>,
    directory: Option<&Path>,
    go_on: impl FnMut() -> bool,
) -> Result<Option<Score>, Error> {
    let lines = super::texts::lines(&model.recipe, files, directory)?;
    measure(&model.network, &model.vocabulary, &model.recipe, &lines, go_on)
}
