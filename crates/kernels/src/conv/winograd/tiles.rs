//! A picture's tiles, and their way to the points and back.

use super::transform::{OUTPUTS, POINTS, Weights};
use crate::{Real, multiversion};
use std::ops::Range;

/// Points of a tile.
pub const ALL: usize = POINTS * POINTS;

/// Tiles of a picture, from its corner on, row by row; those of the next picture follow.
#[derive(Clone, Copy)]
pub struct Grid {
    pub height: usize,
    pub width: usize,
}

impl Grid {
    /// Tiles of a picture.
    pub fn count(self) -> usize {
        self.height.div_ceil(OUTPUTS) * self.width.div_ceil(OUTPUTS)
    }

    /// The picture of a tile, and the place of its first output there.
    fn place(self, tile: usize) -> (usize, [usize; 2]) {
        let (picture, tile) = (tile / self.count(), tile % self.count());
        let columns = self.width.div_ceil(OUTPUTS);
        (picture, [tile / columns * OUTPUTS, tile % columns * OUTPUTS])
    }

    /// Outputs of a tile that are in the picture, each way.
    fn inside(self, [y, x]: [usize; 2]) -> [usize; 2] {
        [OUTPUTS.min(self.height - y), OUTPUTS.min(self.width - x)]
    }
}

/// How far apart points lie of which each has so many numbers: an odd number of the caches' lines, so that those of a tile do not fall
/// on the same few.
pub fn spaced<T>(numbers: usize) -> usize {
    let line = 64 / size_of::<T>();
    (numbers.div_ceil(line) | 1) * line
}

/// The `side` x `side` pixels from `[top, left]` on, of a picture with `rim` zeros around it: where they begin, and how far a line is from
/// the next. What is not inside is gathered in `edge`.
#[inline(always)]
fn window<'a, T: Real>(
    picture: &'a [T],
    Grid { height, width }: Grid,
    ([top, left], side, rim): ([usize; 2], usize, usize),
    channels: usize,
    edge: &'a mut Vec<T>,
) -> (&'a [T], usize) {
    if top >= rim && left >= rim && top + side <= height + rim && left + side <= width + rim {
        return (&picture[((top - rim) * width + left - rim) * channels..], width * channels);
    }
    edge.clear();
    edge.resize(side * side * channels, T::ZERO);
    for (i, edge) in edge.chunks_exact_mut(side * channels).enumerate() {
        if (rim..height + rim).contains(&(top + i)) {
            let (first, last) = (rim.saturating_sub(left), side.min(width + rim - left));
            let row = &picture[((top + i - rim) * width + left + first - rim) * channels..];
            edge[first * channels..last * channels].copy_from_slice(&row[..(last - first) * channels]);
        }
    }
    (edge, side * channels)
}

/// `N` lines of channels from `at` on, `stride` apart.
#[inline(always)]
fn lines<T, const N: usize>(from: &[T], at: usize, stride: usize, channels: usize) -> [&[T]; N] {
    std::array::from_fn(|k| &from[at + k * stride..][..channels])
}

/// The same to write to.
#[inline(always)]
fn lines_mut<T, const N: usize>(to: &mut [T], at: usize, stride: usize, channels: usize) -> [&mut [T]; N] {
    let mut each = to[at..].chunks_mut(stride);
    std::array::from_fn(|_| &mut each.next().expect("room for every line")[..channels])
}

#[inline(always)]
fn at_points_body<T: Real, const FMA: bool>(x: &[T], grid: Grid, tiles: Range<usize>, channels: usize, to: &mut [T]) {
    let (weights, size) = (Weights::new(), grid.height * grid.width * channels);
    let stride = spaced::<T>(tiles.len() * channels);
    let (mut edge, mut down) = (Vec::new(), vec![T::ZERO; POINTS * POINTS * channels]);
    for (n, tile) in tiles.enumerate() {
        let (picture, corner) = grid.place(tile);
        let picture = &x[picture * size..][..size];
        let (from, line) = window(picture, grid, (corner, POINTS, 1), channels, &mut edge);
        for j in 0..POINTS {
            let to = lines_mut(&mut down, j * POINTS * channels, channels, channels);
            weights.inputs::<FMA>(lines(from, j * channels, line, channels), to);
        }
        for i in 0..POINTS {
            let to = lines_mut(to, i * POINTS * stride + n * channels, stride, channels);
            weights.inputs::<FMA>(lines(&down, i * channels, POINTS * channels, channels), to);
        }
    }
}

