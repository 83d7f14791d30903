//! `simurgh eval` of a translation model.

use super::{bar, json, missing, write};
use crate::args::EvalArgs;
use crate::commands::{data_directory, translator};
use crate::failure::Failure;
use simurgh_data::metrics::bleu::Tokenization;
use simurgh_data::text::Source;
use simurgh_train::Error;
use simurgh_train::translation::{self, Corpora};
use std::io::Write;
use std::path::Path;

pub(super) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let translator = translator(&args.model, args.data_dir.as_ref())?;
    let recipe = &translator.recipe;
    let data_directory = data_directory(args.data_dir.as_ref());
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
