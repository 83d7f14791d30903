//! A trained language model in use.

use super::recipe::{Documents, Recipe};
use crate::Error;
use crate::saved::{damaged, recipe_of};
use simurgh_data::InputError;
use simurgh_data::text::Vocabulary;
use simurgh_data::text::tokenizer::{END, START, UNKNOWN};
use simurgh_nn::artifact::Artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::decode::{Sampling, sample};
use simurgh_nn::init::Init;
use simurgh_nn::language_model::{LanguageModel, Stepper};
use simurgh_nn::parameters;
use simurgh_nn::pass::Precision;
use simurgh_nn::recurrent::stream::StreamState;
use simurgh_random::Random;

/// A model with its vocabulary and the settings it was trained with.
pub struct Generator {
    /// The network.
    pub network: LanguageModel,
    /// Cuts and joins text.
    pub vocabulary: Vocabulary,
    /// The recipe that made it.
    pub recipe: Recipe,
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Generator({})", self.recipe.name)
    }
}

impl Generator {
    /// The model of a file.
    ///
    /// # Errors
    /// If it is no language model, or its tensors are not those of its configuration.
    pub fn new(artifact: Artifact, device: &Device) -> Result<Self, Error> {
        let header = artifact.header;
        let recipe: Recipe = recipe_of(&header)?;
        let vocabulary =
            Vocabulary::load(&header.tokenizer).map_err(|e| damaged("tokenizer", "a vocabulary", e.got))?;
        // Compared before anything of the recipe's size is made.
        let numbers: usize = artifact.parameters.iter().map(|p| p.data.len()).sum();
        let c = &recipe.model;
        let least = vocabulary.len() * c.embedding + c.hidden * c.hidden;
        if least > numbers {
            return Err(damaged("tensors", "those of its configuration", format!("{numbers} numbers, too few")).into());
        }
        let network = LanguageModel::new(c, vocabulary.len(), &Init::zeros(device))?;
        let network = parameters::replace(network, artifact.parameters)
            .map_err(|problems| damaged("tensors", "those of its configuration", problems))?;
        Ok(Self { network, vocabulary, recipe })
    }

    /// The words (of a model of characters: the characters) of `text` that the model never met, each once.
    pub fn unknown<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let parts: Vec<&str> = match &self.vocabulary {
            Vocabulary::Characters(_) => text.split_inclusive(|_: char| true).filter(|c| *c != "\n").collect(),
            _ => text.split_whitespace().collect(),
        };
        let mut unknown: Vec<&str> = Vec::new();
        for part in parts {
            if !unknown.contains(&part) && self.vocabulary.ids(part).contains(&UNKNOWN) {
                unknown.push(part);
            }
        }
        unknown
    }

    /// A text that begins with `start`, as it is written.
    ///
    /// # Errors
    /// If the network reads both ways.
    pub fn write(&self, start: &str, sampling: Sampling, seed: u64) -> Result<Writing<'_>, Error> {
        let stepper = self.network.stepper(Precision::F32).map_err(|e| {
            InputError::new("a model that reads one way", e.to_string(), "train one with model.bidirectional = false")
        })?;
        let mut state = stepper.start(1)?;
        let mut logits = stepper.step(&[START], &mut state)?;
        let mut lines = start.split('\n').peekable();
        while let Some(line) = lines.next() {
            let mut ids = self.vocabulary.ids(line);
            if lines.peek().is_none() {
                // The last line is gone on with.
                ids.truncate(ids.len() - 1);
            }
            for id in ids {
                logits = stepper.step(&[id], &mut state)?;
            }
        }
        let ends = self.recipe.text.documents == Documents::Line;
        let never = self.vocabulary.unwritten();
        let (random, text) = (Random::new(seed), start.to_string());
        let vocabulary = &self.vocabulary;
        Ok(Writing { vocabulary, stepper, state, logits, never, sampling, random, text, ends, done: false })
    }
}

/// A text in the making: an iterator over what each token adds. It ends with the line where every line is a text of its own, and
/// never otherwise.
#[derive(Debug)]
pub struct Writing<'a> {
    vocabulary: &'a Vocabulary,
    stepper: Stepper,
    state: StreamState,
    logits: Vec<f32>,
    never: Vec<u32>,
    sampling: Sampling,
    random: Random,
    text: String,
    ends: bool,
    done: bool,
}

impl Writing<'_> {
    /// The text so far.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Iterator for Writing<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.done {
            return None;
        }
        let id = sample(&self.logits, &self.never, self.sampling, &mut self.random)?;
        if id == END && self.ends {
            self.done = true;
            return None;
        }
        let piece = self.vocabulary.text(id, &self.text);
        self.text += &piece;
        match self.stepper.step(&[id], &mut self.state) {
            Ok(logits) => self.logits = logits,
            // A drawn token is one of the vocabulary.
            Err(_) => self.done = true,
        }
        Some(piece)
    }
}
