//! Values that can't be, found before anything is computed.

use super::Recipe;
use simurgh_data::InputError;

impl Recipe {
    /// # Errors
    /// The first value out of range.
    pub(super) fn validate(&self) -> Result<(), InputError> {
        let error = |field: &str, expected: &str, got: String| {
            Err(InputError::new(expected, got, "see recipes/ for an annotated example").field(field))
        };
        if self.data.embedded.is_empty() && self.data.train.all().is_empty() {
            return error("data.train", "a file, or data.embedded", "nothing".into());
        }
        if let Some((key, expected, got)) = self.model.problem() {
            return error(&format!("model.{key}"), &expected, got);
        }
        let t = &self.train;
        let positive = [
            ("train.learning_rate", t.learning_rate),
            ("train.epsilon", t.epsilon),
            ("decode.max_ratio", self.decode.max_ratio),
            ("cleaning.max_ratio", self.cleaning.max_ratio),
        ];
        for (key, value) in positive {
            if !(value > 0.0 && value.is_finite()) {
                return error(key, "a number above 0", value.to_string());
            }
        }
        let shares = [
            ("train.momentum", t.momentum),
            ("train.beta1", t.beta1),
            ("train.beta2", t.beta2),
            ("train.average", t.average),
            ("train.label_smoothing", t.label_smoothing),
            ("text.bpe_dropout", self.text.bpe_dropout),
        ];
        for (key, value) in shares {
            if !(0.0..1.0).contains(&value) {
                return error(key, "0 up to but not 1", value.to_string());
            }
        }
        for (key, value) in [("train.clip_norm", t.clip_norm), ("train.weight_decay", t.weight_decay)] {
            if !(value >= 0.0 && value.is_finite()) {
                return error(key, "0 or more", value.to_string());
            }
        }
        if !(0.0..=5.0).contains(&self.decode.length_penalty) {
            return error("decode.length_penalty", "0 to 5", self.decode.length_penalty.to_string());
        }
        if self.decode.max_ratio > 100.0 {
            return error("decode.max_ratio", "at most 100", self.decode.max_ratio.to_string());
        }
        if self.decode.max_extra > 10_000 {
            return error("decode.max_extra", "at most 10000", self.decode.max_extra.to_string());
        }
        let named = |c: char| c.is_alphanumeric() || "._-".contains(c);
        if !self.name.chars().all(named) || self.name.starts_with('.') || self.name.len() > 100 {
            return error("name", "at most 100 letters, digits, `-`, `_` and `.`", format!("`{}`", self.name));
        }
        if t.steps > 1_000_000_000 {
            return error("train.steps", "at most 1000000000", t.steps.to_string());
        }
        for (key, beam) in [("decode.beam", self.decode.beam), ("train.eval_beam", t.eval_beam)] {
            if !(1..=100).contains(&beam) {
                return error(key, "1 to 100", beam.to_string());
            }
        }
        if !(100..=100_000).contains(&self.text.vocab) {
            return error("text.vocab", "100 to 100000", self.text.vocab.to_string());
        }
        if !(1..=100).contains(&self.data.repeat_phrases) {
            return error("data.repeat_phrases", "1 to 100", self.data.repeat_phrases.to_string());
        }
        let counts = [
            ("train.epochs", t.epochs),
            ("train.batch_tokens", t.batch_tokens as u64),
            ("train.accumulate", t.accumulate),
            ("train.eval_pairs", t.eval_pairs as u64),
            ("train.checkpoint_every", t.checkpoint_every),
            ("train.log_every", t.log_every),
            ("cleaning.max_chars", self.cleaning.max_chars as u64),
        ];
        for (key, value) in counts {
            if !(1..=10_000_000).contains(&value) {
                return error(key, "1 to 10000000", value.to_string());
            }
        }
        Ok(())
    }
}
