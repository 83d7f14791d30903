//! The game as the theory has it.

use super::{Objective, Term, cross_entropy};

/// `min_G max_D E[log D(x)] + E[log(1 - D(G(z)))]` (Goodfellow et al. 2014, equation 1), `D` the sigmoid of the logit.
///
/// The generator's gradient in a logit s is `-sigmoid(s)`: it vanishes where the discriminator is sure.
#[derive(Clone, Copy, Debug)]
pub struct Minimax;

impl Objective for Minimax {
    fn discriminator(&self, real: f64, fake: f64) -> [Term; 2] {
        cross_entropy(real, fake)
    }

    fn generator(&self, _real: f64, fake: f64) -> [Term; 2] {
        // log(1 - sigmoid(s)) = -softplus(s)
        let Term { value, slope } = Term::softplus(fake);
        [Term::default(), Term::new(-value, -slope)]
    }
}
