//! Encoder-decoder translation: training, evaluation, use.

mod corpora;
mod evaluate;
mod train;
mod translator;

pub use corpora::Corpora;
pub use evaluate::{Score, evaluate};
pub use train::{Observer, Options, Outcome, Quiet, Status, resume, train};
pub use translator::{Translation, Translator};
