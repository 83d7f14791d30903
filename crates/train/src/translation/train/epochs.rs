//! The way through the epochs.

use super::{Loop, Observer, Outcome};
use crate::Error;
use crate::recipe::Recipe;
use crate::run::{Checkpoint, Events, Progress, RunDirectory};
use crate::translation::corpora::Corpora;
use simurgh_data::InputError;
use simurgh_data::text::{BpeDropout, Tokenizer, batches};
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::optimizer::Optimizer;
use simurgh_nn::parameters;
use simurgh_nn::seq2seq::Seq2Seq;
use simurgh_random::{mix, stream};

impl Loop {
    /// From the run's last checkpoint, or from the beginning.
    pub(super) fn new(
        recipe: Recipe,
        corpora: Corpora,
        tokenizer: Tokenizer,
        run: RunDirectory,
        device: &Device,
        command: String,
    ) -> Result<Self, Error> {
        let pairs = corpora.train.iter().map(|p| tokenizer.pair(&p.source, &p.target)).collect();
        let t = &recipe.train;
        let rule = t.rule();
        let vocab = tokenizer.vocab();
        let training = device.clone().autodiff();
        let mut model = Seq2Seq::new(&recipe.model, vocab, vocab, recipe.seed, &training)?;
        let mut optimizer = Optimizer::new(rule, &model);
        let like = parameters::collect(&model);
        let mut average = Vec::new();
        let mut progress = Progress::default();
        let pairs: Vec<(Vec<u32>, Vec<u32>)> = pairs;
        let data = fingerprint(&pairs);
        if let Some(checkpoint) = Checkpoint::read(&rule, &run, &like)? {
            let changed = |field: &str, hint: &str| {
                let error = InputError::new("what the run began with", "something else", hint);
                Err(error.at(run.root()).field(field).into())
            };
            if checkpoint.progress.data != data {
                return changed("training data", "resume with the data of before, or begin a new run");
            }
            if checkpoint.average.is_empty() == (t.average > 0.0) {
                return changed("train.average", "give recipe.toml its old value, or begin a new run");
            }
            model = parameters::replace(model, checkpoint.parameters).expect("checked while reading");
            optimizer.moments = checkpoint.moments;
            optimizer.step = checkpoint.progress.step;
            average = checkpoint.average;
            progress = checkpoint.progress;
        } else if t.average > 0.0 {
            average = like.into_iter().map(|p| p.data).collect();
        }
        progress.data = data;
        let events = Events::open(&run, progress.step)?;
        let dropout = recipe.text.bpe_dropout;
        let bpe_dropout = (dropout > 0.0).then(|| BpeDropout::new(&tokenizer, dropout));
        let device = device.clone();
        let model = Some(model);
        Ok(Self {
            recipe,
            corpora,
            tokenizer,
            pairs,
            bpe_dropout,
            run,
            events,
            model,
            optimizer,
            average,
            progress,
            command,
            device,
        })
    }

    pub(super) fn go(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        self.introduce(observer);
        let lengths: Vec<(usize, usize)> = self.pairs.iter().map(|(s, t)| (s.len(), t.len())).collect();
        let seed = stream(self.recipe.seed, "batches");
        let t = self.recipe.train.clone();
        if self.progress.pending {
            self.evaluate(observer)?;
            self.checkpoint()?;
        }
        // A run that had ended, or was killed between its last evaluation and its end, only ends again.
        let p = &self.progress;
        let mut finished = (t.steps > 0 && p.step >= t.steps) || (t.patience > 0 && p.stale >= t.patience);
        while !finished && self.progress.epoch < t.epochs {
            let batches = batches::epoch(&lengths, t.batch_tokens, seed, self.progress.epoch);
            // The first epoch's number of updates stands for all: a schedule must not change its end.
            let updates = match self.progress.updates {
                0 => (batches.len() as u64).div_ceil(t.accumulate),
                updates => updates,
            };
            self.progress.updates = updates;
            let steps = if t.steps > 0 { t.steps.min(updates * t.epochs) } else { updates * t.epochs };
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

    fn introduce(&self, observer: &mut dyn Observer) {
        let c = &self.corpora;
        let dropped = c.cleaned.read - c.cleaned.kept;
        let why = if dropped == 0 { String::new() } else { format!(": {}", c.cleaned.reasons()) };
        let test = if c.test_is_dev { "no test set".into() } else { format!("{} test", c.test.len()) };
        observer.note(&format!(
            "{} training pairs ({dropped} dropped by cleaning{why}), {} dev, {test}; {} subwords; {} parameters",
            c.train.len(),
            c.dev.len(),
            self.tokenizer.vocab(),
            self.model().num_params(),
        ));
        if self.progress.step > 0 {
            observer.note(&format!("going on from step {}", self.progress.step));
        }
    }
}

/// A number that changes with the training data.
fn fingerprint(pairs: &[(Vec<u32>, Vec<u32>)]) -> u64 {
    let tokens = pairs.iter().flat_map(|(s, t)| s.iter().chain([&u32::MAX]).chain(t).chain([&u32::MAX]));
    tokens.fold(0, |hash, &token| mix(hash ^ u64::from(token)))
}
