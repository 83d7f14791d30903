//! A discriminator that is trained afresh against a generator that stands still: what it can tell apart says how far the generator's
//! samples are from the data, and what it teaches says what a generator would learn (Arjovsky & Bottou 2017, section 2).

use super::game::Game;
use super::recipe::{Recipe, Remedies};
use super::share::{EXACT, Moved, Share, latent};
use super::side::Side;
use crate::Error;
use simurgh_nn::adversarial::{Critic, Discriminator, ObjectiveKind};
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::{Tensor, TensorData};
use simurgh_nn::init::Init;
use simurgh_random::{mix, stream};
use std::f64::consts::LN_2;

/// Batches of real samples before those that a probe learns from: no game is so long.
const BEYOND: u64 = 1 << 40;

/// A fresh discriminator, trained by cross-entropy alone.
pub struct Probe<'a> {
    game: &'a mut Game,
    /// The game's, without penalties and remedies; with the minimax and the non-saturating loss.
    recipes: [Recipe; 2],
    network: Side<Discriminator>,
    seed: u64,
    steps: u64,
}

/// What a probe says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Steps that it has learnt.
    pub steps: u64,
    /// Share of samples on the right side: real ones that it learnt from, and held-out ones, each with as many generated ones.
    pub accuracy: [f64; 2],
    /// Lower bound of the Jensen-Shannon divergence, nats, on held-out and newly generated samples: at most log 2.
    pub jensen_shannon: f64,
    /// Its standard error.
    pub error: f64,
    /// Norm of the generator's gradient by the minimax loss log(1 - D).
    pub minimax: f64,
    /// The same by the non-saturating loss -log D.
    pub non_saturating: f64,
    /// Mean squared distance of a batch's non-saturating gradient from their mean.
    pub variance: f64,
}

impl<'a> Probe<'a> {
    /// Before its first step.
    ///
    /// # Errors
    /// If there is no such network.
    pub fn new(game: &'a mut Game, seed: u64) -> Result<Self, Error> {
        let of = |objective| {
            let mut recipe = game.recipe.clone();
            recipe.adversarial.objective = objective;
            recipe.adversarial.penalty = Vec::new();
            recipe.adversarial.remedies = Remedies::default();
            recipe
        };
        let recipes = [ObjectiveKind::Minimax, ObjectiveKind::NonSaturating].map(of);
        let (recipe, seed) = (&recipes[0], stream(seed, "probe"));
        let init = Init::new(seed, &game.device);
        let network = recipe.model.discriminator(game.source.shape(), recipe.equipment(), &init)?;
        let network = Side::new(network, &recipe.train.discriminator);
        Ok(Self { game, recipes, network, seed, steps: 0 })
    }

    /// A step of the discriminator alone.
    ///
    /// # Errors
    /// If it diverges.
    pub fn advance(&mut self) -> Result<(), Error> {
        self.steps += 1;
        let recipe = &self.recipes[0];
        let real = self.game.source.batch(BEYOND + self.steps, recipe.train.batch);
        let share = share(recipe, self.game, mix(self.seed ^ self.steps), real);
        let generator = self.game.generator.network().clone().no_grad();
        let moved = share.of_discriminator(self.network.network(), &generator)?;
        let player = &recipe.train.discriminator;
        self.network.follow(&moved, player, player.learning_rate, (self.steps, "probe"))?;
        Ok(())
    }

    /// What it says, by so many batches.
    ///
    /// # Errors
    /// If there is none.
    pub fn read(&mut self, batches: u64) -> Result<Reading, Error> {
        let (network, count) = (self.network.network().clone().no_grad(), self.recipes[0].train.batch);
        let mut logits: [Vec<f64>; 3] = Default::default();
        let mut gradients: [Vec<Moved>; 2] = Default::default();
        for batch in 0..batches {
            let draw = mix(self.seed ^ mix(BEYOND + batch));
            // Of what it has learnt from last, or learns from first.
            let seen = self.steps.saturating_sub(batch).max(1);
            let real = self.game.source.batch(BEYOND + seen, count);
            let held_out = self.game.source.held_out(count, draw);
            let generator = self.game.generator.network();
            let noise = latent(draw, [count, self.recipes[0].model.latent], &self.game.device);
            let fake = generator.learning(noise, EXACT)?.inner();
            let width = self.game.source.shape().len();
            let rows =
                |data| Tensor::from_data(TensorData::new(data, [count, width]), &self.game.device.clone().inner());
            let plain = network.valid();
            for (all, x) in logits.iter_mut().zip([rows(real), rows(held_out), fake]) {
                all.extend(plain.logits(x, EXACT)?.into_data().iter::<f64>());
            }
            for (all, recipe) in gradients.iter_mut().zip(&self.recipes) {
                let share = share(recipe, self.game, draw, Vec::new());
                all.push(share.of_generator(&network, generator)?);
            }
        }
        let [real, held_out, fake] = &logits;
        let right = |real: &[f64]| {
            let right = real.iter().filter(|x| **x > 0.0).count() + fake.iter().filter(|x| **x < 0.0).count();
            right as f64 / (real.len() + fake.len()) as f64
        };
        let (bound, error) = jensen_shannon(held_out, fake);
        let [minimax, non_saturating] = gradients.map(spread);
        let ((minimax, _), (non_saturating, variance)) = (minimax?, non_saturating?);
        Ok(Reading {
            steps: self.steps,
            accuracy: [right(real), right(held_out)],
            jensen_shannon: bound,
            error,
            minimax,
            non_saturating,
            variance,
        })
    }
}

