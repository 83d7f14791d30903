//! A trained classifier in use.

use super::recipe::Recipe;
use crate::Error;
use crate::saved::{damaged, recipe_of};
use simurgh_data::InputError;
use simurgh_data::metrics::classification::{probabilities, winner};
use simurgh_data::text::Vocabulary;
use simurgh_data::text::tokenizer::UNKNOWN;
use simurgh_nn::artifact::Artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::classifier::{Answers, Classifier};
use simurgh_nn::init::Init;
use simurgh_nn::parameters;
use simurgh_nn::pass::Pass;
use simurgh_nn::sequences::Sequences;
use std::ops::Range;

/// Most tokens of a text.
pub const MOST_TOKENS: usize = 100_000;

/// Texts with one word hidden that are answered together.
const HIDDEN: usize = 64;

/// How it is asked which words decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// By the weights of attention pooling: where the network looked, which need not be what decided (Jain & Wallace 2019).
    Attention,
    /// By hiding each word in turn: how much the log-odds of the answer fall without it (Li et al. 2016). Costs as many passes
    /// as the text has words, on any network.
    Hiding,
}

/// What a model says of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The likeliest class, by number.
    pub class: usize,
    /// Of every class.
    pub probabilities: Vec<f64>,
    /// The text's words, each whole also where it is several tokens, and END.
    pub words: Vec<String>,
    /// How much each word weighed; empty without attention pooling.
    pub weights: Vec<f32>,
}

/// A model with its vocabulary, its classes and the settings it was trained with.
pub struct TextClassifier {
    /// The network.
    pub network: Classifier,
    /// Cuts text.
    pub vocabulary: Vocabulary,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The recipe that made it.
    pub recipe: Recipe,
}

impl std::fmt::Debug for TextClassifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextClassifier({})", self.recipe.name)
    }
}

impl TextClassifier {
    /// The model of a file.
    ///
    /// # Errors
    /// If it is no classifier, or its tensors are not those of its configuration.
    pub fn new(artifact: Artifact, device: &Device) -> Result<Self, Error> {
        let header = artifact.header;
        let recipe: Recipe = recipe_of(&header)?;
        let vocabulary =
            Vocabulary::load(&header.tokenizer).map_err(|e| damaged("tokenizer", "a vocabulary", e.got))?;
        let classes: Vec<String> = serde_json::from_value(header.model["classes"].clone())
            .map_err(|e| damaged("model", "a list of classes", e.to_string()))?;
        // Compared before anything of the recipe's size is made.
        let shape = |name: &str| artifact.parameters.iter().find(|p| p.name == name).map(|p| p.shape.clone());
        let c = &recipe.model;
        for (name, want) in [
            ("embedding", vec![vocabulary.len(), c.embedding]),
            ("readout.weight", vec![classes.len(), c.pooled()]),
            ("encoder.weight_hh_l0", vec![super::task::gates(c) * c.hidden, c.hidden]),
        ] {
            let got = shape(name);
            if got.as_ref() != Some(&want) {
                let got = got.map_or_else(|| "no such tensor".into(), |shape| format!("{shape:?}"));
                return Err(damaged(&format!("tensor `{name}`"), format!("shape {want:?}"), got).into());
            }
        }
        let network = Classifier::new(c, vocabulary.len(), classes.len(), &Init::zeros(device))?;
        let network = parameters::replace(network, artifact.parameters)
            .map_err(|problems| damaged("tensors", "those of its configuration", problems))?;
        if network.temperature().is_nan() || network.temperature() <= 0.0 {
            return Err(damaged("tensor `temperature`", "a number above 0", network.temperature().to_string()).into());
        }
        Ok(Self { network, vocabulary, classes, recipe })
    }

    /// What the network says of every text. A result does not depend on the other texts.
    ///
    /// # Errors
    /// If a text is longer than [`MOST_TOKENS`], named by its number.
    pub(super) fn answers(&self, texts: &[Vec<u32>]) -> Result<Answers, Error> {
        if let Some(number) = texts.iter().position(|text| text.len() > MOST_TOKENS) {
            let (got, hint) = (texts[number].len().to_string(), "give a part of the text");
            let expected = format!("a text of at most {MOST_TOKENS} tokens");
            return Err(InputError::new(expected, got, hint).field(format!("text {}", number + 1)).into());
        }
        if texts.is_empty() {
            return Ok(Answers::default());
        }
        let slices: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        Ok(self.network.answer(&Sequences::new(&slices)?, &mut Pass::default())?)
    }

