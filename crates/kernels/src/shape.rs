//! What is wrong with operands that do not fit together, or with a number that can't be.

use crate::gemm::Format;
use thiserror::Error;

/// Dimensions or lengths that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// An operand has another number of elements than its dimensions ask for.
    #[error("{operation}: `{operand}` has {got} elements, expected {expected} ({dimensions})")]
    Elements {
        /// What was asked for.
        operation: &'static str,
        /// Which operand.
        operand: &'static str,
        /// Its dimensions by name and size.
        dimensions: String,
        /// Their product.
        expected: usize,
        /// What it has.
        got: usize,
    },
    /// A dimension differs from the same dimension elsewhere.
    #[error("{operation}: {dimension} is {got}, expected {expected}")]
    Dimension {
        /// What was asked for.
        operation: &'static str,
        /// Which dimension of which operand.
        dimension: &'static str,
        /// What it must be.
        expected: usize,
        /// What it is.
        got: usize,
    },
    /// A dimension is 0 where there must be something.
    #[error("{operation}: {dimension} is 0")]
    Zero {
        /// What was asked for.
        operation: &'static str,
        /// Which dimension.
        dimension: &'static str,
    },
    /// A sequence without steps within a batch.
    #[error("ragged batch: sequence {sequence} has length 0")]
    EmptySequence {
        /// Which one, from 0.
        sequence: usize,
    },
    /// Sequences that are not in order of falling length.
    #[error("ragged batch: sequence {sequence} has {got} steps, more than the {before} of the one before it")]
    Rising {
        /// The first that is longer than the one before, from 0.
        sequence: usize,
        /// Steps of the one before.
        before: usize,
        /// Its own steps.
        got: usize,
    },
    /// More elements than can be counted, or than memory can be had for.
    #[error("{operation}: `{operand}` has more elements than there is memory for ({dimensions})")]
    Overflow {
        /// What was asked for.
        operation: &'static str,
        /// Which operand.
        operand: &'static str,
        /// Its dimensions by name and size.
        dimensions: String,
    },
    /// An operand is packed, or was kept, with another rounding than the others.
    #[error("{operation}: {operand} is in format {got:?}, expected {expected:?}")]
    Format {
        /// What was asked for.
        operation: &'static str,
        /// Which operand.
        operand: &'static str,
        /// The others' format.
        expected: Format,
        /// Its own.
        got: Format,
    },
    /// An index of nothing: a target that is no class, a token that is not in the vocabulary.
    #[error("{operation}: {operand} {position} is {got}, expected less than {size}")]
    Index {
        /// What was asked for.
        operation: &'static str,
        /// What the indices are.
        operand: &'static str,
        /// Where the first such stands, from 0.
        position: usize,
        /// The index.
        got: usize,
        /// How many there are to choose from, counted from 0.
        size: usize,
    },
    /// A number outside of its range.
    #[error("{operation}: {name} is {got}, expected {expected}")]
    Value {
        /// What was asked for.
        operation: &'static str,
        /// Which number.
        name: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A pass asks for what the pass before it did not keep.
    #[error("{operation}: the forward pass kept nothing for it")]
    NothingKept {
        /// What was asked for.
        operation: &'static str,
    },
}

