//! How batches are shared out over threads: in shares of a size that no number of threads changes.

use super::recipe::Recipe;
use super::share::{Share, latent};
use super::source::Source;
use crate::Error;
use simurgh_nn::adversarial::{BatchNorm, Generator, NetworkKind};
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::parallel;
use simurgh_random::{mix, stream};

/// Points of a share: a batch of fewer is not worth another thread.
const POINTS: usize = 128;
/// Pictures of a share.
const PICTURES: usize = 32;

/// What `task` makes of each, on all threads: each by one of them alone where there are enough.
pub(super) fn each<'a, R: Send>(shares: &[Share<'a>], task: impl Fn(&Share<'a>) -> R + Sync) -> Vec<R> {
    if shares.len() < parallel::threads() {
        return shares.iter().map(task).collect();
    }
    parallel::map(shares, |share| parallel::alone(|| task(share)))
}

/// What a batch is drawn for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Discriminator,
    Generator,
}

/// Where a move is made.
pub(super) struct Moving<'a> {
    pub recipe: &'a Recipe,
    pub device: &'a Device,
    pub step: u64,
}

impl<'a> Moving<'a> {
    /// What the discriminator's `k`-th move of this step is made of; a generator that normalises over its batch makes the samples.
    ///
    /// # Errors
    /// If it can't.
    pub fn of_discriminator(
        &self,
        source: &mut Source,
        k: u64,
        generator: &Generator,
    ) -> Result<Vec<Share<'a>>, Error> {
        let (t, model) = (&self.recipe.train, &self.recipe.model);
        let count = self.count(self.discriminator_sees_batches());
        let mut shares = self.drawn(source, Whose::Discriminator, k, count);
        if count > 1 && model.batch_norm != BatchNorm::None {
            for batch in shares.chunks_mut(count) {
                let noise = latent(batch[0].draw, [t.batch, model.latent], self.device);
                let fake = generator.learning(noise, t.precision)?.into_data().convert::<f32>();
                let fake: Vec<f32> = fake.try_into_vec().expect("f32 samples");
                let rows = fake.chunks_exact(fake.len() / count);
                batch.iter_mut().zip(rows).for_each(|(share, rows)| share.fake = rows.to_vec());
            }
        }
        Ok(shares)
    }

    /// What the generator's `k`-th move of this step is made of.
    pub fn of_generator(&self, source: &mut Source, k: u64) -> Vec<Share<'a>> {
        let whole = self.discriminator_sees_batches() || self.recipe.model.batch_norm != BatchNorm::None;
        self.drawn(source, Whose::Generator, k, self.count(whole))
    }

    fn discriminator_sees_batches(&self) -> bool {
        self.recipe.adversarial.remedies.minibatch_deviation || self.recipe.model.batch_norm == BatchNorm::Both
    }

    /// Shares of a batch; a batch that is seen as a whole stays whole.
    fn count(&self, whole: bool) -> usize {
        let (batch, pack) = (self.recipe.train.batch, self.recipe.adversarial.remedies.pack);
        let least = if self.recipe.model.network == NetworkKind::Mlp { POINTS } else { PICTURES };
        let fits = |n: &usize| batch.is_multiple_of(*n) && (batch / n).is_multiple_of(pack);
        let most = if whole { 1 } else { (batch / least).max(1) };
        (1..=most).rev().find(fits).expect("one is a share")
    }

    /// `count` shares of each of a move's batches.
    fn drawn(&self, source: &mut Source, whose: Whose, k: u64, count: usize) -> Vec<Share<'a>> {
        let Self { recipe, device, step } = *self;
        let (t, game) = (&recipe.train, &recipe.adversarial);
        let (batches, moves) = (t.accumulate as u64, t.discriminator.steps_per_update);
        let pairs = game.objective.objective().pairs();
        let others = if pairs { t.generator.steps_per_update } else { 0 };
        let first = if whose == Whose::Discriminator { 0 } else { moves * batches };
        let before = (step - 1) * (moves + others) * batches + first + k * batches;
        let (samples, width) = (t.batch / count, source.shape().len());
        let name = if whose == Whose::Discriminator { "discriminator's draws" } else { "generator's draws" };
        let mut shares = Vec::with_capacity(count * t.accumulate);
        for batch in 0..batches {
            let reads = pairs || whose == Whose::Discriminator;
            let real = if reads { source.batch(before + batch, t.batch) } else { Vec::new() };
            let mut rows = real.chunks_exact(samples * width);
            for share in 0..count as u64 {
                let place = step << 24 | k << 16 | batch << 8 | share;
                let draw = mix(stream(recipe.seed, name) ^ mix(place));
                let real = rows.next().map(<[f32]>::to_vec).unwrap_or_default();
                shares.push(Share { recipe, device, step, draw, samples, real, fake: Vec::new() });
            }
        }
        shares
    }
}
