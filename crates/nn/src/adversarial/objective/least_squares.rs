//! Squared distances.

use super::{Objective, Term};

/// Half the squared distance from 1 of what is real, and from 0 of what is not (Mao et al. 2017, equation 9: a = 0, b = c = 1).
#[derive(Clone, Copy, Debug)]
pub struct LeastSquares;

impl Objective for LeastSquares {
    fn discriminator(&self, real: f64, fake: f64) -> [Term; 2] {
        [squared(real - 1.0), squared(fake)]
    }

    fn generator(&self, _real: f64, fake: f64) -> [Term; 2] {
        [Term::default(), squared(fake - 1.0)]
    }
}

fn squared(distance: f64) -> Term {
    Term::new(distance * distance / 2.0, distance)
}
