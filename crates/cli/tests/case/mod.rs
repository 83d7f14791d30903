//! The program in a directory of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A directory in which the program runs.
pub struct Case {
    directory: tempfile::TempDir,
}

impl Case {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    /// Runs in the case's directory: exit code, stdout and stderr as one text.
    pub fn run_with(&self, args: &[&str], input: &[u8]) -> String {
        let mut child = Command::new(env!("CARGO_BIN_EXE_simurgh"))
            .args(args)
            .current_dir(self.path())
            .env_remove("SIMURGH_DATA")
            .env("COLUMNS", "100")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // The program may end before it has read everything.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "exit code: {}\n--- stdout\n{}--- stderr\n{}",
            output.status.code().map_or_else(|| "signal".into(), |c| c.to_string()),
            text(&output.stdout),
            text(&output.stderr)
        )
    }

    pub fn run(&self, args: &[&str]) -> String {
        self.run_with(args, b"")
    }
}
