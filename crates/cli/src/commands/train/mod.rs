//! `simurgh train`

mod adversarial;
mod classification;
mod forecasting;
mod labelling;
mod language_model;
mod music;
mod translation;

use super::device;
use crate::args::TrainArgs;
use crate::builtin;
use crate::failure::Failure;
use crate::printer::TrainingBar;
use simurgh_data::sets::{self, Origin};
use simurgh_train::Error;
use simurgh_train::classification::Classification;
use simurgh_train::forecasting::Forecasting;
use simurgh_train::labelling::Labelling;
use simurgh_train::language_model::LanguageModelling;
use simurgh_train::music::Music;
use simurgh_train::recipe::{self, Override, TaskName, TaskRecipe};
use simurgh_train::run::RunDirectory;
use simurgh_train::training::{self, Options, Outcome, Task};
use simurgh_train::translation::Translation;
use std::io::Write;
use std::path::Path;

/// A task whose outcome can be shown.
trait Shown: Task {
    /// What the model does with some of the test set, and its scores.
    fn print(outcome: &Outcome<Self>) -> Result<(), Failure>;
    /// How the model is used: before its file's name, and after it.
    const NEXT: [&'static str; 2];
}

/// Runs the command.
pub fn run(args: &TrainArgs) -> Result<(), Failure> {
    if let Some(directory) = &args.resume {
        let run = RunDirectory::open(directory)?;
        let task = recipe::task(&run.read(&run.recipe())?, &[]).map_err(|e| e.at(run.recipe()))?;
        return match task {
            TaskName::Translation => resume::<Translation>(args, directory),
            TaskName::Classification => resume::<Classification>(args, directory),
            TaskName::LanguageModel => resume::<LanguageModelling>(args, directory),
            TaskName::Music => resume::<Music>(args, directory),
            TaskName::Labelling => resume::<Labelling>(args, directory),
            TaskName::Forecasting => resume::<Forecasting>(args, directory),
            TaskName::Adversarial => adversarial::resume(args, directory),
        };
    }
    let name = args.recipe.as_deref().unwrap_or_default();
    let (text, stem) = builtin::recipe(name)?;
    let mut overrides = args.set.clone();
    if let Some(seed) = args.seed {
        overrides.push(Override { key: "seed".into(), value: seed.to_string() });
    }
    if args.strict {
        overrides.push(Override { key: "data.strict".into(), value: "true".into() });
    }
    let task = recipe::task(&text, &overrides).map_err(|e| located(e, name, &overrides))?;
    match task {
        TaskName::Translation => begin::<Translation>(args, &text, stem, &overrides),
        TaskName::Classification => begin::<Classification>(args, &text, stem, &overrides),
        TaskName::LanguageModel => begin::<LanguageModelling>(args, &text, stem, &overrides),
        TaskName::Music => begin::<Music>(args, &text, stem, &overrides),
        TaskName::Labelling => begin::<Labelling>(args, &text, stem, &overrides),
        TaskName::Forecasting => begin::<Forecasting>(args, &text, stem, &overrides),
        TaskName::Adversarial => adversarial::begin(args, &text, stem, &overrides),
    }
}

fn begin<T: Shown>(args: &TrainArgs, text: &str, stem: String, overrides: &[Override]) -> Result<(), Failure> {
    let recipe = recipe_of::<T::Recipe>(args, text, stem, overrides)?;
    let (options, reads_files) = (options(args), recipe.reads_files());
    let mut observer = TrainingBar::new(args.quiet, args.json);
    let outcome = training::train::<T>(recipe, &options, &device(), &mut observer)
        .map_err(|e| said_where(e, args, reads_files, &options));
    end(args, &observer, outcome)
}

fn recipe_of<R: TaskRecipe>(args: &TrainArgs, text: &str, stem: String, overrides: &[Override]) -> Result<R, Failure> {
    let name = args.recipe.as_deref().unwrap_or_default();
    let mut recipe: R = recipe::parse(text, overrides).map_err(|e| located(e, name, overrides))?;
    recipe.name_if_none(stem);
    Ok(recipe)
}

/// Where data that are not there might be.
fn said_where(error: Error, args: &TrainArgs, reads_files: bool, options: &Options) -> Error {
    let mut e = match error {
        Error::Input(e) if ["no such file", "no such folder"].contains(&e.got.as_str()) => e,
        e => return e,
    };
    let name = args.recipe.as_deref().unwrap_or_default();
    let needs_directory = reads_files && options.data_directory.is_none();
    let set = sets::by_name(name).ok().filter(|s| matches!(s.origin, Origin::Public(_)));
    let path = e.path.as_deref().unwrap_or(Path::new(""));
    // A file of the set, or one of the user's own.
    match set.filter(|set| set.places().iter().any(|place| contains(path, Path::new(place.path)))) {
        Some(set) if needs_directory => {
            let where_ = "say where the data are with --data-dir DIR or SIMURGH_DATA";
            e.hint = format!("{where_}; simurgh data fetch {} downloads them", set.name);
        }
        Some(set) => {
            let place = args.data_dir.as_ref().map_or_else(String::new, |d| format!(" --data-dir {}", d.display()));
            e.hint += &format!("; simurgh data fetch {}{place} downloads it", set.name);
        }
        None if options.data_directory.is_some() => {
            e.hint = "a relative path is looked up from here, then in --data-dir (else SIMURGH_DATA, else data)".into();
        }
        None if needs_directory => {
            e.hint = "a relative path is looked up from here, then where --data-dir DIR or SIMURGH_DATA says".into();
        }
        None => {}
    }
    e.into()
}

/// Whether `path` is `place` in some folder, or lies in it.
fn contains(path: &Path, place: &Path) -> bool {
    path.ancestors().any(|folder| folder.ends_with(place))
}

fn resume<T: Shown>(args: &TrainArgs, directory: &Path) -> Result<(), Failure> {
    let mut observer = TrainingBar::new(args.quiet, args.json);
    let outcome = training::resume::<T>(directory, &options(args), &device(), &mut observer)
        .map_err(|e| as_when_begun(e, directory));
    end(args, &observer, outcome)
}

/// The data of a run must be where they were.
fn as_when_begun(error: Error, directory: &Path) -> Error {
    match error {
        Error::Input(mut e)
            if ["no such file", "no such folder"].contains(&e.got.as_str()) && e.path.as_deref() != Some(directory) =>
        {
            e.hint = "say where the data are with --data-dir DIR or SIMURGH_DATA, as when the run began".into();
            e.into()
        }
        e => e,
    }
}

fn options(args: &TrainArgs) -> Options {
    Options {
        out: args.out.clone(),
        force: args.force,
        data_directory: super::data_directory(args.data_dir.as_ref()),
        command: command_line(args),
    }
}

/// In the recipe's file, unless the key was given by `--set`, or the file is ours.
fn located(mut e: simurgh_data::InputError, name: &str, overrides: &[Override]) -> simurgh_data::InputError {
    let by_flag = e.field.as_ref().is_some_and(|f| overrides.iter().any(|o| o.key.starts_with(f.as_str())));
    if builtin::RECIPES.iter().any(|r| r.name == name) {
        // Nobody has that file before them.
        e.line = None;
        return e;
    }
    if by_flag { e } else { e.at(name) }
}

/// The command without what only says where to write; a resumed run keeps its first one.
fn command_line(args: &TrainArgs) -> String {
    let mut line = format!("simurgh train {}", args.recipe.as_deref().unwrap_or_default());
    if let Some(seed) = args.seed {
        line += &format!(" --seed {seed}");
    }
    for change in &args.set {
        line += &format!(" --set {}={}", change.key, change.value);
    }
    line
}

fn end<T: Shown>(args: &TrainArgs, observer: &TrainingBar, outcome: Result<Outcome<T>, Error>) -> Result<(), Failure> {
    let outcome = ended(args, observer, outcome)?;
    if args.json {
        return json_row(&outcome.test, outcome.task.measured_on(), &outcome.run);
    }
    T::print(&outcome)?;
    files(&outcome.run, T::NEXT, true)
}

/// What came of a run, its bar removed.
fn ended<O>(args: &TrainArgs, observer: &TrainingBar, outcome: Result<O, Error>) -> Result<O, Failure> {
    observer.finish();
    outcome.map_err(|e| match (&e, &args.data_dir) {
        (Error::Interrupted { .. }, Some(directory)) => {
            Failure::from(e).with_hint(&format!(" --data-dir {}", directory.display()))
        }
        _ => e.into(),
    })
}

fn json_row(score: &impl serde::Serialize, measured_on: &str, run: &RunDirectory) -> Result<(), Failure> {
    let row = serde_json::json!({
        "event": "test",
        "score": score,
        "test_set": measured_on,
        "run": run.root(),
        "model": run.model(),
        "report": run.report(),
    });
    Ok(writeln!(std::io::stdout(), "{row}")?)
}

/// What a run has left, and how its model is used: `flag` says whether by `--model`.
fn files(run: &RunDirectory, [before, after]: [&str; 2], flag: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "\nrun     {}", run.root().display())?;
    writeln!(out, "report  {}", run.report().display())?;
    writeln!(out, "model   {}", run.model().display())?;
    let by = if flag { "--model " } else { "" };
    Ok(writeln!(out, "\nnext:   {before} {by}{} {after}", run.model().display())?)
}
