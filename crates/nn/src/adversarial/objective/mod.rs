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

use crate::ops::known;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use simurgh_kernels::ShapeError;
use simurgh_kernels::shape::Check;
use std::fmt::Debug;

/// What a logit adds to a loss, and the slope of the loss in this logit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Term {
    /// Its own part.
    pub value: f64,
    /// Of the whole loss.
    pub slope: f64,
}

impl Term {
    /// Both.
    const fn new(value: f64, slope: f64) -> Self {
        Self { value, slope }
    }

    /// `log(1 + exp(x))`, the negative log-likelihood of "no" under the logit `x`.
    fn softplus(x: f64) -> Self {
        Self::new(x.max(0.0) + (-x.abs()).exp().ln_1p(), 1.0 / (1.0 + (-x).exp()))
    }

    /// With the opposite slope: as a function of the opposite logit.
    fn mirrored(self) -> Self {
        Self::new(self.value, -self.slope)
    }
}

/// What a discriminator and a generator minimise, of logits above 0 where the discriminator takes a sample for real: means of terms,
/// those of the real logits and those of the generated ones.
pub trait Objective: Debug + Send + Sync {
    /// What a real and a generated logit add to the discriminator's loss. Unless they are paired, neither looks at the other.
    fn discriminator(&self, real: f64, fake: f64) -> [Term; 2];

    /// The same for the generator's loss.
    fn generator(&self, real: f64, fake: f64) -> [Term; 2];

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
        mean(real, fake, |real, fake| self.objective().discriminator(real, fake))
    }

    /// The generator's loss of `real[batch]` and `fake[batch]` logits, `[1]`.
    ///
    /// # Errors
    /// As [`ObjectiveKind::discriminator_loss`].
    pub fn generator_loss(self, real: Tensor<1>, fake: Tensor<1>) -> Result<Tensor<1>, ShapeError> {
        self.check(&real, &fake)?;
        mean(real, fake, |real, fake| self.objective().generator(real, fake))
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

/// The mean of the real logits' terms and that of the generated ones', together.
fn mean(real: Tensor<1>, fake: Tensor<1>, terms: impl Fn(f64, f64) -> [Term; 2]) -> Result<Tensor<1>, ShapeError> {
    let logits = [&real, &fake].map(|x| x.clone().into_data().iter::<f64>().collect::<Vec<f64>>());
    let (mut value, mut slopes) = (0.0, [Vec::new(), Vec::new()]);
    for k in 0..logits[0].len().max(logits[1].len()) {
        // Where there are more of one, the other's are made up, and count for nothing.
        let [of_real, of_fake] = logits.each_ref().map(|x| x.get(k).copied().unwrap_or_default());
        for ((term, logits), slopes) in terms(of_real, of_fake).into_iter().zip(&logits).zip(&mut slopes) {
            if k < logits.len() {
                value += term.value / logits.len() as f64;
                slopes.push(term.slope / logits.len() as f64);
            }
        }
    }
    let [of_real, of_fake] = slopes;
    known(value, [(real, of_real), (fake, of_fake)])
}

/// The discriminator's cross-entropy: its two halves, each a mean (Goodfellow et al. 2014, equation 1, negated).
fn cross_entropy(real: f64, fake: f64) -> [Term; 2] {
    [Term::softplus(-real).mirrored(), Term::softplus(fake)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_loss() {
        let h = 1e-6;
        for kind in ObjectiveKind::ALL {
            let objective = kind.objective();
            for of_generator in [false, true] {
                let loss = |real, fake| match of_generator {
                    false => objective.discriminator(real, fake),
                    true => objective.generator(real, fake),
                };
                let total = |real, fake| loss(real, fake).map(|term| term.value).iter().sum::<f64>();
                for (real, fake) in [(0.3, -0.7), (-2.0, 3.0), (40.0, -50.0), (1.5, 1.4)] {
                    let [of_real, of_fake] = loss(real, fake);
                    let slope = (total(real + h, fake) - total(real - h, fake)) / (2.0 * h);
                    assert!((of_real.slope - slope).abs() < 1e-6, "{kind:?} {real} {fake}: {of_real:?}, {slope}");
                    let slope = (total(real, fake + h) - total(real, fake - h)) / (2.0 * h);
                    assert!((of_fake.slope - slope).abs() < 1e-6, "{kind:?} {real} {fake}: {of_fake:?}, {slope}");
                }
                assert!(total(f64::NAN, f64::NAN).is_nan(), "{kind:?} swallows a NaN");
            }
        }
    }
}
