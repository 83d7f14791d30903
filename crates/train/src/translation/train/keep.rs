//! What is measured and kept of a run: dev scores, checkpoints, the best model, the report.

use super::{Loop, Observer, Outcome, diverged};
use crate::Error;
use crate::report;
use crate::run::Checkpoint;
use crate::schedule::Decay;
use crate::translation::evaluate::evaluate;
use crate::translation::translator::Translator;
use simurgh_data::text::Pair;
use simurgh_data::text::tokenizer::{END, START};
use simurgh_nn::artifact::{self, Artifact, FORMAT, Header, Precision};
use simurgh_nn::decode::DecodeConfig;
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::Pass;
use simurgh_nn::seq2seq::{Batch, Seq2Seq};

impl Loop {
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
    pub(super) fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
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

    pub(super) fn checkpoint(&self) -> Result<(), Error> {
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
    pub(super) fn finish(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
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

/// `count` items evenly spread over `all`.
fn spread(all: &[Pair], count: usize) -> Vec<Pair> {
    let count = count.min(all.len());
    (0..count).map(|i| all[i * all.len() / count].clone()).collect()
}
