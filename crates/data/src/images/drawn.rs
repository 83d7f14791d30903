//! Pictures that the program draws itself, where no others are needed.

use super::Pictures;
use simurgh_random::{Random, stream};

/// What can be drawn.
pub const SHAPES: [&str; 4] = ["disc", "ring", "square", "cross"];

/// `count` grey pictures of `size` x `size` pixels, each a bright shape of random kind, place and extent on a dark ground; the kind of
/// each stands beside them, as its place in [`SHAPES`].
pub fn shapes(count: usize, size: usize, seed: u64) -> (Pictures, Vec<u8>) {
    let mut random = Random::new(stream(seed, "shapes"));
    let (mut data, mut kinds) = (Vec::with_capacity(count * size * size), Vec::with_capacity(count));
    let side = size as f64;
    for _ in 0..count {
        let kind = random.below(SHAPES.len());
        let radius = side * (0.18 + 0.12 * random.uniform());
        let mut place = || radius + 1.0 + (side - 2.0 * radius - 2.0).max(0.0) * random.uniform();
        let (left, top) = (place(), place());
        for k in 0..size * size {
            let (x, y) = ((k % size) as f64 + 0.5 - left, (k / size) as f64 + 0.5 - top);
            let (a, b) = (x.abs(), y.abs());
            // How far inside the shape the pixel's middle is.
            let inside = match kind {
                0 => radius - x.hypot(y),
                1 => 0.25 * radius - (x.hypot(y) - 0.75 * radius).abs(),
                2 => 0.85 * radius - a.max(b),
                _ => (radius - a.max(b)).min(0.3 * radius - a.min(b)),
            };
            data.push((255.0 * (inside + 0.5).clamp(0.0, 1.0)).round() as u8);
        }
        kinds.push(kind as u8);
    }
    (Pictures { width: size, height: size, channels: 1, data }, kinds)
}
