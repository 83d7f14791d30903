//! One update of the parameters.

use super::{Loop, Observer, Status, diverged};
use crate::Error;
use crate::schedule::learning_rate;
use simurgh_data::text::tokenizer::{END, START};
use simurgh_nn::ops::Keep;
use simurgh_nn::optimizer::{Accumulated, moving_average};
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::Pass;
use simurgh_nn::seq2seq::Batch;
use simurgh_random::{Random, mix, stream};
use std::num::NonZeroUsize;

impl Loop {
    /// The training pairs `indices`, cut anew where the recipe says so.
    fn batch(&self, indices: &[usize]) -> Batch {
        let epoch = mix(stream(self.recipe.seed, "bpe-dropout") ^ mix(self.progress.epoch));
        let cut = |&i: &usize| {
            let (source, target) = &self.pairs[i];
            let Some(dropout) = &self.bpe_dropout else { return (source.clone(), target.clone()) };
            let mut random = Random::new(epoch ^ mix(i as u64));
            (dropout.cut(source, &mut random), dropout.cut(target, &mut random))
        };
        let pairs: Vec<(Vec<u32>, Vec<u32>)> = indices.iter().map(cut).collect();
        let pairs: Vec<(&[u32], &[u32])> = pairs.iter().map(|(s, t)| (s.as_slice(), t.as_slice())).collect();
        Batch::new(&pairs, START, END).expect("corpora hold no empty sentence")
    }

    /// One update from the gradients of `group`'s batches.
    pub(super) fn update(
        &mut self,
        group: &[Vec<usize>],
        steps: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let t = &self.recipe.train;
        let step = self.progress.step + 1;
        let mut gradient: Option<Accumulated> = None;
        let mut sums = [0.0; 3];
        let mut tokens = 0;
        for (part, indices) in group.iter().enumerate() {
            let batch = self.batch(indices);
            let draws = mix(stream(self.recipe.seed, "dropout") ^ mix(step << 16 | part as u64));
            let bptt = &self.recipe.bptt;
            let mut pass = Pass {
                window_steps: NonZeroUsize::new(bptt.window_steps),
                keep: if bptt.checkpoint { Keep::Borders } else { Keep::All },
                ..self.model().training(draws, t.precision)
            };
            let loss = self.model().loss(&batch, t.label_smoothing, &mut pass)?;
            sums.iter_mut().zip(loss.values()).for_each(|(s, v)| *s += v);
            tokens += batch.tokens();
            let more = Accumulated::take(self.model(), &mut loss.smoothed().backward(), &pass);
            match &mut gradient {
                Some(sum) => sum.add(more)?,
                None => gradient = Some(more),
            }
        }
        let gradient = gradient.expect("an update has a batch");
        // The mean over the update's tokens, clipped by the norm over all parameters.
        let mean = 1.0 / tokens as f64;
        let clip = gradient.clip(mean, t.clip_norm);
        if !clip.before.is_finite() || !sums[0].is_finite() {
            // The norm of finite numbers may overflow too.
            let name = |k: usize| parameters::collect(self.model()).swap_remove(k).name;
            let got = match gradient.non_finite() {
                Some(k) => {
                    format!("the gradient of `{}` with a NaN or an infinity, a loss of {}", name(k), sums[0] * mean)
                }
                // Finite numbers whose sums are none: the largest of the parameters says where.
                None => {
                    let all = parameters::collect(self.model());
                    let largest = |p: &Parameter| p.data.iter().fold(0.0f32, |most, x| most.max(x.abs()));
                    let (name, most) = all
                        .iter()
                        .map(|p| (&p.name, largest(p)))
                        .max_by(|a, b| a.1.total_cmp(&b.1))
                        .expect("a network has parameters");
                    let (norm, loss) = (clip.before, sums[0] * mean);
                    format!(
                        "a gradient norm of {norm}, a loss of {loss}, where the largest parameter is {most:e} in `{name}`"
                    )
                }
            };
            return Err(diverged(step, "a finite gradient and loss", got).into());
        }
        let factor = self.progress.factor.unwrap_or(1.0);
        let rate = learning_rate(t.decay, t.learning_rate, t.warmup, step, steps, factor);
        // By value: the optimizer updates in place what nothing else holds.
        let model = self.model.take().expect("the model is only away here");
        self.model = Some(self.optimizer.update(model, &gradient, clip.scale, rate)?);
        if t.average > 0.0 {
            // Shorter at first, so that the beginning does not linger.
            let decay = t.average.min((1.0 + step as f64) / (10.0 + step as f64));
            let model = self.model.as_ref().expect("just put back");
            moving_average(model, decay, &mut self.average)?;
        }
        let p = &mut self.progress;
        p.step = step;
        p.tokens += tokens as u64;
        let clipped = f64::from(u8::from(clip.clipped));
        let add = [sums[0], sums[1], sums[2], tokens as f64, clip.before, clipped, 1.0];
        p.window.iter_mut().zip(add).for_each(|(w, a)| *w += a);
        let loss = p.window[0] / p.window[3];
        observer.update(&Status { step, steps, epoch: p.epoch, loss, tokens, learning_rate: rate });
        if step.is_multiple_of(t.log_every) {
            let [loss, nll, correct, tokens, norm, clipped, updates] = std::mem::take(&mut p.window);
            for (name, value) in [
                ("loss", loss / tokens),
                ("nll", nll / tokens),
                ("accuracy", correct / tokens),
                ("gradient_norm", norm / updates),
                ("clipped", clipped / updates),
                ("learning_rate", rate),
                ("tokens", self.progress.tokens as f64),
            ] {
                self.events.write(step, "train", name, value)?;
            }
        }
        Ok(())
    }
}
