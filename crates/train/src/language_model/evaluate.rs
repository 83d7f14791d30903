//! How likely a text is.

use super::generator::Generator;
use super::recipe::{Documents, Recipe};
use super::texts::{characters, documents, stream};
use crate::Error;
use crate::recipe::OneOrMany;
use crate::scheduled_sampling::exposure::Exposure;
use crate::training;
use serde::Serialize;
use simurgh_data::text::Vocabulary;
use simurgh_data::text::tokenizer::{END, UNKNOWN};
use simurgh_nn::ShapeError;
use simurgh_nn::language_model::LanguageModel;
use simurgh_nn::ops::Loss;
use simurgh_nn::pass::{Pass, Precision};
use simurgh_nn::recurrent::State;
use simurgh_nn::scheduled_sampling::Teacher;
use simurgh_nn::sequences::Sequences;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Parts that a stream is measured in at once, and the steps of each that are taken together.
const STREAMS: usize = 16;
const WINDOW: usize = 256;
/// Lines measured together.
const BATCH: usize = 64;
/// Parts of a stream in which exposure bias is measured, and the tokens of each.
const PARTS: usize = 64;
const PART: usize = 64;

/// Bits that spell a character of an unknown token: any of Unicode's 1,114,112 is as likely. Without them a vocabulary would be
/// the better the less it has.
pub const SPELT: f64 = 20.087;

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
    /// What a character takes, in bits; those of unknown tokens take [`SPELT`] more each.
    pub bits_per_character: f64,
    /// Share of tokens that the vocabulary does not have.
    pub unknown: f64,
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

/// Inputs and targets of a text.
pub(super) fn shifted(text: &[u32]) -> (&[u32], &[u32]) {
    (&text[..text.len() - 1], &text[1..])
}

/// Texts that are read side by side: inputs, and targets in the same rows.
pub(super) fn packed(parts: &[(&[u32], &[u32])]) -> Result<(Sequences, Arc<[u32]>), ShapeError> {
    let inputs = Sequences::new(&parts.iter().map(|part| part.0).collect::<Vec<_>>())?;
    let targets = inputs.rows(&parts.iter().map(|part| part.1).collect::<Vec<_>>());
    Ok((inputs, targets))
}

/// Tokens that a text never goes on from.
pub(super) fn never_read(vocabulary: &Vocabulary, documents: Documents) -> Vec<u32> {
    // In a stream END is the end of a line.
    vocabulary.unwritten().into_iter().chain((documents == Documents::Line).then_some(END)).collect()
}

/// Unknown tokens, of how many.
#[derive(Default)]
struct Unknown {
    found: usize,
    of: usize,
}

