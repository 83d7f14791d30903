//! Squared distances.

use super::Objective;
use burn::tensor::Tensor;

/// Half the squared distance from 1 of what is real, and from 0 of what is not (Mao et al. 2017, equation 9: a = 0, b = c = 1).
#[derive(Clone, Copy, Debug)]
pub struct LeastSquares;

impl Objective for LeastSquares {
    fn discriminator(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        squared(real - 1.0) + squared(fake)
    }

    fn generator(&self, _real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        squared(fake - 1.0)
    }
}

fn squared(distance: Tensor<1>) -> Tensor<1> {
    (distance.clone() * distance).mean() * 0.5
}
