//! Why a model file can't be used.

use std::fmt;
use std::path::PathBuf;

/// An unusable model file: what was expected, what was there, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactError {
    /// The file, if it was one.
    pub path: Option<PathBuf>,
    /// The tensor or key.
    pub field: Option<String>,
    /// What would have been right.
    pub expected: String,
    /// What was there.
    pub got: String,
    /// What the user can do.
    pub hint: String,
}

impl ArtifactError {
    pub(crate) fn new(expected: impl Into<String>, got: impl Into<String>, hint: &str) -> Self {
        Self { path: None, field: None, expected: expected.into(), got: got.into(), hint: hint.into() }
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// In the file at `path`.
    #[must_use]
    pub fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }
}

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

impl std::error::Error for ArtifactError {}
