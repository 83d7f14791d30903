//! The way through the epochs.

use super::{Loop, Observer, Outcome, Task};
use crate::Error;
use crate::recipe::{SequenceRecipe, TaskRecipe};
use crate::run::{Checkpoint, Events, Progress, RunDirectory};
use simurgh_data::InputError;
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::init::Init;
use simurgh_nn::optimizer::Optimizer;
use simurgh_nn::parameters;

/// A network that begins with noise is far from what it can be after fewer updates.
const FEW: u64 = 200;

impl<T: Task> Loop<T> {
    /// From the run's last checkpoint, or from the beginning.
    pub(super) fn new(task: T, run: RunDirectory, device: &Device, command: String) -> Result<Self, Error> {
        let recipe = task.recipe();
        let averaged = recipe.train().average > 0.0;
        let rule = recipe.train().rule();
        let training = device.clone().autodiff();
        let mut network = task.network(&Init::new(recipe.seed(), &training))?;
        let mut optimizer = Optimizer::new(rule, &network);
        let like = parameters::collect(&network);
        let mut average = Vec::new();
        let mut carried = Vec::new();
        let mut progress = Progress::default();
        let data = task.fingerprint();
        if let Some(checkpoint) = Checkpoint::read(&rule, &run, &like)? {
            let changed = |field: &str, hint: &str| {
                let error = InputError::new("what the run began with", "something else", hint);
                Err(error.at(run.root()).field(field).into())
            };
            if checkpoint.progress.data != data {
                return changed("training data", "resume with the data of before, or begin a new run");
            }
            if checkpoint.average.is_empty() == averaged {
                return changed("train.average", "give recipe.toml its old value, or begin a new run");
            }
            network = parameters::replace(network, checkpoint.parameters).expect("checked while reading");
            optimizer.moments = checkpoint.moments;
            optimizer.step = checkpoint.progress.step;
            average = checkpoint.average;
            carried = checkpoint.carried;
            progress = checkpoint.progress;
        } else if averaged {
            average = like.into_iter().map(|p| p.data).collect();
        }
        progress.data = data;
        let events = Events::open(&run, progress.step)?;
        let (device, network) = (device.clone(), Some(network));
        Ok(Self { task, run, events, network, optimizer, average, carried, progress, command, device })
    }

    pub(super) fn go(mut self, observer: &mut dyn Observer) -> Result<Outcome<T>, Error> {
        observer.note(&format!("{}; {} parameters", self.task.introduction(), self.network().num_params()));
        self.task.notes().iter().for_each(|note| observer.note(&format!("note: {note}")));
        if self.progress.step > 0 {
            observer.note(&format!("going on from step {}", self.progress.step));
        }
        let t = self.settings().clone();
        if self.progress.pending {
            self.evaluate(observer)?;
            self.checkpoint()?;
        }
        // A run that had ended, or was killed between its last evaluation and its end, only ends again.
        let p = &self.progress;
        let mut finished = (t.steps > 0 && p.step >= t.steps) || (t.patience > 0 && p.stale >= t.patience);
        while !finished && self.progress.epoch < t.epochs {
            let batches = self.task.batches(self.progress.epoch);
            // The first epoch's number of updates stands for all: a schedule must not change its end.
            let updates = match self.progress.updates {
                0 => (batches.len() as u64).div_ceil(t.accumulate),
                updates => updates,
            };
            self.progress.updates = updates;
            let steps = if t.steps > 0 { t.steps.min(updates * t.epochs) } else { updates * t.epochs };
            // Who says how many updates there are knows it.
            if self.progress.step == 0 && steps < FEW && t.steps != steps {
                let more = format!("--set train.epochs={}", t.epochs.saturating_mul(FEW.div_ceil(steps.max(1))));
                let hint = format!("{more}, or a smaller train.batch_tokens, makes more");
                observer.note(&format!("note: a run of {steps} updates learns little: {hint}"));
            }
            let groups: Vec<&[Vec<usize>]> = batches.chunks(t.accumulate as usize).collect();
            if self.progress.batch as usize >= groups.len() {
                let got = format!("update {} of an epoch of {}", self.progress.batch + 1, groups.len());
                let hint = "give [train] of recipe.toml its old values, or begin a new run";
                return Err(InputError::new("the recipe that the run began with", got, hint)
                    .at(self.run.recipe())
                    .into());
            }
            while !finished {
                self.update(groups[self.progress.batch as usize], steps, observer)?;
                self.progress.batch += 1;
                let end_of_epoch = self.progress.batch as usize == groups.len();
                let evaluate = match t.eval_every {
                    0 => end_of_epoch,
                    every => self.progress.step.is_multiple_of(every),
                };
                let last = (t.steps > 0 && self.progress.step >= t.steps)
                    || (end_of_epoch && self.progress.epoch + 1 == t.epochs);
                if end_of_epoch {
                    self.progress.epoch += 1;
                    self.progress.batch = 0;
                }
                if evaluate || last {
                    self.progress.pending = true;
                    self.evaluate(observer)?;
                    finished = last || (t.patience > 0 && self.progress.stale >= t.patience);
                }
                if evaluate || last || self.progress.step.is_multiple_of(t.checkpoint_every) {
                    self.checkpoint()?;
                }
                if observer.stop() && !finished {
                    self.checkpoint()?;
                    return Err(Error::Interrupted { step: self.progress.step, run: self.run.root().into() });
                }
                if end_of_epoch {
                    break;
                }
            }
        }
        self.finish(observer)
    }
}
