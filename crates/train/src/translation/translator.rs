//! A trained model in use.

use super::recipe::Recipe;
use crate::Error;
use crate::saved::{damaged, recipe_of};
use simurgh_data::InputError;
use simurgh_data::text::tokenizer::{END, PAD, PLACEHOLDERS, START, UNKNOWN};
use simurgh_data::text::{Pair, Tokenizer};
use simurgh_nn::artifact::Artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::decode::{DecodeConfig, Hypothesis, Sentence, Special, Surface, decode};
use simurgh_nn::init::Init;
use simurgh_nn::parameters;
use simurgh_nn::seq2seq::Seq2Seq;
use std::collections::HashSet;

/// Most tokens of a sentence; longer ones are an error, since memory grows with their square.
pub const MOST_TOKENS: usize = 12_000;

/// One translation of a sentence.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The text.
    pub text: String,
    /// Length-normalised log-probability, nats.
    pub score: f64,
    /// Source tokens, END last.
    pub source_tokens: Vec<String>,
    /// Target tokens.
    pub target_tokens: Vec<String>,
    /// Attention of every target token over the source tokens; empty without attention.
    pub alignment: Vec<std::sync::Arc<[f32]>>,
}

/// A model with its tokenizer and the settings it was trained with.
pub struct Translator {
    /// The network.
    pub model: Seq2Seq,
    /// Cuts and joins text.
    pub tokenizer: Tokenizer,
    /// The recipe that made it.
    pub recipe: Recipe,
    special: Special,
}

impl std::fmt::Debug for Translator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Translator({})", self.recipe.name)
    }
}

/// The tokens with a meaning of their own.
fn special(tokenizer: &Tokenizer) -> Special {
    let mut banned = vec![PAD, START, UNKNOWN];
    banned.extend(tokenizer.false_placeholders());
    let surfaces = (0..tokenizer.vocab() as u32).map(|id| Surface::of(&tokenizer.token(id))).collect();
    Special { start: START, end: END, banned, reserved: PLACEHOLDERS, surfaces }
}

fn too_long(tokens: usize) -> InputError {
    let hint = "split the text into sentences, one a line";
    InputError::new(format!("a sentence of at most {MOST_TOKENS} tokens"), tokens.to_string(), hint)
}

/// Finds the sentences that no model takes before much is computed.
///
/// # Errors
/// The first pair whose source is longer than [`MOST_TOKENS`], by its number.
pub(super) fn check_lengths(tokenizer: &Tokenizer, pairs: &[Pair]) -> Result<(), InputError> {
    for (number, pair) in pairs.iter().enumerate() {
        // A token has a byte at least.
        if pair.source.len() > MOST_TOKENS {
            let tokens = tokenizer.source(&pair.source).ids.len();
            if tokens > MOST_TOKENS {
                return Err(too_long(tokens).field(format!("pair {}", number + 1)));
            }
        }
    }
    Ok(())
}

impl Translator {
    /// The model of a file.
    ///
    /// # Errors
    /// If it is no translation model, or its tensors are not those of its configuration.
    pub fn new(artifact: Artifact, device: &Device) -> Result<Self, Error> {
        let header = artifact.header;
        let recipe: Recipe = recipe_of(&header)?;
        let tokenizer = Tokenizer::load(&header.tokenizer).map_err(|e| damaged("tokenizer", "a tokenizer", e.got))?;
        let vocab = tokenizer.vocab();
        let config = recipe.model.clone();
        // Compared before anything of the recipe's size is made.
        let table = artifact.parameters.iter().find(|p| p.name == "target_embedding").map(|p| p.shape.clone());
        if table.as_deref() != Some(&[vocab, config.embedding]) {
            let expected = format!("shape [{vocab}, {}]", config.embedding);
            let got = table.map_or_else(|| "no such tensor".into(), |shape| format!("{shape:?}"));
            return Err(damaged("tensor `target_embedding`", &expected, got).into());
        }
        let numbers: usize = artifact.parameters.iter().map(|p| p.data.len()).sum();
        if 4 * config.decoder_hidden * config.decoder_hidden > numbers
            || 4 * config.encoder_hidden * config.encoder_hidden > numbers
        {
            return Err(damaged("tensors", "those of its configuration", format!("{numbers} numbers, too few")).into());
        }
        let model = Seq2Seq::new(&config, vocab, vocab, &Init::zeros(device))?;
        let model = parameters::replace(model, artifact.parameters)
            .map_err(|problems| damaged("tensors", "those of its configuration", problems))?;
        Ok(Self::from_parts(model, tokenizer, recipe))
    }

    pub(super) fn from_parts(model: Seq2Seq, tokenizer: Tokenizer, recipe: Recipe) -> Self {
        let special = special(&tokenizer);
        Self { model, tokenizer, recipe, special }
    }

    /// The best translations of every sentence, best first, no text twice. An empty sentence has one empty
    /// translation. A result does not depend on the other sentences.
    ///
    /// # Errors
    /// If a sentence is longer than [`MOST_TOKENS`].
    pub fn translate(&self, sentences: &[String], config: &DecodeConfig) -> Result<Vec<Vec<Translated>>, Error> {
        let encoded: Vec<_> = sentences.iter().map(|s| self.tokenizer.source(s)).collect();
        if let Some(long) = encoded.iter().find(|e| e.ids.len() > MOST_TOKENS) {
            return Err(too_long(long.ids.len()).into());
        }
        let inputs: Vec<Sentence> = encoded
            .iter()
            .filter(|e| e.ids.len() > 1)
            .map(|e| Sentence {
                required: e.ids.iter().copied().filter(|id| PLACEHOLDERS.contains(id)).collect(),
                ids: e.ids.clone(),
            })
            .collect();
        let mut decoded = decode(&self.model, &inputs, &self.special, config)?.into_iter();
        let results = encoded
            .iter()
            .map(|e| {
                let hypotheses = if e.ids.len() > 1 {
                    decoded.next().expect("a result a sentence")
                } else {
                    vec![Hypothesis {
                        tokens: Vec::new(),
                        log_probability: 0.0,
                        score: 0.0,
                        alignment: Vec::new(),
                        complete: true,
                    }]
                };
                let mut known = HashSet::new();
                hypotheses
                    .into_iter()
                    .map(|h| Translated {
                        text: self.tokenizer.text(&h.tokens, &e.placeholders),
                        score: h.score,
                        source_tokens: e.ids.iter().map(|&id| self.tokenizer.token(id)).collect(),
                        target_tokens: h.tokens.iter().map(|&id| self.tokenizer.token(id)).collect(),
                        alignment: h.alignment,
                    })
                    // One text may be cut into tokens in several ways: the likeliest stands for all.
                    .filter(|t| known.insert(t.text.clone()))
                    .collect()
            })
            .collect();
        Ok(results)
    }
}
