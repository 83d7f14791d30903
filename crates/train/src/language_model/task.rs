//! What a language model brings to the training loop.

use super::evaluate::{Score, exposure, measure, never_read, packed, shifted, window};
use super::generator::Generator;
use super::recipe::{Documents, Recipe};
use super::report;
use super::texts::{Texts, documents, stream};
use crate::Error;
use crate::recipe::Reset;
use crate::run::{Event, RunDirectory};
use crate::training::{self, Evaluation, Moment, Step};
use serde_json::json;
use simurgh_data::text::{Vocabulary, batches};
use simurgh_nn::ShapeError;
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::init::Init;
use simurgh_nn::language_model::LanguageModel;
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::{Noise, Pass};
use simurgh_nn::recurrent::State;
use simurgh_nn::sequences::Sequences;
use simurgh_random::{Random, mix, stream as seeded};
use std::path::Path;

/// A language model with its text.
#[derive(Debug)]
pub struct LanguageModelling {
    recipe: Recipe,
    texts: Texts,
    vocabulary: Vocabulary,
    /// The training text as tokens: one stream, or every line.
    ids: Vec<Vec<u32>>,
    /// What parameters of these names begin with.
    begin: Vec<Parameter>,
}

impl LanguageModelling {
    /// Of texts and a vocabulary that are there; parameters of the names of `begin` begin with its values.
    pub(crate) fn of(recipe: Recipe, texts: Texts, vocabulary: Vocabulary, begin: Vec<Parameter>) -> Self {
        let ids = match recipe.text.documents {
            Documents::Stream => vec![stream(&vocabulary, &texts.train)],
            Documents::Line => documents(&vocabulary, &texts.train),
        };
        Self { recipe, texts, vocabulary, ids, begin }
    }

    /// Parts that the stream is learnt from at once: each has an equal share of it.
    fn streams(&self) -> usize {
        let most = (self.ids[0].len() - 1) / 2;
        (self.recipe.train.batch_tokens / self.recipe.bptt.window_steps).clamp(1, most.max(1))
    }

    /// The vocabulary.
    pub fn tokens(&self) -> &Vocabulary {
        &self.vocabulary
    }
}

impl training::Task for LanguageModelling {
    type Recipe = Recipe;
    type Network = LanguageModel;
    type Model = Generator;
    type Score = Score;
    const UNIT: &'static str = "tokens";
    const SUMS: [&'static str; 3] = ["loss", "nll", "accuracy"];

    fn read(recipe: Recipe, directory: Option<&Path>, begun: Option<&RunDirectory>) -> Result<Self, Error> {
        let texts = Texts::read(&recipe, directory)?;
        let vocabulary = match begun {
            Some(run) => {
                let saved = run.read(&run.tokenizer())?;
                Vocabulary::load(&saved).map_err(|e| e.at(run.tokenizer()))?
            }
            None => texts.vocabulary(&recipe)?,
        };
        Ok(Self::of(recipe, texts, vocabulary, Vec::new()))
    }

    fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    fn network_config(&self) -> serde_json::Value {
        json!(self.recipe.model)
    }

    fn vocabulary(&self) -> String {
        self.vocabulary.save()
    }

    fn introduction(&self) -> String {
        let t = &self.texts;
        let test = if t.test_is_dev { "no test set".into() } else { format!("{} test", t.test.len()) };
        let tokens: usize = self.ids.iter().map(|ids| ids.len() - 1).sum();
        let streams = match self.recipe.text.documents {
            Documents::Stream => format!(" in {} streams", self.streams()),
            Documents::Line => String::new(),
        };
        format!(
            "{} lines to learn from, {} dev, {test}; {tokens} tokens{streams}; {} {}",
            t.train.len(),
            t.dev.len(),
            self.vocabulary.len(),
            self.vocabulary.unit()
        )
    }

    fn fingerprint(&self) -> u64 {
        let tokens = self.ids.iter().flat_map(|ids| ids.iter().chain([&u32::MAX]));
        tokens.fold(0, |hash, &token| mix(hash ^ u64::from(token)))
    }

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        match self.recipe.text.documents {
            // In the order of the text: each window goes on where the one before it ended.
            Documents::Stream => {
                let length = (self.ids[0].len() - 1) / self.streams();
                (0..length.div_ceil(self.recipe.bptt.window_steps)).map(|window| vec![window]).collect()
            }
            Documents::Line => {
                let lengths: Vec<(usize, usize)> = self.ids.iter().map(|ids| (0, ids.len())).collect();
                batches::epoch(&lengths, self.recipe.train.batch_tokens, seeded(self.recipe.seed, "batches"), epoch)
            }
        }
    }

