//! A classification's recipe.

use crate::language_model::{self, Documents, Unfolding};
use crate::recipe::validate::{out_of_range, positive, share, shared, within};
use crate::recipe::{self, Bptt, OneOrMany, Saved, SequenceRecipe, TaskName, TaskRecipe, Train, named, shared_tables};
use crate::schedule::Decay;
use crate::scheduled_sampling::TeacherForcing;
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_data::text::{Encoding, LabelledSource, Normaliser, Script};
use simurgh_nn::classifier::ClassifierConfig;
use simurgh_nn::language_model::LanguageModelConfig;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A whole recipe. Every key has a default but `task` and the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What is learnt.
    pub task: TaskName,
    /// Name of runs and reports.
    #[serde(default)]
    pub name: String,
    /// Every random draw comes from it.
    #[serde(default = "recipe::one")]
    pub seed: u64,
    /// What to learn from.
    #[serde(default)]
    pub data: Data,
    /// How text is read.
    #[serde(default)]
    pub text: Text,
    /// The network.
    #[serde(default)]
    pub model: ClassifierConfig,
    /// What the encoder learns first, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrain: Option<Pretrain>,
    /// The training.
    #[serde(default)]
    pub train: Train,
    /// How far back gradients go.
    #[serde(default)]
    pub bptt: Bptt,
    /// How the model is saved.
    #[serde(default)]
    pub artifact: Saved,
}

/// `[data]`: labelled texts in the data directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// To learn from.
    pub train: OneOrMany<LabelledSource>,
    /// To choose by; without it a tenth of the training data, at most 1,000 examples.
    pub dev: OneOrMany<LabelledSource>,
    /// To measure on at the end; without it the dev set.
    pub test: OneOrMany<LabelledSource>,
    /// Of all files: "utf-8" or "latin-1".
    pub encoding: Encoding,
    /// What labels are called; labels of one name are one class. Without it every label is a class of its own name.
    pub classes: BTreeMap<String, String>,
    /// A file of word vectors that the embedding begins with, as text: GloVe, word2vec, fastText.
    pub vectors: Option<PathBuf>,
    /// Licences and attribution of the data, kept in the model.
    pub licences: Vec<String>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A word or a sign.
    Word,
    /// A piece of a word (byte-pair encoding).
    Subword,
}

/// `[text]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    /// What a token is.
    pub unit: Unit,
    /// Spelling rules.
    pub script: Script,
    /// Lower case.
    pub lowercase: bool,
    /// Drop short vowels of Arabic script.
    pub strip_diacritics: bool,
    /// Most tokens of the vocabulary learnt from the training data.
    pub vocab: usize,
    /// How often a word stands in the training data at least to be known.
    pub least_count: usize,
    /// How many words of the vectors' file are known besides, the first ones.
    pub vector_words: usize,
    /// Probability of hiding a token in training (Iyyer et al. 2015).
    pub word_dropout: f64,
    /// Training words are cut into other subwords each time they are seen (BPE-dropout): the share of merges passed over.
    pub bpe_dropout: f64,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            unit: Unit::Word,
            script: Script::Plain,
            lowercase: true,
            strip_diacritics: true,
            vocab: 20_000,
            least_count: 2,
            vector_words: 20_000,
            word_dropout: 0.1,
            bpe_dropout: 0.0,
        }
    }
}

impl Text {
    /// How a text is normalised.
    pub fn normaliser(&self) -> Normaliser {
        Normaliser { script: self.script, lowercase: self.lowercase, strip_diacritics: self.strip_diacritics }
    }
}

/// `[pretrain]`: the encoder and the embedding first learn to guess the next word, and reading backwards the one before, of the
/// training texts and of any other text (Dai & Le 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pretrain {
    /// Text files besides the training texts, a text a line.
    pub text: OneOrMany<PathBuf>,
    /// Passes over all of it; 0: nothing is learnt first.
    pub epochs: u64,
    /// Most tokens of a batch.
    pub batch_tokens: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Probability of zeroing an activation.
    pub dropout: f64,
}

