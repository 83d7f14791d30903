//! The training loop.

mod epochs;
mod keep;
mod update;

use super::corpora::Corpora;
use super::evaluate::Score;
use super::translator::{Translator, check_lengths};
use crate::Error;
use crate::recipe::{self, Recipe};
use crate::run::{Events, Progress, RunDirectory};
use simurgh_data::InputError;
use simurgh_data::text::{BpeDropout, Pair, Tokenizer};
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::optimizer::Optimizer;
use simurgh_nn::seq2seq::Seq2Seq;
use std::path::{Path, PathBuf};

/// What the loop tells while it runs.
#[derive(Clone, Debug)]
pub struct Status {
    /// Updates made.
    pub step: u64,
    /// Updates of the whole run, if nothing stops it early.
    pub steps: u64,
    /// Epochs finished.
    pub epoch: u64,
    /// Mean loss of the last logged updates, nats a target token.
    pub loss: f64,
    /// Target tokens of the update.
    pub tokens: usize,
    /// Learning rate of the update.
    pub learning_rate: f64,
}

/// Somebody who watches a training and may stop it.
pub trait Observer {
    /// Something to say, once.
    fn note(&mut self, text: &str);
    /// An update was made.
    fn update(&mut self, status: &Status);
    /// A dev evaluation was made; `best` so far?
    fn evaluated(&mut self, step: u64, score: &Score, best: bool);
    /// Should the run stop? It writes a checkpoint first.
    fn stop(&self) -> bool;
}

/// Nobody.
pub struct Quiet;

impl Observer for Quiet {
    fn note(&mut self, _: &str) {}
    fn update(&mut self, _: &Status) {}
    fn evaluated(&mut self, _: u64, _: &Score, _: bool) {}
    fn stop(&self) -> bool {
        false
    }
}

/// Where a run reads and writes.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The run's directory; `runs/NAME-N` if absent.
    pub out: Option<PathBuf>,
    /// Overwrite a run that is there.
    pub force: bool,
    /// Where data files are looked up.
    pub data_directory: Option<PathBuf>,
    /// The command that was typed, for the model's provenance.
    pub command: String,
}

/// What a run ends with.
#[derive(Debug)]
pub struct Outcome {
    /// Its directory.
    pub run: RunDirectory,
    /// Scores of the saved model on the test set, free-running.
    pub test: Score,
    /// What they were measured on: the test set, or the dev set where there is none.
    pub measured_on: &'static str,
    /// Some of its pairs.
    pub samples: Vec<Pair>,
    /// The saved model.
    pub translator: Translator,
}

/// Trains `recipe` in a new run directory.
///
/// # Errors
/// If the data or the directory can't be used, or the observer stopped the run.
pub fn train(
    recipe: Recipe,
    options: &Options,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let corpora = Corpora::read(&recipe, options.data_directory.as_deref())?;
    let tokenizer = corpora.tokenizer(&recipe)?;
    check_measured(&corpora, &tokenizer)?;
    let run = RunDirectory::create(options.out.as_deref(), &recipe.name, options.force)?;
    let _lock = run.lock()?;
    run.write(&run.tokenizer(), tokenizer.save().as_bytes())?;
    run.write(&run.command(), options.command.as_bytes())?;
    run.write(&run.recipe(), recipe.to_toml().as_bytes())?;
    Loop::new(recipe, corpora, tokenizer, run, device, options.command.clone())?.go(observer)
}

/// Goes on with the run in `directory`, to the same bytes as if it had never stopped.
///
/// # Errors
/// As [`train`], and if the directory holds no run.
pub fn resume(
    directory: &Path,
    options: &Options,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let run = RunDirectory::open(directory)?;
    let _lock = run.lock()?;
    run.remove_leftovers();
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| InputError::io(path, "a run's file", &e));
    let recipe = recipe::parse(&read(&run.recipe())?, &[]).map_err(|e| e.at(run.recipe()))?;
    let tokenizer = Tokenizer::load(&read(&run.tokenizer())?).map_err(|e| e.at(run.tokenizer()))?;
    let corpora = Corpora::read(&recipe, options.data_directory.as_deref())?;
    // The command that began the run stands in the model, whoever ends it.
    let command = read(&run.command())?;
    Loop::new(recipe, corpora, tokenizer, run, device, command)?.go(observer)
}

/// A sentence that can't be translated is found before the training, not after it.
fn check_measured(corpora: &Corpora, tokenizer: &Tokenizer) -> Result<(), InputError> {
    let at = |set: &str| {
        let set = set.to_string();
        move |mut e: InputError| {
            e.field = Some(format!("{set}, {}", e.field.unwrap_or_default()));
            e
        }
    };
    check_lengths(tokenizer, &corpora.dev).map_err(at("data.dev"))?;
    check_lengths(tokenizer, &corpora.test).map_err(at("data.test"))
}

/// A run in progress.
struct Loop {
    recipe: Recipe,
    corpora: Corpora,
    tokenizer: Tokenizer,
    /// Training pairs as tokens.
    pairs: Vec<(Vec<u32>, Vec<u32>)>,
    bpe_dropout: Option<BpeDropout>,
    run: RunDirectory,
    events: Events,
    /// None while the optimizer has it.
    model: Option<Seq2Seq>,
    optimizer: Optimizer,
    average: Vec<Vec<f32>>,
    progress: Progress,
    command: String,
    device: Device,
}

impl Loop {
    fn model(&self) -> &Seq2Seq {
        self.model.as_ref().expect("the model is away only during an update")
    }
}

fn diverged(step: u64, expected: &str, got: String) -> InputError {
    let hint = "lower train.learning_rate, or clip harder with train.clip_norm; resume is from the last checkpoint";
    InputError::new(expected, got, hint).field(format!("training diverged at step {step}"))
}
