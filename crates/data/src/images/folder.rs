//! A folder of picture files.

use super::Pictures;
use crate::InputError;
use image::imageops::FilterType;
use image::{DynamicImage, ImageError, ImageReader};
use std::path::{Path, PathBuf};

/// Endings of files that are read.
const ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "bmp", "webp"];
/// The largest picture that is decoded, pixels a side.
const MOST: u32 = 1 << 15;

/// The pictures of a folder.
#[derive(Clone, Debug)]
pub struct Folder {
    /// All of one size.
    pub pictures: Pictures,
    /// Files that could not be read, and why.
    pub skipped: Vec<(PathBuf, String)>,
    /// How many had another size or shape, and were cropped about their centre and scaled.
    pub resized: usize,
}

/// All pictures in `directory` and its folders, in the order of their names: the largest square about each centre, scaled to
/// `size` x `size` pixels of `channels` (1 is grey, 3 are colours). Files of other endings are passed over; what can't be decoded is
/// skipped, or an error if `strict`.
///
/// # Errors
/// If the folder can't be read, or has no picture.
pub fn folder(directory: &Path, size: usize, channels: usize, strict: bool) -> Result<Folder, InputError> {
    let mut files = Vec::new();
    walk(directory, &mut files)?;
    files.sort();
    let pictures = Pictures { width: size, height: size, channels, data: Vec::new() };
    let mut folder = Folder { pictures, skipped: Vec::new(), resized: 0 };
    for path in files {
        match decode(&path) {
            Ok(picture) => {
                folder.resized += usize::from((picture.width() as usize, picture.height() as usize) != (size, size));
                let square = squared(&picture, size as u32);
                match channels {
                    1 => folder.pictures.data.extend_from_slice(square.to_luma8().as_raw()),
                    _ => folder.pictures.data.extend_from_slice(square.to_rgb8().as_raw()),
                }
            }
            Err(e) if strict => {
                let hint = "remove or replace the file; without data.strict it is skipped";
                return Err(InputError::new("a picture", e.to_string(), hint).at(path));
            }
            Err(e) => folder.skipped.push((path, e.to_string())),
        }
    }
    if folder.pictures.is_empty() {
        let got = match folder.skipped.len() {
            0 => "none".to_string(),
            n => format!("{n} that can't be read, {}: {}", folder.skipped[0].0.display(), folder.skipped[0].1),
        };
        let hint = format!("files that end in {} are read, in folders within too", ENDINGS.join(", "));
        return Err(InputError::new("a folder with pictures", got, hint).at(directory));
    }
    Ok(folder)
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let io = |e: std::io::Error| {
        let mut error = InputError::io(directory, "a folder of pictures", &e);
        if e.kind() == std::io::ErrorKind::NotFound {
            error.got = "no such folder".into();
        }
        error
    };
    for entry in std::fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(io)?);
        if kind.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|e| ENDINGS.contains(&e.to_string_lossy().to_lowercase().as_str())) {
            files.push(path);
        }
    }
    Ok(())
}

fn decode(path: &Path) -> Result<DynamicImage, ImageError> {
    let mut reader = ImageReader::open(path)?.with_guessed_format()?;
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MOST), Some(MOST));
    reader.limits(limits);
    reader.decode()
}

/// The largest square about the centre, `size` pixels a side.
fn squared(picture: &DynamicImage, size: u32) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    if (width, height) == (size, size) {
        return picture.clone();
    }
    let side = width.min(height);
    let square = picture.crop_imm((width - side) / 2, (height - side) / 2, side, side);
    // An average over what a pixel covers where it shrinks, a cubic where it grows.
    square.resize_exact(size, size, if side > size { FilterType::Triangle } else { FilterType::CatmullRom })
}