impl Unknown {
    /// Those of a text, which begins with START.
    fn count(&mut self, ids: &[u32]) {
        self.found += ids.iter().filter(|id| **id == UNKNOWN).count();
        self.of += ids.len() - 1;
    }
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
    let (mut sums, mut tokens, mut unknown) = ([0.0; 3], 0, Unknown::default());
    let mut add = |loss: &Loss| sums.iter_mut().zip(loss.values()).for_each(|(sum, value)| *sum += value);
    match recipe.text.documents {
        Documents::Stream => {
            let ids = stream(vocabulary, lines);
            unknown.count(&ids);
            // Short parts would begin without a state too often.
            let streams = (ids.len() / (4 * WINDOW)).clamp(1, STREAMS);
            let mut states: Option<Vec<State>> = None;
            for index in 0.. {
                let Some(parts) = window(&ids, streams, WINDOW, index) else { break };
                let (inputs, targets) = packed(&parts)?;
                let (loss, last) = network.loss(&inputs, &targets, states.as_deref(), 0.0, &mut Pass::default())?;
                add(&loss);
                tokens += targets.len();
                states = Some(last);
                if !go_on() {
                    return Ok(None);
                }
            }
            // What is left of the last part, which the others are too short for.
            let rest = &ids[(ids.len() - 1) / streams * streams..];
            if rest.len() > 1 {
                let (inputs, targets) = packed(&[shifted(rest)])?;
                let last = |states: Vec<State>| states.iter().map(|state| state.of(streams - 1)).collect::<Vec<_>>();
                let states = states.map(last);
                add(&network.loss(&inputs, &targets, states.as_deref(), 0.0, &mut Pass::default())?.0);
                tokens += targets.len();
            }
        }
        Documents::Line => {
            let mut all = documents(vocabulary, lines);
            all.iter().for_each(|ids| unknown.count(ids));
            all.sort_by_key(Vec::len);
            for chunk in all.chunks(BATCH) {
                let texts: Vec<&[u32]> = chunk.iter().map(Vec::as_slice).collect();
                let count = texts.iter().map(|text| text.len() - 1).sum::<usize>();
                if network.config().bidirectional {
                    network
                        .loss_both_ways(&Sequences::new(&texts)?, 0.0, &mut Pass::default())?
                        .iter()
                        .for_each(&mut add);
                    tokens += 2 * count;
                } else {
                    let (inputs, targets) = packed(&texts.iter().map(|text| shifted(text)).collect::<Vec<_>>())?;
                    add(&network.loss(&inputs, &targets, None, 0.0, &mut Pass::default())?.0);
                    tokens += count;
                }
                if !go_on() {
                    return Ok(None);
                }
            }
        }
    }
    let nll = sums[1] / tokens as f64;
    let characters = characters(vocabulary, lines);
    // Most texts have none, and are not cut again.
    let untold = match unknown.found {
        0 => 0,
        _ => lines.iter().map(|line| vocabulary.untold(line)).sum::<usize>(),
    };
    let spelt = SPELT * untold as f64;
    let both = if network.config().bidirectional { 2.0 } else { 1.0 };
    Ok(Some(Score {
        tokens,
        characters,
        nll,
        perplexity: nll.exp(),
        bits_per_character: (sums[1] / both / std::f64::consts::LN_2 + spelt) / characters as f64,
        unknown: unknown.found as f64 / unknown.of.max(1) as f64,
        accuracy: sums[2] / tokens as f64,
    }))
}

/// How likely the lines are after their own tokens, and after the model's: of a stream [`PARTS`] parts spread over it, each read
/// on from the state before it. None if `go_on` said no.
pub(super) fn exposure(
    network: &LanguageModel,
    vocabulary: &Vocabulary,
    recipe: &Recipe,
    lines: &[String],
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Exposure>, Error> {
    let (never, mut exposure) = (never_read(vocabulary, recipe.text.documents), Exposure::default());
    let mut add = |parts: &[(&[u32], &[u32])], initial: Option<&[State]>| -> Result<(), Error> {
        let (inputs, targets) = packed(parts)?;
        let walk = |teacher| network.walk(&inputs, &targets, initial, &never, &teacher, Precision::F32);
        exposure.add(&inputs.layout, &walk(Teacher::ALWAYS)?, &walk(Teacher::NEVER)?);
        Ok(())
    };
    match recipe.text.documents {
        Documents::Stream => {
            let ids = stream(vocabulary, lines);
            let parts = (ids.len() / (2 * PART)).clamp(1, PARTS);
            let states = match window(&ids, parts, PART, 0) {
                Some(before) if (ids.len() - 1) / parts > PART => {
                    let (inputs, targets) = packed(&before)?;
                    Some(network.loss(&inputs, &targets, None, 0.0, &mut Pass::default())?.1)
                }
                _ => None,
            };
            if let Some(parts) = window(&ids, parts, PART, usize::from(states.is_some())) {
                add(&parts, states.as_deref())?;
            }
        }
        Documents::Line => {
            let mut all = documents(vocabulary, lines);
            all.sort_by_key(Vec::len);
            for chunk in all.chunks(BATCH) {
                add(&chunk.iter().map(|text| shifted(text)).collect::<Vec<_>>(), None)?;
                if !go_on() {
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(exposure))
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
