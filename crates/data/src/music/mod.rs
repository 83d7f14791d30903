//! Music as frames: at every step of a grid, the notes that sound.

pub mod chord;
pub mod midi;
pub mod pieces;

pub use pieces::{Piece, read_pieces};

/// The lowest note of a piano's 88 keys, A0, as MIDI numbers it.
pub const LOWEST: u8 = 21;
/// Keys.
pub const KEYS: usize = 88;

/// The notes that sound in a frame as MIDI numbers, rising, each once.
pub type Frame = Vec<u8>;
