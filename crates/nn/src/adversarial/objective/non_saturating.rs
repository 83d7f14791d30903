//! The game as it is played.

use super::{Objective, Term, cross_entropy};

/// The discriminator of the game; the generator maximises `E[log D(G(z))]` (Goodfellow et al. 2014, section 3).
///
/// The generator's gradient in a logit s is `-(1 - sigmoid(s))`: it is largest where the discriminator is sure.
#[derive(Clone, Copy, Debug)]
pub struct NonSaturating;

impl Objective for NonSaturating {
    fn discriminator(&self, real: f64, fake: f64) -> [Term; 2] {
        cross_entropy(real, fake)
    }

    fn generator(&self, _real: f64, fake: f64) -> [Term; 2] {
        [Term::default(), Term::softplus(-fake).mirrored()]
    }
}
