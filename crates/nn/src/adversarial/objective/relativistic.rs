//! Pairs.

use super::{Objective, softplus};
use burn::tensor::Tensor;

/// Of each pair of a real sample and a generated one, which is more real (Jolicoeur-Martineau 2018, relativistic pairing; Huang et
/// al. 2024): no mode of the data can be given up without a real sample there that beats what is paired with it.
#[derive(Clone, Copy, Debug)]
pub struct Relativistic;

impl Objective for Relativistic {
    fn discriminator(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        softplus(fake - real).mean()
    }

    fn generator(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        softplus(real - fake).mean()
    }

    fn pairs(&self) -> bool {
        true
    }
}
