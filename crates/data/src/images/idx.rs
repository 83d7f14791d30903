//! IDX files, as of MNIST (LeCun et al. 1998), plain or packed with gzip.

use super::Pictures;
use crate::InputError;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::Path;

/// Pictures of an IDX file of three dimensions: pictures, rows, columns.
///
/// # Errors
/// If the file can't be read or is none, or is cut.
pub fn pictures(path: &Path) -> Result<Pictures, InputError> {
    let (sizes, data) = read::<3>(path)?;
    Ok(Pictures { width: sizes[2], height: sizes[1], channels: 1, data })
}

/// Labels of an IDX file of one dimension.
///
/// # Errors
/// As [`pictures`].
pub fn labels(path: &Path) -> Result<Vec<u8>, InputError> {
    read::<1>(path).map(|(_, data)| data)
}

fn read<const D: usize>(path: &Path) -> Result<([usize; D], Vec<u8>), InputError> {
    const HINT: &str = "the file may be damaged or cut: copy or fetch it again";
    let io = |e: std::io::Error| InputError::io(path, "an IDX file", &e);
    let mut bytes = std::fs::read(path).map_err(io)?;
    if bytes.starts_with(&[0x1F, 0x8B]) {
        let mut plain = Vec::new();
        MultiGzDecoder::new(&bytes[..])
            .read_to_end(&mut plain)
            .map_err(|e| InputError::new("a whole gzip file", e.to_string(), HINT).at(path))?;
        bytes = plain;
    }
    let wrong = |expected: String, got: String| Err(InputError::new(expected, got, HINT).at(path));
    let head = 4 + 4 * D;
    // Zeros, bytes, so many dimensions.
    let magic = [0, 0, 8, D as u8];
    if bytes.len() < head || bytes[..4] != magic {
        let got = format!("{} bytes that begin with {:02X?}", bytes.len(), &bytes[..bytes.len().min(4)]);
        return wrong(format!("an IDX file of bytes in {D} dimensions, which begins with {magic:02X?}"), got);
    }
    let sizes: [usize; D] =
        std::array::from_fn(|d| u32::from_be_bytes(bytes[4 + 4 * d..][..4].try_into().expect("four bytes")) as usize);
    let count = sizes.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    if count != Some(bytes.len() - head) {
        return wrong(format!("numbers for {sizes:?}"), format!("{} bytes", bytes.len() - head));
    }
    Ok((sizes, bytes.split_off(head)))
}
