//! The game: two networks, and a step of both.

use super::recipe::{Order, Recipe};
use super::sampler::Sampler;
use super::share::Moved;
use super::shares::{Moving, each};
use super::side::Side;
use super::source::Source;
use crate::Error;
use crate::schedule::learning_rate;
use simurgh_data::images::Pictures;
use simurgh_nn::adversarial::{Discriminator, Generator, Penalty, PenaltyKind};
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::{Device, Tensor, TensorData};
use simurgh_nn::init::Init;
use simurgh_nn::optimizer::moving_average;
use simurgh_nn::{parallel, parameters};
use std::path::Path;

/// What was measured of a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// The discriminator's loss, without penalties.
    pub discriminator: f64,
    /// The generator's loss.
    pub generator: f64,
    /// All penalties together.
    pub penalty: f64,
    /// The mean slope of the discriminator where the first penalty takes it; 0 without one.
    pub slope: f64,
    /// Mean logits of real and of generated samples.
    pub logits: [f64; 2],
    /// Share of samples on the right side of 0.
    pub accuracy: f64,
    /// Gradient norms of discriminator and generator.
    pub norms: [f64; 2],
}

/// A generator and a discriminator at play.
pub struct Game {
    /// How.
    pub recipe: Recipe,
    pub(super) source: Source,
    pub(super) discriminator: Side<Discriminator>,
    pub(super) generator: Side<Generator>,
    /// Moving average of the generator's parameters; empty without one.
    pub(super) average: Vec<Vec<f32>>,
    /// Steps made.
    pub step: u64,
    /// That networks learn on.
    pub(super) device: Device,
    awake: parallel::Awake,
}

impl Game {
    /// Before its first step, on the recipe's data.
    ///
    /// # Errors
    /// If the data can't be used, or networks of theirs can't be.
    pub fn new(recipe: Recipe, data_directory: Option<&Path>, device: &Device) -> Result<Self, Error> {
        let source = Source::read(&recipe, data_directory)?;
        Self::of(recipe, source, device)
    }

    /// The same on pictures, whatever the recipe's are.
    ///
    /// # Errors
    /// As [`Game::new`].
    pub fn of_pictures(recipe: Recipe, pictures: &Pictures, device: &Device) -> Result<Self, Error> {
        let source = Source::of_pictures(&recipe, pictures)?;
        Self::of(recipe, source, device)
    }

    fn of(recipe: Recipe, source: Source, device: &Device) -> Result<Self, Error> {
        let device = device.clone().autodiff();
        let (shape, init) = (source.shape(), Init::new(recipe.seed, &device));
        let network = recipe.model.discriminator(shape, recipe.equipment(), &init)?;
        let discriminator = Side::new(network, &recipe.train.discriminator);
        let generator = Side::new(recipe.model.generator(shape, &init)?, &recipe.train.generator);
        let average = match recipe.ema.decay > 0.0 {
            true => parameters::collect(generator.network()).into_iter().map(|p| p.data).collect(),
            false => Vec::new(),
        };
        Ok(Self {
            recipe,
            source,
            discriminator,
            generator,
            average,
            step: 0,
            device,
            awake: parallel::Awake::default(),
        })
    }

    /// A step: both networks move as often as their tables say.
    ///
    /// # Errors
    /// If a loss, a gradient or a parameter is no finite number; nothing after it was moved.
    pub fn advance(&mut self) -> Result<Measured, Error> {
        self.step += 1;
        self.awake.call();
        let measured = self.play()?;
        if !self.average.is_empty() {
            let step = self.step as f64;
            // Shorter at first, so that the beginning does not linger.
            let decay = self.recipe.ema.decay.min((1.0 + step) / (10.0 + step));
            moving_average(self.generator.network(), decay, &mut self.average)?;
        }
        Ok(measured)
    }

    /// What both learning rates are multiplied by at the present step.
    pub fn rate(&self) -> f64 {
        let t = &self.recipe.train;
        learning_rate(t.decay, 1.0, t.warmup, self.step, t.steps, 1.0)
    }

    fn play(&mut self) -> Result<Measured, Error> {
        let (rate, step) = (self.rate(), self.step);
        let Self { recipe, source, discriminator, generator, device, .. } = self;
        let (of_discriminator, of_generator) = (&recipe.train.discriminator, &recipe.train.generator);
        let mut measured = Measured::default();
        // Simultaneously: the generator answers what the discriminator is before this step.
        let before = match recipe.adversarial.order {
            Order::Simultaneous => Some(discriminator.network().clone()),
            Order::Alternating => None,
        };
        let moving = Moving { recipe, device, step };
        for k in 0..of_discriminator.steps_per_update {
            if recipe.adversarial.remedies.spectral_norm {
                discriminator.change(Discriminator::iterated);
            }
            let opponent = generator.network().clone().no_grad();
            let network = discriminator.network();
            let shares = moving.of_discriminator(source, k, &opponent)?;
            let moved = Moved::sum(each(&shares, |share| share.of_discriminator(network, &opponent)))?;
            let rate = of_discriminator.learning_rate * rate;
            measured.norms[0] = discriminator.follow(&moved, of_discriminator, rate, (step, "discriminator"))?;
            let most = recipe.adversarial.remedies.clip_weights;
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
            let shares = moving.of_generator(source, k);
            let moved = Moved::sum(each(&shares, |share| share.of_generator(&opponent, network)))?;
            let rate = of_generator.learning_rate * rate;
            measured.norms[1] = generator.follow(&moved, of_generator, rate, (step, "generator"))?;
            measured.generator = moved.sums[0] / moved.parts as f64;
        }
        Ok(measured)
    }

    /// The mean slope of the discriminator at `count` real samples, or packs of them.
    ///
    /// # Errors
    /// If there are none.
    pub fn slope(&mut self, count: usize) -> Result<f64, Error> {
        let network = self.discriminator.network();
        // Of draws that no step makes.
        let samples = count * network.pack();
        let real = self.source.batch(u64::MAX / samples.max(1) as u64 - 1, samples);
        let width = self.source.shape().len();
        let real = network.packed(Tensor::from_data(TensorData::new(real, [samples, width]), &self.device))?;
        let shares = vec![1.0; count];
        let r1 = Penalty { kind: PenaltyKind::R1, weight: 1.0 };
        Ok(r1.of(network, real.clone(), real, &shares, self.recipe.train.precision)?.slope)
    }

    /// The generator as it is evaluated and saved: its average, where there is one.
    ///
    /// # Errors
    /// If a parameter is no finite number.
    pub fn sampler(&self) -> Result<Sampler, Error> {
        let mut all = parameters::collect(self.generator.network());
        all.iter_mut().zip(&self.average).for_each(|(p, average)| p.data.clone_from(average));
        super::check_finite(self.step, &all)?;
        Sampler::new(self.recipe.clone(), self.source.shape(), all)?.calibrated()
    }
}

/// Every parameter from `-most` to `most` (Arjovsky et al. 2017, algorithm 1).
fn clipped(network: Discriminator, most: f64) -> Discriminator {
    let mut all = parameters::collect(&network);
    let most = most as f32;
    all.iter_mut().flat_map(|p| &mut p.data).for_each(|x| *x = x.clamp(-most, most));
    parameters::replace(network, all).expect("the network's own names and shapes")
}
