//! `simurgh eval` of a classifier.

use super::{bar, json, missing, other_flags, write};
use crate::args::EvalArgs;
use crate::commands::{classifier, data_directory};
use crate::failure::Failure;
use simurgh_data::InputError;
use simurgh_data::text::LabelledSource;
use simurgh_train::classification::{self, Examples};
use simurgh_train::recipe::OneOrMany;
use std::io::Write;

pub(super) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let model = classifier(&args.model, args.data_dir.as_ref())?;
    other_flags(args, "a classifier", false)?;
    let data_directory = data_directory(args.data_dir.as_ref());
    let data = &model.recipe.data;
    let sources = match &args.data {
        // A CSV is read by the columns that the recipe names.
        Some(path) if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) => {
            let named = data.test.all().iter().chain(data.train.all()).find(|s| matches!(s, LabelledSource::Csv(_)));
            OneOrMany::One(named.map_or_else(|| LabelledSource::Lines(path.clone()), |s| s.with_path(path.clone())))
        }
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
