//! One file a command.

pub mod bench;
pub mod classify;
pub mod compose;
pub mod data;
pub mod eval;
pub mod forecast;
pub mod generate;
pub mod info;
pub mod lab;
pub mod label;
pub mod models;
mod on_demand;
pub mod sample;
mod texts;
pub mod train;
pub mod translate;

use crate::builtin;
use crate::failure::Failure;
use simurgh_data::InputError;
use simurgh_nn::burn::tensor::Device;
use simurgh_train::Error;
use simurgh_train::adversarial::Sampler;
use simurgh_train::artifact::Artifact;
use simurgh_train::classification::{Classification, TextClassifier};
use simurgh_train::forecasting::{ForecastModel, Forecasting};
use simurgh_train::labelling::{Labelling, SoundLabeller};
use simurgh_train::language_model::Generator;
use simurgh_train::music::MusicModel;
use simurgh_train::translation::{Translation, Translator};
use std::path::{Path, PathBuf};

/// The model of a built-in name or a file, as `new` makes it; an error names it.
fn model<M>(name: &str, new: fn(Artifact, &Device) -> Result<M, Error>) -> Result<M, Failure> {
    new(builtin::model(name)?, &device()).map_err(|e| match e {
        Error::Model(e) if e.path.is_none() => e.at(name).into(),
        e => e.into(),
    })
}

/// The translation model of a built-in name or a file, or of a recipe, trained if need be on the data in `data`.
pub fn translator(name: &str, data: Option<&PathBuf>) -> Result<Translator, Failure> {
    on_demand::model_or_recipe::<Translation>(name, data_directory(data), Translator::new)
}

/// The classifier of a file, or of a recipe, trained if need be on the data in `data`.
pub fn classifier(name: &str, data: Option<&PathBuf>) -> Result<TextClassifier, Failure> {
    on_demand::model_or_recipe::<Classification>(name, data_directory(data), TextClassifier::new)
}

/// The language model of a built-in name or a file.
pub fn generator(name: &str) -> Result<Generator, Failure> {
    model(name, Generator::new)
}

/// The model of music of a built-in name or a file.
pub fn music_model(name: &str) -> Result<MusicModel, Failure> {
    model(name, MusicModel::new)
}

/// The generator of samples of a file.
pub fn sampler(name: &str) -> Result<Sampler, Failure> {
    model(name, |artifact, _| Sampler::from_artifact(artifact))
}

/// The forecaster of a file, or of a recipe, trained if need be on the data in `data`.
pub fn forecaster(name: &str, data: Option<&PathBuf>) -> Result<ForecastModel, Failure> {
    on_demand::model_or_recipe::<Forecasting>(name, data_directory(data), ForecastModel::new)
}

/// The labeller of a file, or of a recipe, trained if need be on the data in `data`.
pub fn labeller(name: &str, data: Option<&PathBuf>) -> Result<SoundLabeller, Failure> {
    on_demand::model_or_recipe::<Labelling>(name, data_directory(data), SoundLabeller::new)
}

/// The data directory: the one given, or `SIMURGH_DATA` unless it is empty, or the folder `data` if there is one.
pub fn data_directory(given: Option<&PathBuf>) -> Option<PathBuf> {
    let told = given.cloned().or_else(|| std::env::var_os("SIMURGH_DATA").filter(|v| !v.is_empty()).map(PathBuf::from));
    told.or_else(|| Some(PathBuf::from("data")).filter(|d| d.is_dir()))
}

/// The device that the program was built for.
pub fn device() -> Device {
    #[cfg(feature = "cuda")]
    return Device::cuda(0);
    #[cfg(all(feature = "metal", not(feature = "cuda")))]
    return Device::metal(simurgh_nn::burn::tensor::DeviceKind::DefaultDevice);
    #[cfg(all(feature = "vulkan", not(any(feature = "cuda", feature = "metal"))))]
    return Device::vulkan(simurgh_nn::burn::tensor::DeviceKind::DefaultDevice);
    #[cfg(all(feature = "wgpu", not(any(feature = "cuda", feature = "metal", feature = "vulkan"))))]
    return Device::wgpu(simurgh_nn::burn::tensor::DeviceKind::DefaultDevice);
    #[cfg(not(any(feature = "cuda", feature = "metal", feature = "vulkan", feature = "wgpu")))]
    Device::flex()
}

/// That a drawing can be written here, told before the work rather than after it.
fn svg_can_be_written(path: &Path, flag: &str) -> Result<(), InputError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("svg")) || path.is_dir() {
        let hint = format!("for example {flag} drawing.svg");
        return Err(InputError::new("a file that ends in .svg", format!("`{}`", path.display()), hint));
    }
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => Err(InputError::new("a folder", "none", "make it first").at(folder).field(flag)),
        None => Ok(()),
    }
}
