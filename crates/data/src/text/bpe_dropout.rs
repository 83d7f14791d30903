//! BPE-dropout (Provilkov et al. 2020): in training a word is cut in another way each time it is seen, so that
//! the network learns what its pieces mean. What a finished model reads is never cut at random.

use super::tokenizer::Tokenizer;
use simurgh_random::Random;
use std::collections::HashMap;

/// Cuts sentences again, at random.
#[derive(Clone, Debug)]
pub struct BpeDropout {
    probability: f64,
    /// Two neighbours -> (rank, what they become).
    merges: HashMap<(u32, u32), (usize, u32)>,
    /// The characters that a token is made of; empty for a token that no merge knows.
    characters: Vec<Vec<u32>>,
    /// Does a token begin a word?
    begins: Vec<bool>,
}

impl BpeDropout {
    /// Every merge that could come next is passed over with `probability`.
    pub fn new(tokenizer: &Tokenizer, probability: f64) -> Self {
        let mut characters = vec![Vec::new(); tokenizer.vocab()];
        let mut merges = HashMap::new();
        // In the order in which they were learnt: a part is a character, or was made before.
        for (rank, (left, right, whole)) in tokenizer.merges().into_iter().enumerate() {
            for part in [left, right] {
                if characters[part as usize].is_empty() {
                    characters[part as usize].push(part);
                }
            }
            characters[whole as usize] = [&characters[left as usize][..], &characters[right as usize]].concat();
            merges.insert((left, right), (rank, whole));
        }
        let begins = (0..tokenizer.vocab() as u32).map(|id| tokenizer.begins_word(id)).collect();
        Self { probability, merges, characters, begins }
    }

    /// The sentence `ids` cut anew. Specials, placeholders and unknown characters stay as they are.
    pub fn cut(&self, ids: &[u32], random: &mut Random) -> Vec<u32> {
        let mut out = Vec::with_capacity(ids.len() * 5 / 4);
        let mut word: Vec<u32> = Vec::new();
        for &id in ids {
            let characters = &self.characters[id as usize];
            if characters.is_empty() || self.begins[id as usize] {
                self.merge(&mut word, random);
                out.append(&mut word);
            }
            if characters.is_empty() {
                out.push(id);
            } else {
                word.extend(characters);
            }
        }
        self.merge(&mut word, random);
        out.append(&mut word);
        out
    }

    /// Algorithm 1 of the paper: of the merges that are left after dropping, the earliest learnt, until none is.
    fn merge(&self, word: &mut Vec<u32>, random: &mut Random) {
        loop {
            let possible = word.windows(2).enumerate().filter_map(|(at, pair)| {
                let &(rank, whole) = self.merges.get(&(pair[0], pair[1]))?;
                (random.uniform() >= self.probability).then_some((rank, at, whole))
            });
            let Some((_, at, whole)) = possible.min() else { break };
            word[at] = whole;
            word.remove(at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Normaliser, Script};

    #[test]
    fn text_stays_the_same_however_it_is_cut_and_no_dropout_cuts_as_the_tokenizer_does() {
        let side = Normaliser { script: Script::Plain, lowercase: false, strip_diacritics: false };
        let lines = ["hello world", "other worlds <ph0> hold the old", "low lower lowest slower"];
        let tokenizer = Tokenizer::train(lines.iter().map(|s| (*s).to_string()), 60, side, side).unwrap();
        let mut random = Random::new(1);
        let (mut cuts, mut longer) = (std::collections::HashSet::new(), 0);
        for sentence in ["hello world", "the lowest %s, worlds", "lower 漢 hold", ""] {
            let (ids, _) = tokenizer.pair(sentence, "");
            assert_eq!(BpeDropout::new(&tokenizer, 0.0).cut(&ids, &mut random), ids);
            for _ in 0..50 {
                let cut = BpeDropout::new(&tokenizer, 0.3).cut(&ids, &mut random);
                assert_eq!(tokenizer.text(&cut, &["%s".into()]), tokenizer.text(&ids, &["%s".into()]));
                longer += cut.len() - ids.len();
                cuts.insert(cut);
            }
            let characters = BpeDropout::new(&tokenizer, 1.0).cut(&ids, &mut random);
            assert!(characters.len() >= ids.len());
        }
        assert!(cuts.len() > 30 && longer > 100, "{} cuts, {longer} tokens longer", cuts.len());
    }
}
