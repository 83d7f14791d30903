//! What a trained forecaster shows.

use super::Shown;
use crate::commands::eval::print_forecasting;
use crate::failure::Failure;
use simurgh_train::forecasting::Forecasting;
use simurgh_train::training::{Outcome, Task};
use std::io::Write;

impl Shown for Forecasting {
    const NEXT: [&'static str; 2] = ["simurgh forecast FILE.csv", "--plot forecast.svg"];

    fn print(outcome: &Outcome<Self>) -> Result<(), Failure> {
        let (windows, horizon) = (outcome.test.windows, outcome.model.recipe.model.horizon);
        writeln!(std::io::stdout(), "\n{}, {windows} windows, {horizon} steps ahead:", outcome.task.measured_on())?;
        print_forecasting(&outcome.test)
    }
}