impl Default for Pretrain {
    fn default() -> Self {
        Self { text: OneOrMany::default(), epochs: 8, batch_tokens: 1500, learning_rate: 2e-3, dropout: 0.3 }
    }
}

impl Recipe {
    /// The recipe of the language model that [`Pretrain`] describes.
    pub(super) fn language_model(&self, pretrain: &Pretrain) -> language_model::Recipe {
        let (t, m) = (&self.text, &self.model);
        language_model::Recipe {
            task: TaskName::LanguageModel,
            name: format!("{}-pretrain", self.name),
            seed: self.seed,
            data: language_model::Data::default(),
            text: language_model::Text {
                unit: match t.unit {
                    Unit::Word => language_model::Unit::Word,
                    Unit::Subword => language_model::Unit::Subword,
                },
                documents: Documents::Line,
                script: t.script,
                lowercase: t.lowercase,
                strip_diacritics: t.strip_diacritics,
                vocab: t.vocab,
            },
            model: LanguageModelConfig {
                cell: m.cell,
                embedding: m.embedding,
                hidden: m.hidden,
                // A second layer that reads both ways would see what the first is to guess.
                layers: if m.bidirectional { 1 } else { m.layers },
                bidirectional: m.bidirectional,
                tie: true,
                dropout: pretrain.dropout,
                variational: m.variational,
            },
            train: Train {
                epochs: pretrain.epochs,
                batch_tokens: pretrain.batch_tokens,
                learning_rate: pretrain.learning_rate,
                steps: 0,
                eval_every: 0,
                decay: Decay::Cosine,
                label_smoothing: 0.0,
                patience: 0,
                ..self.train.clone()
            },
            bptt: Unfolding { window_steps: 0, checkpoint: self.bptt.checkpoint, ..Unfolding::default() },
            teacher_forcing: TeacherForcing::default(),
            artifact: Saved::default(),
        }
    }
}

impl TaskRecipe for Recipe {
    const TASK: TaskName = TaskName::Classification;
    const SOURCE: &'static str = "a file's name, {csv, text, label}, or a list of these";
    const EXAMPLE: &'static str =
        "for example train = \"mine.tsv\" or train = { csv = \"mine.csv\", text = \"review\", label = \"stars\" }";

    named!();

    fn validate(&self) -> Result<(), InputError> {
        if self.data.train.all().is_empty() {
            return Err(out_of_range("data.train", "a file", "nothing"));
        }
        if let Some((key, expected, got)) = self.model.problem() {
            return Err(out_of_range(&format!("model.{key}"), &expected, got));
        }
        shared(self)?;
        if let Some(pretrain) = &self.pretrain {
            share("pretrain.dropout", pretrain.dropout)?;
            positive("pretrain.learning_rate", pretrain.learning_rate)?;
            within("pretrain.epochs", pretrain.epochs as usize, 0, 10_000_000)?;
            within("pretrain.batch_tokens", pretrain.batch_tokens, 1, 10_000_000)?;
        }
        share("text.word_dropout", self.text.word_dropout)?;
        share("text.bpe_dropout", self.text.bpe_dropout)?;
        within("text.vocab", self.text.vocab, 100, 1_000_000)?;
        within("text.least_count", self.text.least_count, 1, 1000)?;
        within("text.vector_words", self.text.vector_words, 0, 1_000_000)?;
        if self.data.vectors.is_some() && self.text.unit != Unit::Word {
            return Err(out_of_range("text.unit", "\"word\", since data.vectors are of words", "\"subword\""));
        }
        Ok(())
    }
}

impl SequenceRecipe for Recipe {
    shared_tables!();

    fn bptt(&self) -> Bptt {
        self.bptt.clone()
    }
}
