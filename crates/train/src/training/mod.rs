//! The training loop, whatever the task.

mod epochs;
mod keep;
mod task;
mod update;

pub use task::{Carried, Evaluation, Moment, Score, Step, Task};

use crate::Error;
use crate::recipe::{self, SequenceRecipe, TaskRecipe};
use crate::run::{Events, Progress, RunDirectory};
use simurgh_data::InputError;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::optimizer::Optimizer;
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
    /// Mean loss of the last logged updates.
    pub loss: f64,
    /// How many of the task's unit the update saw.
    pub count: usize,
    /// The task's unit, in the plural.
    pub unit: &'static str,
    /// Learning rate of the update.
    pub learning_rate: f64,
}

/// Somebody who watches a training and may stop it.
pub trait Observer {
    /// Something to say, once.
    fn note(&mut self, text: &str);
    /// An update was made.
    fn update(&mut self, status: &Status);
    /// A dev evaluation was made: its main numbers, and they in a line; `best` so far?
    fn evaluated(&mut self, step: u64, numbers: &[(&'static str, f64)], line: &str, best: bool);
    /// Should the run stop? It writes a checkpoint first.
    fn stop(&self) -> bool;
}

/// Nobody.
pub struct Quiet;

impl Observer for Quiet {
    fn note(&mut self, _: &str) {}
    fn update(&mut self, _: &Status) {}
    fn evaluated(&mut self, _: u64, _: &[(&'static str, f64)], _: &str, _: bool) {}
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
pub struct Outcome<T: Task> {
    /// Its directory.
    pub run: RunDirectory,
    /// The task with its data.
    pub task: T,
    /// Scores of the saved model on the test set.
    pub test: T::Score,
    /// The saved model.
    pub model: T::Model,
}

/// Trains `recipe` in a new run directory.
///
/// # Errors
/// If the data or the directory can't be used, or the observer stopped the run.
pub fn train<T: Task>(
    recipe: T::Recipe,
    options: &Options,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome<T>, Error> {
    let mut task = T::read(recipe, options.data_directory.as_deref(), None)?;
    let recipe = task.recipe();
    let run = RunDirectory::create(options.out.as_deref(), recipe.name(), options.force)?;
    let _lock = run.lock()?;
    introduce(&task, &run, &options.command)?;
    task.prepare(&run, device, observer)?;
    Loop::new(task, run, device, options.command.clone())?.go(observer)
}

/// What a run can be gone on with from.
fn introduce(task: &impl Task, run: &RunDirectory, command: &str) -> Result<(), InputError> {
    run.write(&run.tokenizer(), task.vocabulary().as_bytes())?;
    run.write(&run.command(), command.as_bytes())?;
    run.write(&run.recipe(), task.recipe().to_toml().as_bytes())
}

/// Trains, or goes on with, a task that another one begins with: in the folder `name` of that one's run, which stands for both if
/// it is interrupted.
pub(crate) fn inner<T: Task>(
    task: T,
    outer: &RunDirectory,
    name: &str,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome<T>, Error> {
    let root = outer.root().join(name);
    let run = match RunDirectory::open(&root) {
        Ok(run) => run,
        Err(_) => {
            let run = RunDirectory::create(Some(&root), name, true)?;
            introduce(&task, &run, name)?;
            run
        }
    };
    run.remove_leftovers();
    let interrupted = |e| match e {
        Error::Interrupted { step, .. } => Error::Interrupted { step, run: outer.root().into() },
        e => e,
    };
    Loop::new(task, run, device, name.into()).and_then(|inner| inner.go(observer)).map_err(interrupted)
}

/// Goes on with the run in `directory`, to the same bytes as if it had never stopped.
///
/// # Errors
/// As [`train`], and if the directory holds no run of this task.
pub fn resume<T: Task>(
    directory: &Path,
    options: &Options,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome<T>, Error> {
    let run = RunDirectory::open(directory)?;
    let _lock = run.lock()?;
    run.remove_leftovers();
    let recipe = recipe::parse(&run.read(&run.recipe())?, &[]).map_err(|e| e.at(run.recipe()))?;
    let mut task = T::read(recipe, options.data_directory.as_deref(), Some(&run))?;
    // What a run has begun with stands in its checkpoint.
    if !run.checkpoint().exists() {
        task.prepare(&run, device, observer)?;
    }
    // The command that began the run stands in the model, whoever ends it.
    let command = run.read(&run.command())?;
    Loop::new(task, run, device, command)?.go(observer)
}

/// A run in progress.
struct Loop<T: Task> {
    task: T,
    run: RunDirectory,
    events: Events,
    /// None while the optimizer has it.
    network: Option<T::Network>,
    optimizer: Optimizer,
    average: Vec<Vec<f32>>,
    /// What the last batch left for the next one.
    carried: Carried,
    progress: Progress,
    command: String,
    device: Device,
}

impl<T: Task> Loop<T> {
    fn network(&self) -> &T::Network {
        self.network.as_ref().expect("the network is away only during an update")
    }

    fn settings(&self) -> &recipe::Train {
        self.task.recipe().train()
    }
}

fn diverged(step: u64, expected: &str, got: String) -> InputError {
    let hint = "lower train.learning_rate, or clip harder with train.clip_norm; resume is from the last checkpoint";
    InputError::new(expected, got, hint).field(format!("training diverged at step {step}"))
}
