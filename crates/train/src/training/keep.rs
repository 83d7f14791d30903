//! What is measured and kept of a run: dev scores, checkpoints, the best model, the report.

use super::{Evaluation, Loop, Observer, Outcome, Score, Task, diverged};
use crate::Error;
use crate::recipe::{SequenceRecipe, TaskRecipe};
use crate::report;
use crate::run::{Checkpoint, Events};
use crate::schedule::Decay;
use simurgh_nn::artifact::{self, Artifact, FORMAT, Header, Precision};
use simurgh_nn::parameters::{self, Parameter};

impl<T: Task> Loop<T> {
    /// The parameters that are evaluated and saved.
    fn current(&self) -> Vec<Parameter> {
        let mut all = parameters::collect(self.network());
        if !self.average.is_empty() {
            for (p, average) in all.iter_mut().zip(&self.average) {
                p.data.clone_from(average);
            }
        }
        all
    }

    /// What is evaluated or kept is finite.
    fn check_finite(&self, all: &[Parameter]) -> Result<(), Error> {
        match all.iter().find(|p| !p.data.iter().all(|x| x.is_finite())) {
            Some(p) => {
                let got = format!("`{}` with a NaN or an infinity", p.name);
                Err(diverged(self.progress.step, "finite parameters", got).into())
            }
            None => Ok(()),
        }
    }

    /// Dev scores. Where the observer stops it, a checkpoint is written that a resumed run evaluates first.
    pub(super) fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let step = self.progress.step;
        let current = self.current();
        self.check_finite(&current)?;
        let model = self.task.model(current, &self.device)?;
        let Some(evaluation) = self.task.evaluate(&model, &mut || !observer.stop())? else {
            self.checkpoint()?;
            return Err(Error::Interrupted { step, run: self.run.root().into() });
        };
        let Evaluation { score, value, events } = evaluation;
        for (name, value) in events {
            self.events.write(step, "dev", &name, value)?;
        }
        let best = self.progress.best_score.is_none_or(|b| value > b);
        if best {
            self.progress.best_score = Some(value);
            self.progress.best_step = Some(step);
            self.progress.stale = 0;
            self.progress.stale_rate = 0;
            let artifact = self.artifact(self.current(), serde_json::Value::Null);
            self.run.write(&self.run.best(step), &artifact::to_bytes(&artifact, Precision::Full))?;
        } else {
            self.progress.stale += 1;
            self.progress.stale_rate += 1;
            let t = self.task.recipe().train();
            if t.decay == Decay::Plateau && self.progress.stale_rate >= t.plateau_patience {
                self.progress.factor = Some(self.progress.factor.unwrap_or(1.0) * 0.5);
                self.progress.stale_rate = 0;
            }
        }
        self.progress.pending = false;
        observer.evaluated(step, &score.numbers(), &score.line(), best);
        Ok(())
    }

    pub(super) fn checkpoint(&self) -> Result<(), Error> {
        let checkpoint = Checkpoint {
            progress: self.progress.clone(),
            parameters: parameters::collect(self.network()),
            moments: self.optimizer.moments.clone(),
            average: self.average.clone(),
            carried: self.carried.clone(),
        };
        self.check_finite(&checkpoint.parameters)?;
        self.events.sync()?;
        checkpoint.write(&self.settings().rule(), &self.run)?;
        // The best of before is needed until a checkpoint names another.
        self.run.remove_other_bests(self.progress.best_step);
        Ok(())
    }

    fn artifact(&self, parameters: Vec<Parameter>, provenance: serde_json::Value) -> Artifact {
        let recipe = self.task.recipe();
        let header = Header {
            format: FORMAT,
            task: T::Recipe::TASK.name().into(),
            model: self.task.network_config(),
            recipe: recipe.to_toml(),
            tokenizer: self.task.vocabulary(),
            provenance,
        };
        Artifact { header, parameters }
    }

    /// Measures the best parameters on the test set, saves the model and writes the report.
    pub(super) fn finish(mut self, observer: &mut dyn Observer) -> Result<Outcome<T>, Error> {
        let step = self.progress.best_step.unwrap_or(self.progress.step);
        let best = self.task.complete(artifact::read(&self.run.best(step))?.parameters, &self.device)?;
        let precision = self.task.recipe().saved().precision;
        // What is measured is what is saved, rounding included.
        let saved = artifact::parse(&artifact::to_bytes(&self.artifact(best, serde_json::Value::Null), precision))?;
        let model = self.task.model(saved.parameters.clone(), &self.device)?;
        let measured_on = self.task.measured_on();
        observer.note(&format!("measuring step {step}, the best on dev, on the {measured_on}"));
        let Some(test) = self.task.test(&model, &mut || !observer.stop())? else {
            return Err(Error::Interrupted { step: self.progress.step, run: self.run.root().into() });
        };
        for (name, value) in test.numbers() {
            self.events.write(self.progress.step, "test", name, value)?;
        }
        let mut provenance = serde_json::json!({
            "program": concat!("simurgh ", env!("CARGO_PKG_VERSION")),
            "command": self.command,
            "steps": self.progress.step,
            "best_step": step,
            (T::UNIT.replace(' ', "_")): self.progress.seen,
            "test": test,
            "test_set": measured_on,
        });
        for (name, value) in self.task.provenance() {
            provenance[name] = value;
        }
        let artifact = self.artifact(saved.parameters, provenance);
        self.run.write(&self.run.model(), &artifact::to_bytes(&artifact, precision))?;
        let events = Events::read(&self.run)?;
        let recipe = self.task.recipe();
        let page = report::page(recipe.name(), &self.task.report(&model, &events, &test)?, &recipe.to_toml());
        self.run.write(&self.run.report(), page.as_bytes())?;
        Ok(Outcome { run: self.run, task: self.task, test, model })
    }
}
