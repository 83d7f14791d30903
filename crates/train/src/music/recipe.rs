//! A model of music's recipe.

use crate::recipe::validate::{out_of_range, shared, within};
use crate::recipe::{
    self, Bptt, OneOrMany, Reset, Saved, SequenceRecipe, TaskName, TaskRecipe, Train, named, shared_tables,
};
use crate::scheduled_sampling::TeacherForcing;
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_nn::polyphony::PolyphonyConfig;
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
    /// The network.
    #[serde(default)]
    pub model: PolyphonyConfig,
    /// The training.
    #[serde(default)]
    pub train: Train,
    /// How far back gradients go.
    #[serde(default)]
    pub bptt: Unfolding,
    /// How often the teacher is heard.
    #[serde(default)]
    pub teacher_forcing: TeacherForcing,
    /// How the model is saved.
    #[serde(default)]
    pub artifact: Saved,
}

/// `[bptt]`: backpropagation through time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Unfolding {
    /// Gradients go no further back than the beginning of a window of so many frames; 0: to the first frame.
    pub window_steps: usize,
    /// "epoch": the state is carried on from window to window, from a piece's first frame to its last. "window": in training each
    /// window begins without one, to see what it is worth.
    pub reset: Reset,
    /// Keep the states between blocks of steps alone and compute the activations again.
    pub checkpoint: bool,
}

/// `[data]`: pieces of music.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// To learn from: JSON with `train`, `valid` and `test` pieces, MIDI files, or folders of them.
    pub train: OneOrMany<PathBuf>,
    /// To choose by; without it the `valid` pieces of JSON, or a tenth of the MIDI files.
    pub dev: OneOrMany<PathBuf>,
    /// To measure on at the end; without it the `test` pieces of JSON, or the dev set.
    pub test: OneOrMany<PathBuf>,
    /// Frames of a quarter note, into which MIDI files are cut.
    pub frames_per_quarter: u32,
    /// Each time a piece is learnt from, it stands up to so many semitones higher or lower.
    pub transpose: u8,
    /// Licences and attribution of the data, kept in the model.
    pub licences: Vec<String>,
}

impl Default for Data {
    fn default() -> Self {
        let none = OneOrMany::default;
        Self { train: none(), dev: none(), test: none(), frames_per_quarter: 2, transpose: 0, licences: Vec::new() }
    }
}

impl TaskRecipe for Recipe {
    const TASK: TaskName = TaskName::Music;
    const SOURCE: &'static str = "a file's or a folder's name, or a list of names";
    const EXAMPLE: &'static str = "for example train = \"midi-files\"";

    named!();

    fn validate(&self) -> Result<(), InputError> {
        if self.data.train.all().is_empty() {
            return Err(out_of_range("data.train", "a file or a folder of MIDI files", "nothing"));
        }
        if let Some((key, expected, got)) = self.model.problem() {
            return Err(out_of_range(&format!("model.{key}"), &expected, got));
        }
        shared(self)?;
        self.teacher_forcing.validate()?;
        if self.bptt.reset == Reset::Window && self.bptt.window_steps == 0 {
            return Err(out_of_range("bptt.window_steps", "1 or more with bptt.reset = \"window\"", 0));
        }
        within("data.frames_per_quarter", self.data.frames_per_quarter as usize, 1, 48)?;
        within("data.transpose", usize::from(self.data.transpose), 0, 12)
    }
}

impl SequenceRecipe for Recipe {
    shared_tables!();

    fn bptt(&self) -> Bptt {
        Bptt { window_steps: self.bptt.window_steps, checkpoint: self.bptt.checkpoint }
    }

    fn teacher_forcing(&self) -> TeacherForcing {
        self.teacher_forcing.clone()
    }
}
