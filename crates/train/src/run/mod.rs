//! The run directory and what is written into it while training.

mod checkpoint;
mod directory;
mod events;
mod state;
mod tensorboard;

pub use checkpoint::{Checkpoint, Progress};
pub(crate) use checkpoint::{named_moments, take_moments};
pub use directory::RunDirectory;
pub use events::{Event, Events};
pub(crate) use state::{State, named};
