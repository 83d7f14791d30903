//! Margins.

use super::Objective;
use burn::tensor::Tensor;

/// What is real shall lie above 1 and what is not below -1, no matter how far (Lim & Ye 2017; Miyato et al. 2018, equations 16, 17).
#[derive(Clone, Copy, Debug)]
pub struct Hinge;

impl Objective for Hinge {
    fn discriminator(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        (-real + 1.0).clamp_min(0.0).mean() + (fake + 1.0).clamp_min(0.0).mean()
    }

    fn generator(&self, _real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        -fake.mean()
    }
}
