//! What a trained language model shows.

use super::Shown;
use crate::commands::eval::print_language_model;
use crate::failure::Failure;
use simurgh_nn::decode::Sampling;
use simurgh_train::language_model::LanguageModelling;
use simurgh_train::training::{Outcome, Task};
use std::io::Write;

/// Tokens of the text that is shown.
const SHOWN: usize = 300;

impl Shown for LanguageModelling {
    const NEXT: [&'static str; 2] = ["simurgh generate", "--start \"...\""];

    fn print(outcome: &Outcome<Self>) -> Result<(), Failure> {
        let Outcome { task, test, model, .. } = outcome;
        let mut out = std::io::stdout();
        if !model.recipe.model.bidirectional {
            let mut writing = model.write("", Sampling { temperature: 0.8, top_p: 1.0 }, 1)?;
            writing.by_ref().take(SHOWN).for_each(drop);
            writeln!(out, "\na text from nothing, temperature 0.8:\n\n{}", writing.text().trim_end())?;
        }
        writeln!(out, "\n{}:", task.measured_on())?;
        print_language_model(test)
    }
}
