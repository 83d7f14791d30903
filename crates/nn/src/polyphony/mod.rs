//! A recurrent model of music: from the frames so far to the notes that sound next (Boulanger-Lewandowski et al. 2012).

mod composer;
mod config;
mod network;

pub use composer::{Composer, Walked};
pub use config::{HeadKind, PolyphonyConfig};
pub use network::{Pieces, Polyphony};

#[cfg(test)]
mod tests;
