//! The earth mover's distance.

use super::Objective;
use burn::tensor::Tensor;

/// The difference of the means (Arjovsky et al. 2017, equation 2): of all functions whose slope is nowhere above 1 the best one's is
/// the distance that earth must be moved from one distribution to the other. Something must keep the slope: clipped weights, a
/// gradient penalty, or spectral normalisation.
#[derive(Clone, Copy, Debug)]
pub struct Wasserstein;

impl Objective for Wasserstein {
    fn discriminator(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        fake.mean() - real.mean()
    }

    fn generator(&self, _real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        -fake.mean()
    }
}
