//! `simurgh eval`

use super::translator;
use crate::args::EvalArgs;
use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use simurgh_data::InputError;
use simurgh_data::metrics::bleu::Tokenization;
use simurgh_data::text::Source;
use simurgh_train::Error;
use simurgh_train::translation::{Corpora, evaluate};
use std::io::Write;
use std::path::Path;

/// Runs the command.
pub fn run(args: &EvalArgs) -> Result<(), Failure> {
    let translator = translator(&args.model)?;
    let recipe = &translator.recipe;
    let data_directory = super::data_directory(args.data_dir.as_ref());
    let pairs = match &args.data {
        Some(path) => Source::Tsv(path.clone()).read(Path::new(""))?,
        None => Corpora::test_set(recipe, data_directory.as_deref()).map_err(|mut e| {
            if data_directory.is_none() && e.got == "no such file" {
                e.hint = "give a TSV with --data FILE, or say where the recipe's data are with --data-dir DIR".into();
            }
            e
        })?,
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
    let style = ProgressStyle::with_template("{bar:28} {pos}/{len} sentences  {eta} left").expect("a valid template");
    let bar = ProgressBar::new(pairs.len() as u64).with_style(style);
    let moved = |done| {
        bar.set_position(done as u64);
        true
    };
    let score = evaluate(&translator, &pairs, &config, tokenization, moved).map_err(|e| match (e, &args.data) {
        (Error::Input(e), Some(path)) => e.at(path).into(),
        (e, _) => e,
    })?;
    let score = score.ok_or_else(|| Failure::defect("an evaluation stopped that nobody stopped"))?;
    bar.finish_and_clear();
    if let Some(path) = &args.output {
        let text: String = score.translations.iter().flat_map(|t| [t.as_str(), "\n"]).collect();
        simurgh_train::artifact::atomic_write(path, text.as_bytes())
            .map_err(|e| InputError::io(path, "a file that can be written", &e))?;
    }
    if args.json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&score).map_err(|e| Failure::defect(e.to_string()))?)?;
        return Ok(());
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
    Ok(())
}
