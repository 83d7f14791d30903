//! One update of the parameters.

use super::{Loop, Moment, Observer, Status, Task, diverged};
use crate::Error;
use crate::recipe::{SequenceRecipe, TaskRecipe};
use crate::schedule::learning_rate;
use crate::scheduled_sampling::Schedule;
use simurgh_nn::ops::Keep;
use simurgh_nn::optimizer::{Accumulated, moving_average};
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::Pass;
use simurgh_nn::scheduled_sampling::Teacher;
use simurgh_random::{mix, stream};
use std::num::NonZeroUsize;
use std::sync::Arc;

impl<T: Task> Loop<T> {
    /// One update from the gradients of `group`'s batches.
    pub(super) fn update(
        &mut self,
        group: &[Vec<usize>],
        steps: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let recipe = self.task.recipe();
        let (t, bptt) = (recipe.train(), recipe.bptt());
        let step = self.progress.step + 1;
        let forcing = recipe.teacher_forcing();
        let teacher = forcing.at(self.progress.step, steps, recipe.seed());
        let mut gradient: Option<Accumulated> = None;
        let mut sums = [0.0; 3];
        let mut count = 0;
        for (part, batch) in group.iter().enumerate() {
            let draws = mix(stream(recipe.seed(), "dropout") ^ mix(step << 16 | part as u64));
            let mut pass = Pass {
                noise: self.task.noise(draws),
                precision: t.precision,
                window_steps: NonZeroUsize::new(bptt.window_steps),
                keep: if bptt.checkpoint { Keep::Borders } else { Keep::All },
                rows: Some(Arc::default()),
                observer: None,
            };
            let network = self.network.as_ref().expect("the network is away only at the end");
            let teacher = Teacher { seed: mix(teacher.seed ^ part as u64), ..teacher };
            let moment = &mut Moment { epoch: self.progress.epoch, teacher, carried: &mut self.carried };
            let made = self.task.loss(network, batch, moment, &mut pass)?;
            sums.iter_mut().zip(made.sums).for_each(|(s, v)| *s += v);
            count += made.count;
            let more = Accumulated::take(self.network(), &mut made.loss.backward(), &pass);
            match &mut gradient {
                Some(sum) => sum.add(more)?,
                None => gradient = Some(more),
            }
        }
        let gradient = gradient.expect("an update has a batch");
        // The mean over what the update saw, clipped by the norm over all parameters.
        let mean = 1.0 / count as f64;
        let clip = gradient.clip(mean, t.clip_norm);
        if !clip.before.is_finite() || !sums[0].is_finite() {
            // The norm of finite numbers may overflow too.
            let name = |k: usize| parameters::collect(self.network()).swap_remove(k).name;
            let got = match gradient.non_finite() {
                Some(k) => {
                    format!("the gradient of `{}` with a NaN or an infinity, a loss of {}", name(k), sums[0] * mean)
                }
                // Finite numbers whose sums are none: the largest of the parameters says where.
                None => {
                    let all = parameters::collect(self.network());
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
        let network = self.network.take().expect("the network is only away here");
        self.network = Some(self.optimizer.update(network, &gradient, clip.scale, rate)?);
        if t.average > 0.0 {
            // Shorter at first, so that the beginning does not linger.
            let decay = t.average.min((1.0 + step as f64) / (10.0 + step as f64));
            let network = self.network.as_ref().expect("just put back");
            moving_average(network, decay, &mut self.average)?;
        }
        let p = &mut self.progress;
        p.step = step;
        p.seen += count as u64;
        let clipped = f64::from(u8::from(clip.clipped));
        let add = [sums[0], sums[1], sums[2], count as f64, clip.before, clipped, 1.0];
        p.window.iter_mut().zip(add).for_each(|(w, a)| *w += a);
        let loss = p.window[0] / p.window[3];
        observer.update(&Status { step, steps, epoch: p.epoch, loss, count, unit: T::UNIT, learning_rate: rate });
        if step.is_multiple_of(t.log_every) {
            let [first, second, third, count, norm, clipped, updates] = std::mem::take(&mut p.window);
            for (name, sum) in T::SUMS.into_iter().zip([first, second, third]) {
                self.events.write(step, "train", name, sum / count)?;
            }
            for (name, value) in [
                ("gradient_norm", norm / updates),
                ("clipped", clipped / updates),
                ("learning_rate", rate),
                ("seen", self.progress.seen as f64),
            ] {
                self.events.write(step, "train", name, value)?;
            }
            if forcing.schedule != Schedule::Always {
                self.events.write(step, "train", "teacher", teacher.share)?;
            }
        }
        Ok(())
    }
}
