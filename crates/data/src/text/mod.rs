//! Text: normalisation, placeholders, tokens, parallel corpora and batches.

pub mod batches;
pub mod bpe_dropout;
pub mod cleaning;
pub mod corpus;
pub mod embedded;
pub mod normalise;
pub mod phrasebook;
pub mod placeholders;
pub mod tokenizer;

pub use bpe_dropout::BpeDropout;
pub use cleaning::{Cleaning, Report};
pub use corpus::{Pair, Source};
pub use normalise::{Normaliser, Script};
pub use phrasebook::phrasebook;
pub use tokenizer::{Encoded, Tokenizer};
