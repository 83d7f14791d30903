//! `simurgh train`

use super::device;
use crate::args::TrainArgs;
use crate::builtin;
use crate::failure::Failure;
use crate::printer::TrainingBar;
use simurgh_train::recipe::{self, Override};
use simurgh_train::report::{alignment_text, isolate};
use simurgh_train::translation::{self, Options, Outcome};
use std::io::Write;

/// Runs the command.
pub fn run(args: &TrainArgs) -> Result<(), Failure> {
    let mut observer = TrainingBar::new(args.quiet, args.json);
    let data_directory = super::data_directory(args.data_dir.as_ref());
    let options = Options {
        out: args.out.clone(),
        force: args.force,
        data_directory: data_directory.clone(),
        command: command_line(args),
    };
    let outcome = if let Some(directory) = &args.resume {
        translation::resume(directory, &options, &device(), &mut observer).map_err(|e| match e {
            simurgh_train::Error::Input(mut e) if e.got == "no such file" && e.path.as_deref() != Some(directory) => {
                e.hint = "say where the data are with --data-dir DIR or SIMURGH_DATA, as when the run began".into();
                e.into()
            }
            e => e,
        })
    } else {
        let name = args.recipe.as_deref().unwrap_or_default();
        let (text, stem) = builtin::recipe(name)?;
        let mut overrides = args.set.clone();
        if let Some(seed) = args.seed {
            overrides.push(Override { key: "seed".into(), value: seed.to_string() });
        }
        let mut recipe = recipe::parse(&text, &overrides).map_err(|e| {
            // A key given by --set is no place in the file.
            let by_flag = e.field.as_ref().is_some_and(|f| overrides.iter().any(|o| o.key.starts_with(f.as_str())));
            if by_flag || builtin::RECIPES.iter().any(|r| r.name == name) { e } else { e.at(name) }
        })?;
        if recipe.name.is_empty() {
            recipe.name = stem;
        }
        let needs_directory = !recipe.data.train.all().is_empty() && data_directory.is_none();
        translation::train(recipe, &options, &device(), &mut observer).map_err(|e| match e {
            simurgh_train::Error::Input(mut e) if needs_directory && e.got == "no such file" => {
                e.hint = "say where the data are with --data-dir DIR or SIMURGH_DATA".into();
                e.into()
            }
            e => e,
        })
    };
    observer.finish();
    let outcome = outcome.map_err(|e| match (&e, &args.data_dir) {
        (simurgh_train::Error::Interrupted { .. }, Some(directory)) => {
            Failure::from(e).with_hint(&format!(" --data-dir {}", directory.display()))
        }
        _ => e.into(),
    })?;
    if args.json { print_json(&outcome) } else { print_text(&outcome) }
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

fn print_json(outcome: &Outcome) -> Result<(), Failure> {
    let row = serde_json::json!({
        "event": "test",
        "score": outcome.test,
        "test_set": outcome.measured_on,
        "run": outcome.run.root(),
        "model": outcome.run.model(),
        "report": outcome.run.report(),
    });
    writeln!(std::io::stdout(), "{row}")?;
    Ok(())
}

fn print_text(outcome: &Outcome) -> Result<(), Failure> {
    let Outcome { run, test, measured_on, samples, translator } = outcome;
    let config = &translator.recipe.decode;
    let sentences: Vec<String> = samples.iter().map(|p| p.source.clone()).collect();
    for (pair, translations) in samples.iter().zip(translator.translate(&sentences, config)?) {
        let Some(best) = translations.first() else { continue };
        writeln!(std::io::stdout(), "\nsource     {}", isolate(&pair.source))?;
        writeln!(std::io::stdout(), "model      {}", isolate(&best.text))?;
        writeln!(std::io::stdout(), "reference  {}", isolate(&pair.target))?;
        write!(std::io::stdout(), "{}", alignment_text(best))?;
    }
    writeln!(std::io::stdout(), "\n{measured_on}, free-running, beam {}, {} pairs:", config.beam, test.pairs)?;
    writeln!(
        std::io::stdout(),
        "  BLEU {:.2}   chrF {:.2}   exact match {:.1} %",
        test.bleu,
        test.chrf,
        100.0 * test.exact
    )?;
    for (name, score) in &test.domains {
        writeln!(
            std::io::stdout(),
            "    {name:14} BLEU {:.2}   chrF {:.2}   ({} pairs)",
            score.bleu,
            score.chrf,
            score.pairs
        )?;
    }
    writeln!(std::io::stdout(), "\nrun     {}", run.root().display())?;
    writeln!(std::io::stdout(), "report  {}", run.report().display())?;
    writeln!(std::io::stdout(), "model   {}", run.model().display())?;
    writeln!(std::io::stdout(), "\nnext:   simurgh translate --model {} \"...\"", run.model().display())?;
    Ok(())
}
