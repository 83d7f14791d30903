//! Everything that a run needs to go on as if it had never stopped.

use super::RunDirectory;
use super::state::{State, named};
use crate::Error;
use serde::{Deserialize, Serialize};
use simurgh_nn::optimizer::Rule;
use simurgh_nn::parameters::Parameter;

/// The counters of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Updates made.
    pub step: u64,
    /// Epochs finished.
    pub epoch: u64,
    /// Batches of this epoch done.
    pub batch: u64,
    /// What was seen of the training data, in the task's unit.
    pub seen: u64,
    /// Sums since the last logged loss: the task's three, seen, gradient norm, clipped, updates.
    pub window: [f64; 7],
    /// Fingerprint of the training data.
    pub data: u64,
    /// Updates of an epoch.
    pub updates: u64,
    /// Best dev score.
    pub best_score: Option<f64>,
    /// Its step.
    pub best_step: Option<u64>,
    /// Evaluations since then.
    pub stale: u64,
    /// Evaluations since then or since the last halving.
    pub stale_rate: u64,
    /// The plateau's factor of the learning rate.
    pub factor: Option<f64>,
    /// The evaluation after the last update is still to be made.
    #[serde(default)]
    pub pending: bool,
}

/// A run's whole state.
pub struct Checkpoint {
    /// Counters.
    pub progress: Progress,
    /// The network.
    pub parameters: Vec<Parameter>,
    /// What the optimizer keeps of each parameter, as its rule names it.
    pub moments: Vec<Vec<Vec<f32>>>,
    /// Moving average of the parameters; empty without one.
    pub average: Vec<Vec<f32>>,
    /// What the last batch left for the next one, by name.
    pub carried: Vec<Parameter>,
}

/// Before the names of what is carried.
const CARRIED: &str = "carried/";

impl Checkpoint {
    /// Writes it in the place of the one before.
    ///
    /// # Errors
    /// If it can't be written; the one before is then whole.
    pub fn write(self, rule: &Rule, run: &RunDirectory) -> Result<(), Error> {
        let of = &self.parameters;
        let mut all: Vec<Parameter> = named("parameter", of, of.iter().map(|p| p.data.clone())).collect();
        all.extend(named_moments("", rule, of, self.moments));
        all.extend(named("average", of, self.average));
        all.extend(self.carried.into_iter().map(|p| Parameter { name: format!("{CARRIED}{}", p.name), ..p }));
        State::write(run, &self.progress, all)
    }

    /// The run's last checkpoint, its tensors in the order of `like`; none if it has not made one.
    ///
    /// # Errors
    /// If the file is damaged or another network's.
    pub fn read(rule: &Rule, run: &RunDirectory, like: &[Parameter]) -> Result<Option<Self>, Error> {
        let Some(mut state) = State::read(run)? else { return Ok(None) };
        let progress: Progress = state.counters()?;
        let carried = state.take_all(CARRIED);
        let averaged = state.has("average/");
        let (mut parameters, mut average) = (Vec::new(), Vec::new());
        for p in like {
            parameters.push(Parameter { data: state.take("parameter", p)?, ..p.clone() });
            if averaged {
                average.push(state.take("average", p)?);
            }
        }
        let moments = take_moments(&mut state, "", rule, like)?;
        Ok(Some(Self { progress, parameters, moments, average, carried }))
    }
}

/// What an optimizer keeps of each parameter, as tensors whose names begin with `prefix`.
pub(crate) fn named_moments(
    prefix: &str,
    rule: &Rule,
    parameters: &[Parameter],
    moments: Vec<Vec<Vec<f32>>>,
) -> Vec<Parameter> {
    let mut all = Vec::new();
    for (p, moments) in parameters.iter().zip(moments) {
        for (kind, moment) in rule.moments().iter().zip(moments) {
            all.extend(named(&format!("{prefix}{kind}"), std::slice::from_ref(p), [moment]));
        }
    }
    all
}

/// The same, read.
///
/// # Errors
/// If one is not there, or has another shape.
pub(crate) fn take_moments(
    state: &mut State,
    prefix: &str,
    rule: &Rule,
    like: &[Parameter],
) -> Result<Vec<Vec<Vec<f32>>>, Error> {
    let mut of = |p: &Parameter| rule.moments().iter().map(|kind| state.take(&format!("{prefix}{kind}"), p)).collect();
    like.iter().map(&mut of).collect()
}
