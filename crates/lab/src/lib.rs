//! The theory as experiments: each sets what was proved beside what is measured here.

mod experiments;
mod plane;
mod probe;
mod quadrature;
mod report;

use std::path::PathBuf;

pub use experiments::{EXPERIMENTS, Experiment, by_id};
pub use report::{Comparison, Expected, Part, Report};

/// How an experiment is made.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// In seconds, with fewer or smaller trainings.
    pub quick: bool,
    /// Every random draw comes from it.
    pub seed: u64,
    /// Where MNIST is, for full forms; without it they draw their pictures themselves, as quick ones do.
    pub data: Option<PathBuf>,
}
