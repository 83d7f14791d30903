//! A language model's recipe.

use crate::recipe::validate::{out_of_range, share, shared, within};
use crate::recipe::{
    self, Bptt, OneOrMany, Reset, Saved, SequenceRecipe, TaskName, TaskRecipe, Train, named, shared_tables,
};
use crate::scheduled_sampling::{Schedule, TeacherForcing};
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_data::text::{Encoding, Normaliser, Script};
use simurgh_nn::language_model::LanguageModelConfig;
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
    pub model: LanguageModelConfig,
    /// The training.
    #[serde(default)]
    pub train: Train,
    /// How far back gradients go, and the state.
    #[serde(default)]
    pub bptt: Unfolding,
    /// How often the teacher is heard.
    #[serde(default)]
    pub teacher_forcing: TeacherForcing,
    /// How the model is saved.
    #[serde(default)]
    pub artifact: Saved,
}

/// `[data]`: text files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// To learn from.
    pub train: OneOrMany<PathBuf>,
    /// To choose by; without it the last twentieth of the training text, at most 10,000 lines.
    pub dev: OneOrMany<PathBuf>,
    /// To measure on at the end; without it the dev set.
    pub test: OneOrMany<PathBuf>,
    /// Of all files: "utf-8" or "latin-1".
    pub encoding: Encoding,
    /// Licences and attribution of the data, kept in the model.
    pub licences: Vec<String>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A letter or a sign: text stays as it is.
    Character,
    /// A piece of a word (byte-pair encoding).
    Subword,
    /// A word or a sign.
    Word,
}

/// Where a text begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Documents {
    /// All files are one text: the state is carried on from line to line.
    Stream,
    /// Every line is a text of its own.
    Line,
}

/// `[text]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    /// What a token is.
    pub unit: Unit,
    /// Where a text begins and ends.
    pub documents: Documents,
    /// Spelling rules; of characters none.
    pub script: Script,
    /// Lower case.
    pub lowercase: bool,
    /// Drop short vowels of Arabic script.
    pub strip_diacritics: bool,
    /// Most tokens of the vocabulary.
    pub vocab: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            unit: Unit::Character,
            documents: Documents::Stream,
            script: Script::Plain,
            lowercase: false,
            strip_diacritics: false,
            vocab: 4000,
        }
    }
}

impl Text {
    /// How a text is normalised.
    pub fn normaliser(&self) -> Normaliser {
        Normaliser { script: self.script, lowercase: self.lowercase, strip_diacritics: self.strip_diacritics }
    }
}

/// `[bptt]`: backpropagation through time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Unfolding {
    /// Gradients go no further back than the beginning of a window of so many steps. A stream is learnt from in such windows;
    /// of lines 0 is to the first step.
    pub window_steps: usize,
    /// When the state of a stream begins anew.
    pub reset: Reset,
    /// Before this share of the windows a stream's state is dropped, each stream by itself, so that the network also learns to
    /// begin without one, as it does in use (`drop_state_probability` of Melis et al. 2018).
    pub drop_state: f64,
    /// Keep the states between blocks of steps alone and compute the activations again.
    pub checkpoint: bool,
}

impl Default for Unfolding {
    fn default() -> Self {
        Self { window_steps: 100, reset: Reset::Epoch, drop_state: 0.05, checkpoint: false }
    }
}

impl TaskRecipe for Recipe {
    const TASK: TaskName = TaskName::LanguageModel;
    const SOURCE: &'static str = "a text file's name, or a list of names";
    const EXAMPLE: &'static str = "for example train = \"book.txt\"";

    named!();

    fn validate(&self) -> Result<(), InputError> {
        if self.data.train.all().is_empty() {
            return Err(out_of_range("data.train", "a text file, e.g. --set data.train=book.txt", "nothing"));
        }
        if let Some((key, expected, got)) = self.model.problem() {
            return Err(out_of_range(&format!("model.{key}"), &expected, got));
        }
        shared(self)?;
        self.teacher_forcing.validate()?;
        if self.model.bidirectional && self.teacher_forcing.schedule != Schedule::Always {
            let expected = "\"always\", since a model that reads both ways says nothing itself";
            return Err(out_of_range("teacher_forcing.schedule", expected, "another"));
        }
        within("text.vocab", self.text.vocab, 10, 1_000_000)?;
        share("bptt.drop_state", self.bptt.drop_state)?;
        if self.text.documents == Documents::Stream {
            within("bptt.window_steps", self.bptt.window_steps, 1, 100_000)?;
            if self.model.bidirectional {
                let expected = "false, since text.documents is \"stream\", which has no end to read from";
                return Err(out_of_range("model.bidirectional", expected, "true"));
            }
        }
        Ok(())
    }
}

impl SequenceRecipe for Recipe {
    shared_tables!();

    fn bptt(&self) -> Bptt {
        // The windows of a stream are batches of their own.
        let within = self.text.documents == Documents::Line;
        Bptt { window_steps: if within { self.bptt.window_steps } else { 0 }, checkpoint: self.bptt.checkpoint }
    }

    fn teacher_forcing(&self) -> TeacherForcing {
        self.teacher_forcing.clone()
    }
}
