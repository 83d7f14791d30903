//! The game as the theory has it.

use super::{Objective, cross_entropy, softplus};
use burn::tensor::Tensor;

/// `min_G max_D E[log D(x)] + E[log(1 - D(G(z)))]` (Goodfellow et al. 2014, equation 1), `D` the sigmoid of the logit.
///
/// The generator's gradient in a logit s is `-sigmoid(s)`: it vanishes where the discriminator is sure.
#[derive(Clone, Copy, Debug)]
pub struct Minimax;

impl Objective for Minimax {
    fn discriminator(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        cross_entropy(real, fake)
    }

    fn generator(&self, _real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        // log(1 - sigmoid(s)) = -softplus(s)
        -softplus(fake).mean()
    }
}
