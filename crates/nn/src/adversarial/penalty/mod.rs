//! Penalties of a discriminator's slope, without differentiating twice.
//!
//! The gradient of a penalty of `g = d logit / d x` needs no second-order tape: with `g` held fixed, `g . d logit / d x` is a
//! derivative along a direction, which a tangent pass computes, and its gradient in the parameters is that of `|g|^2 / 2`.

mod r1;
mod r2;
mod two_sided;

use super::Critic;
use crate::pass::Precision;
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;

/// Which slope is penalised, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyKind {
    /// Half the squared slope at real samples.
    R1,
    /// Half the squared slope at generated samples.
    R2,
    /// The squared distance of the slope from 1, at points between real samples and generated ones.
    GradientPenalty,
}

/// A penalty with its weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Penalty {
    /// Which one.
    pub kind: PenaltyKind,
    /// What it is multiplied by.
    pub weight: f64,
}

/// What a penalty came to.
#[derive(Debug)]
pub struct Penalised {
    /// `[1]`: its gradient in the parameters is the penalty's; its value is not.
    pub gradient: Tensor<1>,
    /// The weighted penalty, a mean over the batch.
    pub value: f64,
    /// The mean slope, `|d logit / d x|`.
    pub slope: f64,
}

/// A kind of penalty.
trait Slope {
    /// Where the slope is taken: `real`, `fake`, or points between at these shares of `real`, all `[batch, width]` or `[batch]`.
    fn points(&self, real: Tensor<2>, fake: Tensor<2>, shares: &[f64]) -> Result<Tensor<2>, ShapeError>;
    /// The penalty of a slope, and what multiplies the gradient of half the slope's square: half the square, unless said otherwise.
    fn of(&self, slope: f64) -> (f64, f64) {
        (slope * slope / 2.0, 1.0)
    }
}

impl PenaltyKind {
    fn slope(self) -> &'static dyn Slope {
        match self {
            Self::R1 => &r1::R1,
            Self::R2 => &r2::R2,
            Self::GradientPenalty => &two_sided::TwoSided,
        }
    }
}

impl Penalty {
    /// The penalty of `critic` on a batch, `real[batch, width]` and `fake[batch, width]`, off any tape; points between lie at these
    /// shares of the real ones.
    ///
    /// # Errors
    /// If there are no samples, or of points between not as many of all three.
    pub fn of<C: Critic + Module>(
        &self,
        critic: &C,
        real: Tensor<2>,
        fake: Tensor<2>,
        shares: &[f64],
        precision: Precision,
    ) -> Result<Penalised, ShapeError> {
        let kind = self.kind.slope();
        let x = kind.points(real, fake, shares)?;
        let [batch, width] = x.dims();
        Check("gradient penalty").some("the batch", batch)?;
        // A tape for the samples alone: that of the parameters would be computed for nothing.
        let leaf = x.detach().require_grad();
        let logits = critic.clone().no_grad().logits(leaf.clone(), precision)?;
        let gradients = logits.sum().backward();
        let direction = leaf.grad(&gradients).expect("logits depend on their samples");
        let along: Vec<f64> = direction.clone().into_data().iter::<f64>().collect();
        let slopes: Vec<f64> = along.chunks_exact(width).map(|g| g.iter().map(|x| x * x).sum::<f64>().sqrt()).collect();
        let each: Vec<(f64, f64)> = slopes.iter().map(|slope| kind.of(*slope)).collect();
        let count = batch as f64;
        // Along with the direction: where a logit sees other samples too, it moves with all of theirs.
        let scales: Vec<f64> = each.iter().map(|(_, scale)| self.weight * scale / count).collect();
        let scales = Tensor::<2>::from_data(TensorData::new(scales, [batch, 1]), (&leaf.device(), leaf.dtype()));
        let (_, along) = critic.tangent(leaf.detach(), Tensor::from_inner(direction) * scales, precision)?;
        Ok(Penalised {
            gradient: along.sum(),
            value: self.weight * each.iter().map(|(value, _)| value).sum::<f64>() / count,
            slope: slopes.iter().sum::<f64>() / count,
        })
    }
}
