//! Text: normalisation, placeholders, tokens, parallel corpora, labelled texts and batches.

pub mod batches;
pub mod bpe_dropout;
pub mod characters;
pub mod cleaning;
pub mod corpus;
pub mod embedded;
pub mod labelled;
pub mod normalise;
pub mod phrasebook;
pub mod placeholders;
pub mod tokenizer;
pub mod vocabulary;
pub mod words;

pub use bpe_dropout::BpeDropout;
pub use characters::Characters;
pub use cleaning::{Cleaning, Report};
pub use corpus::{Encoding, Pair, Source};
pub use labelled::{Example, LabelledSource, LabelledTexts};
pub use normalise::{Normaliser, Script};
pub use phrasebook::phrasebook;
pub use tokenizer::{Encoded, Tokenizer};
pub use vocabulary::Vocabulary;
pub use words::{Vectors, Words};
