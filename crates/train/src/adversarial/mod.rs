//! Adversarial training: a generator and a discriminator, a step of the game after another.

mod evaluate;
mod game;
mod probe;
mod recipe;
mod recognition;
mod report;
mod rules;
mod sampler;
mod share;
mod shares;
mod side;
mod source;

pub use evaluate::Score;
pub use game::{Game, Measured};
pub use probe::{Probe, Reading, jensen_shannon};
pub use recipe::{Adversarial, Data, Ema, MixtureKind, Order, Player, Recipe, Remedies, Training};
pub use sampler::{Sampler, scatter};

use crate::Error;
use crate::recipe::{self as recipes, TaskName, TaskRecipe};
use crate::run::{Events, RunDirectory, State, named, named_moments, take_moments};
use crate::training::{Observer, Options, Status};
use evaluate::Meter;
use recognition::Recognition;
use serde::{Deserialize, Serialize};
use side::{Side, diverged};
use simurgh_data::InputError;
use simurgh_nn::artifact::{self, Artifact, FORMAT, Header};
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::parameters::{self, Parameter};
use source::Source;
use std::path::{Path, PathBuf};

/// What a run ends with.
#[derive(Debug)]
pub struct Outcome {
    /// Its directory.
    pub run: RunDirectory,
    /// Scores of the saved generator.
    pub score: Score,
    /// The saved generator.
    pub model: Sampler,
}

/// The counters of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// Steps of the game.
    step: u64,
    /// Sums since the last logged losses, in the order of [`LOGGED`], and steps.
    window: [f64; LOGGED.len() + 1],
    /// Fingerprint of the data.
    data: u64,
}

/// What is logged of the training, by name.
const LOGGED: [&str; 9] = [
    "discriminator_loss",
    "generator_loss",
    "penalty",
    "slope",
    "real_logit",
    "generated_logit",
    "accuracy",
    "discriminator_gradient_norm",
    "generator_gradient_norm",
];

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
    // Networks that can't be are found before there is a folder for them.
    let game = Game::new(recipe, options.data_directory.as_deref(), device)?;
    let run = RunDirectory::create(options.out.as_deref(), game.recipe.name(), options.force)?;
    let _lock = run.lock()?;
    run.write(&run.command(), options.command.as_bytes())?;
    run.write(&run.recipe(), game.recipe.to_toml().as_bytes())?;
    Loop::new(game, run, options.data_directory.as_deref(), observer)?.go(observer)
}

/// Goes on with the run in `directory`, to the same bytes as if it had never stopped.
///
/// # Errors
/// As [`train`], and if the directory holds no such run.
pub fn resume(
    directory: &Path,
    options: &Options,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let run = RunDirectory::open(directory)?;
    let _lock = run.lock()?;
    run.remove_leftovers();
    let recipe: Recipe = recipes::parse(&run.read(&run.recipe())?, &[]).map_err(|e| e.at(run.recipe()))?;
    let game = Game::new(recipe, options.data_directory.as_deref(), device)?;
    Loop::new(game, run, options.data_directory.as_deref(), observer)?.go(observer)
}

/// What a generator is compared with, where it is not its recipe's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Comparison<'a> {
    /// A folder of pictures or an IDX file.
    pub pictures: Option<&'a Path>,
    /// A network by whose features samples are compared, in place of pixels.
    pub features: Option<&'a Path>,
    /// Where the recipe's files are looked up.
    pub directory: Option<&'a Path>,
    /// A file with a classifier of the data's classes, that need not be trained then; passed over if it is of other data.
    pub recogniser: Option<&'a Path>,
}

/// Measures a generator; `note` is told what takes its time.
///
/// # Errors
/// If the data or a network can't be used, or are of another size.
pub fn evaluate(model: &Sampler, with: &Comparison<'_>, note: &mut dyn FnMut(&str)) -> Result<Score, Error> {
    let Comparison { pictures, features, directory, recogniser } = *with;
    let mut recipe = model.recipe.clone();
    if let Some(features) = features {
        recipe.data.features = features.into();
    }
    if let Some(path) = pictures {
        recipe.data.images = path.into();
        // The classes were those of other pictures.
        recipe.data.labels = PathBuf::new();
    }
    // Nothing is learnt of them: a batch need not be full.
    recipe.train.batch = 1;
    let source = Source::read(&recipe, directory)?;
    if source.shape() != model.shape {
        let hint = "a generator is compared with pictures of the size that it makes";
        let error = InputError::new(format!("{:?}", model.shape), format!("{:?}", source.shape()), hint);
        return Err(error.at(&recipe.data.images).into());
    }
    let kept = recogniser.map(|path| Recognition::kept(path, &source)).transpose()?.flatten();
    let recogniser = if kept.is_some() { kept } else { Recognition::trained(&source, recipe.seed, note)? };
    Meter::new(&recipe, &source).recognising(recogniser).by_features(&recipe, directory)?.score(model)
}

