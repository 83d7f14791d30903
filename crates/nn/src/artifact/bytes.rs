//! Reading and writing the file.

use super::{Artifact, ArtifactError, FORMAT, Header};
use crate::parameters::Parameter;
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// The metadata key of the header.
const KEY: &str = "simurgh";

/// How numbers are stored; they are `f32` in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// As they are.
    #[serde(rename = "f32")]
    Full,
    /// Rounded to 16 bits, for shipping.
    #[serde(rename = "f16")]
    Half,
}

/// The file's bytes.
///
/// # Panics
/// If a parameter's data do not have its shape.
pub fn to_bytes(artifact: &Artifact, precision: Precision) -> Vec<u8> {
    let data: Vec<(Dtype, Vec<u8>)> = artifact
        .parameters
        .iter()
        .map(|p| match precision {
            Precision::Full => (Dtype::F32, p.data.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Precision::Half => (Dtype::F16, p.data.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect()),
        })
        .collect();
    let views = artifact.parameters.iter().zip(&data).map(|(p, (dtype, bytes))| {
        let view = TensorView::new(*dtype, p.shape.clone(), bytes).expect("data of the parameter's shape");
        (p.name.clone(), view)
    });
    let header = serde_json::to_string(&artifact.header).expect("a header is JSON");
    // One key: safetensors writes several in random order.
    let metadata = HashMap::from([(KEY.to_string(), header)]);
    safetensors::serialize(views, Some(metadata)).expect("valid tensors")
}

/// The model in `bytes`.
///
/// # Errors
/// If they are not a whole model of this format, or a number is not finite.
pub fn parse(bytes: &[u8]) -> Result<Artifact, ArtifactError> {
    const HINT: &str = "the file may be damaged or not be a model: copy or train it again";
    let bad = |e: safetensors::SafeTensorError| ArtifactError::new("a whole safetensors file", e.to_string(), HINT);
    let (_, metadata) = safetensors::SafeTensors::read_metadata(bytes).map_err(bad)?;
    let tensors = safetensors::SafeTensors::deserialize(bytes).map_err(bad)?;
    let header = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(|| {
        ArtifactError::new(
            "a model of simurgh",
            "a safetensors file of another program",
            "give a file made by `simurgh train`",
        )
    })?;
    // The version first: another version's header may have other keys.
    let value: serde_json::Value =
        serde_json::from_str(header).map_err(|e| ArtifactError::new("a header in JSON", e.to_string(), HINT))?;
    let version = &value["format"];
    if version.as_u64() != Some(u64::from(FORMAT)) {
        let hint = "use the version of simurgh that made the file, or train the model again";
        return Err(ArtifactError::new(format!("format {FORMAT}"), format!("format {version}"), hint).field("format"));
    }
    let header: Header =
        serde_json::from_value(value).map_err(|e| ArtifactError::new("a model header", e.to_string(), HINT))?;
    let mut parameters = Vec::new();
    for (name, view) in tensors.iter() {
        let field = |e: ArtifactError| e.field(format!("tensor `{name}`"));
        let data = numbers(&view)
            .ok_or_else(|| field(ArtifactError::new("F32 or F16 numbers", format!("{:?}", view.dtype()), HINT)))?;
        if let Some(at) = data.iter().position(|x| !x.is_finite()) {
            let hint = "the training that made it went astray: train again with a lower learning rate";
            return Err(field(ArtifactError::new("finite numbers", format!("{} at {at}", data[at]), hint)));
        }
        parameters.push(Parameter { name: name.to_string(), shape: view.shape().to_vec(), data });
    }
    parameters.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Artifact { header, parameters })
}

/// A tensor's numbers; None of other kinds than F32 and F16.
pub(crate) fn numbers(view: &TensorView<'_>) -> Option<Vec<f32>> {
    match view.dtype() {
        Dtype::F32 => Some(view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        Dtype::F16 => Some(view.data().as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect()),
        _ => None,
    }
}

/// The model at `path`.
///
/// # Errors
/// As [`parse`], and if the file can't be read.
pub fn read(path: &Path) -> Result<Artifact, ArtifactError> {
    let bytes = std::fs::read(path).map_err(|e| {
        let got = if e.kind() == std::io::ErrorKind::NotFound { "no such file".into() } else { e.to_string() };
        ArtifactError::new("a model file", got, "check the path; `simurgh models` lists the built-in ones").at(path)
    })?;
    parse(&bytes).map_err(|e| e.at(path))
}

/// Writes `bytes` to `path` or leaves what is there: a temporary file beside it, synced, then renamed.
///
/// # Errors
/// What the system says, a full disk among others.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    atomic_write_all(&[(path, bytes)]).map_err(|(_, e)| e)
}

/// The same of several files: none is there before all are written beside their places.
///
/// # Errors
/// Which one could not be written, and what the system says.
pub fn atomic_write_all<'a, B: AsRef<[u8]>>(files: &[(&'a Path, B)]) -> Result<(), (&'a Path, std::io::Error)> {
    let written = files.iter().map(|(path, bytes)| match beside(path, bytes.as_ref()) {
        Ok(file) => Ok((*path, bytes.as_ref(), file)),
        Err(e) => Err((*path, e)),
    });
    for (path, bytes, file) in written.collect::<Result<Vec<_>, _>>()? {
        let placed = match file {
            Some(file) => file.persist(path).map(|_| ()).map_err(|e| e.error),
            None => std::fs::write(path, bytes),
        };
        placed.map_err(|e| (path, e))?;
    }
    Ok(())
}

/// A file beside `path`, written and synced; none where `path` is a device, a pipe or a link, which are written to, not replaced.
fn beside(path: &Path, bytes: &[u8]) -> std::io::Result<Option<tempfile::NamedTempFile>> {
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => return Err(std::io::ErrorKind::IsADirectory.into()),
        Ok(about) if !about.is_file() => return Ok(None),
        _ => {}
    }
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_or(0o644, |m| m.permissions().mode());
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    file.as_file().sync_all()?;
    Ok(Some(file))
}
