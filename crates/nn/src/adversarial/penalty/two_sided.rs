//! The slope of a Wasserstein critic.

use super::Slope;
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;

/// `E[(|d logit / d x| - 1)^2]` at points between a real sample and a generated one (Gulrajani et al. 2017, equation 3).
pub struct TwoSided;

impl Slope for TwoSided {
    fn points(&self, real: Tensor<2>, fake: Tensor<2>, shares: &[f64]) -> Result<Tensor<2>, ShapeError> {
        let ([batch, width], [fakes, other], check) = (real.dims(), fake.dims(), Check("gradient penalty"));
        check.dimension("number of generated samples", fakes, batch)?;
        check.dimension("width of generated samples", other, width)?;
        check.dimension("number of shares", shares.len(), batch)?;
        let shares = TensorData::new(shares.to_vec(), [batch, 1]);
        let shares = Tensor::<2>::from_data(shares, (&real.device(), real.dtype()));
        Ok(fake.clone() + (real - fake) * shares)
    }

    fn of(&self, slope: f64) -> (f64, f64) {
        // d (s - 1)^2 = 2 (s - 1) ds, and ds = d (s^2 / 2) / s; a slope of 0 has no direction.
        let scale = if slope > 0.0 { 2.0 * (slope - 1.0) / slope } else { 0.0 };
        ((slope - 1.0) * (slope - 1.0), scale)
    }
}
