//! What a trained classifier shows.

use super::Shown;
use crate::commands::eval::print_classification;
use crate::failure::Failure;
use simurgh_train::classification::Classification;
use simurgh_train::training::{Outcome, Task};
use std::io::Write;

impl Shown for Classification {
    const NEXT: [&'static str; 2] = ["simurgh classify", "\"...\""];

    fn print(outcome: &Outcome<Self>) -> Result<(), Failure> {
        let Outcome { task, test, model, .. } = outcome;
        writeln!(std::io::stdout(), "\n{}, {} texts:", task.measured_on(), test.examples)?;
        print_classification(&model.classes, test)
    }
}
