//! Pictures of another size: 2 x 2 pixels as one, one as 2 x 2; channels as pixels, pixels as channels. The second of each is the
//! first's transpose.

use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError};

/// `[pictures, height / 2, width / 2, channels]` from `x[pictures, height, width, channels]`: the sum of 2 x 2 pixels, times
/// `scale` (a quarter makes it their mean).
///
/// # Errors
/// If the shapes do not fit, or a side is odd.
pub fn halved<T: Real>(x: &[T], [height, width, channels]: [usize; 3], scale: T) -> Result<Vec<T>, ShapeError> {
    let check = Check("halving");
    check.dimension("pixels of the height left over", height % 2, 0)?;
    check.dimension("pixels of the width left over", width % 2, 0)?;
    let size = size(check, [height, width, channels])?;
    let pictures = x.len() / size;
    check.elements("x", x.len(), &[("pictures", pictures), ("numbers", size)])?;
    let mut y = vec![T::ZERO; x.len() / 4];
    let (line, shared) = (width * channels, Shared::new(&mut y));
    parallel::each(pictures, x.len() > WORTH, |k| {
        // SAFETY: every picture is a task's own.
        let y = unsafe { shared.slice(k * size / 4, size / 4) };
        let lines = x[k * size..][..size].chunks_exact(2 * line);
        for (two, y) in lines.zip(y.chunks_exact_mut(line / 2)) {
            let (upper, lower) = two.split_at(line);
            let pairs = upper.chunks_exact(2 * channels).zip(lower.chunks_exact(2 * channels));
            for ((upper, lower), y) in pairs.zip(y.chunks_exact_mut(channels)) {
                let (a, b) = upper.split_at(channels);
                let (c, d) = lower.split_at(channels);
                for (i, y) in y.iter_mut().enumerate() {
                    *y = ((a[i] + b[i]) + (c[i] + d[i])) * scale;
                }
            }
        }
    });
    Ok(y)
}

/// `[pictures, 2 height, 2 width, channels]` from `x[pictures, height, width, channels]`: every pixel four times, times `scale`.
///
/// # Errors
/// If the shapes do not fit, or the result is too large.
pub fn doubled<T: Real>(x: &[T], [height, width, channels]: [usize; 3], scale: T) -> Result<Vec<T>, ShapeError> {
    let check = Check("doubling");
    let size = size(check, [height, width, channels])?;
    let pictures = x.len() / size;
    check.elements("x", x.len(), &[("pictures", pictures), ("numbers", size)])?;
    let mut y = vec![T::ZERO; check.count("the result", &[("pixels", 4), ("numbers", x.len())])?];
    let (line, shared) = (width * channels, Shared::new(&mut y));
    parallel::each(pictures, x.len() > WORTH, |k| {
        // SAFETY: every picture is a task's own.
        let y = unsafe { shared.slice(k * size * 4, size * 4) };
        for (x, y) in x[k * size..][..size].chunks_exact(line).zip(y.chunks_exact_mut(4 * line)) {
            let (upper, lower) = y.split_at_mut(2 * line);
            for (x, y) in x.chunks_exact(channels).zip(upper.chunks_exact_mut(2 * channels)) {
                let (a, b) = y.split_at_mut(channels);
                for (i, x) in x.iter().enumerate() {
                    (a[i], b[i]) = (*x * scale, *x * scale);
                }
            }
            lower.copy_from_slice(upper);
        }
    });
    Ok(y)
}

/// Channels as pixels (Shi et al. 2016): `[pictures, factor height, factor width, channels]` from `x[pictures, height, width, channels
/// factor^2]`, whose channel `c factor^2 + i factor + j` is channel `c` of row `i`, column `j` of a pixel's square, as PyTorch's.
///
/// # Errors
/// If the shapes do not fit.
pub fn shuffled<T: Real>(x: &[T], picture: [usize; 3], factor: usize) -> Result<Vec<T>, ShapeError> {
    rearranged(x, picture, factor, |x, y, small, large| y[large] = x[small])
}

/// The inverse of [`shuffled`], and its transpose.
///
/// # Errors
/// If the shapes do not fit.
pub fn unshuffled<T: Real>(x: &[T], picture: [usize; 3], factor: usize) -> Result<Vec<T>, ShapeError> {
    rearranged(x, picture, factor, |x, y, small, large| y[small] = x[large])
}