fn share<'a>(recipe: &'a Recipe, game: &'a Game, draw: u64, real: Vec<f32>) -> Share<'a> {
    Share { recipe, device: &game.device, step: 1, draw, samples: recipe.train.batch, real, fake: Vec::new() }
}

/// The lower bound `log 2 - L / 2` of the Jensen-Shannon divergence by logits of real and generated samples, L the sum of the two halves
/// of a discriminator's cross-entropy on them, and its standard error.
pub fn jensen_shannon(real: &[f64], fake: &[f64]) -> (f64, f64) {
    let ((a, of_a), (b, of_b)) = (cross_entropy(real, -1.0), cross_entropy(fake, 1.0));
    (LN_2 - 0.5 * (a + b), 0.5 * (of_a + of_b).sqrt())
}

/// The mean of log(1 + exp(sign s)) over logits, and the variance of that mean.
fn cross_entropy(logits: &[f64], sign: f64) -> (f64, f64) {
    let losses = logits.iter().map(|s| (sign * s).max(0.0) + (-s.abs()).exp().ln_1p());
    let count = logits.len() as f64;
    let mean = losses.clone().sum::<f64>() / count;
    (mean, losses.map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count * count))
}

/// The norm of the mean of gradients, and their mean squared distance from it.
fn spread(all: Vec<Moved>) -> Result<(f64, f64), Error> {
    let count = all.len() as f64;
    let squares: f64 = all.iter().map(|moved| moved.gradient.norm().powi(2)).sum();
    let norm = Moved::sum(all.into_iter().map(Ok).collect())?.gradient.norm() / count;
    Ok((norm, (squares / count - norm * norm).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::parse;
    use simurgh_nn::burn::tensor::Device;

    fn game(seed: u64) -> Game {
        let text =
            "task = \"adversarial\"\n[data]\nmixture = \"ring8\"\n[model]\nhidden = [64, 64]\n[train]\nbatch = 64";
        let mut recipe: Recipe = parse(text, &[]).unwrap();
        (recipe.seed, recipe.train.discriminator.learning_rate) = (seed, 5e-3);
        Game::new(recipe, None, &Device::flex()).unwrap()
    }

    #[test]
    fn a_probe_tells_an_untrained_generator_from_the_data_and_leaves_the_game_as_it_is() {
        let mut game = game(3);
        let before = game.advance().unwrap();
        let mut probe = Probe::new(&mut game, 1).unwrap();
        let first = probe.read(4).unwrap();
        (0..400).for_each(|_| probe.advance().unwrap());
        let last = probe.read(4).unwrap();
        assert_eq!((first.steps, last.steps), (0, 400));
        assert!(last.jensen_shannon > first.jensen_shannon + 0.3 && last.jensen_shannon <= LN_2, "{first:?} {last:?}");
        assert!(last.accuracy.iter().all(|x| (0.9..=1.0).contains(x)) && last.error > 0.0, "{last:?}");
        assert!(
            last.minimax < 0.3 * last.non_saturating && last.non_saturating > first.non_saturating,
            "{first:?} {last:?}"
        );
        assert!(last.variance >= 0.0);
        let again = {
            let mut probe = Probe::new(&mut game, 1).unwrap();
            (0..400).for_each(|_| probe.advance().unwrap());
            probe.read(4).unwrap()
        };
        assert_eq!(again, last);
        // A game that nobody looked at goes the same way.
        let mut other = self::game(3);
        assert_eq!(format!("{before:?}"), format!("{:?}", other.advance().unwrap()));
        assert_eq!(format!("{:?}", game.advance().unwrap()), format!("{:?}", other.advance().unwrap()));
    }
}
