//! Words, subwords or characters: how the texts of one language become tokens.

use super::characters::Characters;
use super::tokenizer::{END, PAD, PLACEHOLDERS, START, Tokenizer, UNKNOWN};
use super::words::{self, Words};
use crate::InputError;

/// Cuts text into tokens.
#[derive(Clone, Debug)]
pub enum Vocabulary {
    /// Characters.
    Characters(Characters),
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
        if let Ok(tokenizer) = Tokenizer::load(json) {
            return Ok(Self::Subwords(Box::new(tokenizer)));
        }
        Characters::load(json).map(Self::Characters).or_else(|_| Words::load(json).map(Self::Words))
    }

    /// As JSON.
    pub fn save(&self) -> String {
        match self {
            Self::Characters(characters) => characters.save(),
            Self::Words(words) => words.save(),
            Self::Subwords(tokenizer) => tokenizer.save(),
        }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        match self {
            Self::Characters(characters) => characters.vocab(),
            Self::Words(words) => words.vocab(),
            Self::Subwords(tokenizer) => tokenizer.vocab(),
        }
    }

    /// Never: some tokens have a meaning of their own.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tokens that no text is written with.
    pub fn unwritten(&self) -> Vec<u32> {
        let reserved = if matches!(self, Self::Subwords(_)) { PLACEHOLDERS } else { 0..0 };
        [PAD, START, UNKNOWN].into_iter().chain(reserved).collect()
    }

    /// The text's tokens, END last.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        match self {
            Self::Characters(characters) => characters.ids(text),
            Self::Words(words) => words.ids(text),
            Self::Subwords(tokenizer) => tokenizer.plain(text),
        }
    }

    /// The text as its tokens tell it: normalised, with one blank between words where blanks are no tokens.
    pub fn told(&self, text: &str) -> String {
        let normalised = match self {
            Self::Characters(_) => return text.to_string(),
            Self::Words(words) => words.normalise(text),
            Self::Subwords(tokenizer) => tokenizer.normalise_plain(text),
        };
        normalised.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The characters that a text's unknown tokens stand for, and their ends where they are words.
    pub fn untold(&self, text: &str) -> usize {
        let (ids, unknown) = (self.ids(text), |id: &u32| *id == UNKNOWN);
        match self {
            Self::Words(_) => {
                let words = ids.iter().zip(self.pieces(text)).filter(|(id, _)| unknown(id));
                words.map(|(_, word)| word.chars().count() + 1).sum()
            }
            // One token a character.
            Self::Characters(_) | Self::Subwords(_) => ids.iter().filter(|id| unknown(id)).count(),
        }
    }

    /// The text's tokens as they stand in it, END last: a word also where it is not known.
    pub fn pieces(&self, text: &str) -> Vec<String> {
        match self {
            Self::Words(words) => {
                let text = words.normalise(text);
                let words = words::cut(&text).into_iter().map(String::from);
                words.chain([self.token(END)]).collect()
            }
            _ => self.ids(text).into_iter().map(|id| self.token(id)).collect(),
        }
    }

    /// A token as it is written.
    pub fn token(&self, id: u32) -> String {
        match self {
            Self::Characters(characters) => characters.token(id),
            Self::Words(words) => words.token(id).to_string(),
            Self::Subwords(tokenizer) => tokenizer.token(id),
        }
    }

    /// What they are called, in the plural.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Characters(_) => "characters",
            Self::Words(_) => "words",
            Self::Subwords(_) => "subwords",
        }
    }

    /// The text that a token adds to `before`; END ends a line.
    pub fn text(&self, id: u32, before: &str) -> String {
        if id == END {
            return "\n".into();
        }
        let token = self.token(id);
        let first = before.is_empty() || before.ends_with('\n');
        match self {
            Self::Characters(_) => token,
            Self::Subwords(_) if first => token.replace('\u{2581}', " ").trim_start().to_string(),
            Self::Subwords(_) => token.replace('\u{2581}', " "),
            // Signs stand by the word before them, as do endings that treebanks cut off.
            Self::Words(_) => {
                let joins =
                    token.starts_with(['.', ',', '!', '?', ';', ':', ')', '\'', '،', '؛', '؟']) || token == "n't";
                if first || joins || before.ends_with('(') { token } else { format!(" {token}") }
            }
        }
    }
}
