//! An interruption.

use simurgh_train::training::{Observer, Status};

/// Stops after some updates, as Ctrl-C would: how many, and how many were made.
pub struct StopAt(pub u64, pub u64);

impl Observer for StopAt {
    fn note(&mut self, _: &str) {}
    fn update(&mut self, status: &Status) {
        self.1 = status.step;
    }
    fn evaluated(&mut self, _: u64, _: &[(&'static str, f64)], _: &str, _: bool) {}
    fn stop(&self) -> bool {
        self.1 >= self.0
    }
}
