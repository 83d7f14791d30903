//! Many-to-many in step, in real time: a label a frame of sound. Its data, its evaluation, its use.

mod evaluate;
mod labeller;
mod recipe;
mod report;
mod segments;
mod task;
mod utterances;

pub use evaluate::{Score, evaluate};
pub use labeller::{Heard, Kept, Listening, SoundLabeller, Speed};
pub use recipe::{Data, Recipe, Utterances};
pub use segments::{Segment, Segments};
pub use task::Labelling;
