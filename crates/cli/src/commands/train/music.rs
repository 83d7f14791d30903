//! What a trained model of music shows.

use super::Shown;
use crate::commands::eval::print_music;
use crate::failure::Failure;
use simurgh_train::music::Music;
use simurgh_train::training::{Outcome, Task};
use std::io::Write;

impl Shown for Music {
    const NEXT: [&'static str; 2] = ["simurgh compose", "--start Am --out piece.mid"];

    fn print(outcome: &Outcome<Self>) -> Result<(), Failure> {
        writeln!(std::io::stdout(), "\n{}, {} pieces:", outcome.task.measured_on(), outcome.test.pieces)?;
        print_music(&outcome.test)
    }
}
