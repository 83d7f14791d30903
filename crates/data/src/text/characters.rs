//! Characters as tokens.

use super::tokenizer::{END, UNKNOWN};
use crate::InputError;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Tokens with a meaning of their own, at the places where the subword tokenizer has them: nothing, START, END, UNKNOWN.
const SPECIAL: u32 = 4;

/// A vocabulary of characters. Text stays as it is, but for carriage returns, which go.
#[derive(Clone, Debug, PartialEq)]
pub struct Characters {
    lowercase: bool,
    characters: Vec<char>,
    ids: HashMap<char, u32>,
}

/// What a vocabulary is saved as.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    lowercase: bool,
    characters: String,
}

impl Characters {
    /// The `most` most frequent characters of the lines.
    pub fn learn<'a>(lines: impl Iterator<Item = &'a str>, lowercase: bool, most: usize) -> Self {
        let mut counts: HashMap<char, usize> = HashMap::new();
        for line in lines {
            each(line, lowercase, |c| *counts.entry(c).or_default() += 1);
        }
        let mut known: Vec<(char, usize)> = counts.into_iter().collect();
        known.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        known.truncate(most);
        Self::of(lowercase, known.into_iter().map(|(c, _)| c).collect())
    }

    fn of(lowercase: bool, characters: Vec<char>) -> Self {
        let ids = characters.iter().zip(SPECIAL..).map(|(c, id)| (*c, id)).collect();
        Self { lowercase, characters, ids }
    }

    /// The vocabulary that [`Characters::save`] wrote.
    ///
    /// # Errors
    /// If `json` is none of ours.
    pub fn load(json: &str) -> Result<Self, InputError> {
        let bad = |got: String| InputError::new("a vocabulary", got, "the model file may be damaged: train it again");
        let saved: Saved = serde_json::from_str(json).map_err(|e| bad(e.to_string()))?;
        let characters = Self::of(saved.lowercase, saved.characters.chars().collect());
        if characters.ids.len() != characters.characters.len() {
            return Err(bad("a character twice".into()));
        }
        Ok(characters)
    }

    /// As JSON.
    pub fn save(&self) -> String {
        let saved = Saved { lowercase: self.lowercase, characters: self.characters.iter().collect() };
        serde_json::to_string(&saved).expect("characters are JSON")
    }

    /// Number of tokens.
    pub fn vocab(&self) -> usize {
        SPECIAL as usize + self.characters.len()
    }

    /// The line's tokens, END last.
    pub fn ids(&self, line: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(line.len() + 1);
        each(line, self.lowercase, |c| ids.push(self.ids.get(&c).copied().unwrap_or(UNKNOWN)));
        ids.push(END);
        ids
    }

    /// A token as it is written.
    pub fn token(&self, id: u32) -> String {
        match id {
            END => "</s>".into(),
            UNKNOWN => "\u{FFFD}".into(),
            _ if id < SPECIAL => String::new(),
            _ => self.characters.get((id - SPECIAL) as usize).map_or_else(String::new, char::to_string),
        }
    }
}

fn each(line: &str, lowercase: bool, mut take: impl FnMut(char)) {
    for c in line.chars().filter(|c| *c != '\r') {
        if lowercase { c.to_lowercase().for_each(&mut take) } else { take(c) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_numbered_by_frequency_and_read_back() {
        let characters = Characters::learn(["  aab", "a\rB"].into_iter(), true, 3);
        assert_eq!(characters.vocab(), 4 + 3);
        assert_eq!(characters.ids("ab c"), [4, 6, 5, UNKNOWN, END]);
        assert_eq!((characters.token(4), characters.token(END)), ("a".into(), "</s>".into()));
        assert_eq!(Characters::load(&characters.save()).unwrap(), characters);
        assert!(Characters::load("{\"lowercase\":true,\"characters\":\"aa\"}").unwrap_err().got.contains("twice"));
    }
}
