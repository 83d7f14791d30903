//! `simurgh data`

mod download;
mod fetch;
mod list;
#[cfg(test)]
mod tests;

use crate::args::{DataArgs, DataCommand};
use crate::failure::Failure;
use std::path::PathBuf;

/// Runs the command.
pub fn run(args: &DataArgs) -> Result<(), Failure> {
    match &args.command {
        DataCommand::List(args) => list::run(args),
        DataCommand::Fetch(args) => fetch::run(args),
    }
}

/// Where sets lie: as `train` looks them up, else the folder `data` here.
fn directory(given: Option<&PathBuf>) -> PathBuf {
    super::data_directory(given).unwrap_or_else(|| PathBuf::from("data"))
}
