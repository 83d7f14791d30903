//! What classification brings to the training loop.

use super::baseline;
use super::classifier::TextClassifier;
use super::evaluate::{Score, evaluate, logits};
use super::examples::Examples;
use super::recipe::{Recipe, Unit};
use super::report;
use crate::Error;
use crate::language_model::{self, LanguageModelling};
use crate::run::{Event, RunDirectory};
use crate::training::{self, Evaluation, Moment, Observer, Step};
use serde_json::json;
use simurgh_data::InputError;
use simurgh_data::metrics::classification::temperature;
use simurgh_data::text::tokenizer::UNKNOWN;
use simurgh_data::text::{BpeDropout, Vectors, Vocabulary, batches};
use simurgh_nn::ShapeError;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::classifier::{Classifier, ClassifierConfig};
use simurgh_nn::init::Init;
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::{Noise, Pass};
use simurgh_nn::recurrent::CellKind;
use simurgh_nn::sequences::Sequences;
use simurgh_random::{Random, mix, stream};
use std::path::Path;

/// Products of a cell's gates.
pub(super) fn gates(config: &ClassifierConfig) -> usize {
    match config.cell {
        CellKind::Lstm => 4,
        CellKind::Gru => 3,
        CellKind::RnnTanh | CellKind::RnnRelu => 1,
    }
}

/// Classification with its examples.
#[derive(Debug)]
pub struct Classification {
    recipe: Recipe,
    examples: Examples,
    vocabulary: Vocabulary,
    vectors: Option<Vectors>,
    /// Training texts as tokens.
    texts: Vec<Vec<u32>>,
    bpe_dropout: Option<BpeDropout>,
    /// What the encoder learnt first.
    pretrained: Vec<Parameter>,
}

impl Classification {
    /// The data.
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// The embedding with the vectors of the words that have some; nothing without vectors.
    fn embedding(&self, init: &Init) -> Vec<Parameter> {
        let (Some(vectors), Vocabulary::Words(words)) = (&self.vectors, &self.vocabulary) else { return Vec::new() };
        let network = Classifier::new(&self.recipe.model, self.vocabulary.len(), self.examples.classes.len(), init);
        let all = network.map_or_else(|_| Vec::new(), |network| parameters::collect(&network));
        let mut table: Vec<Parameter> = all.into_iter().filter(|p| p.name == "embedding").collect();
        for own in &mut table {
            for (word, vector) in &vectors.words {
                let id = words.id(word);
                if id != UNKNOWN {
                    own.data[id as usize * vectors.width..][..vectors.width].copy_from_slice(vector);
                }
            }
        }
        table
    }

    /// A training text's tokens as this epoch sees them.
    fn noisy(&self, index: usize, epoch: u64) -> Vec<u32> {
        let text = &self.recipe.text;
        let draws = |name: &str| Random::new(stream(self.recipe.seed, name) ^ mix(epoch) ^ mix(mix(index as u64)));
        let mut ids = match &self.bpe_dropout {
            Some(dropout) => dropout.cut(&self.texts[index], &mut draws("bpe-dropout")),
            None => self.texts[index].clone(),
        };
        if text.word_dropout > 0.0 {
            let mut random = draws("word-dropout");
            let (_, words) = ids.split_last_mut().expect("a text ends with END");
            words.iter_mut().for_each(|id| {
                if random.uniform() < text.word_dropout {
                    *id = UNKNOWN;
                }
            });
        }
        ids
    }
}

