//! A forecast's recipe.

use crate::recipe::validate::{out_of_range, shared, within};
use crate::recipe::{self, Bptt, Reset, Saved, SequenceRecipe, TaskName, TaskRecipe, Train, named, shared_tables};
use crate::schedule::Decay;
use crate::scheduled_sampling::{Schedule, TeacherForcing};
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_data::series::{Columns, DateOrder, Gaps, Step, Table};
use simurgh_nn::forecaster::{DecodingKind, ForecasterConfig};
use std::path::{Path, PathBuf};

/// A whole recipe. Every key has a default but `task` and, without embedded data, the data.
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
    pub model: ForecasterConfig,
    /// The training.
    #[serde(default)]
    pub train: Train,
    /// How far back gradients go, and how far the network remembers.
    #[serde(default)]
    pub bptt: Unfolding,
    /// How often the teacher is heard, where decoding is recursive.
    #[serde(default)]
    pub teacher_forcing: TeacherForcing,
    /// How the model is saved.
    #[serde(default)]
    pub artifact: Saved,
}

/// `[bptt]`: backpropagation through time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Unfolding {
    /// Gradients go no further back than the beginning of a window of so many segments; 0: to the beginning of the look-back.
    pub window_steps: usize,
    /// "window": each look-back is read without memory. "epoch": its state is carried on to the next one of its series, in training,
    /// on the dev and test parts and in use, from the beginning of the series.
    pub reset: Reset,
    /// Keep the states between blocks of steps alone and compute the activations again.
    pub checkpoint: bool,
}

impl Default for Unfolding {
    fn default() -> Self {
        Self { window_steps: 0, reset: Reset::Window, checkpoint: false }
    }
}

/// Series compiled into the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embedded {
    /// Yearly numbers of sunspots, 1700 to 2008.
    Sunspots,
}

/// `[data]`: a CSV, and which of its columns and rows are what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// A CSV with a header and a row a step; in long form a row a step and series.
    pub train: PathBuf,
    /// Series compiled into the program, instead of a file.
    pub embedded: Option<Embedded>,
    /// The column with the time; if it is not given, one that is called so or holds dates.
    pub time: String,
    /// In long form: the column that says which series a row is of.
    pub series: String,
    /// The columns with the values; all others if none is given.
    pub targets: Vec<String>,
    /// Columns that are known in advance, such as prices or holidays.
    pub known: Vec<String>,
    /// What is done where rows are missing: "skip" or "carry".
    pub gaps: Gaps,
    /// What comes first in dates such as 1/2/2024: "auto", "day-first", "month-first" or "year-first".
    pub dates: DateOrder,
    /// Hour, weekday and day of the year are known in advance too.
    pub calendar: bool,
    /// Half of the windows are learnt from upside down, about the last value that is read: so that no series' own direction is learnt.
    /// For rates of exchange, say, whose inverse would do as well.
    pub mirror: bool,
    /// Steps of every series to learn from, to choose by and to measure on, in this order in time: numbers of steps, or shares that
    /// sum to at most 1.
    pub split: [f64; 3],
    /// Steps of a season, for the seasonal-naive baseline; 0: by the step (24 hours, 7 days, 5 where weekends have no rows, 12 months), or the strongest in the
    /// data.
    pub period: usize,
    /// Licences and attribution of the data, kept in the model.
    pub licences: Vec<String>,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            train: PathBuf::new(),
            embedded: None,
            time: String::new(),
            series: String::new(),
            targets: Vec::new(),
            known: Vec::new(),
            gaps: Gaps::Skip,
            dates: DateOrder::Auto,
            calendar: false,
            mirror: false,
            split: [0.7, 0.1, 0.2],
            period: 0,
            licences: Vec::new(),
        }
    }
}

impl Data {
    /// Which columns are what.
    pub fn columns(&self) -> Columns {
        let Self { time, series, targets, known, gaps, dates, .. } = self.clone();
        Columns { time, series, targets, known, gaps, dates }
    }
}

