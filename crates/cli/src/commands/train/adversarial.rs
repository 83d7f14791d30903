//! What a trained generator shows.

use super::{as_when_begun, options, recipe_of, said_where};
use crate::args::TrainArgs;
use crate::commands::device;
use crate::commands::eval::print_adversarial;
use crate::failure::Failure;
use crate::printer::TrainingBar;
use simurgh_train::Error;
use simurgh_train::adversarial::{self, Outcome, Recipe};
use simurgh_train::recipe::{Override, TaskRecipe};
use std::io::Write;
use std::path::Path;

pub(super) fn begin(args: &TrainArgs, text: &str, stem: String, overrides: &[Override]) -> Result<(), Failure> {
    let recipe: Recipe = recipe_of(args, text, stem, overrides)?;
    let (options, reads_files) = (options(args), recipe.reads_files());
    let mut observer = TrainingBar::new(args.quiet, args.json);
    let outcome = adversarial::train(recipe, &options, &device(), &mut observer)
        .map_err(|e| said_where(e, args, reads_files, &options));
    end(args, &observer, outcome)
}

pub(super) fn resume(args: &TrainArgs, directory: &Path) -> Result<(), Failure> {
    let mut observer = TrainingBar::new(args.quiet, args.json);
    let outcome = adversarial::resume(directory, &options(args), &device(), &mut observer)
        .map_err(|e| as_when_begun(e, directory));
    end(args, &observer, outcome)
}

fn end(args: &TrainArgs, observer: &TrainingBar, outcome: Result<Outcome, Error>) -> Result<(), Failure> {
    let Outcome { run, score, .. } = super::ended(args, observer, outcome)?;
    if args.json {
        return super::json_row(&score, "samples", &run);
    }
    writeln!(std::io::stdout(), "\n{} samples of the generator:", score.samples)?;
    print_adversarial(&score)?;
    super::files(&run, ["simurgh sample", "-o samples.png"], false)
}
