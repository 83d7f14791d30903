//! Byte-pair encoding of both sides of a corpus, one vocabulary (Sennrich et al. 2016).

use super::normalise::Normaliser;
use super::placeholders::{self, MOST};
use crate::InputError;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::models::{ModelWrapper, TrainerWrapper};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{AddedToken, PreTokenizerWrapper};

/// Padding: reserved, never used, since batches are packed.
pub const PAD: u32 = 0;
/// Begins a target.
pub const START: u32 = 1;
/// Ends a sentence.
pub const END: u32 = 2;
/// A character never seen in training.
pub const UNKNOWN: u32 = 3;
/// Tokens of placeholders.
pub const PLACEHOLDERS: Range<u32> = 4..4 + MOST as u32;

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<ph\d>").expect("the pattern is valid"));

/// The word mark that a space becomes.
const MARK: char = '\u{2581}';

/// Cuts text into subwords and joins them again.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    source: Normaliser,
    target: Normaliser,
}

/// What a tokenizer is saved as.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    source: Normaliser,
    target: Normaliser,
    bpe: serde_json::Value,
}

/// A sentence as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Tokens, without START and END.
    pub ids: Vec<u32>,
    /// What its placeholder tokens stand for, in order.
    pub placeholders: Vec<String>,
}

impl Tokenizer {
    /// Learns `vocab` tokens from normalised, masked lines of both sides.
    ///
    /// # Errors
    /// If the text is empty.
    pub fn train(
        lines: impl Iterator<Item = String> + Send,
        vocab: usize,
        source: Normaliser,
        target: Normaliser,
    ) -> Result<Self, InputError> {
        let mut specials: Vec<String> = ["<pad>", "<s>", "</s>", "<unk>"].map(String::from).to_vec();
        specials.extend((0..MOST).map(placeholders::token));
        let specials: Vec<AddedToken> = specials.into_iter().map(|s| AddedToken::from(s, true)).collect();
        let failed = |e: tokenizers::Error| {
            InputError::new("text to learn a vocabulary from", e.to_string(), "check the training corpus")
        };
        let bpe = BPE::builder().unk_token("<unk>".into()).build().map_err(failed)?;
        let mut inner = tokenizers::Tokenizer::new(bpe);
        inner.with_pre_tokenizer(Some(PreTokenizerWrapper::Metaspace(Metaspace::new(
            MARK,
            PrependScheme::First,
            true,
        ))));
        let trainer = BpeTrainer::builder().vocab_size(vocab).special_tokens(specials).show_progress(false).build();
        // Placeholders stand between pieces of text, and are no part of what is learnt.
        let lines = lines.flat_map(|line| {
            let pieces: Vec<String> = PLACEHOLDER.split(&line).map(String::from).collect();
            pieces
        });
        inner.train(&mut TrainerWrapper::BpeTrainer(trainer), lines).map_err(failed)?;
        Ok(Self { inner, source, target })
    }

    /// The tokenizer that [`Tokenizer::save`] wrote.
    ///
    /// # Errors
    /// If `json` is no tokenizer of ours.
    pub fn load(json: &str) -> Result<Self, InputError> {
        let bad = |got: String| InputError::new("a tokenizer", got, "the model file may be damaged: train it again");
        let saved: Saved = serde_json::from_str(json).map_err(|e| bad(e.to_string()))?;
        let inner = tokenizers::Tokenizer::from_bytes(saved.bpe.to_string()).map_err(|e| bad(e.to_string()))?;
        let names = [(PAD, "<pad>"), (START, "<s>"), (END, "</s>"), (UNKNOWN, "<unk>")];
        let held = PLACEHOLDERS.enumerate().all(|(i, id)| inner.id_to_token(id) == Some(placeholders::token(i)));
        if !held || names.iter().any(|&(id, name)| inner.id_to_token(id).as_deref() != Some(name)) {
            return Err(bad("other special tokens".into()));
        }
        let size = inner.get_vocab_size(true);
        let ids: HashSet<u32> = inner.get_vocab(true).into_values().filter(|&id| (id as usize) < size).collect();
        let ModelWrapper::BPE(bpe) = inner.get_model() else { return Err(bad("no byte-pair encoding".into())) };
        if ids.len() != size {
            return Err(bad("tokens that are not numbered one by one".into()));
        }
        if bpe.unk_token.as_deref() != Some("<unk>") {
            return Err(bad("another token for unknown characters".into()));
        }
        if inner.get_padding().is_some() || inner.get_truncation().is_some() {
            return Err(bad("padding or truncation".into()));
        }
        Ok(Self { inner, source: saved.source, target: saved.target })
    }