#[inline(always)]
fn d_products_body<T: Real, const FMA: bool>(
    d_y: &[T],
    grid: Grid,
    tiles: Range<usize>,
    channels: usize,
    to: &mut [T],
) {
    let (weights, size) = (Weights::new(), grid.height * grid.width * channels);
    let stride = spaced::<T>(tiles.len() * channels);
    let (mut edge, mut down) = (Vec::new(), vec![T::ZERO; OUTPUTS * POINTS * channels]);
    for (n, tile) in tiles.enumerate() {
        let (picture, corner) = grid.place(tile);
        let picture = &d_y[picture * size..][..size];
        let (from, line) = window(picture, grid, (corner, OUTPUTS, 0), channels, &mut edge);
        for j in 0..OUTPUTS {
            let to = lines_mut(&mut down, j * POINTS * channels, channels, channels);
            weights.d_products::<FMA>(lines(from, j * channels, line, channels), to);
        }
        for i in 0..POINTS {
            let to = lines_mut(to, i * POINTS * stride + n * channels, stride, channels);
            weights.d_products::<FMA>(lines(&down, i * channels, POINTS * channels, channels), to);
        }
    }
}

#[inline(always)]
fn one_tile_body<T: Real, const FMA: bool>(from: &[T], stride: usize, channels: usize, down: &mut [T], to: &mut [T]) {
    let weights = Weights::new();
    for j in 0..POINTS {
        let to = lines_mut(down, j * OUTPUTS * channels, channels, channels);
        weights.outputs::<FMA>(lines(from, j * stride, POINTS * stride, channels), to);
    }
    for i in 0..OUTPUTS {
        let to = lines_mut(to, i * OUTPUTS * channels, channels, channels);
        weights.outputs::<FMA>(lines(down, i * channels, OUTPUTS * channels, channels), to);
    }
}

/// Calls `write(place, numbers)` for every row of outputs of the tiles whose products are `from[points, tiles, channels]`, points [`spaced`].
pub fn interpolated<T: Real>(
    from: &[T],
    grid: Grid,
    tiles: Range<usize>,
    channels: usize,
    mut write: impl FnMut(usize, &[T]),
) {
    let stride = spaced::<T>(tiles.len() * channels);
    let mut outputs = vec![T::ZERO; OUTPUTS * OUTPUTS * channels];
    let mut down = vec![T::ZERO; POINTS * OUTPUTS * channels];
    for (n, tile) in tiles.enumerate() {
        let (picture, [top, left]) = grid.place(tile);
        let [rows, columns] = grid.inside([top, left]);
        one_tile(&from[n * channels..], stride, channels, &mut down, &mut outputs);
        for (i, row) in outputs.chunks_exact(OUTPUTS * channels).enumerate().take(rows) {
            let at = ((picture * grid.height + top + i) * grid.width + left) * channels;
            write(at, &row[..columns * channels]);
        }
    }
}

multiversion! {
    /// Tiles of pictures `x` at their points, `to[points, tiles, channels]`, points [`spaced`].
    pub fn at_points<T: Real>(x: &[T], grid: Grid, tiles: Range<usize>, channels: usize, to: &mut [T]) = at_points_body
}

multiversion! {
    /// The gradient of pictures as that of the tiles' products, `to[points, tiles, channels]`, points [`spaced`].
    pub fn d_products_of<T: Real>(d_y: &[T], grid: Grid, tiles: Range<usize>, channels: usize, to: &mut [T]) = d_products_body
}

multiversion! {
    /// The outputs `[4, 4, channels]` of the tile whose products begin at `from`, points `stride` numbers apart.
    fn one_tile<T: Real>(from: &[T], stride: usize, channels: usize, down: &mut [T], to: &mut [T]) = one_tile_body
}
