//! The definition, number by number.

use super::Geometry;
use crate::Real;

/// Where number `(ky, kx)` of patch `(row, col)` lies in the picture, if it does.
fn place(g: Geometry, [row, col]: [usize; 2], [ky, kx]: [usize; 2]) -> Option<usize> {
    let y = (row * g.stride + ky).checked_sub(g.padding).filter(|y| *y < g.height)?;
    let x = (col * g.stride + kx).checked_sub(g.padding).filter(|x| *x < g.width)?;
    Some((y * g.width + x) * g.channels)
}

/// Visits `(place in the picture, place in a patch's weights of one channel, patch)`.
fn visit(g: Geometry, mut f: impl FnMut(usize, usize, usize)) {
    for row in 0..g.rows() {
        for col in 0..g.cols() {
            for ky in 0..g.kernel {
                for kx in 0..g.kernel {
                    if let Some(at) = place(g, [row, col], [ky, kx]) {
                        f(at, ky * g.kernel + kx, row * g.cols() + col);
                    }
                }
            }
        }
    }
}

/// `weight[out, channels, kernel, kernel]`, without activation.
pub fn forward<T: Real>(x: &[T], weight: &[T], bias: &[T], g: Geometry) -> Vec<T> {
    let (out, area) = (bias.len(), g.kernel * g.kernel);
    let mut y = Vec::new();
    for x in x.chunks_exact(g.size()) {
        let mut one: Vec<T> = bias.iter().copied().cycle().take(g.count() * out).collect();
        visit(g, |at, k, patch| {
            for o in 0..out {
                for c in 0..g.channels {
                    one[patch * out + o] += x[at + c] * weight[(o * g.channels + c) * area + k];
                }
            }
        });
        y.extend(one);
    }
    y
}

/// `weight[in, channels, kernel, kernel]`, without activation.
pub fn transposed_forward<T: Real>(x: &[T], weight: &[T], bias: &[T], g: Geometry) -> Vec<T> {
    let area = g.kernel * g.kernel;
    let input = weight.len() / (g.channels * area);
    let mut y = Vec::new();
    for x in x.chunks_exact(g.count() * input) {
        let mut one: Vec<T> = bias.iter().copied().cycle().take(g.size()).collect();
        visit(g, |at, k, patch| {
            for i in 0..input {
                for c in 0..g.channels {
                    one[at + c] += x[patch * input + i] * weight[(i * g.channels + c) * area + k];
                }
            }
        });
        y.extend(one);
    }
    y
}