    /// As JSON.
    pub fn save(&self) -> String {
        let bpe = self.inner.to_string(false).expect("a tokenizer can be written");
        let bpe = serde_json::from_str(&bpe).expect("a tokenizer is JSON");
        let saved = Saved { source: self.source, target: self.target, bpe };
        serde_json::to_string(&saved).expect("a tokenizer is JSON")
    }

    /// Number of tokens.
    pub fn vocab(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Normalises and cuts a source sentence, END added, its placeholders protected.
    pub fn source(&self, text: &str) -> Encoded {
        let text = escape(text);
        let known = placeholders::find(&text);
        let mut ids = self.cut(&self.source.apply(&placeholders::mask(&text, &known)));
        ids.push(END);
        Encoded { ids, placeholders: known.into_iter().map(String::from).collect() }
    }

    /// Normalises and cuts a text that is no sentence to be translated, END added: its placeholders are text as any other.
    pub fn plain(&self, text: &str) -> Vec<u32> {
        let mut ids = self.cut(&plain(self.source, text));
        ids.push(END);
        ids
    }

    /// A text as [`Tokenizer::plain`] cuts it.
    pub fn normalise_plain(&self, text: &str) -> String {
        plain(self.source, text)
    }

    /// Normalises and cuts a pair, END added to the source; a placeholder has one number on both sides.
    pub fn pair(&self, source: &str, target: &str) -> (Vec<u32>, Vec<u32>) {
        let (source, target) = masked(self.source, self.target, source, target);
        let mut ids = self.cut(&source);
        ids.push(END);
        (ids, self.cut(&target))
    }

    fn cut(&self, text: &str) -> Vec<u32> {
        if text.is_empty() {
            return Vec::new();
        }
        let encoding = self.inner.encode_fast(text, false).expect("encoding has no failing part");
        encoding.get_ids().to_vec()
    }

    /// The text of target tokens, placeholders put back.
    pub fn text(&self, ids: &[u32], placeholders: &[String]) -> String {
        let joined: String = ids.iter().map(|&id| self.token(id)).collect();
        let known: Vec<&str> = placeholders.iter().map(String::as_str).collect();
        placeholders::restore(joined.replace(MARK, " ").trim(), &known)
    }

    /// Tokens that look like a placeholder without being one: never to be produced.
    pub fn false_placeholders(&self) -> Vec<u32> {
        let vocab = self.inner.get_vocab(true);
        let mut found: Vec<u32> = vocab
            .iter()
            .filter(|(t, id)| PLACEHOLDER.is_match(t) && !PLACEHOLDERS.contains(*id))
            .map(|(_, id)| *id)
            .collect();
        found.sort_unstable();
        found
    }

    /// The merges in the order in which they were learnt: (left, right, what they become).
    pub(super) fn merges(&self) -> Vec<(u32, u32, u32)> {
        #[derive(Deserialize)]
        struct Model {
            merges: Vec<(String, String)>,
        }
        let ModelWrapper::BPE(bpe) = self.inner.get_model() else { unreachable!("checked when it was loaded") };
        let json = serde_json::to_value(bpe).expect("a model is JSON");
        let model: Model = serde_json::from_value(json).expect("a BPE model has its merges");
        let id = |token: &str| self.inner.token_to_id(token).expect("merges are of tokens");
        model.merges.iter().map(|(left, right)| (id(left), id(right), id(&format!("{left}{right}")))).collect()
    }

    /// Does the token begin with a word mark?
    pub(super) fn begins_word(&self, id: u32) -> bool {
        self.token(id).starts_with(MARK)
    }

    /// A token as it is written, with its word mark.
    pub fn token(&self, id: u32) -> String {
        if id == END { "</s>".into() } else { self.inner.id_to_token(id).unwrap_or_default() }
    }

    /// Normalises a reference as targets are normalised.
    pub fn normalise_target(&self, text: &str) -> String {
        self.target.apply(text)
    }
}

/// A text normalised that is no sentence to be translated.
pub fn plain(normaliser: Normaliser, text: &str) -> String {
    normaliser.apply(&escape(text))
}

/// Both sides normalised, their placeholders replaced by the numbers of the source's.
pub fn masked(source: Normaliser, target: Normaliser, from: &str, to: &str) -> (String, String) {
    let (from, to) = (escape(from), escape(to));
    let known = placeholders::find(&from);
    // Masked first: normalising would rewrite what stands in braces.
    (source.apply(&placeholders::mask(&from, &known)), target.apply(&placeholders::mask(&to, &known)))
}

/// Text that looks like one of our tokens (`<s>` of HTML) loses its brackets' identity to a look-alike.
fn escape(text: &str) -> String {
    static SPECIAL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"<(/?s|pad|unk|ph\d+)>").expect("the pattern is valid"));
    SPECIAL.replace_all(text, "‹$1›").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Script;

    fn tokenizer() -> Tokenizer {
        let source = Normaliser { script: Script::Persian, lowercase: false, strip_diacritics: false };
        let target = Normaliser { script: Script::Plain, ..source };
        let lines = ["<ph0> پرونده", "سلام دنیا", "hello world", "<ph0> files", "world: <ph0>"];
        Tokenizer::train(lines.iter().map(|s| (*s).to_string()), 120, source, target).unwrap()
    }

    #[test]
    fn text_survives_the_round_trip_with_its_placeholders() {
        let t = tokenizer();
        let (source, target) = t.pair("سلام %s", "hello: %s world");
        assert_eq!(*source.last().unwrap(), END);
        assert!(source.contains(&PLACEHOLDERS.start) && target.contains(&PLACEHOLDERS.start));
        assert_eq!(t.text(&target, &["%s".into()]), "hello: %s world");
        assert_eq!(t.source("سلام").ids.len(), t.pair("سلام", "").0.len());
        assert_eq!(t.source("").ids, [END]);
    }

    #[test]
    fn a_character_never_seen_is_unknown_and_training_is_deterministic() {
        let t = tokenizer();
        assert!(t.source("漢字").ids.contains(&UNKNOWN));
        assert_eq!(t.save(), tokenizer().save());
        let again = Tokenizer::load(&t.save()).unwrap();
        assert_eq!(again.source("سلام دنیا"), t.source("سلام دنیا"));
        assert_eq!(again.save(), t.save());
        assert!(Tokenizer::load("{}").is_err());
    }

    #[test]
    fn a_tokenizer_that_would_fail_later_is_refused() {
        let good: serde_json::Value = serde_json::from_str(&tokenizer().save()).unwrap();
        let damaged = |damage: fn(&mut serde_json::Value)| {
            let mut json = good.clone();
            damage(&mut json["bpe"]);
            Tokenizer::load(&json.to_string()).map_err(|e| e.got)
        };
        assert!(damaged(|_| {}).is_ok());
        for damage in [
            (|bpe| bpe["model"]["unk_token"] = "none".into()) as fn(&mut serde_json::Value),
            |bpe| {
                bpe["truncation"] =
                    serde_json::json!({"max_length": 0, "strategy": "LongestFirst", "stride": 0, "direction": "Right"})
            },
            |bpe| {
                let other = bpe["model"]["vocab"]["a"].clone();
                bpe["model"]["vocab"]["h"] = other;
            },
        ] {
            assert!(damaged(damage).is_err());
        }
    }
}
