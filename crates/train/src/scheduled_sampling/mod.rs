//! How often the teacher is heard while a network learns that reads its own output in use: teacher forcing, scheduled sampling
//! (Bengio et al. 2015), free running; and what that does to it ([`exposure`]).

pub mod exposure;

use crate::recipe::validate::out_of_range;
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_nn::scheduled_sampling::{Choice, Teacher, Unit};
use simurgh_random::{mix, stream};

/// How the teacher's share of the tokens falls over the updates of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It does not: teacher forcing.
    #[default]
    Always,
    /// By the same amount with every update, until nothing is left.
    Linear,
    /// By the same factor with every update.
    Exponential,
    /// Slowly, then fast, then slowly: k / (k + exp(i / k)).
    InverseSigmoid,
    /// It is nothing from the first update on: always sampling; with `choice = "likeliest"` free running with no teacher at all.
    Never,
}

/// By what the best model of a run is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// What it says when it reads its own words, as in use.
    #[default]
    FreeRunning,
    /// How likely it finds the reference's words, each after the reference's words before it.
    TeacherForced,
}

/// `[teacher_forcing]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeacherForcing {
    /// How the teacher's share falls: "always" (teacher forcing), "linear", "exponential", "inverse-sigmoid", "never".
    pub schedule: Schedule,
    /// The update at which the teacher is heard half of the time; 0 is the middle of the run.
    pub half_steps: u64,
    /// The least share of the teacher's.
    pub floor: f64,
    /// A coin for every "token", or one for every "sequence".
    pub unit: Unit,
    /// What is read instead of the teacher's token: one "drawn" from the network's distribution, or its "likeliest".
    pub choice: Choice,
    /// By what the best model is chosen, where the task has a score of what is said: "free-running" or "teacher-forced".
    pub select: Select,
}

impl TeacherForcing {
    /// # Errors
    /// The first value out of range.
    pub(crate) fn validate(&self) -> Result<(), InputError> {
        if !(0.0..=1.0).contains(&self.floor) {
            return Err(out_of_range("teacher_forcing.floor", "0 to 1", self.floor));
        }
        if self.half_steps > 1_000_000_000 {
            return Err(out_of_range("teacher_forcing.half_steps", "at most 1000000000", self.half_steps));
        }
        Ok(())
    }

    /// The teacher's share after `step` of a run's `steps` updates (Bengio et al. 2015, section 2.4).
    pub fn share(&self, step: u64, steps: u64) -> f64 {
        let half = if self.half_steps == 0 { (steps as f64 / 2.0).max(1.0) } else { self.half_steps as f64 };
        let i = step as f64;
        let share = match self.schedule {
            Schedule::Always => 1.0,
            Schedule::Linear => 1.0 - i / (2.0 * half),
            Schedule::Exponential => 0.5f64.powf(i / half),
            Schedule::InverseSigmoid => {
                let k = inverse_sigmoid(half);
                1.0 / (1.0 + (i / k - k.ln()).exp())
            }
            Schedule::Never => 0.0,
        };
        share.max(self.floor).clamp(0.0, 1.0)
    }

    /// The teacher of an update of a run that `seed` decides.
    pub(crate) fn at(&self, step: u64, steps: u64, seed: u64) -> Teacher {
        let seed = mix(stream(seed, "teacher") ^ mix(step));
        Teacher { share: self.share(step, steps), unit: self.unit, choice: self.choice, seed }
    }
}

/// The k at which k / (k + exp(i / k)) is a half for `i = half`, at least 1: the root of k ln k = half, by Newton's method.
fn inverse_sigmoid(half: f64) -> f64 {
    let mut k = half.max(2.0);
    for _ in 0..60 {
        k -= (k * k.ln() - half) / (k.ln() + 1.0);
    }
    k
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_fall_through_a_half_where_they_should() {
        for schedule in [Schedule::Linear, Schedule::Exponential, Schedule::InverseSigmoid] {
            for (half_steps, steps, half) in
                [(0, 1000, 500), (0, 10, 5), (70, 1000, 70), (1, 7, 1), (40_000, 10, 40_000)]
            {
                let t = TeacherForcing { schedule, half_steps, ..TeacherForcing::default() };
                assert!((t.share(half, steps) - 0.5).abs() < 1e-9, "{schedule:?} {half}: {}", t.share(half, steps));
                let shares: Vec<f64> = (0..40).map(|i| t.share(i * half / 10, steps)).collect();
                assert!(shares.windows(2).all(|w| w[1] <= w[0]) && shares[0] > 0.6, "{schedule:?}: {shares:?}");
                let floor = TeacherForcing { floor: 0.25, ..t.clone() };
                assert!(floor.share(100 * half, steps) == 0.25 && t.share(100 * half, steps) < 1e-9);
            }
        }
        // k / (k + exp(i / k)) itself.
        let t = TeacherForcing { schedule: Schedule::InverseSigmoid, half_steps: 500, ..TeacherForcing::default() };
        let k = inverse_sigmoid(500.0);
        for i in [0, 100, 499, 1000] {
            assert!((t.share(i, 0) - k / (k + (i as f64 / k).exp())).abs() < 1e-9);
        }
        let of = |schedule| TeacherForcing { schedule, ..TeacherForcing::default() }.share(5, 10);
        assert_eq!((of(Schedule::Always), of(Schedule::Never), of(Schedule::Linear)), (1.0, 0.0, 0.5));
    }
}
