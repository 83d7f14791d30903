//! A network's losses and their gradients, a share of a batch at a time.

use super::recipe::Recipe;
use crate::Error;
use simurgh_nn::adversarial::{Critic, Discriminator, Generator, Penalty};
use simurgh_nn::burn::module::{Module, ModuleMapper, Param};
use simurgh_nn::burn::tensor::{Device, Tensor, TensorData};
use simurgh_nn::normal;
use simurgh_nn::optimizer::Accumulated;
use simurgh_nn::pass::{Pass, Precision};
use simurgh_random::{Random, mix};

/// A gradient that was not followed yet.
pub(super) struct Moved {
    pub gradient: Accumulated,
    pub parts: usize,
    /// Loss, penalty, slope, real logit, generated logit, accuracy: sums over the parts.
    pub sums: [f64; 6],
}

impl Moved {
    /// Of one part, of whose `loss` the gradient is taken.
    fn new(network: &impl Module, loss: Tensor<1>, sums: [f64; 6]) -> Self {
        let gradient = Accumulated::take(network, &mut loss.backward(), &Pass::default());
        Self { gradient, parts: 1, sums }
    }

    /// All together, in their order.
    pub fn sum(parts: Vec<Result<Self, Error>>) -> Result<Self, Error> {
        let mut parts = parts.into_iter();
        let mut sum = parts.next().expect("at least one part")?;
        for part in parts {
            let part = part?;
            sum.gradient.add(part.gradient)?;
            sum.parts += part.parts;
            sum.sums.iter_mut().zip(part.sums).for_each(|(sum, x)| *sum += x);
        }
        Ok(sum)
    }
}

/// A share of a batch, whose gradient is taken by itself: by another thread, where there is one.
pub(super) struct Share<'a> {
    pub recipe: &'a Recipe,
    pub device: &'a Device,
    pub step: u64,
    /// The seed of its draws.
    pub draw: u64,
    pub samples: usize,
    /// Real samples, `[samples, sample]`; empty where none are needed.
    pub real: Vec<f32>,
    /// Generated ones, the same, where the whole batch's were made together; empty where the share makes its own.
    pub fake: Vec<f32>,
}

impl Share<'_> {
    /// The discriminator's loss and its gradient.
    pub fn of_discriminator(&self, network: &Discriminator, generator: &Generator) -> Result<Moved, Error> {
        let (game, precision) = (&self.recipe.adversarial, self.recipe.train.precision);
        let network = &leaves(network);
        let real = network.packed(self.veiled(self.tensor(&self.real), 1))?;
        let fake = match self.fake.is_empty() {
            true => generator.learning(self.noise(), precision)?,
            false => self.tensor(&self.fake),
        };
        let fake = network.packed(self.veiled(fake, 2))?;
        let of_real = network.logits(real.clone(), precision)?;
        let of_fake = network.logits(fake.clone(), precision)?;
        let [reals, fakes] = [&of_real, &of_fake].map(|x| x.clone().into_data().iter::<f64>().collect::<Vec<f64>>());
        let mut loss = game.objective.discriminator_loss(of_real, of_fake)?;
        let value = scalar(&loss);
        // A slope that nobody takes is no divergence.
        let (mut penalty, mut slope) = (0.0, None);
        let mut random = Random::new(mix(self.draw ^ 3));
        for term in game.penalty.iter().filter(|p| p.weight > 0.0) {
            let shares: Vec<f64> = reals.iter().map(|_| random.uniform()).collect();
            let one = Penalty::of(term, network, real.clone(), fake.clone(), &shares, precision)?;
            penalty += one.value;
            slope = slope.or(Some(one.slope));
            loss = loss + one.gradient;
        }
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let right = reals.iter().filter(|x| **x > 0.0).count() + fakes.iter().filter(|x| **x < 0.0).count();
        let accuracy = right as f64 / (reals.len() + fakes.len()) as f64;
        let sums = [value, penalty, slope.unwrap_or(0.0), mean(&reals), mean(&fakes), accuracy];
        Ok(Moved::new(network, loss, sums))
    }

    /// The generator's loss and its gradient.
    pub fn of_generator(&self, opponent: &Discriminator, network: &Generator) -> Result<Moved, Error> {
        let (game, precision) = (&self.recipe.adversarial, self.recipe.train.precision);
        let network = &leaves(network);
        let fake = opponent.packed(self.veiled(network.learning(self.noise(), precision)?, 2))?;
        let of_fake = opponent.logits(fake, precision)?;
        let of_real = match self.real.is_empty() {
            true => of_fake.clone().detach(),
            false => opponent.logits(opponent.packed(self.veiled(self.tensor(&self.real), 1))?, precision)?.detach(),
        };
        let loss = game.objective.generator_loss(of_real, of_fake)?;
        let value = scalar(&loss);
        Ok(Moved::new(network, loss, [value, 0.0, 0.0, 0.0, 0.0, 0.0]))
    }

    fn tensor(&self, samples: &[f32]) -> Tensor<2> {
        let width = samples.len() / self.samples;
        Tensor::from_data(TensorData::new(samples.to_vec(), [self.samples, width]), self.device)
    }

    fn noise(&self) -> Tensor<2> {
        latent(self.draw, [self.samples, self.recipe.model.latent], self.device)
    }

    /// Behind instance noise, where there is some at this step.
    fn veiled(&self, x: Tensor<2>, draw: u64) -> Tensor<2> {
        let deviation = self.recipe.instance_noise(self.step);
        if deviation == 0.0 {
            return x;
        }
        let noise = latent(mix(self.draw ^ draw), x.dims(), &x.device());
        x + noise * deviation
    }
}

/// The network, its parameters at the beginning of a tape of their own.
fn leaves<M: Module>(network: &M) -> M {
    struct Leaves;
    impl ModuleMapper for Leaves {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|value| value.detach().require_grad())
        }
    }
    network.clone().map(&mut Leaves)
}

/// Normal numbers.
pub(super) fn latent(seed: u64, [rows, width]: [usize; 2], device: &Device) -> Tensor<2> {
    let mut data = vec![0.0f32; rows * width];
    normal(&mut data, seed);
    Tensor::from_data(TensorData::new(data, [rows, width]), device)
}

fn scalar(loss: &Tensor<1>) -> f64 {
    loss.clone().into_data().iter::<f64>().next().expect("a loss is a number")
}

/// The precision of what is not learnt from.
pub(super) const EXACT: Precision = Precision::F32;
