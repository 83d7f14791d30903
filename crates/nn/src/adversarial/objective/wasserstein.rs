//! The earth mover's distance.

use super::{Objective, Term};

/// The difference of the means (Arjovsky et al. 2017, equation 2): of all functions whose slope is nowhere above 1 the best one's is
/// the distance that earth must be moved from one distribution to the other. Something must keep the slope: clipped weights, a
/// gradient penalty, or spectral normalisation.
#[derive(Clone, Copy, Debug)]
pub struct Wasserstein;

impl Objective for Wasserstein {
    fn discriminator(&self, real: f64, fake: f64) -> [Term; 2] {
        [Term::new(-real, -1.0), Term::new(fake, 1.0)]
    }

    fn generator(&self, _real: f64, fake: f64) -> [Term; 2] {
        [Term::default(), Term::new(-fake, -1.0)]
    }
}
