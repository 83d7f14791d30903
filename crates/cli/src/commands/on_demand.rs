//! Models that may not ship with the program, since their data's licences forbid it: trained where they are asked for.

use super::{device, model};
use crate::builtin;
use crate::failure::{Failure, tell};
use crate::printer::TrainingBar;
use simurgh_data::sets::{self, Found, Origin, Set};
use simurgh_nn::burn::tensor::Device;
use simurgh_train::Error;
use simurgh_train::artifact::Artifact;
use simurgh_train::recipe::{self, TaskRecipe};
use simurgh_train::run::RunDirectory;
use simurgh_train::training::{self, Options, Task};
use std::path::{Path, PathBuf};

/// The model of a built-in name or a file, as `new` makes it; of a built-in recipe the newest run of it here, or one trained now, on
/// the data in `data_directory`.
pub fn model_or_recipe<T: Task>(
    name: &str,
    data_directory: Option<PathBuf>,
    new: fn(Artifact, &Device) -> Result<T::Model, Error>,
) -> Result<T::Model, Failure> {
    let shipped = builtin::MODELS.iter().any(|m| m.0 == name);
    let Some(recipe) = builtin::RECIPES.iter().find(|r| r.name == name && !shipped && !Path::new(name).is_file())
    else {
        return model(name, new);
    };
    let set = sets::by_name(name).map_err(|_| {
        let hint = format!("simurgh train {name} --set data.train=FILE, then --model runs/{name}-1/model.safetensors");
        Failure::input(format!("{name}: expected a model, got a recipe for data of your own"), hint)
    })?;
    let mut recipe: T::Recipe = recipe::parse(recipe.text, &[]).map_err(|_| {
        let hint = "see `simurgh models` for what each is";
        Failure::input(format!("{name}: expected a recipe for this command, got one of another task"), hint)
    })?;
    recipe.name_if_none(name.to_string());
    let runs = runs::<T>(name, &recipe);
    if let Some(run) = runs.iter().rev().find(|run| run.model().is_file()) {
        tell(&format!("using {}", run.model().display()));
        return model(&run.model().to_string_lossy(), new);
    }
    let begun = runs.into_iter().rev().find(|run| run.checkpoint().is_file());
    train::<T>(name, recipe, &set, begun.as_ref(), data_directory)
}

fn train<T: Task>(
    name: &str,
    recipe: T::Recipe,
    set: &Set,
    begun: Option<&RunDirectory>,
    directory: Option<PathBuf>,
) -> Result<T::Model, Failure> {
    // Files are looked up from here, then in the data directory.
    let places = set.places();
    let found =
        |p: &sets::Place| [Some(Path::new(".")), directory.as_deref()].into_iter().flatten().any(|d| is_there(p, d));
    if let Some(missing) = places.iter().find(|p| !found(p)) {
        let hint = match set.origin {
            Origin::Private { why, .. } => why.to_string(),
            _ => format!(
                "simurgh data fetch {name}, then the same command trains it (data elsewhere: --data-dir DIR); or --model FILE"
            ),
        };
        let message = format!(
            "{name}: expected a model, or the data to train one ({}), got neither: it may not ship (licence: {})",
            missing.path, set.licence
        );
        return Err(Failure::input(message, hint));
    }
    let options = Options { data_directory: directory, command: format!("simurgh train {name}"), ..Options::default() };
    let mut observer = TrainingBar::new(false, false);
    let outcome = match begun {
        Some(run) => {
            tell(&format!("no model of {name} yet: going on with {}", run.root().display()));
            training::resume::<T>(run.root(), &options, &device(), &mut observer)
        }
        None => {
            tell(&format!("no model of {name} yet: training it, once; it stays in runs/{name}-N"));
            training::train::<T>(recipe, &options, &device(), &mut observer)
        }
    };
    observer.finish();
    let outcome = outcome?;
    tell(&format!("trained: {}; report: {}", outcome.run.model().display(), outcome.run.report().display()));
    Ok(outcome.model)
}

/// Something of about the right kind: who edits a set trains on what it is now.
fn is_there(place: &sets::Place, directory: &Path) -> bool {
    place.found(directory, false).is_ok_and(|found| found != Found::Nothing)
}

/// The runs here of this recipe as it is, with whatever seed, the newest last.
fn runs<T: Task>(name: &str, recipe: &T::Recipe) -> Vec<RunDirectory> {
    let written = |recipe: &T::Recipe| {
        let mut all = serde_json::to_value(recipe).expect("a recipe is JSON");
        all["seed"] = 0.into();
        all
    };
    let same = |run: &RunDirectory| {
        let text = run.read(&run.recipe()).ok()?;
        let saved: T::Recipe = recipe::parse(&text, &[]).ok()?;
        Some(written(&saved) == written(recipe))
    };
    let number = |path: &Path| -> Option<u32> {
        path.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('-')?.parse().ok()
    };
    let Ok(entries) = std::fs::read_dir("runs") else { return Vec::new() };
    let mut all: Vec<(u32, PathBuf)> =
        entries.filter_map(|e| e.ok().and_then(|e| Some((number(&e.path())?, e.path())))).collect();
    all.sort();
    all.iter().filter_map(|(_, path)| RunDirectory::open(path).ok()).filter(|run| same(run) == Some(true)).collect()
}