    fn network(&self, init: &Init) -> Result<LanguageModel, ShapeError> {
        let network = LanguageModel::new(&self.recipe.model, self.vocabulary.len(), init)?;
        Ok(if init.is_zeros() { network } else { parameters::begin(network, &self.begin) })
    }

    fn noise(&self, seed: u64) -> Option<Noise> {
        self.recipe.model.noise(seed)
    }

    fn loss(
        &self,
        network: &LanguageModel,
        batch: &[usize],
        moment: &mut Moment<'_>,
        pass: &mut Pass,
    ) -> Result<Step, Error> {
        let recipe = &self.recipe;
        let smoothing = recipe.train.label_smoothing;
        let lines = recipe.text.documents == Documents::Line;
        if lines && recipe.model.bidirectional {
            let texts: Vec<&[u32]> = batch.iter().map(|&i| self.ids[i].as_slice()).collect();
            let losses = network.loss_both_ways(&Sequences::new(&texts)?, smoothing, pass)?;
            return Ok(Step::sum(&losses, 2 * texts.iter().map(|text| text.len() - 1).sum::<usize>()));
        }
        let (mut inputs, targets) = if lines {
            packed(&batch.iter().map(|&i| shifted(&self.ids[i])).collect::<Vec<_>>())?
        } else {
            let window_steps = recipe.bptt.window_steps;
            packed(&window(&self.ids[0], self.streams(), window_steps, batch[0]).expect("a window of the epoch"))?
        };
        let begins = lines || batch[0] == 0 || recipe.bptt.reset == Reset::Window;
        let device = network.devices().into_iter().next().expect("a network is on a device");
        let draws = seeded(recipe.seed, "drop-state") ^ mix(moment.epoch) ^ mix(mix(batch[0] as u64));
        let mut random = Random::new(draws);
        let anew: Vec<bool> =
            (0..inputs.layout.sequences()).map(|_| random.uniform() < recipe.bptt.drop_state).collect();
        let initial = |device: &Device| {
            let states = if begins { None } else { State::read(moment.carried, device) };
            match states {
                Some(all) if anew.contains(&true) => Some(all.iter().map(|state| state.begin_anew(&anew)).collect()),
                all => all,
            }
        };
        if moment.teacher.share < 1.0 {
            let (initial, network) = (initial(&device.clone().inner()), network.valid());
            let never = never_read(&self.vocabulary, recipe.text.documents);
            let walk = network.walk(&inputs, &targets, initial.as_deref(), &never, &moment.teacher, pass.precision)?;
            inputs.ids = walk.read;
        }
        let (loss, last) = network.loss(&inputs, &targets, initial(&device).as_deref(), smoothing, pass)?;
        if !lines {
            *moment.carried = State::write(&last);
        }
        Ok(Step::sum(&[loss], targets.len()))
    }

    fn model(&self, parameters: Vec<Parameter>, device: &Device) -> Result<Generator, Error> {
        let network = self.network(&Init::zeros(device))?;
        let network = parameters::replace(network, parameters).expect("the same network");
        Ok(Generator { network, vocabulary: self.vocabulary.clone(), recipe: self.recipe.clone() })
    }

    fn evaluate(&self, model: &Generator, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Evaluation<Score>>, Error> {
        let Some(score) = measure(&model.network, &self.vocabulary, &self.recipe, &self.texts.dev, &mut *go_on)? else {
            return Ok(None);
        };
        let mut events = training::Score::events(&score);
        if !model.network.config().bidirectional {
            let Some(exposure) = exposure(&model.network, &self.vocabulary, &self.recipe, &self.texts.dev, go_on)?
            else {
                return Ok(None);
            };
            events.extend(exposure.events());
        }
        Ok(Some(Evaluation { value: -score.nll, score, events }))
    }

    fn test(&self, model: &Generator, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Score>, Error> {
        measure(&model.network, &self.vocabulary, &self.recipe, &self.texts.test, go_on)
    }

    fn measured_on(&self) -> &'static str {
        self.texts.measured_on()
    }

    fn provenance(&self) -> Vec<(&'static str, serde_json::Value)> {
        vec![("training_lines", json!(self.texts.train.len())), ("licences", json!(self.recipe.data.licences))]
    }

    fn report(&self, model: &Generator, events: &[Event], test: &Score) -> Result<String, Error> {
        let reads_on = !model.network.config().bidirectional;
        let exposure = match reads_on {
            true => exposure(&model.network, &self.vocabulary, &self.recipe, &self.texts.test, || true)?,
            false => None,
        };
        report::sections(model, events, (self.measured_on(), test), exposure.as_ref())
    }
}
