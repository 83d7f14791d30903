//! What the two networks minimise, of the discriminator's logits on real samples and on generated ones.
//!
//! Every loss is a mean over the batch, written so that no logit, however large, overflows.

mod hinge;
mod least_squares;
mod minimax;
mod non_saturating;
mod relativistic;
mod wasserstein;

pub use hinge::Hinge;
pub use least_squares::LeastSquares;
pub use minimax::Minimax;
pub use non_saturating::NonSaturating;
pub use relativistic::Relativistic;
pub use wasserstein::Wasserstein;

use burn::tensor::Tensor;
use burn::tensor::activation::log_sigmoid;
use serde::{Deserialize, Serialize};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;
use std::fmt::Debug;

/// What a discriminator and a generator minimise: of logits `[batch]`, above 0 where the discriminator takes a sample for real.
pub trait Objective: Debug + Send + Sync {
    /// The discriminator's loss, `[1]`.
    fn discriminator(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1>;

    /// The generator's loss, `[1]`.
    fn generator(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1>;

    /// Does the generator's loss depend on the logits of real samples, each of which is then paired with a generated one?
    fn pairs(&self) -> bool {
        false
    }
}

/// The objectives by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveKind {
    /// The game of the theory, whose generator learns nothing where it is told apart.
    Minimax,
    /// The same discriminator; a generator that learns most where it is told apart.
    #[default]
    NonSaturating,
    /// Squared distances from 1 and 0.
    LeastSquares,
    /// Margins around 0.
    Hinge,
    /// The difference of means: a distance of distributions, if the discriminator is kept from being steep.
    Wasserstein,
    /// Logits of pairs against each other.
    Relativistic,
}

impl ObjectiveKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Minimax, Self::NonSaturating, Self::LeastSquares, Self::Hinge, Self::Wasserstein, Self::Relativistic];

    /// The losses.
    pub fn objective(self) -> &'static dyn Objective {
        match self {
            Self::Minimax => &Minimax,
            Self::NonSaturating => &NonSaturating,
            Self::LeastSquares => &LeastSquares,
            Self::Hinge => &Hinge,
            Self::Wasserstein => &Wasserstein,
            Self::Relativistic => &Relativistic,
        }
    }

    /// The discriminator's loss of `real[batch]` and `fake[batch]` logits, `[1]`.
    ///
    /// # Errors
    /// If there are none, or where they are paired not as many of both.
    pub fn discriminator_loss(self, real: Tensor<1>, fake: Tensor<1>) -> Result<Tensor<1>, ShapeError> {
        self.check(&real, &fake)?;
        Ok(self.objective().discriminator(real, fake))
    }

    /// The generator's loss of `real[batch]` and `fake[batch]` logits, `[1]`.
    ///
    /// # Errors
    /// As [`ObjectiveKind::discriminator_loss`].
    pub fn generator_loss(self, real: Tensor<1>, fake: Tensor<1>) -> Result<Tensor<1>, ShapeError> {
        self.check(&real, &fake)?;
        Ok(self.objective().generator(real, fake))
    }

    fn check(self, real: &Tensor<1>, fake: &Tensor<1>) -> Result<(), ShapeError> {
        let ([real], [fake], check) = (real.dims(), fake.dims(), Check("adversarial objective"));
        check.some("the batch of real logits", real)?;
        check.some("the batch of fake logits", fake)?;
        if self.objective().pairs() {
            check.dimension("number of fake logits", fake, real)?;
        }
        Ok(())
    }
}

/// `log(1 + exp(x))`, the negative log-likelihood of "no" under the logit `x`.
fn softplus(x: Tensor<1>) -> Tensor<1> {
    -log_sigmoid(-x)
}

/// The discriminator's cross-entropy: its two halves, each a mean (Goodfellow et al. 2014, equation 1, negated).
fn cross_entropy(real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
    softplus(-real).mean() + softplus(fake).mean()
}
