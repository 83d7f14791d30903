//! Sequences of different lengths without padding.

use crate::ShapeError;
use crate::shape::Check;
use std::ops::Range;

/// The layout of a batch of sequences packed time-major: first all rows of step 0, then of step 1,
/// and so on. Sequences stand in order of falling length, so that the rows of a step are the rows
/// of the first `batch_at(t)` sequences.
///
/// The same as PyTorch's `PackedSequence`, without its two permutations: whoever builds a batch
/// sorts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ragged {
    lengths: Vec<usize>,
    batch: Vec<usize>,
    offsets: Vec<usize>,
}

impl Ragged {
    /// The layout of sequences of `lengths` steps.
    ///
    /// # Errors
    /// Where there is no sequence, one has no steps, lengths rise, or there are more steps than memory can be had for.
    pub fn new(lengths: &[usize]) -> Result<Self, ShapeError> {
        let check = Check("ragged batch");
        if lengths.is_empty() {
            return Err(ShapeError::Zero { operation: check.0, dimension: "the number of sequences" });
        }
        if let Some(sequence) = lengths.iter().position(|n| *n == 0) {
            return Err(ShapeError::EmptySequence { sequence });
        }
        if let Some(k) = lengths.windows(2).position(|w| w[0] < w[1]) {
            return Err(ShapeError::Rising { sequence: k + 1, before: lengths[k], got: lengths[k + 1] });
        }
        check.count("the rows", &[("sequences", lengths.len()), ("steps at most", lengths[0])])?;
        let steps = lengths.first().copied().unwrap_or(0);
        let mut batch = check.room("the steps", &[("steps", steps)])?;
        let mut alive = lengths.len();
        for t in 0..steps {
            while lengths[alive - 1] <= t {
                alive -= 1;
            }
            batch.push(alive);
        }
        let mut offsets = check.room("the steps", &[("steps", steps + 1)])?;
        let mut sum = 0;
        for &n in &batch {
            offsets.push(sum);
            sum += n;
        }
        offsets.push(sum);
        Ok(Self { lengths: lengths.to_vec(), batch, offsets })
    }

    /// The order that sorts `lengths` to fall, ties by position.
    pub fn order(lengths: &[usize]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
        order
    }

    /// Number of steps of the longest sequence.
    pub fn steps(&self) -> usize {
        self.batch.len()
    }

    /// Number of sequences.
    pub fn sequences(&self) -> usize {
        self.lengths.len()
    }

    /// Number of rows, the sum of the lengths.
    pub fn rows(&self) -> usize {
        *self.offsets.last().expect("offsets end with the sum")
    }

    /// Lengths, falling.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// How many sequences reach step `t`.
    pub fn batch_at(&self, t: usize) -> usize {
        self.batch.get(t).copied().unwrap_or(0)
    }

    /// The rows of step `t`.
    pub fn rows_at(&self, t: usize) -> Range<usize> {
        self.offsets[t]..self.offsets[t + 1]
    }

    /// The row of step `t` of a sequence.
    pub fn row(&self, t: usize, sequence: usize) -> usize {
        debug_assert!(t < self.lengths[sequence]);
        self.offsets[t] + sequence
    }

    /// For each row, its step and sequence.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.batch.iter().enumerate().flat_map(|(t, &n)| (0..n).map(move |j| (t, j)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_time_major() {
        let ragged = Ragged::new(&[3, 2, 2, 1]).unwrap();
        assert_eq!((ragged.steps(), ragged.sequences(), ragged.rows()), (3, 4, 8));
        assert_eq!(ragged.rows_at(1), 4..7);
        assert_eq!(ragged.row(2, 0), 7);
        assert_eq!(ragged.cells().count(), 8);
        assert_eq!(Ragged::order(&[1, 3, 2, 3]), [1, 3, 2, 0]);
    }

    #[test]
    fn lengths_that_make_no_batch_are_errors() {
        for (lengths, want) in [
            (&[][..], "ragged batch: the number of sequences is 0"),
            (&[3, 0], "ragged batch: sequence 1 has length 0"),
            (&[0], "ragged batch: sequence 0 has length 0"),
            (&[2, 3], "ragged batch: sequence 1 has 3 steps, more than the 2 of the one before it"),
        ] {
            assert_eq!(Ragged::new(lengths).unwrap_err().to_string(), want);
        }
        // More than can be counted, and more than any machine has.
        for lengths in [&[usize::MAX, usize::MAX][..], &[1 << 55]] {
            let e = Ragged::new(lengths).unwrap_err().to_string();
            assert!(e.contains("more elements than there is memory for"), "{e}");
        }
    }
}
