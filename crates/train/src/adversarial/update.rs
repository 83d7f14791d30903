//! One move of each network.

use super::recipe::{Order, Player, Recipe};
use super::source::Source;
use crate::Error;
use rayon::prelude::*;
use simurgh_data::InputError;
use simurgh_nn::adversarial::{Critic, Discriminator, Generator, NetworkKind, Penalty};
use simurgh_nn::burn::module::{Module, ModuleMapper, Param};
use simurgh_nn::burn::tensor::{Device, Tensor, TensorData};
use simurgh_nn::normal;
use simurgh_nn::optimizer::{Accumulated, Optimizer};
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::{Pass, Precision};
use simurgh_random::{Random, mix, stream};

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

    fn change(&mut self, change: impl FnOnce(M) -> M) {
        self.network = self.network.take().map(change);
    }

    /// Follows the mean of gradients that are a sum over `parts`; returns their norm before clipping.
    fn follow(&mut self, moved: &Moved, player: &Player, rate: f64, (step, name): (u64, &str)) -> Result<f64, Error> {
        let clip = moved.gradient.clip(1.0 / moved.parts as f64, player.clip_norm);
        if !clip.before.is_finite() || !moved.sums.iter().all(|x| x.is_finite()) {
            let all = || parameters::collect(self.network());
            let got = match moved.gradient.non_finite() {
                Some(k) => format!("the gradient of `{}` with a NaN or an infinity", all().swap_remove(k).name),
                None => format!("a gradient norm of {}", clip.before),
            };
            let got = format!("{name}: {got}, a loss of {}", moved.sums[0] / moved.parts as f64);
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

/// What was measured of a step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    /// The discriminator's loss, without penalties.
    pub discriminator: f64,
    /// The generator's loss.
    pub generator: f64,
    /// All penalties together.
    pub penalty: f64,
    /// The mean slope of the discriminator where the first penalty takes it; NaN without one.
    pub slope: f64,
    /// Mean logits of real and of generated samples.
    pub logits: [f64; 2],
    /// Share of samples on the right side of 0.
    pub accuracy: f64,
    /// Gradient norms of discriminator and generator.
    pub norms: [f64; 2],
}

/// A gradient that was not followed yet.
struct Moved {
    gradient: Accumulated,
    parts: usize,
    /// Loss, penalty, slope, real logit, generated logit, accuracy: sums over the parts.
    sums: [f64; 6],
}

impl Moved {
    /// Of one part, of whose `loss` the gradient is taken.
    fn new(network: &impl Module, loss: Tensor<1>, sums: [f64; 6]) -> Self {
        let gradient = Accumulated::take(network, &mut loss.backward(), &Pass::default());
        Self { gradient, parts: 1, sums }
    }

    /// All together, in their order.
    fn sum(parts: Vec<Result<Self, Error>>) -> Result<Self, Error> {
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

/// The two networks and what they move by.
pub(super) struct Game<'a> {
    pub recipe: &'a Recipe,
    pub source: &'a mut Source,
    pub device: &'a Device,
    /// From 1.
    pub step: u64,
    /// Both learning rates are multiplied by it.
    pub rate: f64,
}

/// What a batch is drawn for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Discriminator,
    Generator,
}

/// A share of a batch, whose gradient is taken by itself: by another thread, where there is one.
struct Share<'a> {
    recipe: &'a Recipe,
    device: &'a Device,
    step: u64,
    /// The seed of its draws.
    draw: u64,
    samples: usize,
    /// Real samples, `[samples, sample]`; empty where none are needed.
    real: Vec<f32>,
}

/// Samples of a share: a batch of fewer is not worth another thread.
const SHARE: usize = 128;

