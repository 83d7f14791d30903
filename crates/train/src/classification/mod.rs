//! Many-to-one: the class of a text. Its data, its evaluation, its use.

mod baseline;
mod classifier;
mod evaluate;
mod examples;
mod minimise;
mod recipe;
mod report;
mod task;

pub use baseline::Baseline;
pub use classifier::{TextClassifier, Verdict, Why};
pub use evaluate::{Score, evaluate};
pub use examples::{Examples, Labelled};
pub use recipe::{Data, Recipe, Text, Unit};
pub use report::{why_svg, why_text};
pub use task::Classification;
