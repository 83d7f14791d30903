//! Public data sets by name: what they are, their licence, where they come from, what lies in a data directory.
//!
//! Nothing here goes to the network; a caller downloads, and hands the bytes to [`place`].

mod catalogue;
mod place;
mod sentipers;
#[cfg(test)]
mod tests;

pub use catalogue::SETS;
pub use place::{folder_digest, place};

use crate::InputError;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;

/// A public data set that a built-in recipe trains on.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// What the user types.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// The licence, in words.
    pub licence: &'static str,
    /// Where it is described, and whom to cite.
    pub page: &'static str,
    /// The built-in recipes that use it.
    pub recipes: &'static [&'static str],
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a set comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// It is compiled into the program.
    Embedded,
    /// It can be downloaded.
    Public(&'static [Part]),
    /// It has no public address: why, and what lies in a data directory.
    Private {
        /// Why, and what to do instead.
        why: &'static str,
        /// What lies in a data directory.
        places: &'static [Place],
    },
}

/// A download and what is made of it.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The public address, of one commit where there are commits.
    pub url: &'static str,
    /// Bytes and SHA-256 of the download; none for an archive that its server packs anew for each request.
    pub sum: Option<(u64, &'static str)>,
    /// What is done with it.
    pub form: Form,
    /// What is made of it. Each is checked against its digest.
    pub places: &'static [Place],
}

/// What is done with a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It is the file.
    AsIs,
    /// Rows of numbers without dates, packed: becomes a CSV with a date and the two last columns in the order in which the figures
    /// in use were measured.
    ExchangeRates,
    /// A workbook of sentences by product: becomes a training, a development and a test file.
    SentiPers,
    /// A tar.gz of which one folder, named here, is kept.
    Folder(&'static str),
}

/// A file or a folder of files in a data directory.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Relative to the data directory.
    pub path: &'static str,
    /// Bytes, of all files together.
    pub bytes: u64,
    /// 1 for a file; for a folder how many are in it.
    pub files: usize,
    /// SHA-256; for a folder that of the lines which `sha256sum *` prints.
    pub sha256: &'static str,
}

/// What lies where a place should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Something else.
    Other,
    /// What is expected.
    Whole,
}

impl Set {
    /// Everything that lies in a data directory.
    pub fn places(&self) -> Vec<Place> {
        match self.origin {
            Origin::Embedded => Vec::new(),
            Origin::Public(parts) => parts.iter().flat_map(|p| p.places).copied().collect(),
            Origin::Private { places, .. } => places.to_vec(),
        }
    }
}

/// The set of this name, or the one that the recipe of this name uses.
///
/// # Errors
/// When there is neither.
pub fn by_name(name: &str) -> Result<Set, InputError> {
    let named = SETS.iter().find(|s| s.name == name);
    // A recipe may use several; the downloadable one is meant.
    let used = || {
        let mut sets: Vec<&Set> = SETS.iter().filter(|s| s.recipes.contains(&name)).collect();
        sets.sort_by_key(|s| matches!(s.origin, Origin::Embedded));
        sets.first().copied()
    };
    named.or_else(used).copied().ok_or_else(|| {
        let names: Vec<&str> = SETS.iter().map(|s| s.name).collect();
        InputError::new(
            "the name of a data set or of a recipe",
            format!("`{name}`"),
            format!("sets: {}", names.join(", ")),
        )
    })
}

impl Place {
    /// What lies in `directory` at this place: judged by size and count, or, with `verify`, by digest.
    ///
    /// # Errors
    /// When something is there that can't be read.
    pub fn found(&self, directory: &Path, verify: bool) -> Result<Found, InputError> {
        let path = directory.join(self.path);
        let Ok(about) = fs_err::metadata(&path) else { return Ok(Found::Nothing) };
        if about.is_dir() != (self.files > 1) {
            return Ok(Found::Other);
        }
        let io = |e: std::io::Error| InputError::io(&path, "a readable file or folder", &e);
        let (mut files, mut bytes) = (1, about.len());
        if about.is_dir() {
            (files, bytes) = (0, 0);
            for entry in fs_err::read_dir(&path).map_err(io)? {
                files += 1;
                bytes += entry.and_then(|e| e.metadata()).map_err(io)?.len();
            }
        }
        if (files, bytes) != (self.files, self.bytes) {
            return Ok(Found::Other);
        }
        let whole = !verify || self.digest(&path)? == self.sha256;
        Ok(if whole { Found::Whole } else { Found::Other })
    }

    fn digest(&self, path: &Path) -> Result<String, InputError> {
        if self.files > 1 { folder_digest(path) } else { file_digest(path) }
    }
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When it can't be read.
pub fn file_digest(path: &Path) -> Result<String, InputError> {
    let io = |e: std::io::Error| InputError::io(path, "a readable file", &e);
    let mut file = fs_err::File::open(path).map_err(io)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// SHA-256 of bytes, in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}
