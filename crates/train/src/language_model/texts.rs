//! What a recipe's data are.

use super::recipe::{Documents, Recipe, Unit};
use crate::recipe::{OneOrMany, located};
use simurgh_data::InputError;
use simurgh_data::text::corpus::read_encoded;
use simurgh_data::text::tokenizer::{START, plain};
use simurgh_data::text::{Characters, Tokenizer, Vocabulary, Words};
use std::path::{Path, PathBuf};

/// Most lines that are held back where the recipe names no dev set.
const MOST_HELD_BACK: usize = 10_000;

/// A recipe's data, read: lines.
#[derive(Clone, Debug)]
pub struct Texts {
    /// To learn from.
    pub train: Vec<String>,
    /// To choose by.
    pub dev: Vec<String>,
    /// To measure on.
    pub test: Vec<String>,
    /// The recipe names no test set: the dev set stands in for it.
    pub test_is_dev: bool,
}

impl Texts {
    /// Reads the data; relative paths are looked up from here, then in `directory`.
    ///
    /// # Errors
    /// If a file can't be used, or there are less than two lines.
    pub fn read(recipe: &Recipe, directory: Option<&Path>) -> Result<Self, InputError> {
        let data = &recipe.data;
        let mut train = lines(recipe, &data.train, directory)?;
        let (mut dev, mut test) = (lines(recipe, &data.dev, directory)?, lines(recipe, &data.test, directory)?);
        // A stream may be one long line: its end is held back.
        if let ([line], true) = (&mut train[..], dev.is_empty() && recipe.text.documents == Documents::Stream) {
            let count = line.chars().count();
            if let Some((at, _)) = line.char_indices().nth(count - (count / 20).max(1)).filter(|_| count >= 40) {
                dev.push(line.split_off(at));
            }
        }
        if train.len() + dev.len() < 2 {
            let hint = "a text is learnt line by line: give one of many lines";
            return Err(InputError::new("at least 2 lines", train.len().to_string(), hint).field("data.train"));
        }
        if dev.is_empty() {
            dev = train.split_off(train.len() - (train.len() / 20).clamp(1, MOST_HELD_BACK));
        }
        let test_is_dev = test.is_empty();
        if test_is_dev {
            test.clone_from(&dev);
        }
        Ok(Self { train, dev, test, test_is_dev })
    }

    /// Learns the vocabulary of the training text.
    ///
    /// # Errors
    /// If there is no text.
    pub fn vocabulary(&self, recipe: &Recipe) -> Result<Vocabulary, InputError> {
        let (text, normaliser) = (&recipe.text, recipe.text.normaliser());
        let lines = || self.train.iter().map(String::as_str);
        Ok(match text.unit {
            Unit::Character => Vocabulary::Characters(Characters::learn(lines(), text.lowercase, text.vocab)),
            Unit::Word => Vocabulary::Words(Words::learn(lines(), normaliser, (1, text.vocab), [])),
            Unit::Subword => {
                let lines: Vec<String> = lines().map(|line| plain(normaliser, line)).collect();
                let tokenizer = Tokenizer::train(lines.into_iter(), text.vocab, normaliser, normaliser)?;
                Vocabulary::Subwords(Box::new(tokenizer))
            }
        })
    }

    /// What [`Texts::test`] is, in words.
    pub fn measured_on(&self) -> &'static str {
        if self.test_is_dev { "dev set (the recipe names no test set)" } else { "test set" }
    }
}

/// The lines of all files; of a stream also the empty ones, which are its paragraphs.
pub(super) fn lines(
    recipe: &Recipe,
    files: &OneOrMany<PathBuf>,
    directory: Option<&Path>,
) -> Result<Vec<String>, InputError> {
    let mut all = Vec::new();
    for path in files.all() {
        let text = read_encoded(&located(path, directory), recipe.data.encoding)?;
        let stream = recipe.text.documents == Documents::Stream;
        all.extend(text.lines().filter(|line| stream || !line.trim().is_empty()).map(String::from));
    }
    Ok(all)
}

/// The characters of lines as their tokens tell them, and their ends.
pub(super) fn characters(vocabulary: &Vocabulary, lines: &[String]) -> usize {
    lines.iter().map(|line| vocabulary.told(line).chars().count() + 1).sum()
}

/// All lines as one text, from START on.
pub(super) fn stream(vocabulary: &Vocabulary, lines: &[String]) -> Vec<u32> {
    std::iter::once(START).chain(lines.iter().flat_map(|line| vocabulary.ids(line))).collect()
}

/// Every line as a text of its own, from START on.
pub(super) fn documents(vocabulary: &Vocabulary, lines: &[String]) -> Vec<Vec<u32>> {
    lines.iter().map(|line| std::iter::once(START).chain(vocabulary.ids(line)).collect()).collect()
}