impl Game<'_> {
    /// A step of the game.
    pub fn play(
        &mut self,
        discriminator: &mut Side<Discriminator>,
        generator: &mut Side<Generator>,
    ) -> Result<Measured, Error> {
        let t = &self.recipe.train;
        let (of_discriminator, of_generator) = (&t.discriminator, &t.generator);
        let mut measured = Measured::default();
        // Simultaneously: the generator answers what the discriminator is before this step.
        let before = match self.recipe.adversarial.order {
            Order::Simultaneous => Some(discriminator.network().clone()),
            Order::Alternating => None,
        };
        for k in 0..of_discriminator.steps_per_update {
            if self.recipe.adversarial.remedies.spectral_norm {
                discriminator.change(Discriminator::iterated);
            }
            let opponent = generator.network().clone().no_grad();
            let network = discriminator.network();
            let shares = self.shares(Whose::Discriminator, k);
            let moved = shares.par_iter().map(|share| share.of_discriminator(network, &opponent)).collect();
            let moved = Moved::sum(moved)?;
            let rate = of_discriminator.learning_rate * self.rate;
            measured.norms[0] = discriminator.follow(&moved, of_discriminator, rate, (self.step, "discriminator"))?;
            let most = self.recipe.adversarial.remedies.clip_weights;
            if most > 0.0 {
                discriminator.change(|network| clipped(network, most));
            }
            let [loss, penalty, slope, real, fake, accuracy] = moved.sums.map(|sum| sum / moved.parts as f64);
            (measured.discriminator, measured.penalty, measured.slope) = (loss, penalty, slope);
            (measured.logits, measured.accuracy) = ([real, fake], accuracy);
        }
        for k in 0..of_generator.steps_per_update {
            // The tape leads through the discriminator to the generator and no further.
            let opponent = before.as_ref().unwrap_or_else(|| discriminator.network()).clone().no_grad();
            let network = generator.network();
            let shares = self.shares(Whose::Generator, k);
            let moved = Moved::sum(shares.par_iter().map(|share| share.of_generator(&opponent, network)).collect())?;
            let rate = of_generator.learning_rate * self.rate;
            measured.norms[1] = generator.follow(&moved, of_generator, rate, (self.step, "generator"))?;
            measured.generator = moved.sums[0] / moved.parts as f64;
        }
        Ok(measured)
    }

    /// What a network's `k`-th move of this step is made of: shares of each of its batches, however many threads there are.
    fn shares(&mut self, whose: Whose, k: u64) -> Vec<Share<'_>> {
        let (t, game) = (&self.recipe.train, &self.recipe.adversarial);
        let (batches, moves) = (t.accumulate as u64, t.discriminator.steps_per_update);
        let pairs = game.objective.objective().pairs();
        let others = if pairs { t.generator.steps_per_update } else { 0 };
        let first = if whose == Whose::Discriminator { 0 } else { moves * batches };
        let before = (self.step - 1) * (moves + others) * batches + first + k * batches;
        let whole = |n: &usize| t.batch.is_multiple_of(*n) && (t.batch / n).is_multiple_of(game.remedies.pack);
        // A batch that is seen as a whole stays whole; layers of pictures are work for all threads by themselves.
        let most = match self.recipe.model.network {
            NetworkKind::Mlp if !game.remedies.minibatch_deviation => t.batch / SHARE,
            _ => 1,
        };
        let count = (1..=most.max(1)).rev().find(whole).expect("one is a share");
        let (samples, width) = (t.batch / count, self.source.shape().len());
        let name = if whose == Whose::Discriminator { "discriminator's draws" } else { "generator's draws" };
        let mut shares = Vec::with_capacity(count * t.accumulate);
        for batch in 0..batches {
            let reads = pairs || whose == Whose::Discriminator;
            let real = if reads { self.source.batch(before + batch, t.batch) } else { Vec::new() };
            let mut rows = real.chunks_exact(samples * width);
            for share in 0..count as u64 {
                let place = self.step << 24 | k << 16 | batch << 8 | share;
                let draw = mix(stream(self.recipe.seed, name) ^ mix(place));
                let real = rows.next().map(<[f32]>::to_vec).unwrap_or_default();
                shares.push(Share { recipe: self.recipe, device: self.device, step: self.step, draw, samples, real });
            }
        }
        shares
    }
}

impl Share<'_> {
    /// The discriminator's loss and its gradient.
    fn of_discriminator(&self, network: &Discriminator, generator: &Generator) -> Result<Moved, Error> {
        let (game, precision) = (&self.recipe.adversarial, self.recipe.train.precision);
        let network = &leaves(network);
        let real = network.packed(self.veiled(self.real(), 1))?;
        let fake = network.packed(self.veiled(generator.learning(self.noise(), precision)?, 2))?;
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
    fn of_generator(&self, opponent: &Discriminator, network: &Generator) -> Result<Moved, Error> {
        let (game, precision) = (&self.recipe.adversarial, self.recipe.train.precision);
        let network = &leaves(network);
        let fake = opponent.packed(self.veiled(network.learning(self.noise(), precision)?, 2))?;
        let of_fake = opponent.logits(fake, precision)?;
        let of_real = match self.real.is_empty() {
            true => of_fake.clone().detach(),
            false => opponent.logits(opponent.packed(self.veiled(self.real(), 1))?, precision)?.detach(),
        };
        let loss = game.objective.generator_loss(of_real, of_fake)?;
        let value = scalar(&loss);
        Ok(Moved::new(network, loss, [value, 0.0, 0.0, 0.0, 0.0, 0.0]))
    }

    fn real(&self) -> Tensor<2> {
        let width = self.real.len() / self.samples;
        Tensor::from_data(TensorData::new(self.real.clone(), [self.samples, width]), self.device)
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

/// Every parameter from `-most` to `most` (Arjovsky et al. 2017, algorithm 1).
fn clipped(network: Discriminator, most: f64) -> Discriminator {
    let mut all = parameters::collect(&network);
    let most = most as f32;
    all.iter_mut().flat_map(|p| &mut p.data).for_each(|x| *x = x.clamp(-most, most));
    parameters::replace(network, all).expect("the network's own names and shapes")
}

/// The precision of what is not learnt from.
pub(super) const EXACT: Precision = Precision::F32;
