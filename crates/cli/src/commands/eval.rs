//! `simurgh eval`

use super::{classifier, generator, music_model, translator};
use crate::args::EvalArgs;
use crate::builtin;
use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use simurgh_data::InputError;
use simurgh_data::metrics::bleu::Tokenization;
use simurgh_data::text::{LabelledSource, Source};
use simurgh_train::Error;
use simurgh_train::classification::{self, Examples};
use simurgh_train::language_model;
use simurgh_train::music::{self, Music};
use simurgh_train::recipe::OneOrMany;
use simurgh_train::translation::{self, Corpora};
use std::io::Write;
use std::path::Path;

/// Runs the command.
pub fn run(args: &EvalArgs) -> Result<(), Failure> {
    match builtin::model(&args.model)?.header.task.as_str() {
        "classification" => classify(args),
        "language-model" => language_model(args),
        "music" => music(args),
        _ => translate(args),
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

fn classify(args: &EvalArgs) -> Result<(), Failure> {
    let model = classifier(&args.model)?;
    other_flags(args, "a classifier", false)?;
    let data_directory = super::data_directory(args.data_dir.as_ref());
    let data = &model.recipe.data;
    let sources = match &args.data {
        Some(path) => OneOrMany::One(LabelledSource::Lines(path.clone())),
        None if data.test.all().is_empty() => {
            let hint = "give labelled texts with --data FILE: label TAB text, a line each";
            return Err(InputError::new("a test set", "a recipe that names none", hint).field("data.test").into());
        }
        None => data.test.clone(),
    };
    let examples = Examples::to_measure(&model.recipe, &model.classes, &sources, data_directory.as_deref())
        .map_err(missing(args))?;
    let bar = bar(examples.len(), "texts");
    let score = classification::evaluate(&model, &examples, |done| {
        bar.set_position(done as u64);
        true
    })?;
    bar.finish_and_clear();
    let score = score.ok_or_else(|| Failure::defect("an evaluation stopped that nobody stopped"))?;
    if let Some(path) = &args.output {
        let texts: Vec<String> = examples.iter().map(|example| example.text.clone()).collect();
        let verdicts = model.classify(&texts)?;
        let name = |class: Option<usize>| class.map_or("", |class| model.classes[class].as_str());
        let lines: String = verdicts.iter().map(|v| format!("{}\n", name(v.as_ref().map(|v| v.class)))).collect();
        write(path, &lines)?;
    }
    if args.json {
        return json(&score);
    }
    writeln!(std::io::stdout(), "{} texts", score.examples)?;
    print_classification(&model.classes, &score)
}

fn language_model(args: &EvalArgs) -> Result<(), Failure> {
    let model = generator(&args.model)?;
    other_flags(args, "a language model", args.output.is_some())?;
    let files = match &args.data {
        Some(path) => OneOrMany::One(path.clone()),
        None if model.recipe.data.test.all().is_empty() => {
            let hint = "give a text file with --data FILE";
            return Err(InputError::new("a test set", "a recipe that names none", hint).field("data.test").into());
        }
        None => model.recipe.data.test.clone(),
    };
    let directory = super::data_directory(args.data_dir.as_ref());
    let score = language_model::evaluate(&model, &files, directory.as_deref(), || true).map_err(|e| match e {
        Error::Input(e) => missing(args)(e).into(),
        e => e,
    })?;
    let score = score.ok_or_else(|| Failure::defect("an evaluation stopped that nobody stopped"))?;
    if args.json { json(&score) } else { print_language_model(&score) }
}

/// How likely a text was, for a person.
pub fn print_language_model(score: &language_model::Score) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "  {:.4} bits a character, {} characters", score.bits_per_character, score.characters)?;
    writeln!(
        out,
        "  perplexity {:.3} a token ({:.4} nats), {:.2} % of {} tokens the likeliest",
        score.perplexity,
        score.nll,
        100.0 * score.accuracy,
        score.tokens
    )?;
    Ok(())
}

fn music(args: &EvalArgs) -> Result<(), Failure> {
    let model = music_model(&args.model)?;
    other_flags(args, "a model of music", args.output.is_some())?;
    let data = &model.recipe.data;
    let files = match &args.data {
        Some(path) => OneOrMany::One(path.clone()),
        None if data.test.all().is_empty() => data.train.clone(),
        None => data.test.clone(),
    };
    let directory = super::data_directory(args.data_dir.as_ref());
    let pieces = Music::pieces(&model.recipe, &files, "test", directory.as_deref()).map_err(missing(args))?;
    let score = music::evaluate(&model, &pieces, || true)?;
    let score = score.ok_or_else(|| Failure::defect("an evaluation stopped that nobody stopped"))?;
    if args.json { json(&score) } else { print_music(&score) }
}

