//! Everyday sentences, Persian and English, made by a small grammar from a lexicon written for this project:
//! they teach a small model conjugation, word order and the common words, in combinations that no phrase list has.

mod clause;
mod lexicon;
mod sentence;
mod things;
mod verb;
mod words;

use super::Pair;
use lexicon::Lexicon;
use simurgh_random::{Random, stream};
use std::collections::HashSet;
use words::Speaker;

/// `count` different sentences, always the same ones.
pub fn phrasebook(count: usize) -> Vec<Pair> {
    let lexicon = Lexicon::embedded();
    let mut speaker = Speaker { lexicon: &lexicon, random: Random::new(stream(1, "phrasebook")) };
    let mut known = HashSet::new();
    let mut pairs = Vec::with_capacity(count);
    while pairs.len() < count {
        let (source, target) = speaker.sentence();
        if known.insert(source.clone()) {
            pairs.push(Pair { source, target, domain: "phrasebook".into() });
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_always_the_same_and_have_no_loose_ends() {
        let pairs = phrasebook(5_000);
        assert_eq!(pairs, phrasebook(5_000));
        for pair in &pairs {
            for text in [&pair.source, &pair.target] {
                assert!(!text.contains("  ") && text.trim() == text && !text.is_empty(), "`{text}`");
                assert!(!text.contains(" .") && !text.contains(" ?") && !text.contains(" ؟"), "`{text}`");
            }
            assert!(pair.target.is_ascii(), "`{}`", pair.target);
        }
    }
}
