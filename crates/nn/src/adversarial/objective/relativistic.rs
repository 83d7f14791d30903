//! Pairs.

use super::{Objective, Term};

/// Of each pair of a real sample and a generated one, which is more real (Jolicoeur-Martineau 2018, relativistic pairing; Huang et
/// al. 2024): no mode of the data can be given up without a real sample there that beats what is paired with it.
#[derive(Clone, Copy, Debug)]
pub struct Relativistic;

impl Objective for Relativistic {
    fn discriminator(&self, real: f64, fake: f64) -> [Term; 2] {
        beaten(fake - real)
    }

    fn generator(&self, real: f64, fake: f64) -> [Term; 2] {
        beaten(real - fake).map(Term::mirrored)
    }

    fn pairs(&self) -> bool {
        true
    }
}

/// The loss of a pair by how far the generated one is above the real one, which counts as the generated one's.
fn beaten(by: f64) -> [Term; 2] {
    let of_fake = Term::softplus(by);
    [Term::new(0.0, -of_fake.slope), of_fake]
}
