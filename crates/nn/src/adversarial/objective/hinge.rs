//! Margins.

use super::{Objective, Term};

/// What is real shall lie above 1 and what is not below -1, no matter how far (Lim & Ye 2017; Miyato et al. 2018, equations 16, 17).
#[derive(Clone, Copy, Debug)]
pub struct Hinge;

impl Objective for Hinge {
    fn discriminator(&self, real: f64, fake: f64) -> [Term; 2] {
        [margin(-real).mirrored(), margin(fake)]
    }

    fn generator(&self, _real: f64, fake: f64) -> [Term; 2] {
        [Term::default(), Term::new(-fake, -1.0)]
    }
}

/// What `x` is above -1.
fn margin(x: f64) -> Term {
    let above = x + 1.0;
    if above < 0.0 { Term::default() } else { Term::new(above, 1.0) }
}