/// How likely music was, for a person.
pub fn print_music(score: &music::Score) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "  {:.4} nats a frame (all but the first of each piece)", score.nll)?;
    writeln!(out, "  {:.4} nats a frame with the first ones, {} frames", score.nll_with_first, score.frames)?;
    Ok(())
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

/// A classifier's scores, the baselines beside them, for a person.
pub fn print_classification(classes: &[String], score: &classification::Score) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let row = |out: &mut std::io::Stdout, name: &str, accuracy: f64, f1: f64| {
        writeln!(out, "  accuracy {:6.2} %   macro F1 {:6.2} %   {name}", 100.0 * accuracy, 100.0 * f1)
    };
    row(&mut out, "this model", score.accuracy, score.macro_f1)?;
    for baseline in &score.baselines {
        row(&mut out, &baseline.name, baseline.accuracy, baseline.macro_f1)?;
    }
    writeln!(
        out,
        "  expected calibration error {:.2} % ({:.2} % before the temperature {:.2}), negative log-likelihood {:.4} nats",
        100.0 * score.calibration_error,
        100.0 * score.calibration_error_before,
        score.temperature,
        score.nll
    )?;
    let width = classes.iter().map(|name| name.chars().count()).max().unwrap_or(0).clamp(5, 24);
    let short = |name: &str| -> String { name.chars().take(8).collect() };
    let columns: String = classes.iter().take(12).map(|name| format!(" {:>8}", short(name))).collect();
    writeln!(out, "\n  {:width$}  precision  recall      F1   answers:{columns}", "class")?;
    for (name, counts) in classes.iter().zip(score.confusion.counts()) {
        let Some(c) = score.classes.get(name) else { continue };
        let answers: String = counts.iter().take(12).map(|count| format!(" {count:>8}")).collect();
        writeln!(
            out,
            "  {name:width$}   {:6.2} % {:6.2} % {:6.2} %           {answers}",
            100.0 * c.precision,
            100.0 * c.recall,
            100.0 * c.f1
        )?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    simurgh_train::artifact::atomic_write(path, text.as_bytes())
        .map_err(|e| InputError::io(path, "a file that can be written", &e))?;
    Ok(())
}

fn translate(args: &EvalArgs) -> Result<(), Failure> {
    let translator = translator(&args.model)?;
    let recipe = &translator.recipe;
    let data_directory = super::data_directory(args.data_dir.as_ref());
    let pairs = match &args.data {
        Some(path) => Source::Tsv(path.clone()).read(Path::new(""))?,
        None => Corpora::test_set(recipe, data_directory.as_deref()).map_err(missing(args))?,
    };
    let mut config = recipe.decode.clone();
    if let Some(beam) = args.beam {
        config.beam = beam;
    }
    let tokenization = match args.tokenize.as_deref() {
        Some("13a") => Tokenization::V13a,
        Some("intl") => Tokenization::International,
        Some("none") => Tokenization::None,
        _ => recipe.metrics.bleu,
    };
    let bar = bar(pairs.len(), "sentences");
    let moved = |done| {
        bar.set_position(done as u64);
        true
    };
    let score = translation::evaluate(&translator, &pairs, &config, tokenization, moved).map_err(|e| {
        match (e, &args.data) {
            (Error::Input(e), Some(path)) => e.at(path).into(),
            (e, _) => e,
        }
    })?;
    let mut score = score.ok_or_else(|| Failure::defect("an evaluation stopped that nobody stopped"))?;
    score.exposure = translation::exposure(&translator, &pairs, || true)?;
    bar.finish_and_clear();
    if let Some(path) = &args.output {
        let text: String = score.translations.iter().flat_map(|t| [t.as_str(), "\n"]).collect();
        write(path, &text)?;
    }
    if args.json {
        return json(&score);
    }
    writeln!(std::io::stdout(), "{} pairs, free-running, beam {}", score.pairs, config.beam)?;
    writeln!(std::io::stdout(), "BLEU         {:.2}   {}", score.bleu, score.bleu_signature)?;
    writeln!(std::io::stdout(), "chrF         {:.2}   {}", score.chrf, score.chrf_signature)?;
    writeln!(std::io::stdout(), "exact match  {:.1} %", 100.0 * score.exact)?;
    for (name, s) in &score.domains {
        writeln!(
            std::io::stdout(),
            "  {name:14} BLEU {:.2}   chrF {:.2}   exact {:.1} %   ({} pairs)",
            s.bleu,
            s.chrf,
            100.0 * s.exact,
            s.pairs
        )?;
    }
    for line in score.exposure.iter().flat_map(|exposure| exposure.lines()) {
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}
