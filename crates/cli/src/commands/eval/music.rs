//! `simurgh eval` of a model of music.

use super::{json, missing, other_flags};
use crate::args::EvalArgs;
use crate::commands::{data_directory, music_model};
use crate::failure::Failure;
use simurgh_train::music::{self, Music};
use simurgh_train::recipe::OneOrMany;
use std::io::Write;

pub(super) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let model = music_model(&args.model)?;
    other_flags(args, "a model of music", args.output.is_some())?;
    let data = &model.recipe.data;
    let files = match &args.data {
        Some(path) => OneOrMany::One(path.clone()),
        None if data.test.all().is_empty() => data.train.clone(),
        None => data.test.clone(),
    };
    let directory = data_directory(args.data_dir.as_ref());
    let mut notes = Vec::new();
    let pieces = Music::pieces(&model.recipe, &files, "test", directory.as_deref(), &mut notes);
    let pieces = pieces.map_err(missing(args))?;
    notes.iter().for_each(|text| crate::failure::note(text));
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
