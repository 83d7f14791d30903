//! Many pictures in one.

use super::Pictures;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Pixels between pictures.
const GAP: usize = 2;
/// What lies there.
const GREY: u8 = 128;

/// All pictures in one, `columns` side by side, each pixel `scale` pixels a side.
///
/// # Panics
/// If `columns` or `scale` is 0.
pub fn grid(pictures: &Pictures, columns: usize, scale: usize) -> Pictures {
    assert!(columns > 0 && scale > 0, "a grid of nothing");
    let (count, channels) = (pictures.len(), pictures.channels);
    let columns = columns.min(count.max(1));
    let (cell_width, cell_height) = (pictures.width * scale + GAP, pictures.height * scale + GAP);
    let rows = count.div_ceil(columns);
    let (width, height) = (columns * cell_width + GAP, rows * cell_height + GAP);
    let mut data = vec![GREY; width * height * channels];
    for k in 0..count {
        let (left, top) = (GAP + k % columns * cell_width, GAP + k / columns * cell_height);
        let picture = pictures.picture(k);
        for y in 0..pictures.height * scale {
            let line = &mut data[((top + y) * width + left) * channels..][..pictures.width * scale * channels];
            let from = &picture[y / scale * pictures.width * channels..][..pictures.width * channels];
            for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
                pixel.copy_from_slice(&from[x / scale * channels..][..channels]);
            }
        }
    }
    Pictures { width, height, channels, data }
}

/// The first picture as a PNG file: grey, or red, green and blue.
///
/// # Panics
/// If there is none, or it has other channels.
pub fn to_png(pictures: &Pictures) -> Vec<u8> {
    let color = match pictures.channels {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        other => panic!("a picture of {other} channels"),
    };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(pictures.picture(0), pictures.width as u32, pictures.height as u32, color)
        .expect("a picture's own size, into memory");
    bytes
}
