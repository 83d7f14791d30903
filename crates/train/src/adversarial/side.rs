//! One network of the two, and how it follows its gradients.

use super::recipe::Player;
use super::share::Moved;
use crate::Error;
use simurgh_data::InputError;
use simurgh_nn::burn::module::Module;
use simurgh_nn::optimizer::Optimizer;
use simurgh_nn::parameters::{self, Parameter};

/// One of the two, with what its optimizer keeps.
pub(super) struct Side<M: Module> {
    /// None only while the optimizer has it.
    network: Option<M>,
    pub optimizer: Optimizer,
}

impl<M: Module> Side<M> {
    pub fn new(network: M, player: &Player) -> Self {
        Self { optimizer: Optimizer::new(player.rule(), &network), network: Some(network) }
    }

    pub fn network(&self) -> &M {
        self.network.as_ref().expect("the network is away only during an update")
    }

    /// With these parameters.
    pub fn replace(&mut self, parameters: Vec<Parameter>) {
        let network = self.network.take().expect("the network is away only here");
        self.network = Some(parameters::replace(network, parameters).expect("checked while reading"));
    }

    pub fn change(&mut self, change: impl FnOnce(M) -> M) {
        self.network = self.network.take().map(change);
    }

    /// Follows the mean of gradients that are a sum over `parts`; returns their norm before clipping.
    pub fn follow(
        &mut self,
        moved: &Moved,
        player: &Player,
        rate: f64,
        (step, name): (u64, &str),
    ) -> Result<f64, Error> {
        let clip = moved.gradient.clip(1.0 / moved.parts as f64, player.clip_norm);
        if !clip.before.is_finite() || !moved.sums.iter().all(|x| x.is_finite()) {
            let named = |k: usize| parameters::collect(self.network()).swap_remove(k).name;
            let got = match (moved.gradient.non_finite(), moved.gradient.largest()) {
                (Some(k), _) => format!("the gradient of `{}` with a NaN or an infinity", named(k)),
                // Finite numbers whose squares add up to none.
                (None, Some(k)) if !clip.before.is_finite() => {
                    format!("a gradient norm of {}, most of it of `{}`", clip.before, named(k))
                }
                _ => format!("a gradient norm of {}", clip.before),
            };
            let got = format!("{name}: {got}, a loss of {:e}", moved.sums[0] / moved.parts as f64);
            return Err(diverged(step, got).into());
        }
        let network = self.network.take().expect("the network is away only here");
        self.network = Some(self.optimizer.update(network, &moved.gradient, clip.scale, rate)?);
        Ok(clip.before)
    }
}

pub(super) fn diverged(step: u64, got: String) -> InputError {
    let hint = "lower both learning rates, add a penalty of the slope (r1, r2) or spectral_norm; resume is from the last checkpoint";
    InputError::new("finite losses, gradients and parameters", got, hint)
        .field(format!("training diverged at step {step}"))
}
