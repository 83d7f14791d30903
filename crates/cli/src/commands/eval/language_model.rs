//! `simurgh eval` of a language model.

use super::{json, missing, other_flags};
use crate::args::EvalArgs;
use crate::commands::{data_directory, generator};
use crate::failure::Failure;
use simurgh_data::InputError;
use simurgh_train::Error;
use simurgh_train::language_model;
use simurgh_train::recipe::OneOrMany;
use std::io::Write;

pub(super) fn run(args: &EvalArgs) -> Result<(), Failure> {
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
    let directory = data_directory(args.data_dir.as_ref());
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
    if score.unknown > 0.0 {
        let (share, bits) = (100.0 * score.unknown, language_model::SPELT);
        writeln!(out, "  {share:.2} % of the tokens are unknown to the model: spelt at {bits:.0} bits a character")?;
    }
    Ok(())
}
