//! The run directory and what is written into it while training.

mod checkpoint;
mod directory;
mod events;
mod tensorboard;

pub use checkpoint::{Checkpoint, Progress};
pub use directory::RunDirectory;
pub use events::{Event, Events};
