//! Everything measured in a run: `events.jsonl`, one JSON object a line, and TensorBoard beside it.

use super::RunDirectory;
use super::tensorboard::TensorBoard;
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use std::io::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One measured number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Updates made.
    pub step: u64,
    /// `train`, `dev` or `test`.
    pub split: String,
    /// What was measured.
    pub name: String,
    /// The number; null where it is not finite.
    pub value: Option<f64>,
    /// Seconds of this process's training.
    pub wall: f64,
}

/// Writes events.
pub struct Events {
    path: std::path::PathBuf,
    file: std::fs::File,
    board: TensorBoard,
    start: Instant,
}

impl Events {
    /// Appends to the run's events, those after `step` and the test scores dropped: a resumed run makes
    /// them again.
    ///
    /// # Errors
    /// If the files can't be written.
    pub fn open(run: &RunDirectory, step: u64) -> Result<Self, InputError> {
        let path = run.events();
        let kept: Vec<Event> = Self::read(run)?.into_iter().filter(|e| e.step <= step && e.split != "test").collect();
        let mut text = String::new();
        for event in &kept {
            text += &serde_json::to_string(event).expect("an event is JSON");
            text.push('\n');
        }
        run.write(&path, text.as_bytes())?;
        let io = |e: std::io::Error| InputError::io(&path, "a file that can be written", &e);
        let file = std::fs::OpenOptions::new().append(true).open(&path).map_err(io)?;
        let board = TensorBoard::create(&run.tensorboard(), step).map_err(io)?;
        Ok(Self { path, file, board, start: Instant::now() })
    }

    /// Appends one event.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write(&mut self, step: u64, split: &str, name: &str, value: f64) -> Result<(), InputError> {
        let event = Event {
            step,
            split: split.into(),
            name: name.into(),
            value: value.is_finite().then_some(value),
            wall: (self.start.elapsed().as_secs_f64() * 1e3).round() / 1e3,
        };
        let line = serde_json::to_string(&event).expect("an event is JSON") + "\n";
        let io = |e: std::io::Error| InputError::io(&self.path, "a file that can be written", &e);
        self.file.write_all(line.as_bytes()).map_err(io)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        self.board.scalar(now, step, &format!("{split}/{name}"), value as f32).map_err(io)
    }

    /// Brings everything to the disk: what stands before a checkpoint must outlive it.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> Result<(), InputError> {
        self.file.sync_data().map_err(|e| InputError::io(&self.path, "a file that can be written", &e))
    }

    /// The events of a run; a last line cut short by a crash is left out.
    ///
    /// # Errors
    /// If another line is no event.
    pub fn read(run: &RunDirectory) -> Result<Vec<Event>, InputError> {
        let path = run.events();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(InputError::io(&path, "events", &e)),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let parse = |(number, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|e| {
                let hint = "the file was edited or damaged: remove the line";
                InputError::new("an event in JSON", e.to_string(), hint).at(&path).line(number + 1)
            })
        };
        whole.lines().enumerate().map(parse).collect()
    }
}
