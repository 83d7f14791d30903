//! The experiments, one a file.

mod dirac_gan;
mod disjoint_supports;
mod jensen_shannon;
mod mode_collapse;
mod optimal_discriminator;
mod perfect_discriminator;
mod saturation;

use crate::{Report, Settings};
use simurgh_train::Error;

/// An experiment.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// Its name.
    pub id: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Makes it.
    pub run: fn(&Settings) -> Result<Report, Error>,
}

/// All of them.
pub const EXPERIMENTS: [Experiment; 7] = [
    Experiment {
        id: "optimal-discriminator",
        about: "the best discriminator, and what it leaves to the generator: -log 4 + 2 JSD",
        run: optimal_discriminator::run,
    },
    Experiment {
        id: "jensen-shannon",
        about: "a trained discriminator as a lower bound of the distance of two distributions",
        run: jensen_shannon::run,
    },
    Experiment {
        id: "saturation",
        about: "two losses of a generator: one whose gradient vanishes, one whose does not",
        run: saturation::run,
    },
    Experiment {
        id: "perfect-discriminator",
        about: "a fresh discriminator against a generator that stands still: how soon it is right, and what it teaches",
        run: perfect_discriminator::run,
    },
    Experiment {
        id: "disjoint-supports",
        about: "distributions without a common point: what each distance says of how far they are",
        run: disjoint_supports::run,
    },
    Experiment {
        id: "dirac-gan",
        about: "the smallest game: which objectives find its equilibrium, which circle around it",
        run: dirac_gan::run,
    },
    Experiment {
        id: "mode-collapse",
        about: "a generator that hops from mode to mode, filmed, and what keeps it from it",
        run: mode_collapse::run,
    },
];

/// The experiment of that name.
pub fn by_id(id: &str) -> Option<&'static Experiment> {
    EXPERIMENTS.iter().find(|experiment| experiment.id == id)
}
