//! One-to-many: a text from its first letter, word, or nothing. Its data, its evaluation, its use.

mod evaluate;
mod generator;
mod recipe;
mod report;
mod task;
mod texts;

pub use evaluate::{SPELT, Score, evaluate};
pub use generator::{Generator, Writing};
pub use recipe::{Data, Documents, Recipe, Text, Unfolding, Unit};
pub use task::LanguageModelling;
pub use texts::Texts;
