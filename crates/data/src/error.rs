//! What was wrong with an input.

use std::fmt;
use std::path::{Path, PathBuf};

/// An input that can't be used: where, what was expected, what was there, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// The file, if it was one.
    pub path: Option<PathBuf>,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Column, key or tensor.
    pub field: Option<String>,
    /// What would have been right.
    pub expected: String,
    /// What was there.
    pub got: String,
    /// What the user can do.
    pub hint: String,
}

impl InputError {
    /// An error without a place; see the `at`, `line` and `field` methods.
    pub fn new(expected: impl Into<String>, got: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: None, line: None, field: None, expected: expected.into(), got: got.into(), hint: hint.into() }
    }

    /// In the file at `path`.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>) -> Self {
        self.path = Some(path.as_ref().to_path_buf());
        self
    }

    /// On this line, from 1.
    #[must_use]
    pub fn line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// In this column, key or tensor.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The error of opening, reading or writing `path`.
    pub fn io(path: impl AsRef<Path>, expected: &str, error: &std::io::Error) -> Self {
        let (got, hint) = match error.kind() {
            std::io::ErrorKind::NotFound => ("no such file".to_string(), "check the path"),
            std::io::ErrorKind::PermissionDenied => ("permission denied".to_string(), "check the file's permissions"),
            std::io::ErrorKind::StorageFull => ("the disk is full".to_string(), "free some space and try again"),
            std::io::ErrorKind::InvalidData => ("text that is not UTF-8".to_string(), "convert the file to UTF-8"),
            _ => {
                // fs-err's text repeats the path; its source is the system's own sentence.
                let inner = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
                (inner, "check the path and the disk")
            }
        };
        Self::new(expected, got, hint).at(path)
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}", path.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": ")?;
        } else if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

impl std::error::Error for InputError {}