/// A run in progress.
struct Loop {
    game: Game,
    run: RunDirectory,
    events: Events,
    progress: Progress,
    meter: Meter,
}

impl Loop {
    /// From the run's last checkpoint, or from the beginning.
    fn new(
        mut game: Game,
        run: RunDirectory,
        directory: Option<&Path>,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let mut progress = Progress::default();
        let data = game.source.fingerprint();
        if let Some(mut state) = State::read(&run)? {
            progress = state.counters()?;
            let changed = |field: &str, hint: &str| {
                let error = InputError::new("what the run began with", "something else", hint);
                Err(error.at(run.root()).field(field).into())
            };
            if progress.data != data {
                return changed("training data", "resume with the data of before, or begin a new run");
            }
            if state.has("average/") == game.average.is_empty() {
                return changed("ema.decay", "give recipe.toml its old value, or begin a new run");
            }
            let like = parameters::collect(game.generator.network());
            for (average, p) in game.average.iter_mut().zip(&like) {
                *average = state.take("average", p)?;
            }
            let t = &game.recipe.train;
            restore(&mut state, "generator", &mut game.generator, &t.generator, progress.step)?;
            restore(&mut state, "discriminator", &mut game.discriminator, &t.discriminator, progress.step)?;
            game.step = progress.step;
        }
        progress.data = data;
        let events = Events::open(&run, progress.step)?;
        let recogniser = Recognition::of_run(&game.source, &run, game.recipe.seed, observer)?;
        let meter = Meter::new(&game.recipe, &game.source).recognising(recogniser);
        let meter = meter.by_features(&game.recipe, directory)?;
        Ok(Self { game, run, events, progress, meter })
    }

    fn go(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        let game = &self.game;
        let of_generator = game.generator.network().num_params();
        let of_discriminator = game.discriminator.network().num_params();
        let introduction = game.source.introduction();
        observer.note(&format!(
            "{introduction}; {of_generator} parameters of the generator, {of_discriminator} of the discriminator"
        ));
        game.source.notes.iter().for_each(|note| observer.note(&format!("note: {note}")));
        if self.progress.step > 0 {
            observer.note(&format!("going on from step {}", self.progress.step));
        }
        let t = self.game.recipe.train.clone();
        while self.progress.step < t.steps {
            let measured = self.game.advance()?;
            let step = self.game.step;
            self.progress.step = step;
            self.log(&measured, self.game.rate(), observer)?;
            let last = step == t.steps;
            if last || step.is_multiple_of(t.eval_every) {
                self.evaluate(observer)?;
            }
            let stop = observer.stop() && !last;
            if last || stop || step.is_multiple_of(t.checkpoint_every) {
                self.checkpoint()?;
            }
            if stop {
                return Err(Error::Interrupted { step, run: self.run.root().into() });
            }
        }
        self.finish(observer)
    }

    fn log(&mut self, m: &Measured, rate: f64, observer: &mut dyn Observer) -> Result<(), Error> {
        let (t, p) = (&self.game.recipe.train, &mut self.progress);
        let [real, generated] = m.logits;
        let [of_discriminator, of_generator] = m.norms;
        let now: [f64; LOGGED.len()] = [
            m.discriminator,
            m.generator,
            m.penalty,
            m.slope,
            real,
            generated,
            m.accuracy,
            of_discriminator,
            of_generator,
        ];
        p.window.iter_mut().zip(now.into_iter().chain([1.0])).for_each(|(sum, x)| *sum += x);
        let steps = p.window[LOGGED.len()];
        observer.update(&Status {
            step: p.step,
            steps: t.steps,
            epoch: 0,
            loss: p.window[0] / steps,
            count: 1,
            unit: "steps",
            learning_rate: rate * t.discriminator.learning_rate,
        });
        if p.step.is_multiple_of(t.log_every) {
            let sums = std::mem::take(&mut p.window);
            let penalised = !self.game.recipe.adversarial.penalty.is_empty();
            for (name, sum) in LOGGED.into_iter().zip(sums) {
                if penalised || !["penalty", "slope"].contains(&name) {
                    self.events.write(p.step, "train", name, sum / steps)?;
                }
            }
            self.events.write(p.step, "train", "rate", rate)?;
        }
        Ok(())
    }

