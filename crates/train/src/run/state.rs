//! A checkpoint's bytes: counters and named tensors.

use super::RunDirectory;
use crate::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use simurgh_nn::artifact::{self, Artifact, ArtifactError, FORMAT, Header, Precision};
use simurgh_nn::parameters::Parameter;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The counters and tensors of a run's last checkpoint.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    counters: serde_json::Value,
    tensors: BTreeMap<String, Parameter>,
}

impl State {
    /// Writes counters and tensors in the place of those before.
    ///
    /// # Errors
    /// If they can't be written; those before are then whole.
    pub fn write(run: &RunDirectory, counters: &impl Serialize, tensors: Vec<Parameter>) -> Result<(), Error> {
        let header = Header {
            format: FORMAT,
            task: "checkpoint".into(),
            model: serde_json::Value::Null,
            recipe: String::new(),
            tokenizer: String::new(),
            provenance: serde_json::to_value(counters).expect("counters are JSON"),
        };
        let bytes = artifact::to_bytes(&Artifact { header, parameters: tensors }, Precision::Full);
        Ok(run.write(&run.checkpoint(), &bytes)?)
    }

    /// What was written last; none if nothing was.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn read(run: &RunDirectory) -> Result<Option<Self>, Error> {
        let path = run.checkpoint();
        if !path.exists() {
            return Ok(None);
        }
        let file = artifact::read(&path)?;
        let tensors = file.parameters.into_iter().map(|p| (p.name.clone(), p)).collect();
        Ok(Some(Self { path, counters: file.header.provenance, tensors }))
    }

    /// The counters.
    ///
    /// # Errors
    /// If they are others.
    pub fn counters<C: DeserializeOwned>(&self) -> Result<C, Error> {
        serde_json::from_value(self.counters.clone())
            .map_err(|e| self.wrong("header".into(), "counters".into(), e.to_string()).into())
    }

    /// Is there a tensor whose name begins so?
    pub fn has(&self, prefix: &str) -> bool {
        self.tensors.keys().any(|name| name.starts_with(prefix))
    }

    /// The numbers of the tensor `kind/NAME`, name and shape those of `like`.
    ///
    /// # Errors
    /// If it is not there, or has another shape.
    pub fn take(&mut self, kind: &str, like: &Parameter) -> Result<Vec<f32>, Error> {
        let name = format!("{kind}/{}", like.name);
        match self.tensors.remove(&name) {
            Some(p) if p.shape == like.shape => Ok(p.data),
            Some(p) => Err(self.wrong(name, format!("shape {:?}", like.shape), format!("{:?}", p.shape)).into()),
            None => Err(self.wrong(name, "a tensor".into(), "none".into()).into()),
        }
    }

    /// All tensors whose name begins so, without that beginning, by name.
    pub fn take_all(&mut self, prefix: &str) -> Vec<Parameter> {
        let names: Vec<String> = self.tensors.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        let take = |name: String| {
            let p = self.tensors.remove(&name).expect("a name that was just seen");
            Parameter { name: name[prefix.len()..].into(), ..p }
        };
        names.into_iter().map(take).collect()
    }

    fn wrong(&self, field: String, expected: String, got: String) -> ArtifactError {
        let hint = "the recipe in the run directory was changed, or the file is damaged".into();
        ArtifactError { path: Some(self.path.clone()), field: Some(field), expected, got, hint }
    }
}

/// Tensors of the parameters' names and shapes, under `kind/`.
///
/// # Panics
/// If there are not as many as parameters.
pub fn named<'a>(
    kind: &str,
    parameters: &'a [Parameter],
    data: impl IntoIterator<Item = Vec<f32>> + 'a,
) -> impl Iterator<Item = Parameter> + 'a {
    let kind = kind.to_string();
    parameters.iter().zip(data).map(move |(p, data)| Parameter {
        name: format!("{kind}/{}", p.name),
        shape: p.shape.clone(),
        data,
    })
}
