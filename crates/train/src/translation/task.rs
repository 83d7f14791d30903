//! What translation brings to the training loop.

use super::corpora::Corpora;
use super::evaluate::{NEVER_READ, Score, evaluate, exposure, pack};
use super::recipe::Recipe;
use super::report;
use super::translator::{Translator, check_lengths};
use crate::Error;
use crate::run::{Event, RunDirectory};
use crate::scheduled_sampling::Select;
use crate::training::{self, Evaluation, Moment, Step};
use serde_json::json;
use simurgh_data::InputError;
use simurgh_data::text::{BpeDropout, Pair, Tokenizer, batches};
use simurgh_nn::ShapeError;
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::decode::DecodeConfig;
use simurgh_nn::init::Init;
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::{Noise, Pass};
use simurgh_nn::seq2seq::{Batch, Seq2Seq};
use simurgh_random::{Random, mix, stream};
use std::path::Path;

/// Encoder-decoder translation with its corpora.
#[derive(Debug)]
pub struct Translation {
    recipe: Recipe,
    corpora: Corpora,
    tokenizer: Tokenizer,
    /// Training pairs as tokens.
    pairs: Vec<(Vec<u32>, Vec<u32>)>,
    bpe_dropout: Option<BpeDropout>,
}

impl Translation {
    /// `count` test pairs, evenly spread over the set.
    pub fn samples(&self, count: usize) -> Vec<Pair> {
        let all = &self.corpora.test;
        let count = count.min(all.len());
        (0..count).map(|i| all[i * all.len() / count].clone()).collect()
    }

    /// The training pairs `indices`, cut anew where the recipe says so.
    fn batch(&self, indices: &[usize], epoch: u64) -> Batch {
        let epoch = mix(stream(self.recipe.seed, "bpe-dropout") ^ mix(epoch));
        let cut = |&i: &usize| {
            let (source, target) = &self.pairs[i];
            let Some(dropout) = &self.bpe_dropout else { return (source.clone(), target.clone()) };
            let mut random = Random::new(epoch ^ mix(i as u64));
            (dropout.cut(source, &mut random), dropout.cut(target, &mut random))
        };
        pack(&indices.iter().map(cut).collect::<Vec<_>>())
    }
}

impl training::Task for Translation {
    type Recipe = Recipe;
    type Network = Seq2Seq;
    type Model = Translator;
    type Score = Score;
    const UNIT: &'static str = "target tokens";
    const SUMS: [&'static str; 3] = ["loss", "nll", "accuracy"];

    fn read(recipe: Recipe, directory: Option<&Path>, begun: Option<&RunDirectory>) -> Result<Self, Error> {
        let tokenizer = match begun {
            Some(run) => {
                let saved = run.read(&run.tokenizer())?;
                Some(Tokenizer::load(&saved).map_err(|e| e.at(run.tokenizer()))?)
            }
            None => None,
        };
        let corpora = Corpora::read(&recipe, directory)?;
        let tokenizer = tokenizer.map_or_else(|| corpora.tokenizer(&recipe), Ok)?;
        check_measured(&corpora, &tokenizer)?;
        let pairs = corpora.train.iter().map(|p| tokenizer.pair(&p.source, &p.target)).collect();
        let dropout = recipe.text.bpe_dropout;
        let bpe_dropout = (dropout > 0.0).then(|| BpeDropout::new(&tokenizer, dropout));
        Ok(Self { recipe, corpora, tokenizer, pairs, bpe_dropout })
    }

    fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    fn network_config(&self) -> serde_json::Value {
        json!(self.recipe.model)
    }

    fn vocabulary(&self) -> String {
        self.tokenizer.save()
    }

    fn introduction(&self) -> String {
        let c = &self.corpora;
        let dropped = c.cleaned.read - c.cleaned.kept;
        let why = if dropped == 0 { String::new() } else { format!(": {}", c.cleaned.reasons()) };
        let test = if c.test_is_dev { "no test set".into() } else { format!("{} test", c.test.len()) };
        format!(
            "{} training pairs ({dropped} dropped by cleaning{why}), {} dev, {test}; {} subwords",
            c.train.len(),
            c.dev.len(),
            self.tokenizer.vocab()
        )
    }

    fn fingerprint(&self) -> u64 {
        let tokens = self.pairs.iter().flat_map(|(s, t)| s.iter().chain([&u32::MAX]).chain(t).chain([&u32::MAX]));
        tokens.fold(0, |hash, &token| mix(hash ^ u64::from(token)))
    }

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let lengths: Vec<(usize, usize)> = self.pairs.iter().map(|(s, t)| (s.len(), t.len())).collect();
        batches::epoch(&lengths, self.recipe.train.batch_tokens, stream(self.recipe.seed, "batches"), epoch)
    }

