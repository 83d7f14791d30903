//! Everything that a run needs to go on as if it had never stopped.

use super::RunDirectory;
use crate::Error;
use serde::{Deserialize, Serialize};
use simurgh_nn::artifact::{self, Artifact, ArtifactError, FORMAT, Header, Precision};
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
        let mut all = Vec::new();
        let names: Vec<(String, Vec<usize>)> =
            self.parameters.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
        let mut push = |kind: &str, index: usize, data: Vec<f32>| {
            let (name, shape) = names[index].clone();
            all.push(Parameter { name: format!("{kind}/{name}"), shape, data });
        };
        for (i, p) in self.parameters.into_iter().enumerate() {
            push("parameter", i, p.data);
        }
        for (i, moments) in self.moments.into_iter().enumerate() {
            for (kind, moment) in rule.moments().iter().zip(moments) {
                push(kind, i, moment);
            }
        }
        for (i, data) in self.average.into_iter().enumerate() {
            push("average", i, data);
        }
        for p in self.carried {
            all.push(Parameter { name: format!("{CARRIED}{}", p.name), ..p });
        }
        let header = Header {
            format: FORMAT,
            task: "checkpoint".into(),
            model: serde_json::Value::Null,
            recipe: String::new(),
            tokenizer: String::new(),
            provenance: serde_json::to_value(&self.progress).expect("counters are JSON"),
        };
        let bytes = artifact::to_bytes(&Artifact { header, parameters: all }, Precision::Full);
        run.write(&run.checkpoint(), &bytes)?;
        Ok(())
    }

    /// The run's last checkpoint, its tensors in the order of `like`; none if it has not made one.
    ///
    /// # Errors
    /// If the file is damaged or another network's.
    pub fn read(rule: &Rule, run: &RunDirectory, like: &[Parameter]) -> Result<Option<Self>, Error> {
        let path = run.checkpoint();
        if !path.exists() {
            return Ok(None);
        }
        let file = artifact::read(&path)?;
        let bad = |field: String, expected: String, got: String| ArtifactError {
            path: Some(path.clone()),
            field: Some(field),
            expected,
            got,
            hint: "the recipe in the run directory was changed, or the file is damaged".into(),
        };
        let progress: Progress = serde_json::from_value(file.header.provenance)
            .map_err(|e| bad("header".into(), "counters".into(), e.to_string()))?;
        let mut tensors: std::collections::HashMap<String, Parameter> = std::collections::HashMap::new();
        let mut carried = Vec::new();
        for p in file.parameters {
            match p.name.strip_prefix(CARRIED) {
                Some(name) => carried.push(Parameter { name: name.into(), ..p.clone() }),
                None => drop(tensors.insert(p.name.clone(), p)),
            }
        }
        let averaged = tensors.keys().any(|name| name.starts_with("average/"));
        let mut take = |kind: &str, like: &Parameter| -> Result<Vec<f32>, Error> {
            let name = format!("{kind}/{}", like.name);
            match tensors.remove(&name) {
                Some(p) if p.shape == like.shape => Ok(p.data),
                Some(p) => Err(bad(name, format!("shape {:?}", like.shape), format!("{:?}", p.shape)).into()),
                None => Err(bad(name, "a tensor".into(), "none".into()).into()),
            }
        };
        let (mut parameters, mut moments, mut average) = (Vec::new(), Vec::new(), Vec::new());
        for p in like {
            parameters.push(Parameter { data: take("parameter", p)?, ..p.clone() });
            moments.push(rule.moments().iter().map(|kind| take(kind, p)).collect::<Result<_, _>>()?);
            if averaged {
                average.push(take("average", p)?);
            }
        }
        Ok(Some(Self { progress, parameters, moments, average, carried }))
    }
}
