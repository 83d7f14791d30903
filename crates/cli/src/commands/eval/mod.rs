//! `simurgh eval`

mod adversarial;
mod classification;
pub(super) mod forecasting;
mod labelling;
mod language_model;
mod music;
mod translation;

pub use adversarial::print_adversarial;
pub use classification::print_classification;
pub use forecasting::print_forecasting;
pub use labelling::print_labelling;
pub use language_model::print_language_model;
pub use music::print_music;

use crate::args::EvalArgs;
use crate::builtin;
use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use simurgh_data::InputError;
use std::io::Write;
use std::path::Path;

/// Runs the command.
pub fn run(args: &EvalArgs) -> Result<(), Failure> {
    let task = builtin::model(&args.model)?.header.task;
    if args.features.is_some() && task != "adversarial" {
        let got = format!("a model of {task}");
        return Err(Failure::input(format!("--features: expected a generator of pictures, got {got}"), "leave it out"));
    }
    match task.as_str() {
        "classification" => classification::run(args),
        "language-model" => language_model::run(args),
        "music" => music::run(args),
        "labelling" => labelling::run(args),
        "forecasting" => forecasting::run(args),
        "adversarial" => adversarial::run(args),
        _ => translation::run(args),
    }
}

fn bar(count: usize, unit: &str) -> ProgressBar {
    let style = format!("{{bar:28}} {{pos}}/{{len}} {unit}  {{eta}} left");
    let style = ProgressStyle::with_template(&style).expect("a valid template");
    ProgressBar::new(count as u64).with_style(style)
}

/// Data of the recipe that are not there may be somewhere else.
fn missing(args: &EvalArgs) -> impl Fn(InputError) -> InputError {
    let told = super::data_directory(args.data_dir.as_ref()).is_some();
    move |mut e| {
        if !told && e.got == "no such file" {
            e.hint = "give a file with --data FILE, or say where the recipe's data are with --data-dir DIR".into();
        }
        e
    }
}

fn json(score: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(score).map_err(|e| Failure::defect(e.to_string()))?;
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// Flags that only a translation has.
fn other_flags(args: &EvalArgs, got: &str, output: bool) -> Result<(), Failure> {
    let given = [("--beam", args.beam.is_some()), ("--tokenize", args.tokenize.is_some()), ("--output", output)];
    match given.iter().find(|flag| flag.1) {
        Some((flag, _)) => {
            Err(Failure::input(format!("{flag}: expected a translation model, got {got}"), "leave it out"))
        }
        None => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    simurgh_train::artifact::atomic_write(path, text.as_bytes())
        .map_err(|e| InputError::io(path, "a file that can be written", &e))?;
    Ok(())
}