    fn network(&self, init: &Init) -> Result<Seq2Seq, ShapeError> {
        let vocab = self.tokenizer.vocab();
        Seq2Seq::new(&self.recipe.model, vocab, vocab, init)
    }

    fn noise(&self, seed: u64) -> Option<Noise> {
        self.recipe.model.noise(seed)
    }

    fn loss(
        &self,
        network: &Seq2Seq,
        batch: &[usize],
        moment: &mut Moment<'_>,
        pass: &mut Pass,
    ) -> Result<Step, Error> {
        let mut batch = self.batch(batch, moment.epoch);
        if moment.teacher.share < 1.0 {
            batch.inputs = network.valid().walk(&batch, &NEVER_READ, &moment.teacher, pass.precision)?.read;
        }
        let loss = network.loss(&batch, self.recipe.train.label_smoothing, pass)?;
        Ok(Step::sum(&[loss], batch.tokens()))
    }

    fn model(&self, parameters: Vec<Parameter>, device: &Device) -> Result<Translator, Error> {
        let network = self.network(&Init::zeros(device))?;
        let network = parameters::replace(network, parameters).expect("the same network");
        Ok(Translator::from_parts(network, self.tokenizer.clone(), self.recipe.clone()))
    }

    /// Free-running with greedy search and `eval_beam`; and token by token, teacher-forced and free-running.
    fn evaluate(
        &self,
        model: &Translator,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Evaluation<Score>>, Error> {
        let recipe = &self.recipe;
        let dev = &self.corpora.dev[..self.corpora.dev.len().min(recipe.train.eval_pairs)];
        let mut measure = |beam: usize| {
            let config = DecodeConfig { beam, ..recipe.decode.clone() };
            evaluate(model, dev, &config, recipe.metrics.bleu, |_| go_on())
        };
        let Some(greedy) = measure(1)? else { return Ok(None) };
        let mut events = Vec::new();
        let searched = match recipe.train.eval_beam {
            1 => None,
            beam => {
                let Some(score) = measure(beam)? else { return Ok(None) };
                let numbers = training::Score::events(&score).into_iter();
                events.extend(numbers.map(|(name, value)| (format!("{name}_beam"), value)));
                Some(score)
            }
        };
        let Some(exposure) = exposure(model, dev, &mut *go_on)? else { return Ok(None) };
        events.extend(training::Score::events(&greedy));
        events.extend(exposure.events());
        let score = searched.unwrap_or(greedy);
        let value = match recipe.teacher_forcing.select {
            // chrF breaks the ties of a young model, whose BLEU is 0.
            Select::FreeRunning => score.bleu + 0.01 * score.chrf,
            Select::TeacherForced => -exposure.summary().teacher_forced.nll,
        };
        Ok(Some(Evaluation { value, score, events }))
    }

    fn test(&self, model: &Translator, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Score>, Error> {
        let (recipe, pairs) = (&self.recipe, &self.corpora.test);
        let score = evaluate(model, pairs, &recipe.decode, recipe.metrics.bleu, |_| go_on())?;
        let (Some(score), Some(exposure)) = (score, exposure(model, pairs, go_on)?) else { return Ok(None) };
        Ok(Some(Score { exposure: Some(exposure), ..score }))
    }

    fn measured_on(&self) -> &'static str {
        self.corpora.measured_on()
    }

    fn provenance(&self) -> Vec<(&'static str, serde_json::Value)> {
        vec![
            ("training_pairs", json!(self.corpora.train.len())),
            ("licences", json!(self.recipe.data.licences)),
            ("beam", json!(self.recipe.decode.beam)),
        ]
    }

    fn report(&self, model: &Translator, events: &[Event], test: &Score) -> Result<String, Error> {
        report::sections(model, events, (self.measured_on(), test), &self.samples(10))
    }
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