    /// What the model says of every text; none of a text without a word.
    ///
    /// # Errors
    /// If a text is too long.
    pub fn classify(&self, texts: &[String]) -> Result<Vec<Option<Verdict>>, Error> {
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| self.vocabulary.ids(text)).collect();
        let temperature = f64::from(self.network.temperature());
        let Answers { logits, mut weights } = self.answers(&ids)?;
        let verdict = |(text, logits): (usize, &Vec<f32>)| {
            let ids = &ids[text];
            (ids.len() > 1).then(|| {
                let words = self.words(&texts[text]);
                let of_tokens = weights.get_mut(text).map(std::mem::take).unwrap_or_default();
                let word = |(_, tokens): &(String, Range<usize>)| of_tokens[tokens.clone()].iter().sum::<f32>();
                Verdict {
                    class: winner(logits),
                    probabilities: probabilities(logits, temperature),
                    weights: if of_tokens.is_empty() { Vec::new() } else { words.iter().map(word).collect() },
                    words: words.into_iter().map(|(word, _)| word).collect(),
                }
            })
        };
        Ok(logits.iter().enumerate().map(verdict).collect())
    }

    /// The words of a text, and which of its tokens each is; END last.
    fn words(&self, text: &str) -> Vec<(String, Range<usize>)> {
        let pieces = self.vocabulary.pieces(text);
        let (subwords, end) = (matches!(self.vocabulary, Vocabulary::Subwords(_)), pieces.len() - 1);
        let mut words: Vec<(String, Range<usize>)> = Vec::with_capacity(pieces.len());
        for (at, piece) in pieces.into_iter().enumerate() {
            // The first piece of a word begins with a mark.
            match (words.last_mut(), piece.strip_prefix('\u{2581}')) {
                (Some((word, tokens)), None) if subwords && at < end => {
                    word.push_str(&piece);
                    tokens.end = at + 1;
                }
                (_, rest) => words.push((rest.map_or_else(|| piece.clone(), String::from), at..at + 1)),
            }
        }
        words
    }

    /// How much each word of the text speaks for the verdict, END among them: weights that sum to 1, or changes of the
    /// log-odds, below 0 where a word speaks against it.
    ///
    /// # Errors
    /// If the text is too long, or attention is asked of a network without.
    pub fn why(&self, text: &str, verdict: &Verdict, why: Why) -> Result<Vec<f64>, Error> {
        if why == Why::Attention {
            if verdict.weights.is_empty() {
                let hint = "ask by hiding words, or train one with --set model.pooling=attention";
                let expected = "a model with attention pooling";
                return Err(InputError::new(expected, "one without", hint).into());
            }
            return Ok(verdict.weights.iter().map(|w| f64::from(*w)).collect());
        }
        let ids = self.vocabulary.ids(text);
        let mut words = self.words(text);
        // END is never hidden.
        words.pop();
        let odds = |logits: &[f32]| {
            let p = probabilities(logits, 1.0)[verdict.class].clamp(1e-12, 1.0 - 1e-12);
            (p / (1.0 - p)).ln()
        };
        let whole = odds(&self.answers(std::slice::from_ref(&ids))?.logits[0]);
        let mut changes = Vec::with_capacity(words.len() + 1);
        // Some at a time: a long text is as many texts as it has words.
        for some in words.chunks(HIDDEN) {
            let hide = |(_, tokens): &(String, Range<usize>)| {
                let mut ids = ids.clone();
                ids[tokens.clone()].fill(UNKNOWN);
                ids
            };
            let hidden: Vec<Vec<u32>> = some.iter().map(hide).collect();
            changes.extend(self.answers(&hidden)?.logits.iter().map(|logits| whole - odds(logits)));
        }
        changes.push(0.0);
        Ok(changes)
    }
}
