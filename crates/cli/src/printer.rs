//! What a person sees while something runs: notes and a progress bar, on stderr.

use crate::failure::tell;
use indicatif::{ProgressBar, ProgressStyle};
use simurgh_train::training::{Observer, Status};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Raised by Ctrl-C once the training has `begun`: the run writes a checkpoint and ends. A second Ctrl-C ends at once.
fn stop_on_interrupt(begun: Arc<AtomicBool>) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    // An error means that a handler is set already, which only tests do.
    let _ = ctrlc::set_handler(move || {
        // Before the first update there is nothing to save.
        if flag.swap(true, Ordering::SeqCst) || !begun.load(Ordering::SeqCst) {
            std::process::exit(130);
        }
        tell("\nstopping after this update; Ctrl-C again to stop at once");
    });
    stop
}

/// Shows a training.
pub struct TrainingBar {
    bar: Option<ProgressBar>,
    quiet: bool,
    json: bool,
    stop: Arc<AtomicBool>,
    begun: Arc<AtomicBool>,
    seen: u64,
    start: Instant,
}

impl TrainingBar {
    /// A bar on stderr unless `quiet`; with `json`, evaluations on stdout.
    pub fn new(quiet: bool, json: bool) -> Self {
        let begun = Arc::new(AtomicBool::new(false));
        let stop = stop_on_interrupt(begun.clone());
        Self { bar: None, quiet, json, stop, begun, seen: 0, start: Instant::now() }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(text)),
            None => tell(text),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        // Nothing is left to be saved: an interrupt ends the program.
        self.begun.store(false, Ordering::SeqCst);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for TrainingBar {
    fn note(&mut self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    fn update(&mut self, status: &Status) {
        self.begun.store(true, Ordering::SeqCst);
        self.seen += status.count as u64;
        if self.quiet {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            self.start = Instant::now();
            self.seen = 0;
            let style = "{bar:28} {pos}/{len}  {msg}  {eta} left";
            let bar = ProgressBar::new(status.steps)
                .with_style(ProgressStyle::with_template(style).expect("a valid template"));
            bar.set_position(status.step);
            bar.reset_eta();
            bar
        });
        bar.set_position(status.step);
        let seconds = self.start.elapsed().as_secs_f64().max(1e-3);
        let speed = self.seen as f64 / seconds;
        bar.set_message(format!("loss {:.3}  {speed:.0} {}/s", status.loss, status.unit));
    }

    fn evaluated(&mut self, step: u64, numbers: &[(&'static str, f64)], line: &str, best: bool) {
        if self.json {
            let mut row = serde_json::json!({"event": "dev", "step": step, "best": best});
            for (name, value) in numbers {
                row[name] = (*value).into();
            }
            // A reader that has gone does not stop a training.
            let _ = writeln!(std::io::stdout(), "{row}");
        }
        if !self.quiet {
            let mark = if best { "  best so far" } else { "" };
            let time = self.start.elapsed().as_secs();
            self.say(&format!("step {step} ({time} s)  dev {line}{mark}"));
        }
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
