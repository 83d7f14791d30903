//! Models that may not ship with the program, since their data's licences forbid it: trained where they are asked for.

use super::{data_directory, device, model};
use crate::builtin;
use crate::failure::{Failure, tell};
use crate::printer::TrainingBar;
use simurgh_data::sets::{self, Found, Origin, Set};
use simurgh_nn::burn::tensor::Device;
use simurgh_train::Error;
use simurgh_train::artifact::Artifact;
use simurgh_train::recipe::{self, TaskRecipe};
use simurgh_train::training::{self, Options, Task};
use std::path::{Path, PathBuf};

/// The model of a built-in name or a file, as `new` makes it; of a built-in recipe the newest run here, or one trained now.
pub fn model_or_recipe<T: Task>(
    name: &str,
    new: fn(Artifact, &Device) -> Result<T::Model, Error>,
) -> Result<T::Model, Failure> {
    let shipped = builtin::MODELS.iter().any(|m| m.0 == name);
    let Some(recipe) = builtin::RECIPES.iter().find(|r| r.name == name && !shipped && !Path::new(name).is_file())
    else {
        return model(name, new);
    };
    if let Some(path) = newest_run(name) {
        tell(&format!("using {}", path.display()));
        return model(&path.to_string_lossy(), new);
    }
    let set = sets::by_name(name).map_err(|_| {
        let message = format!("{name}: expected a model, got a recipe for data of your own");
        Failure::input(
            message,
            format!("simurgh train {name} --set data.train=FILE, then --model runs/{name}-1/model.safetensors"),
        )
    })?;
    let recipe: T::Recipe = recipe::parse(recipe.text, &[]).map_err(|_| {
        let hint = "see `simurgh models` for what each is";
        Failure::input(format!("{name}: expected a recipe for this command, got one of another task"), hint)
    })?;
    train::<T>(name, recipe, &set)
}

fn train<T: Task>(name: &str, mut recipe: T::Recipe, set: &Set) -> Result<T::Model, Failure> {
    recipe.name_if_none(name.to_string());
    let directory = data_directory(None);
    let here = directory
        .as_deref()
        .is_some_and(|d| set.places().iter().all(|p| p.found(d, false).is_ok_and(|found| found == Found::Whole)));
    if !here && matches!(set.origin, Origin::Public(_)) {
        let message = format!(
            "{name}: expected a model, or the data to train one, got neither: it may not ship (licence: {})",
            set.licence
        );
        return Err(Failure::input(
            message,
            format!("simurgh data fetch {name}, then the same command trains it; or --model FILE"),
        ));
    }
    tell(&format!("no model of {name} yet: training it, once; it stays in runs/{name}-N"));
    let options = Options { data_directory: directory, command: format!("simurgh train {name}"), ..Options::default() };
    let mut observer = TrainingBar::new(false, false);
    let outcome = training::train::<T>(recipe, &options, &device(), &mut observer);
    observer.finish();
    let outcome = outcome?;
    tell(&format!("trained: {}; report: {}", outcome.run.model().display(), outcome.run.report().display()));
    Ok(outcome.model)
}

/// The model of the newest run here of a recipe.
fn newest_run(name: &str) -> Option<PathBuf> {
    let runs = std::fs::read_dir("runs").ok()?;
    let number =
        |file: &std::ffi::OsStr| -> Option<u32> { file.to_str()?.strip_prefix(name)?.strip_prefix('-')?.parse().ok() };
    let models = runs.filter_map(|entry| {
        let entry = entry.ok()?;
        let path = entry.path().join("model.safetensors");
        path.is_file().then_some((number(&entry.file_name())?, path))
    });
    models.max().map(|(_, path)| path)
}