impl training::Task for Classification {
    type Recipe = Recipe;
    type Network = Classifier;
    type Model = TextClassifier;
    type Score = Score;
    const UNIT: &'static str = "texts";
    const SUMS: [&'static str; 3] = ["loss", "nll", "accuracy"];

    fn read(recipe: Recipe, directory: Option<&Path>, begun: Option<&RunDirectory>) -> Result<Self, Error> {
        let examples = Examples::read(&recipe, directory)?;
        let (vocabulary, vectors) = match begun {
            Some(run) => {
                let saved = run.read(&run.tokenizer())?;
                let vocabulary = Vocabulary::load(&saved).map_err(|e| e.at(run.tokenizer()))?;
                // A run that was killed before its first checkpoint begins with them again.
                let vectors = match recipe.data.vectors {
                    Some(_) if !run.checkpoint().exists() => examples.vocabulary(&recipe, directory)?.1,
                    _ => None,
                };
                (vocabulary, vectors)
            }
            None => examples.vocabulary(&recipe, directory)?,
        };
        if let Some(vectors) = &vectors
            && vectors.width != recipe.model.embedding
        {
            let hint = format!("--set model.embedding={}", vectors.width);
            let expected = format!("{}, as long as the vectors of data.vectors", vectors.width);
            return Err(InputError::new(expected, recipe.model.embedding.to_string(), hint)
                .field("model.embedding")
                .into());
        }
        let texts = examples.train.iter().map(|example| vocabulary.ids(&example.text)).collect();
        let dropout = recipe.text.bpe_dropout;
        let bpe_dropout = match &vocabulary {
            Vocabulary::Subwords(tokenizer) if dropout > 0.0 => Some(BpeDropout::new(tokenizer, dropout)),
            _ => None,
        };
        if dropout > 0.0 && recipe.text.unit != Unit::Subword {
            let hint = "--set text.unit=subword, or hide whole words with text.word_dropout";
            return Err(InputError::new("0, since tokens are words", dropout.to_string(), hint)
                .field("text.bpe_dropout")
                .into());
        }
        Ok(Self { recipe, examples, vocabulary, vectors, texts, bpe_dropout, pretrained: Vec::new() })
    }

    fn prepare(&mut self, run: &RunDirectory, device: &Device, observer: &mut dyn Observer) -> Result<(), Error> {
        let Some(pretrain) = self.recipe.pretrain.as_ref().filter(|p| p.epochs > 0) else { return Ok(()) };
        observer.note("first the encoder learns to guess words");
        // A twentieth, evenly spread, says how well.
        let all = self.examples.train.iter().map(|example| &example.text).chain(&self.examples.unlabelled).cloned();
        let (dev, train) = all.enumerate().partition::<Vec<_>, _>(|(i, _)| i % 20 == 19);
        let plain = |all: Vec<(usize, String)>| all.into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        let (train, dev) = (plain(train), plain(dev));
        let texts = language_model::Texts { train, test: dev.clone(), dev, test_is_dev: true };
        let recipe = self.recipe.language_model(pretrain);
        let begin = self.embedding(&Init::new(self.recipe.seed, device));
        let task = LanguageModelling::of(recipe, texts, self.vocabulary.clone(), begin);
        let outcome = training::inner(task, run, "pretrain", device, observer)?;
        self.pretrained = parameters::collect(&outcome.model.network);
        Ok(())
    }

    fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    fn network_config(&self) -> serde_json::Value {
        let mut config = json!(self.recipe.model);
        config["classes"] = json!(self.examples.classes);
        config
    }

    fn vocabulary(&self) -> String {
        self.vocabulary.save()
    }

    fn introduction(&self) -> String {
        let e = &self.examples;
        let test = if e.test_is_dev { "no test set".into() } else { format!("{} test", e.test.len()) };
        let known = self.vectors.as_ref().map_or_else(String::new, |v| format!(" ({} with vectors)", v.words.len()));
        format!(
            "{} training texts, {} dev, {test}; {} classes; {} {}{known}",
            e.train.len(),
            e.dev.len(),
            e.classes.len(),
            self.vocabulary.len(),
            self.vocabulary.unit(),
        )
    }

    fn notes(&self) -> &[String] {
        &self.examples.notes
    }

    fn fingerprint(&self) -> u64 {
        let tokens = self.texts.iter().zip(&self.examples.train);
        let tokens = tokens.flat_map(|(ids, example)| ids.iter().copied().chain([u32::MAX, example.class as u32]));
        tokens.fold(0, |hash, token| mix(hash ^ u64::from(token)))
    }

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let lengths: Vec<(usize, usize)> = self.texts.iter().map(|ids| (0, ids.len())).collect();
        batches::epoch(&lengths, self.recipe.train.batch_tokens, stream(self.recipe.seed, "batches"), epoch)
    }