/// Calls `put(x, y, place among channels, place among pixels)` for all places of every picture.
#[inline(always)]
fn rearranged<T: Real>(
    x: &[T],
    [height, width, channels]: [usize; 3],
    factor: usize,
    put: impl Fn(&[T], &mut [T], usize, usize) + Sync,
) -> Result<Vec<T>, ShapeError> {
    let check = Check("pixel shuffle");
    check.some("the factor", factor)?;
    let square = check.count("the factor", &[("rows", factor), ("columns", factor)])?;
    let one = size(check, [height, width, check.count("a pixel", &[("channels", channels), ("factor", square)])?])?;
    let pictures = x.len() / one;
    check.elements("x", x.len(), &[("pictures", pictures), ("numbers", one)])?;
    let mut y = vec![T::ZERO; x.len()];
    let shared = Shared::new(&mut y);
    parallel::each(pictures * height, x.len() > WORTH, |line| {
        // A line of pixels is `factor` lines of the larger picture: as many numbers, in the same place.
        let (first, len) = (line * width * channels * square, width * channels * square);
        // SAFETY: every line is a task's own.
        let (x, y) = (&x[first..][..len], unsafe { shared.slice(first, len) });
        for i in 0..factor {
            for pixel in 0..width {
                for j in 0..factor {
                    let large = ((i * width + pixel) * factor + j) * channels;
                    let small = pixel * channels * square + i * factor + j;
                    (0..channels).for_each(|c| put(x, y, small + c * square, large + c));
                }
            }
        }
    });
    Ok(y)
}

/// Numbers that are worth another thread.
const WORTH: usize = 1 << 15;

fn size(check: Check, [height, width, channels]: [usize; 3]) -> Result<usize, ShapeError> {
    check.some("the height", height)?;
    check.some("the width", width)?;
    check.some("the channels", channels)?;
    check.count("a picture", &[("height", height), ("width", width), ("channels", channels)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_pixels_are_one_and_one_is_four() {
        // 2 x 4 pixels of 2 channels.
        let x: Vec<f64> = (0..16).map(f64::from).collect();
        let want = vec![0.25 * (0.0 + 2.0 + 8.0 + 10.0), 0.25 * (1.0 + 3.0 + 9.0 + 11.0), 9.0, 10.0];
        assert_eq!(halved(&x, [2, 4, 2], 0.25).unwrap(), want);
        let y = doubled(&[1.0, 2.0, 3.0, 4.0], [1, 2, 2], 1.0).unwrap();
        assert_eq!(y, [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0].repeat(2));
        assert_eq!(halved::<f32>(&[], [2, 2, 1], 1.0).unwrap(), []);
        assert_eq!(halved(&y, [2, 4, 2], 0.25).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    }

    /// <halved x, y> = <x, doubled y>, with many pictures and one.
    #[test]
    fn each_is_the_others_transpose() {
        for (pictures, [height, width, channels]) in [(1, [2, 2, 1]), (3, [4, 6, 5]), (90, [12, 10, 7])] {
            let size = height * width * channels;
            let x: Vec<f64> = (0..pictures * size).map(|k| (k as f64 * 0.37).sin()).collect();
            let y: Vec<f64> = (0..pictures * size / 4).map(|k| (k as f64 * 0.91).cos()).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let left = dot(&halved(&x, [height, width, channels], 0.5).unwrap(), &y);
            let right = dot(&x, &doubled(&y, [height / 2, width / 2, channels], 0.5).unwrap());
            assert!((left - right).abs() < 1e-9 * size as f64, "{left} {right}");
        }
    }

    #[test]
    fn channels_are_pixels_and_back() {
        // torch.nn.PixelShuffle(2) of 1 x 2 pixels of 8 channels.
        let x: Vec<f64> = (0..16).map(f64::from).collect();
        let want = [0.0, 4.0, 1.0, 5.0, 8.0, 12.0, 9.0, 13.0, 2.0, 6.0, 3.0, 7.0, 10.0, 14.0, 11.0, 15.0];
        assert_eq!(shuffled(&x, [1, 2, 2], 2).unwrap(), want);
        assert_eq!(shuffled(&x, [2, 2, 4], 1).unwrap(), x);
        for (pictures, picture, factor) in [(1, [1, 1, 1], 3), (2, [3, 2, 4], 3), (5, [40, 30, 3], 2)] {
            let size: usize = picture.iter().product::<usize>() * factor * factor;
            let x: Vec<f32> = (0..pictures * size).map(|k| k as f32).collect();
            let y = shuffled(&x, picture, factor).unwrap();
            assert_eq!(unshuffled(&y, picture, factor).unwrap(), x);
        }
        assert!(shuffled(&x, [1, 2, 3], 2).is_err() && shuffled(&x, [1, 2, 2], 0).is_err());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let message = |result: Result<Vec<f32>, ShapeError>| result.unwrap_err().to_string();
        assert!(message(halved(&[0.0; 6], [3, 2, 1], 1.0)).contains("height left over"));
        assert!(message(halved(&[0.0; 6], [2, 3, 1], 1.0)).contains("width left over"));
        assert!(message(halved(&[0.0; 6], [2, 2, 1], 1.0)).contains("expected 4"));
        assert!(message(doubled(&[0.0; 6], [2, 2, 0], 1.0)).contains("channels"));
        assert!(message(doubled(&[0.0; 6], [2, 2, 1], 1.0)).contains("expected 4"));
    }
}
