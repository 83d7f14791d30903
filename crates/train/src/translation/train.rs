//! The training loop.

use super::corpora::Corpora;
use super::evaluate::{Score, evaluate};
use super::translator::{Translator, check_lengths};
use crate::Error;
use crate::recipe::{self, Recipe};
use crate::report;
use crate::run::{Checkpoint, Events, Progress, RunDirectory};
use crate::schedule::{Decay, learning_rate};
use simurgh_data::InputError;
use simurgh_data::text::batches;
use simurgh_data::text::tokenizer::{END, START};
use simurgh_data::text::{BpeDropout, Pair, Tokenizer};
use simurgh_nn::artifact::{self, Artifact, FORMAT, Header, Precision};
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::decode::DecodeConfig;
use simurgh_nn::ops::Keep;
use simurgh_nn::optimizer::{Accumulated, Optimizer, moving_average};
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::Pass;
use simurgh_nn::seq2seq::{Batch, Seq2Seq};
use simurgh_random::{Random, mix, stream};
use std::num::NonZeroUsize;
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
    /// From the run's last checkpoint, or from the beginning.
    fn new(
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

    fn model(&self) -> &Seq2Seq {
        self.model.as_ref().expect("the model is away only during an update")
    }

    fn go(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
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

    /// The training pairs `indices`, cut anew where the recipe says so.
    fn batch(&self, indices: &[usize]) -> Batch {
        let epoch = mix(stream(self.recipe.seed, "bpe-dropout") ^ mix(self.progress.epoch));
        let cut = |&i: &usize| {
            let (source, target) = &self.pairs[i];
            let Some(dropout) = &self.bpe_dropout else { return (source.clone(), target.clone()) };
            let mut random = Random::new(epoch ^ mix(i as u64));
            (dropout.cut(source, &mut random), dropout.cut(target, &mut random))
        };
        let pairs: Vec<(Vec<u32>, Vec<u32>)> = indices.iter().map(cut).collect();
        let pairs: Vec<(&[u32], &[u32])> = pairs.iter().map(|(s, t)| (s.as_slice(), t.as_slice())).collect();
        Batch::new(&pairs, START, END).expect("corpora hold no empty sentence")
    }

    /// One update from the gradients of `group`'s batches.
    fn update(&mut self, group: &[Vec<usize>], steps: u64, observer: &mut dyn Observer) -> Result<(), Error> {
        let t = &self.recipe.train;
        let step = self.progress.step + 1;
        let mut gradient: Option<Accumulated> = None;
        let mut sums = [0.0; 3];
        let mut tokens = 0;
        for (part, indices) in group.iter().enumerate() {
            let batch = self.batch(indices);
            let draws = mix(stream(self.recipe.seed, "dropout") ^ mix(step << 16 | part as u64));
            let bptt = &self.recipe.bptt;
            let mut pass = Pass {
                window_steps: NonZeroUsize::new(bptt.window_steps),
                keep: if bptt.checkpoint { Keep::Borders } else { Keep::All },
                ..self.model().training(draws, t.precision)
            };
            let loss = self.model().loss(&batch, t.label_smoothing, &mut pass)?;
            sums.iter_mut().zip(loss.values()).for_each(|(s, v)| *s += v);
            tokens += batch.tokens();
            let more = Accumulated::take(self.model(), &mut loss.smoothed().backward(), &pass);
            match &mut gradient {
                Some(sum) => sum.add(more)?,
                None => gradient = Some(more),
            }
        }
        let gradient = gradient.expect("an update has a batch");
        // The mean over the update's tokens, clipped by the norm over all parameters.
        let mean = 1.0 / tokens as f64;
        let clip = gradient.clip(mean, t.clip_norm);
        if !clip.before.is_finite() || !sums[0].is_finite() {
            // The norm of finite numbers may overflow too.
            let name = |k: usize| parameters::collect(self.model()).swap_remove(k).name;
            let got = match gradient.non_finite() {
                Some(k) => {
                    format!("the gradient of `{}` with a NaN or an infinity, a loss of {}", name(k), sums[0] * mean)
                }
                // Finite numbers whose sums are none: the largest of the parameters says where.
                None => {
                    let all = parameters::collect(self.model());
                    let largest = |p: &Parameter| p.data.iter().fold(0.0f32, |most, x| most.max(x.abs()));
                    let (name, most) = all
                        .iter()
                        .map(|p| (&p.name, largest(p)))
                        .max_by(|a, b| a.1.total_cmp(&b.1))
                        .expect("a network has parameters");
                    let (norm, loss) = (clip.before, sums[0] * mean);
                    format!(
                        "a gradient norm of {norm}, a loss of {loss}, where the largest parameter is {most:e} in `{name}`"
                    )
                }
            };
            return Err(diverged(step, "a finite gradient and loss", got).into());
        }
        let factor = self.progress.factor.unwrap_or(1.0);
        let rate = learning_rate(t.decay, t.learning_rate, t.warmup, step, steps, factor);
        // By value: the optimizer updates in place what nothing else holds.
        let model = self.model.take().expect("the model is only away here");
        self.model = Some(self.optimizer.update(model, &gradient, clip.scale, rate)?);
        if t.average > 0.0 {
            // Shorter at first, so that the beginning does not linger.
            let decay = t.average.min((1.0 + step as f64) / (10.0 + step as f64));
            let model = self.model.as_ref().expect("just put back");
            moving_average(model, decay, &mut self.average)?;
        }
        let p = &mut self.progress;
        p.step = step;
        p.tokens += tokens as u64;
        let clipped = f64::from(u8::from(clip.clipped));
        let add = [sums[0], sums[1], sums[2], tokens as f64, clip.before, clipped, 1.0];
        p.window.iter_mut().zip(add).for_each(|(w, a)| *w += a);
        let loss = p.window[0] / p.window[3];
        observer.update(&Status { step, steps, epoch: p.epoch, loss, tokens, learning_rate: rate });
        if step.is_multiple_of(t.log_every) {
            let [loss, nll, correct, tokens, norm, clipped, updates] = std::mem::take(&mut p.window);
            for (name, value) in [
                ("loss", loss / tokens),
                ("nll", nll / tokens),
                ("accuracy", correct / tokens),
                ("gradient_norm", norm / updates),
                ("clipped", clipped / updates),
                ("learning_rate", rate),
                ("tokens", self.progress.tokens as f64),
            ] {
                self.events.write(step, "train", name, value)?;
            }
        }
        Ok(())
    }

    /// The parameters that are evaluated and saved.
    fn current(&self) -> Vec<Parameter> {
        let mut all = parameters::collect(self.model());
        if !self.average.is_empty() {
            for (p, average) in all.iter_mut().zip(&self.average) {
                p.data.clone_from(average);
            }
        }
        all
    }

    fn translator(&self, all: Vec<Parameter>) -> Result<Translator, Error> {
        let vocab = self.tokenizer.vocab();
        let model = Seq2Seq::empty(&self.recipe.model, vocab, vocab, &self.device)?;
        let model = parameters::replace(model, all).expect("the same network");
        Ok(Translator::from_parts(model, self.tokenizer.clone(), self.recipe.clone()))
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

    /// Dev scores: free-running with greedy search and `eval_beam`, and the teacher-forced loss. Where the observer
    /// stops it, a checkpoint is written that a resumed run evaluates first.
    fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let step = self.progress.step;
        let current = self.current();
        self.check_finite(&current)?;
        let translator = self.translator(current)?;
        let dev = &self.corpora.dev[..self.corpora.dev.len().min(self.recipe.train.eval_pairs)];
        let measure = |beam: usize| {
            let config = DecodeConfig { beam, ..self.recipe.decode.clone() };
            evaluate(&translator, dev, &config, self.recipe.metrics.bleu, |_| !observer.stop())
        };
        let greedy = measure(1)?;
        let beam = self.recipe.train.eval_beam;
        let searched = if beam > 1 && greedy.is_some() { measure(beam)? } else { None };
        let Some(greedy) = greedy.filter(|_| beam == 1 || searched.is_some()) else {
            self.checkpoint()?;
            return Err(Error::Interrupted { step, run: self.run.root().into() });
        };
        let (mut sums, mut tokens) = ([0.0; 3], 0);
        for chunk in dev.chunks(64) {
            let pairs: Vec<_> = chunk.iter().map(|p| self.tokenizer.pair(&p.source, &p.target)).collect();
            let pairs: Vec<(&[u32], &[u32])> = pairs.iter().map(|(s, t)| (s.as_slice(), t.as_slice())).collect();
            let batch = Batch::new(&pairs, START, END).expect("corpora hold no empty sentence");
            let loss = translator.model.loss(&batch, 0.0, &mut Pass::default())?.values();
            sums.iter_mut().zip(loss).for_each(|(s, v)| *s += v);
            tokens += batch.tokens();
        }
        if let Some(s) = &searched {
            for (name, value) in [("bleu_beam", s.bleu), ("chrf_beam", s.chrf), ("exact_beam", s.exact)] {
                self.events.write(step, "dev", name, value)?;
            }
        }
        for (name, value) in [
            ("bleu", greedy.bleu),
            ("chrf", greedy.chrf),
            ("exact", greedy.exact),
            ("nll_teacher_forced", sums[1] / tokens as f64),
            ("accuracy_teacher_forced", sums[2] / tokens as f64),
        ] {
            self.events.write(step, "dev", name, value)?;
        }
        let score = searched.unwrap_or(greedy);
        // chrF breaks the ties of a young model, whose BLEU is 0.
        let value = score.bleu + 0.01 * score.chrf;
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
            let t = &self.recipe.train;
            if t.decay == Decay::Plateau && self.progress.stale_rate >= t.plateau_patience {
                self.progress.factor = Some(self.progress.factor.unwrap_or(1.0) * 0.5);
                self.progress.stale_rate = 0;
            }
        }
        self.progress.pending = false;
        observer.evaluated(step, &score, best);
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), Error> {
        let checkpoint = Checkpoint {
            progress: self.progress.clone(),
            parameters: parameters::collect(self.model()),
            moments: self.optimizer.moments.clone(),
            average: self.average.clone(),
        };
        self.check_finite(&checkpoint.parameters)?;
        self.events.sync()?;
        checkpoint.write(&self.recipe.train.rule(), &self.run)?;
        // The best of before is needed until a checkpoint names another.
        self.run.remove_other_bests(self.progress.best_step);
        Ok(())
    }

    fn artifact(&self, parameters: Vec<Parameter>, provenance: serde_json::Value) -> Artifact {
        let header = Header {
            format: FORMAT,
            task: "translation".into(),
            model: serde_json::to_value(&self.recipe.model).expect("a configuration is JSON"),
            recipe: self.recipe.to_toml(),
            tokenizer: self.tokenizer.save(),
            provenance,
        };
        Artifact { header, parameters }
    }

    /// Measures the best parameters on the test set, saves the model and writes the report.
    fn finish(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        let step = self.progress.best_step.unwrap_or(self.progress.step);
        let best = artifact::read(&self.run.best(step))?.parameters;
        let precision = self.recipe.artifact.precision;
        // What is measured is what is saved, rounding included.
        let saved = artifact::parse(&artifact::to_bytes(&self.artifact(best, serde_json::Value::Null), precision))?;
        let translator = self.translator(saved.parameters.clone())?;
        let measured_on = self.corpora.measured_on();
        let pairs = self.corpora.test.len();
        observer.note(&format!("measuring step {step}, the best on dev, on the {pairs} pairs of the {measured_on}"));
        let go_on = |_| !observer.stop();
        let test = evaluate(&translator, &self.corpora.test, &self.recipe.decode, self.recipe.metrics.bleu, go_on)?;
        let Some(test) = test else {
            return Err(Error::Interrupted { step: self.progress.step, run: self.run.root().into() });
        };
        for (name, value) in [("bleu", test.bleu), ("chrf", test.chrf), ("exact", test.exact)] {
            self.events.write(self.progress.step, "test", name, value)?;
        }
        let provenance = serde_json::json!({
            "program": concat!("simurgh ", env!("CARGO_PKG_VERSION")),
            "command": self.command,
            "steps": self.progress.step,
            "best_step": step,
            "target_tokens": self.progress.tokens,
            "training_pairs": self.corpora.train.len(),
            "licences": self.recipe.data.licences,
            "test": test,
            "test_set": measured_on,
            "beam": self.recipe.decode.beam,
        });
        let artifact = self.artifact(saved.parameters, provenance);
        self.run.write(&self.run.model(), &artifact::to_bytes(&artifact, precision))?;
        let samples: Vec<Pair> = spread(&self.corpora.test, 10);
        let page = report::translation(&self.run, &self.recipe, &translator, (measured_on, &test), &samples)?;
        self.run.write(&self.run.report(), page.as_bytes())?;
        Ok(Outcome { run: self.run, test, measured_on, samples, translator })
    }
}

fn diverged(step: u64, expected: &str, got: String) -> InputError {
    let hint = "lower train.learning_rate, or clip harder with train.clip_norm; resume is from the last checkpoint";
    InputError::new(expected, got, hint).field(format!("training diverged at step {step}"))
}

/// A number that changes with the training data.
fn fingerprint(pairs: &[(Vec<u32>, Vec<u32>)]) -> u64 {
    let tokens = pairs.iter().flat_map(|(s, t)| s.iter().chain([&u32::MAX]).chain(t).chain([&u32::MAX]));
    tokens.fold(0, |hash, &token| mix(hash ^ u64::from(token)))
}

/// `count` items evenly spread over `all`.
fn spread(all: &[Pair], count: usize) -> Vec<Pair> {
    let count = count.min(all.len());
    (0..count).map(|i| all[i * all.len() / count].clone()).collect()
}
