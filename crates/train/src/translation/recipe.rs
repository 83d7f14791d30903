//! A translation's recipe.

use crate::recipe::validate::{out_of_range, positive, share, shared, within};
use crate::recipe::{self, Bptt, OneOrMany, Saved, SequenceRecipe, TaskName, TaskRecipe, Train, named, shared_tables};
use crate::scheduled_sampling::TeacherForcing;
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_data::metrics::bleu::Tokenization;
use simurgh_data::text::{Cleaning, Normaliser, Script, Source};
use simurgh_nn::decode::DecodeConfig;
use simurgh_nn::seq2seq::Seq2SeqConfig;

/// A whole recipe. Every key has a default but `task` and, without an embedded corpus, the data.
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
    /// Which training pairs are dropped.
    #[serde(default)]
    pub cleaning: Cleaning,
    /// The network.
    #[serde(default)]
    pub model: Seq2SeqConfig,
    /// The training.
    #[serde(default)]
    pub train: Train,
    /// How far back gradients go.
    #[serde(default)]
    pub bptt: Bptt,
    /// How often the teacher is heard.
    #[serde(default)]
    pub teacher_forcing: TeacherForcing,
    /// How sentences are searched for.
    #[serde(default)]
    pub decode: DecodeConfig,
    /// What is measured.
    #[serde(default)]
    pub metrics: Metrics,
    /// How the model is saved.
    #[serde(default)]
    pub artifact: Saved,
}

/// `[data]`: files in the data directory, or the embedded corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// Corpora compiled into the program, besides or instead of files.
    pub embedded: Vec<Embedded>,
    /// How often an epoch sees each embedded phrase: they are few, and follow no rule that other text teaches.
    pub repeat_phrases: usize,
    /// To learn from.
    pub train: OneOrMany<Source>,
    /// To choose by; without it the last twentieth of the training data, at most 1,000 pairs.
    pub dev: OneOrMany<Source>,
    /// To measure on at the end; without it the dev set.
    pub test: OneOrMany<Source>,
    /// Licences and attribution of the data, kept in the model.
    pub licences: Vec<String>,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            embedded: Vec::new(),
            repeat_phrases: 1,
            train: OneOrMany::default(),
            dev: OneOrMany::default(),
            test: OneOrMany::default(),
            licences: Vec::new(),
        }
    }
}

/// Corpora compiled into the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embedded {
    /// Persian and English names of the Unicode CLDR, with a dev and a test set.
    Cldr,
    /// Everyday phrases, Persian and English, to learn from.
    Phrases,
    /// 15,000 everyday sentences made by a grammar, Persian and English, to learn from.
    Phrasebook,
}

/// `[text]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    /// Spelling rules of the source.
    pub source: Script,
    /// Spelling rules of the target.
    pub target: Script,
    /// Lower case on both sides.
    pub lowercase: bool,
    /// Drop short vowels of Arabic script.
    pub strip_diacritics: bool,
    /// Subwords of the joint vocabulary.
    pub vocab: usize,
    /// Training words are cut into other subwords each time they are seen (BPE-dropout): the share of merges
    /// passed over, 0.1 as published; 0 is off.
    pub bpe_dropout: f64,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            source: Script::Plain,
            target: Script::Plain,
            lowercase: false,
            strip_diacritics: true,
            vocab: 8000,
            bpe_dropout: 0.0,
        }
    }
}

impl Text {
    /// How each side is normalised.
    pub fn normalisers(&self) -> (Normaliser, Normaliser) {
        let side = |script| Normaliser { script, lowercase: self.lowercase, strip_diacritics: self.strip_diacritics };
        (side(self.source), side(self.target))
    }
}

/// `[metrics]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// BLEU's tokenisation: "13a", "intl", or "none" for text that is tokenised already.
    pub bleu: Tokenization,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { bleu: Tokenization::V13a }
    }
}

impl TaskRecipe for Recipe {
    const TASK: TaskName = TaskName::Translation;
    const SOURCE: &'static str = "a file's name, {source, target}, {tsv, domains}, or a list of these";
    const EXAMPLE: &'static str =
        "for example train = \"mine.tsv\" or train = { source = \"a.fa\", target = \"a.en\" }";

    named!();

    fn reads_files(&self) -> bool {
        !self.data.train.all().is_empty()
    }

    fn validate(&self) -> Result<(), InputError> {
        if self.data.embedded.is_empty() && self.data.train.all().is_empty() {
            return Err(out_of_range("data.train", "a file, or data.embedded", "nothing"));
        }
        if let Some((key, expected, got)) = self.model.problem() {
            return Err(out_of_range(&format!("model.{key}"), &expected, got));
        }
        let Self { decode, cleaning, data, text, train, .. } = self;
        shared(self)?;
        self.teacher_forcing.validate()?;
        positive("decode.max_ratio", decode.max_ratio)?;
        positive("cleaning.max_ratio", cleaning.max_ratio)?;
        share("text.bpe_dropout", text.bpe_dropout)?;
        if !(0.0..=5.0).contains(&decode.length_penalty) {
            return Err(out_of_range("decode.length_penalty", "0 to 5", decode.length_penalty));
        }
        if decode.max_ratio > 100.0 {
            return Err(out_of_range("decode.max_ratio", "at most 100", decode.max_ratio));
        }
        if decode.max_extra > 10_000 {
            return Err(out_of_range("decode.max_extra", "at most 10000", decode.max_extra));
        }
        within("decode.beam", decode.beam, 1, 100)?;
        within("train.eval_beam", train.eval_beam, 1, 100)?;
        within("text.vocab", text.vocab, 100, 100_000)?;
        within("data.repeat_phrases", data.repeat_phrases, 1, 100)?;
        within("cleaning.max_chars", cleaning.max_chars, 1, 10_000_000)
    }
}

impl SequenceRecipe for Recipe {
    shared_tables!();

    fn bptt(&self) -> Bptt {
        self.bptt.clone()
    }

    fn teacher_forcing(&self) -> TeacherForcing {
        self.teacher_forcing.clone()
    }
}
