//! Where the patches of a picture lie.

use crate::shape::Check;
use crate::{Real, ShapeError};

/// Numbers of patches that are in memory at once: they stay in the second-level cache.
const BLOCK: usize = 1 << 17;
/// Sums of a weight's gradient that are taken side by side, whatever the threads.
const SEGMENTS: usize = 8;
/// Pictures of such a sum, at least: clearing it and adding it up is work, too.
const SEGMENT: usize = 8;

/// A picture and the patches that a kernel sees of it: the input of a convolution, the output of a transposed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
    /// Pixels of a patch each way.
    pub kernel: usize,
    /// Pixels from a patch to the next.
    pub stride: usize,
    /// Zeros around the picture, on every side.
    pub padding: usize,
}

impl Geometry {
    /// Are these sizes of a picture and its patches?
    ///
    /// # Errors
    /// If a size is 0, or no patch fits.
    pub fn check(&self, check: Check) -> Result<(), ShapeError> {
        let Self { height, width, channels, kernel, stride, padding } = *self;
        for (name, size) in [
            ("the height", height),
            ("the width", width),
            ("the channels", channels),
            ("the kernel", kernel),
            ("the stride", stride),
        ] {
            check.some(name, size)?;
        }
        let least = height.min(width).saturating_add(2 * padding);
        let value = |name, expected: String, got: usize| {
            Err(ShapeError::Value { operation: check.0, name, expected, got: got.to_string() })
        };
        if kernel > least {
            return value("the kernel", format!("at most the picture's {least} pixels"), kernel);
        }
        if padding >= kernel {
            return value("the padding", format!("less than the kernel's {kernel} pixels"), padding);
        }
        check.count(
            "a picture's patches",
            &[("rows", self.rows()), ("columns", self.cols()), ("patch", self.patch())],
        )?;
        Ok(())
    }

    /// Patches from top to bottom.
    pub fn rows(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Patches from left to right.
    pub fn cols(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Patches of a picture.
    pub fn count(&self) -> usize {
        self.rows() * self.cols()
    }

    /// Numbers of a patch.
    pub fn patch(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// Numbers of a picture.
    pub fn size(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Pictures whose patches are in memory at once.
    pub(super) fn block(&self) -> usize {
        (BLOCK / (self.count() * self.patch())).max(1)
    }

    /// Pictures of a segment, of `pictures` altogether.
    pub(super) fn segment(&self, pictures: usize) -> usize {
        pictures.div_ceil(SEGMENTS).max(SEGMENT)
    }

    /// The patches of a picture, `[rows, cols, kernel, kernel, channels]`; what lies outside is 0.
    pub(super) fn lower<T: Real>(&self, picture: &[T], patches: &mut [T]) {
        self.runs(|at, run| match run {
            Run::Inside { from, len, left, right } => {
                patches[at..at + left].fill(T::ZERO);
                patches[at + left..at + left + len].copy_from_slice(&picture[from..from + len]);
                patches[at + left + len..at + left + len + right].fill(T::ZERO);
            }
            Run::Outside { len } => patches[at..at + len].fill(T::ZERO),
        });
    }

    /// Adds every patch to where it lies in the picture: the transpose of [`Geometry::lower`].
    pub(super) fn raise<T: Real>(&self, patches: &[T], picture: &mut [T]) {
        self.runs(|at, run| {
            if let Run::Inside { from, len, left, .. } = run {
                let patch = &patches[at + left..at + left + len];
                picture[from..from + len].iter_mut().zip(patch).for_each(|(x, p)| *x += *p);
            }
        });
    }

    /// Every row of every patch: where it begins among the patches, and what of it lies in the picture.
    #[inline(always)]
    fn runs(&self, mut visit: impl FnMut(usize, Run)) {
        let Self { height, width, channels, kernel, stride, padding } = *self;
        let mut at = 0;
        for row in 0..self.rows() {
            for col in 0..self.cols() {
                // The patch's columns that lie in the picture.
                let first = padding.saturating_sub(col * stride).min(kernel);
                let last = (width + padding).saturating_sub(col * stride).min(kernel).max(first);
                for y in 0..kernel {
                    let (line, len) = (row * stride + y, kernel * channels);
                    if line < padding || line >= height + padding || first == last {
                        visit(at, Run::Outside { len });
                    } else {
                        let from = ((line - padding) * width + col * stride + first - padding) * channels;
                        let (left, right) = (first * channels, (kernel - last) * channels);
                        visit(at, Run::Inside { from, len: len - left - right, left, right });
                    }
                    at += len;
                }
            }
        }
    }
}

/// A row of a patch, in numbers.
enum Run {
    /// `len` numbers of the picture between zeros.
    Inside { from: usize, len: usize, left: usize, right: usize },
    /// Zeros.
    Outside { len: usize },
}
