//! Values that can't be, found before anything is computed.

use super::SequenceRecipe;
use simurgh_data::InputError;
use std::fmt::Display;

/// A value that a recipe may not have.
pub(crate) fn out_of_range(field: &str, expected: &str, got: impl Display) -> InputError {
    InputError::new(expected, got.to_string(), "see recipes/ for an annotated example").field(field)
}

/// A number above 0.
pub(crate) fn positive(field: &str, value: f64) -> Result<(), InputError> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(out_of_range(field, "a number above 0", value)) }
}

/// 0 up to but not 1.
pub(crate) fn share(field: &str, value: f64) -> Result<(), InputError> {
    if (0.0..1.0).contains(&value) { Ok(()) } else { Err(out_of_range(field, "0 up to but not 1", value)) }
}

/// A number that is not negative.
pub(crate) fn not_negative(field: &str, value: f64) -> Result<(), InputError> {
    if value >= 0.0 && value.is_finite() { Ok(()) } else { Err(out_of_range(field, "0 or more", value)) }
}

/// `low` to `high`.
pub(crate) fn within(field: &str, value: usize, low: usize, high: usize) -> Result<(), InputError> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(out_of_range(field, &format!("{low} to {high}"), value)) }
}

/// What a run's folder may be called.
pub(crate) fn valid_name(name: &str) -> Result<(), InputError> {
    let named = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if !name.chars().all(named) || name.starts_with('.') || name.len() > 100 {
        return Err(out_of_range("name", "at most 100 letters, digits, `-`, `_` and `.`", format!("`{name}`")));
    }
    Ok(())
}

/// The tables that all tasks of sequences share.
///
/// # Errors
/// The first value out of range.
pub(crate) fn shared(recipe: &impl SequenceRecipe) -> Result<(), InputError> {
    let t = recipe.train();
    valid_name(recipe.name())?;
    positive("train.learning_rate", t.learning_rate)?;
    positive("train.epsilon", t.epsilon)?;
    for (key, value) in [
        ("train.momentum", t.momentum),
        ("train.beta1", t.beta1),
        ("train.beta2", t.beta2),
        ("train.average", t.average),
        ("train.label_smoothing", t.label_smoothing),
    ] {
        share(key, value)?;
    }
    not_negative("train.clip_norm", t.clip_norm)?;
    not_negative("train.weight_decay", t.weight_decay)?;
    if t.steps > 1_000_000_000 {
        return Err(out_of_range("train.steps", "at most 1000000000", t.steps));
    }
    for (key, value) in [
        ("train.epochs", t.epochs as usize),
        ("train.batch_tokens", t.batch_tokens),
        ("train.accumulate", t.accumulate as usize),
        ("train.eval_pairs", t.eval_pairs),
        ("train.checkpoint_every", t.checkpoint_every as usize),
        ("train.log_every", t.log_every as usize),
    ] {
        within(key, value, 1, 10_000_000)?;
    }
    Ok(())
}
