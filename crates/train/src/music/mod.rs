//! One-to-many: a piece of music from a chord, a note, or nothing. Its data, its evaluation, its use.

mod composition;
mod evaluate;
mod recipe;
mod report;
mod roll;
mod task;

pub use composition::{Composing, MusicModel};
pub use evaluate::{Score, evaluate};
pub use recipe::{Data, Recipe, Unfolding};
pub use roll::roll_svg;
pub use task::Music;