impl Recipe {
    /// A small network of sizes that suit a file, for `horizon` steps.
    ///
    /// # Errors
    /// If the file can't be used, or has too few rows.
    pub fn automatic(file: &Path, columns: Columns, horizon: usize, seed: u64) -> Result<Self, InputError> {
        let table = Table::read(file, &columns)?;
        let longest = table.series.iter().map(|s| s.values.len()).max().unwrap_or(0);
        // Three horizons to look back on, where half of the training part is left to learn from; in at most eight segments.
        let data = Data { train: file.into(), ..Data::default() };
        let room = ((data.split[0] * longest as f64) as usize).saturating_sub(horizon) / 2;
        let look_back = (3 * horizon).max(24).min(room);
        // A quarter each to choose by and to measure on, and something to look back on.
        let needed = (4 * horizon).max(((horizon + 4) as f64 / data.split[0]).ceil() as usize);
        if longest < needed || look_back < 2 {
            let hint = "give more rows, or a smaller --horizon";
            let expected = format!("{needed} rows or more to forecast {horizon} steps");
            return Err(InputError::new(expected, longest.to_string(), hint).at(file));
        }
        let segment = look_back.div_ceil(8);
        let Columns { time, series, targets, known, gaps, dates } = columns;
        let calendar = matches!(table.step, Step::Seconds(_) | Step::Session(_) | Step::MonthDays(_));
        // Parts to choose by and to measure on must hold a horizon each.
        let share = (1.5 * horizon as f64 / longest.max(1) as f64).clamp(0.1, 0.25);
        Ok(Self {
            task: TaskName::Forecasting,
            name: "forecast".into(),
            seed,
            data: Data {
                time,
                series,
                targets,
                known,
                gaps,
                dates,
                calendar,
                split: [1.0 - 2.0 * share, share, share],
                ..data
            },
            model: ForecasterConfig {
                hidden: 64,
                segment,
                look_back: look_back / segment * segment,
                horizon,
                linear: true,
                dropout: 0.2,
                ..ForecasterConfig::default()
            },
            train: Train {
                epochs: 100_000,
                steps: 2000,
                batch_tokens: 64 * horizon,
                learning_rate: 2e-3,
                warmup: 30,
                decay: Decay::Cosine,
                average: 0.98,
                eval_every: 100,
                patience: 5,
                ..Train::default()
            },
            bptt: Unfolding::default(),
            teacher_forcing: TeacherForcing::default(),
            artifact: Saved::default(),
        })
    }
}

impl TaskRecipe for Recipe {
    const TASK: TaskName = TaskName::Forecasting;
    const SOURCE: &'static str = "a CSV file's name";
    const EXAMPLE: &'static str = "for example train = \"sales.csv\"";

    named!();

    fn reads_files(&self) -> bool {
        self.data.embedded.is_none()
    }

    fn validate(&self) -> Result<(), InputError> {
        let data = &self.data;
        if data.embedded.is_none() && data.train.as_os_str().is_empty() {
            return Err(out_of_range("data.train", "a CSV file, e.g. --set data.train=sales.csv", "nothing"));
        }
        if data.embedded.is_some() && !data.train.as_os_str().is_empty() {
            let expected = "nothing beside data.train (--set data.embedded=)";
            return Err(out_of_range("data.embedded", expected, "series of the program"));
        }
        if let Some((key, expected, got)) = self.model.problem() {
            return Err(out_of_range(&format!("model.{key}"), &expected, got));
        }
        shared(self)?;
        self.teacher_forcing.validate()?;
        if self.model.decoding == DecodingKind::Direct && self.teacher_forcing.schedule != Schedule::Always {
            let expected = "\"always\", or model.decoding = \"recursive\": direct decoding reads nothing of its own";
            return Err(out_of_range("teacher_forcing.schedule", expected, "another"));
        }
        within("data.period", data.period, 0, 1_000_000)?;
        let [train, dev, test] = data.split;
        let shares = data.split.iter().sum::<f64>() <= 1.0 + 1e-9;
        let whole = data.split.iter().all(|x| x.fract() == 0.0);
        if !data.split.iter().all(|x| *x >= 0.0 && *x < 1e9) || train <= 0.0 || dev <= 0.0 || !(shares || whole) {
            let got = format!("[{train}, {dev}, {test}]");
            return Err(out_of_range(
                "data.split",
                "three numbers of steps, or three shares; the first two above 0",
                got,
            ));
        }
        Ok(())
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
