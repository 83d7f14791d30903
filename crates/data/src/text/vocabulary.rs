//! Words or subwords: how the texts of one language become tokens.

use super::tokenizer::Tokenizer;
use super::words::Words;
use crate::InputError;

/// Cuts text into tokens.
#[derive(Clone, Debug)]
pub enum Vocabulary {
    /// Whole words.
    Words(Words),
    /// Pieces of words.
    Subwords(Box<Tokenizer>),
}

impl Vocabulary {
    /// The vocabulary that [`Vocabulary::save`] wrote.
    ///
    /// # Errors
    /// If `json` is none of ours.
    pub fn load(json: &str) -> Result<Self, InputError> {
        match Tokenizer::load(json) {
            Ok(tokenizer) => Ok(Self::Subwords(Box::new(tokenizer))),
            Err(_) => Words::load(json).map(Self::Words),
        }
    }

    /// As JSON.
    pub fn save(&self) -> String {
        match self {
            Self::Words(words) => words.save(),
            Self::Subwords(tokenizer) => tokenizer.save(),
        }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        match self {
            Self::Words(words) => words.vocab(),
            Self::Subwords(tokenizer) => tokenizer.vocab(),
        }
    }

    /// Never: some tokens have a meaning of their own.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text's tokens, END last.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        match self {
            Self::Words(words) => words.ids(text),
            Self::Subwords(tokenizer) => tokenizer.source(text).ids,
        }
    }

    /// A token as it is written.
    pub fn token(&self, id: u32) -> String {
        match self {
            Self::Words(words) => words.token(id).to_string(),
            Self::Subwords(tokenizer) => tokenizer.token(id),
        }
    }

    /// What they are called, in the plural.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Words(_) => "words",
            Self::Subwords(_) => "subwords",
        }
    }
}
