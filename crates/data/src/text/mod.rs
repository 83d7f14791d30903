//! Text: normalisation, placeholders, tokens, parallel corpora and batches.

pub mod batches;
pub mod cleaning;
pub mod corpus;
pub mod embedded;
pub mod normalise;
pub mod placeholders;
pub mod tokenizer;

pub use cleaning::{Cleaning, Report};
pub use corpus::{Pair, Source};
pub use normalise::{Normaliser, Script};
pub use tokenizer::{Encoded, Tokenizer};