/// The operation whose operands are checked.
#[derive(Clone, Copy, Debug)]
pub struct Check(pub &'static str);

impl Check {
    /// How many elements these dimensions make.
    ///
    /// # Errors
    /// If they are too many.
    pub fn count(self, operand: &'static str, dimensions: &[(&str, usize)]) -> Result<usize, ShapeError> {
        let product = dimensions.iter().try_fold(1usize, |product, (_, size)| product.checked_mul(*size));
        // What is larger than this can't be allocated.
        product.filter(|n| *n <= isize::MAX as usize / size_of::<f64>()).ok_or_else(|| ShapeError::Overflow {
            operation: self.0,
            operand,
            dimensions: named(dimensions),
        })
    }

    /// Room for as many elements as these dimensions make.
    ///
    /// # Errors
    /// If they are too many, or more than there is memory for.
    pub fn room<T>(self, operand: &'static str, dimensions: &[(&str, usize)]) -> Result<Vec<T>, ShapeError> {
        let mut room = Vec::new();
        match room.try_reserve_exact(self.count(operand, dimensions)?) {
            Ok(()) => Ok(room),
            Err(_) => Err(ShapeError::Overflow { operation: self.0, operand, dimensions: named(dimensions) }),
        }
    }

    /// An operand has as many elements as its dimensions make.
    ///
    /// # Errors
    /// If it has not.
    pub fn elements(self, operand: &'static str, got: usize, dimensions: &[(&str, usize)]) -> Result<(), ShapeError> {
        let expected = self.count(operand, dimensions)?;
        if got == expected {
            return Ok(());
        }
        let dimensions = named(dimensions);
        Err(ShapeError::Elements { operation: self.0, operand, dimensions, expected, got })
    }

    /// A dimension is what it must be.
    ///
    /// # Errors
    /// If it is not.
    pub fn dimension(self, dimension: &'static str, got: usize, expected: usize) -> Result<(), ShapeError> {
        if got == expected {
            return Ok(());
        }
        Err(ShapeError::Dimension { operation: self.0, dimension, expected, got })
    }

    /// Every index is one of `0 .. size`.
    ///
    /// # Errors
    /// If one is not.
    pub fn indices(
        self,
        operand: &'static str,
        indices: impl IntoIterator<Item = usize>,
        size: usize,
    ) -> Result<(), ShapeError> {
        match indices.into_iter().enumerate().find(|(_, index)| *index >= size) {
            None => Ok(()),
            Some((position, got)) => Err(ShapeError::Index { operation: self.0, operand, position, got, size }),
        }
    }

    /// A probability that is not certain: from 0 up to but not 1.
    ///
    /// # Errors
    /// If it is not.
    pub fn share(self, name: &'static str, got: f64) -> Result<(), ShapeError> {
        if (0.0..1.0).contains(&got) {
            return Ok(());
        }
        let expected = "0 up to but not 1".into();
        Err(ShapeError::Value { operation: self.0, name, expected, got: got.to_string() })
    }

    /// An operand is rounded as the others are.
    ///
    /// # Errors
    /// If it is not.
    pub fn format(self, operand: &'static str, got: Format, expected: Format) -> Result<(), ShapeError> {
        if got == expected {
            return Ok(());
        }
        Err(ShapeError::Format { operation: self.0, operand, expected, got })
    }

    /// A dimension is not 0.
    ///
    /// # Errors
    /// If it is.
    pub fn some(self, dimension: &'static str, size: usize) -> Result<(), ShapeError> {
        if size > 0 { Ok(()) } else { Err(ShapeError::Zero { operation: self.0, dimension }) }
    }
}

/// `rows 3 x input 4`
fn named(dimensions: &[(&str, usize)]) -> String {
    let all: Vec<String> = dimensions.iter().map(|(name, size)| format!("{name} {size}")).collect();
    all.join(" x ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_dimensions() {
        let check = Check("lstm forward");
        let e = check.elements("x", 11, &[("rows", 3), ("input", 4)]).unwrap_err();
        assert_eq!(e.to_string(), "lstm forward: `x` has 11 elements, expected 12 (rows 3 x input 4)");
        let e = check.elements("x", 11, &[("rows", usize::MAX), ("input", 4)]).unwrap_err();
        let want =
            format!("lstm forward: `x` has more elements than there is memory for (rows {} x input 4)", usize::MAX);
        assert_eq!(e.to_string(), want);
        let e = check.dimension("input of weight_ih", 3, 4).unwrap_err();
        assert_eq!(e.to_string(), "lstm forward: input of weight_ih is 3, expected 4");
        let e = Check("embedding").indices("id", [3, 4, 5], 5).unwrap_err();
        assert_eq!(e.to_string(), "embedding: id 2 is 5, expected less than 5");
        for rate in [f64::NAN, 1.0, -0.1] {
            let e = Check("dropout").share("the rate", rate).unwrap_err();
            assert_eq!(e.to_string(), format!("dropout: the rate is {rate}, expected 0 up to but not 1"));
        }
    }
}
