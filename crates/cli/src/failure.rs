//! Errors as the user sees them.

use simurgh_data::InputError;
use simurgh_train::Error;
use simurgh_train::artifact::ArtifactError;
use std::io::{IsTerminal, Write};

/// A line on stderr. Nobody may be listening: that stops nothing.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// What a person should know of what was done, on stderr.
pub fn note(text: &str) {
    tell(&format!("note: {text}"));
}

/// A command line that can't be used, on stderr.
pub fn usage(e: &clap::Error) {
    let text = e.render();
    let text = if std::io::stderr().is_terminal() { text.ansi().to_string() } else { text.to_string() };
    let own = text.lines().filter(|line| !line.starts_with("For more information"));
    tell(own.collect::<Vec<_>>().join("\n").trim_end());
    tell("\nhint: --help after the command shows its flags, with examples");
}

/// Why the program ends early.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: String,
    code: u8,
}

impl Failure {
    /// The user's input was wrong.
    pub fn input(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), code: 1 }
    }

    /// A defect of ours.
    pub fn defect(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: String::new(), code: 2 }
    }

    /// The reader of our output has gone (`| head`): not an error of anybody.
    pub fn closed_pipe() -> Self {
        Self { message: String::new(), hint: String::new(), code: 0 }
    }

    /// The same with more to do.
    #[must_use]
    pub fn with_hint(mut self, more: &str) -> Self {
        self.hint += more;
        self
    }

    /// The same with a file by the name that the user knows.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        self.message = self.message.replace(from, to);
        self
    }

    /// Exit code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// `error: ...` and `hint: ...` on stderr.
    pub fn print(&self) {
        if self.message.is_empty() {
            return;
        }
        let kind = if self.code == 130 { "stopped" } else { "error" };
        tell(&format!("{kind}: {}", self.message));
        if !self.hint.is_empty() {
            tell(&format!("hint: {}", self.hint));
        }
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        let code = if matches!(e, Error::Interrupted { .. }) { 130 } else { 1 };
        Self { message: e.to_string(), hint: e.hint(), code }
    }
}

impl From<InputError> for Failure {
    fn from(e: InputError) -> Self {
        Error::from(e).into()
    }
}

impl From<ArtifactError> for Failure {
    fn from(e: ArtifactError) -> Self {
        Error::from(e).into()
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        match e.kind() {
            std::io::ErrorKind::BrokenPipe => Self::closed_pipe(),
            std::io::ErrorKind::StorageFull => Self::input("the disk is full", "free some space and try again"),
            _ => Self::input(e.to_string(), ""),
        }
    }
}
