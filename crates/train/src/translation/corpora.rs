//! What a recipe's data are.

use super::recipe::{Embedded, Recipe};
use crate::recipe::{self, OneOrMany};
use simurgh_data::InputError;
use simurgh_data::text::corpus::{Domains, Files};
use simurgh_data::text::{Pair, Report, Source, Tokenizer, embedded, phrasebook, tokenizer::masked};
use std::collections::HashSet;
use std::path::Path;

/// A recipe's data, read and cleaned.
#[derive(Clone, Debug)]
pub struct Corpora {
    /// To learn from, cleaned.
    pub train: Vec<Pair>,
    /// To choose by.
    pub dev: Vec<Pair>,
    /// To measure on.
    pub test: Vec<Pair>,
    /// What cleaning dropped of the training data.
    pub cleaned: Report,
    /// The recipe names no test set: the dev set stands in for it.
    pub test_is_dev: bool,
}

impl Corpora {
    /// Reads the data; relative paths are looked up from here, then in `directory`.
    ///
    /// # Errors
    /// If a file can't be used, or nothing is left to learn from.
    pub fn read(recipe: &Recipe, directory: Option<&Path>) -> Result<Self, InputError> {
        let read = |sources: &OneOrMany<Source>| -> Result<Vec<Pair>, InputError> {
            let mut all = Vec::new();
            for source in sources.all() {
                all.extend(located(source, directory).read(Path::new(""))?);
            }
            Ok(all)
        };
        let mut train = read(&recipe.data.train)?;
        let (mut dev, mut test, mut ours) = (Vec::new(), Vec::new(), Vec::new());
        for corpus in &recipe.data.embedded {
            match corpus {
                Embedded::Cldr => {
                    let split = embedded::cldr();
                    train.extend(split.train);
                    dev.extend(split.dev);
                    test.extend(split.test);
                }
                Embedded::Phrases => ours.extend(embedded::phrases()),
                Embedded::Phrasebook => ours.extend(phrasebook(15_000)),
            }
        }
        if !recipe.data.dev.all().is_empty() {
            dev = read(&recipe.data.dev)?;
        }
        if !recipe.data.test.all().is_empty() {
            test = read(&recipe.data.test)?;
        }
        // What is measured on is not learnt from. (Published sets stay as they were published.)
        let letters = |p: &Pair| -> String { p.source.chars().filter(|c| c.is_alphanumeric()).collect() };
        let held_out: HashSet<String> = dev.iter().chain(&test).map(letters).collect();
        train.extend(ours.into_iter().filter(|p| !held_out.contains(&letters(p))));
        let (source, target) = recipe.text.normalisers();
        let cleaned = recipe.cleaning.apply(&mut train, source, target);
        if dev.is_empty() {
            let count = (train.len() / 20).clamp(1, 1000).min(train.len().saturating_sub(1));
            dev = train.split_off(train.len() - count);
        }
        let phrases: Vec<Pair> = train.iter().filter(|p| p.domain == embedded::PHRASES_DOMAIN).cloned().collect();
        for _ in 1..recipe.data.repeat_phrases {
            train.extend_from_slice(&phrases);
        }
        if train.is_empty() || dev.is_empty() {
            let got = format!("{} of {} pairs after cleaning", train.len() + dev.len(), cleaned.read);
            let hint = match cleaned.script {
                0 => format!("dropped: {}; loosen [cleaning], or check the columns", cleaned.reasons()),
                _ => format!(
                    "dropped: {}; say which side is Persian with text.source or text.target = \"persian\", or set \
                     cleaning.script = false for other scripts",
                    cleaned.reasons()
                ),
            };
            return Err(InputError::new("at least 2 training pairs", got, hint).field("data.train"));
        }
        let test_is_dev = test.is_empty();
        if test_is_dev {
            test.clone_from(&dev);
        }
        Ok(Self { train, dev, test, cleaned, test_is_dev })
    }

    /// What [`Corpora::test`] is, in words.
    pub fn measured_on(&self) -> &'static str {
        if self.test_is_dev { "dev set (the recipe names no test set)" } else { "test set" }
    }

    /// The recipe's test set alone, where it names one; training data are not looked at then.
    ///
    /// # Errors
    /// As [`Corpora::read`].
    pub fn test_set(recipe: &Recipe, directory: Option<&Path>) -> Result<Vec<Pair>, InputError> {
        if recipe.data.test.all().is_empty() {
            return Ok(Self::read(recipe, directory)?.test);
        }
        let mut all = Vec::new();
        for source in recipe.data.test.all() {
            all.extend(located(source, directory).read(Path::new(""))?);
        }
        Ok(all)
    }

    /// Learns the vocabulary of the training data.
    ///
    /// # Errors
    /// If there is no text.
    pub fn tokenizer(&self, recipe: &Recipe) -> Result<Tokenizer, InputError> {
        let (source, target) = recipe.text.normalisers();
        let lines: Vec<String> = self
            .train
            .iter()
            .flat_map(|p| {
                let (s, t) = masked(source, target, &p.source, &p.target);
                [s, t]
            })
            .collect();
        Tokenizer::train(lines.into_iter(), recipe.text.vocab, source, target)
    }
}

/// The source with its paths as they are if they exist from here, else inside `directory`.
fn located(source: &Source, directory: Option<&Path>) -> Source {
    let find = |path: &Path| recipe::located(path, directory);
    match source {
        Source::Tsv(path) => Source::Tsv(find(path)),
        Source::Files(f) => Source::Files(Files { source: find(&f.source), target: find(&f.target) }),
        Source::Domains(d) => Source::Domains(Domains { tsv: find(&d.tsv), domains: d.domains.clone() }),
    }
}