    /// Scores and a picture of the generator as it is.
    fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let (step, model) = (self.progress.step, self.game.sampler()?);
        let score = self.meter.score(&model)?;
        for (name, value) in score.numbers() {
            self.events.write(step, "dev", name, value)?;
        }
        let folder = self.run.samples();
        fs_err::create_dir_all(&folder).map_err(|e| InputError::io(&folder, "a folder that can be written", &e))?;
        self.run.write(&folder.join(format!("{step:08}.png")), &self.meter.picture(&model)?)?;
        observer.evaluated(step, &score.numbers(), &score.line(), false);
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), Error> {
        let of_generator = parameters::collect(self.game.generator.network());
        let of_discriminator = parameters::collect(self.game.discriminator.network());
        check_finite(self.progress.step, &of_generator)?;
        check_finite(self.progress.step, &of_discriminator)?;
        self.events.sync()?;
        let mut all = Vec::new();
        let t = &self.game.recipe.train;
        for (name, of, player, moments) in [
            ("generator", &of_generator, &t.generator, &self.game.generator.optimizer.moments),
            ("discriminator", &of_discriminator, &t.discriminator, &self.game.discriminator.optimizer.moments),
        ] {
            all.extend(named(&format!("{name}/parameter"), of, of.iter().map(|p| p.data.clone())));
            all.extend(named_moments(&format!("{name}/"), &player.rule(), of, moments.clone()));
        }
        all.extend(named("average", &of_generator, self.game.average.clone()));
        State::write(&self.run, &self.progress, all)
    }

    /// Measures the last generator, saves it and writes the report.
    fn finish(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        let (recipe, step) = (self.game.recipe.clone(), self.progress.step);
        let header = |provenance| Header {
            format: FORMAT,
            task: TaskName::Adversarial.name().into(),
            model: serde_json::json!({"networks": recipe.model, "sample": self.game.source.shape()}),
            recipe: recipe.to_toml(),
            tokenizer: String::new(),
            provenance,
        };
        let precision = recipe.artifact.precision;
        // What is measured is what is saved, rounding included.
        let unmeasured =
            Artifact { header: header(serde_json::Value::Null), parameters: self.game.sampler()?.parameters() };
        let saved = artifact::parse(&artifact::to_bytes(&unmeasured, precision))?;
        let model = Sampler::from_artifact(saved.clone())?;
        observer.note(&format!("measuring {} samples of step {step}", recipe.train.eval_samples));
        let score = self.meter.score(&model)?;
        for (name, value) in score.numbers() {
            self.events.write(step, "test", name, value)?;
        }
        // The command that began the run stands in the model, whoever ends it.
        let provenance = serde_json::json!({
            "program": concat!("simurgh ", env!("CARGO_PKG_VERSION")),
            "command": self.run.read(&self.run.command())?,
            "steps": step,
            "score": score,
            "licences": recipe.data.licences,
        });
        let artifact = Artifact { header: header(provenance), parameters: saved.parameters };
        self.run.write(&self.run.model(), &artifact::to_bytes(&artifact, precision))?;
        let events = Events::read(&self.run)?;
        let sections = report::sections(&self.run, &self.meter, &events, &score)?;
        let page = crate::report::page(recipe.name(), &sections, &recipe.to_toml());
        self.run.write(&self.run.report(), page.as_bytes())?;
        Ok(Outcome { run: self.run, score, model })
    }
}

/// One side as a checkpoint has it.
fn restore<M: Module>(
    state: &mut State,
    name: &str,
    side: &mut Side<M>,
    player: &Player,
    step: u64,
) -> Result<(), Error> {
    let like = parameters::collect(side.network());
    let kind = format!("{name}/parameter");
    let values = like.iter().map(|p| Ok(Parameter { data: state.take(&kind, p)?, ..p.clone() }));
    let values: Vec<Parameter> = values.collect::<Result<_, Error>>()?;
    side.optimizer.moments = take_moments(state, &format!("{name}/"), &player.rule(), &like)?;
    side.optimizer.step = step * player.steps_per_update;
    side.replace(values);
    Ok(())
}

fn check_finite(step: u64, all: &[Parameter]) -> Result<(), Error> {
    match all.iter().find(|p| !p.data.iter().all(|x| x.is_finite())) {
        Some(p) => Err(diverged(step, format!("`{}` with a NaN or an infinity", p.name)).into()),
        None => Ok(()),
    }
}
