//! Encoder-decoder translation: its data, its evaluation, its use.

mod corpora;
mod evaluate;
mod recipe;
mod report;
mod task;
mod translator;

pub use corpora::Corpora;
pub use evaluate::{Score, evaluate, exposure};
pub use recipe::{Data, Embedded, Metrics, Recipe, Text};
pub use task::Translation;
pub use translator::{Translated, Translator};
