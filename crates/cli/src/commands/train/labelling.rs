//! What a trained labeller shows.

use super::Shown;
use crate::commands::eval::print_labelling;
use crate::failure::Failure;
use simurgh_train::labelling::Labelling;
use simurgh_train::training::{Outcome, Task};
use std::io::Write;

impl Shown for Labelling {
    const NEXT: [&'static str; 2] = ["simurgh label SOUND.wav", ""];

    fn print(outcome: &Outcome<Self>) -> Result<(), Failure> {
        writeln!(std::io::stdout(), "\n{}, {} recordings:", outcome.task.measured_on(), outcome.test.utterances)?;
        print_labelling(&outcome.test, &outcome.model)
    }
}
