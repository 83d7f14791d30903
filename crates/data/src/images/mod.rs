//! Pictures: folders of files, IDX files, drawn ones, grids to look at.

mod drawn;
mod folder;
mod grid;
mod idx;
mod resize;

pub use drawn::{SHAPES, shapes};
pub use folder::{Folder, folder};
pub use grid::{grid, to_png};
pub use idx::{labels, pictures};
pub use resize::resized;

/// Pictures of one size; a pixel's channels stand side by side, rows from top to bottom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// 1 is grey, 3 are red, green, blue.
    pub channels: usize,
    /// `[pictures, height, width, channels]`
    pub data: Vec<u8>,
}

impl Pictures {
    /// Numbers of one.
    pub fn size(&self) -> usize {
        self.width * self.height * self.channels
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.data.len().checked_div(self.size()).unwrap_or(0)
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// One of them.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn picture(&self, k: usize) -> &[u8] {
        &self.data[k * self.size()..][..self.size()]
    }
}

/// A byte as a number from -1 to 1.
pub fn from_byte(x: u8) -> f32 {
    f32::from(x) / 127.5 - 1.0
}

/// The nearest byte to a number from -1 to 1; what is no number is 0.
pub fn to_byte(x: f32) -> u8 {
    // A cast saturates.
    ((x + 1.0) * 127.5).round() as u8
}

#[cfg(test)]
mod tests;