    /// Words with vectors begin with them, an encoder that learnt before with what it learnt.
    fn network(&self, init: &Init) -> Result<Classifier, ShapeError> {
        let network = Classifier::new(&self.recipe.model, self.vocabulary.len(), self.examples.classes.len(), init)?;
        if init.is_zeros() {
            return Ok(network);
        }
        let network = parameters::begin(network, &self.embedding(init));
        Ok(parameters::begin(network, &self.pretrained))
    }

    fn noise(&self, seed: u64) -> Option<Noise> {
        self.recipe.model.noise(seed)
    }

    fn loss(
        &self,
        network: &Classifier,
        batch: &[usize],
        moment: &mut Moment<'_>,
        pass: &mut Pass,
    ) -> Result<Step, Error> {
        let texts: Vec<Vec<u32>> = batch.iter().map(|&i| self.noisy(i, moment.epoch)).collect();
        let slices: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let labels: Vec<u32> = batch.iter().map(|&i| self.examples.train[i].class as u32).collect();
        let loss = network.loss(&Sequences::new(&slices)?, &labels, self.recipe.train.label_smoothing, pass)?;
        Ok(Step::sum(&[loss], batch.len()))
    }

    fn model(&self, parameters: Vec<Parameter>, device: &Device) -> Result<TextClassifier, Error> {
        let network = self.network(&Init::zeros(device))?;
        let network = parameters::replace(network, parameters).expect("the same network");
        let (vocabulary, classes) = (self.vocabulary.clone(), self.examples.classes.clone());
        Ok(TextClassifier { network, vocabulary, classes, recipe: self.recipe.clone() })
    }

    /// The temperature that makes the probabilities of the dev set likeliest.
    fn complete(&self, mut parameters: Vec<Parameter>, device: &Device) -> Result<Vec<Parameter>, Error> {
        let model = self.model(parameters.clone(), device)?;
        let logits = logits(&model, &self.examples.dev, |_| true)?.expect("nobody said no");
        let classes: Vec<usize> = self.examples.dev.iter().map(|example| example.class).collect();
        let own = parameters.iter_mut().find(|p| p.name == "temperature").expect("a classifier has a temperature");
        own.data = vec![temperature(&logits, &classes) as f32];
        Ok(parameters)
    }

    fn evaluate(
        &self,
        model: &TextClassifier,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Evaluation<Score>>, Error> {
        let dev = &self.examples.dev[..self.examples.dev.len().min(self.recipe.train.eval_pairs)];
        let Some(score) = evaluate(model, dev, |_| go_on())? else { return Ok(None) };
        let events = training::Score::events(&score);
        // The likelihood breaks ties.
        Ok(Some(Evaluation { value: score.accuracy - 1e-4 * score.nll, score, events }))
    }

    fn test(&self, model: &TextClassifier, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Score>, Error> {
        let e = &self.examples;
        let Some(mut score) = evaluate(model, &e.test, |_| go_on())? else { return Ok(None) };
        let classes = e.classes.len();
        let normaliser = self.recipe.text.normaliser();
        score.baselines = vec![
            baseline::majority(classes, &e.train, &e.test),
            baseline::bag_of_words(classes, normaliser, &e.train, &e.dev, &e.test),
        ];
        Ok(Some(score))
    }

    fn measured_on(&self) -> &'static str {
        self.examples.measured_on()
    }

    fn provenance(&self) -> Vec<(&'static str, serde_json::Value)> {
        vec![("training_texts", json!(self.examples.train.len())), ("licences", json!(self.recipe.data.licences))]
    }

    fn report(&self, model: &TextClassifier, events: &[Event], test: &Score) -> Result<String, Error> {
        report::sections(model, events, (self.measured_on(), test), &self.examples.test)
    }
}
