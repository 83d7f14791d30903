//! The theory as experiments: each sets what was proved beside what is measured here.

mod experiments;
mod plane;
mod probe;
mod quadrature;
mod report;

pub use experiments::{EXPERIMENTS, Experiment, by_id};
pub use report::{Comparison, Expected, Part, Report};

/// How an experiment is made.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// In seconds, with fewer or smaller trainings.
    pub quick: bool,
    /// Every random draw comes from it.
    pub seed: u64,
}
