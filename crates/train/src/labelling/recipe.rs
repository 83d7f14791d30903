//! A labelling's recipe.

use crate::recipe::validate::{out_of_range, shared, within};
use crate::recipe::{self, Bptt, Saved, SequenceRecipe, TaskName, TaskRecipe, Train, named, shared_tables};
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_data::audio::FeaturesConfig;
use simurgh_nn::labeller::LabellerConfig;
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
    /// How clips are put together.
    #[serde(default)]
    pub utterances: Utterances,
    /// How sound is cut and seen.
    #[serde(default)]
    pub features: FeaturesConfig,
    /// The network.
    #[serde(default)]
    pub model: LabellerConfig,
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

/// `[data]`: folders of WAV files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// To learn from: files `label_speaker_number.wav`, or folders LABEL of files, each one label; or recordings with a label track
    /// beside each (`NAME.txt`: begin TAB end TAB label, in seconds).
    pub train: PathBuf,
    /// To choose by; without it the `dev_numbers` files of `train`, or every tenth.
    pub dev: PathBuf,
    /// To measure on at the end; without it the `test_numbers` files of `train`, or none.
    pub test: PathBuf,
    /// Files of `train` whose numbers are below this are the test set.
    pub test_numbers: u32,
    /// Files of `train` with the next so many numbers are the dev set.
    pub dev_numbers: u32,
    /// Licences and attribution of the data, kept in the model.
    pub licences: Vec<String>,
}

impl Default for Data {
    fn default() -> Self {
        let none = PathBuf::new;
        Self { train: none(), dev: none(), test: none(), test_numbers: 0, dev_numbers: 0, licences: Vec::new() }
    }
}

/// `[utterances]`: clips of one label are put one after the other, with silence between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Utterances {
    /// Clips of an utterance, of one speaker where names say who speaks.
    pub clips: usize,
    /// Shortest and longest silence, milliseconds.
    pub pause_ms: [f64; 2],
    /// Softest and loudest noise that is added, decibels below full scale.
    pub noise_db: [f64; 2],
    /// Least and most that a clip is made louder, decibels.
    pub gain_db: [f64; 2],
}

impl Default for Utterances {
    fn default() -> Self {
        Self { clips: 5, pause_ms: [50.0, 500.0], noise_db: [-75.0, -45.0], gain_db: [-12.0, 6.0] }
    }
}

impl TaskRecipe for Recipe {
    const TASK: TaskName = TaskName::Labelling;
    const SOURCE: &'static str = "a folder's name";
    const EXAMPLE: &'static str = "for example train = \"recordings\"";

    named!();

    fn validate(&self) -> Result<(), InputError> {
        if self.data.train.as_os_str().is_empty() {
            return Err(out_of_range("data.train", "a folder of WAV files", "nothing"));
        }
        if let Some((key, expected, got)) = self.model.problem() {
            return Err(out_of_range(&format!("model.{key}"), &expected, got));
        }
        if let Some((key, expected, got)) = self.features.problem() {
            return Err(out_of_range(&format!("features.{key}"), &expected, got));
        }
        shared(self)?;
        within("utterances.clips", self.utterances.clips, 1, 1000)?;
        let u = &self.utterances;
        for (key, [low, high], least, most) in [
            ("utterances.pause_ms", u.pause_ms, 0.0, 60_000.0),
            ("utterances.noise_db", u.noise_db, -200.0, 0.0),
            ("utterances.gain_db", u.gain_db, -60.0, 60.0),
        ] {
            if !(least <= low && low <= high && high <= most) {
                let expected = format!("the least and the most, {least} to {most}");
                return Err(out_of_range(key, &expected, format!("[{low}, {high}]")));
            }
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
