//! How good a classifier is.

use super::baseline::Baseline;
use super::classifier::TextClassifier;
use super::examples::Labelled;
use crate::Error;
use crate::training;
use serde::Serialize;
use simurgh_data::metrics::classification::{ClassScore, Confusion, expected_calibration_error, nll, winner};
use std::collections::BTreeMap;

/// Texts answered together.
const BATCH: usize = 64;

/// Scores on a set of examples.
#[derive(Clone, Debug, Serialize)]
pub struct Score {
    /// Examples.
    pub examples: usize,
    /// Share of right answers.
    pub accuracy: f64,
    /// The mean of the classes' F1.
    pub macro_f1: f64,
    /// Mean negative log-likelihood, nats.
    pub nll: f64,
    /// Expected calibration error.
    pub calibration_error: f64,
    /// What the logits were divided by.
    pub temperature: f64,
    /// The same before they were.
    pub calibration_error_before: f64,
    /// Each class by its name.
    pub classes: BTreeMap<String, ClassScore>,
    /// The order of the rows and columns of `confusion`.
    pub order: Vec<String>,
    /// `[class, answer]`
    pub confusion: Confusion,
    /// What simpler ways score on the same examples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<Baseline>,
}

impl training::Score for Score {
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("accuracy", self.accuracy),
            ("macro_f1", self.macro_f1),
            ("nll", self.nll),
            ("calibration_error", self.calibration_error),
        ]
    }

    fn line(&self) -> String {
        format!("accuracy {:.2} %  macro F1 {:.2} %  nll {:.4}", 100.0 * self.accuracy, 100.0 * self.macro_f1, self.nll)
    }
}

/// Logits of every example; none if `go_on`, called with the number of examples done, said no.
///
/// # Errors
/// If a text is too long.
pub(super) fn logits(
    model: &TextClassifier,
    examples: &[Labelled],
    mut go_on: impl FnMut(usize) -> bool,
) -> Result<Option<Vec<Vec<f32>>>, Error> {
    let ids: Vec<Vec<u32>> = examples.iter().map(|example| model.vocabulary.ids(&example.text)).collect();
    // Texts of similar length together.
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|&i| ids[i].len());
    let mut logits = vec![Vec::new(); ids.len()];
    for (done, chunk) in order.chunks(BATCH).enumerate() {
        let texts: Vec<Vec<u32>> = chunk.iter().map(|&i| ids[i].clone()).collect();
        for (&i, answer) in chunk.iter().zip(model.answers(&texts)?.logits) {
            logits[i] = answer;
        }
        if !go_on((done * BATCH + chunk.len()).min(ids.len())) {
            return Ok(None);
        }
    }
    Ok(Some(logits))
}

/// Classifies the examples and compares; `go_on` is called with the number of examples done, and says whether to go on. None if
/// it said no.
///
/// # Errors
/// If a text is too long.
pub fn evaluate(
    model: &TextClassifier,
    examples: &[Labelled],
    go_on: impl FnMut(usize) -> bool,
) -> Result<Option<Score>, Error> {
    let Some(logits) = logits(model, examples, go_on)? else { return Ok(None) };
    let classes: Vec<usize> = examples.iter().map(|example| example.class).collect();
    let answers = logits.iter().map(|logits| winner(logits));
    let confusion = Confusion::new(model.classes.len(), classes.iter().copied().zip(answers));
    let temperature = f64::from(model.network.temperature());
    Ok(Some(Score {
        examples: examples.len(),
        accuracy: confusion.accuracy(),
        macro_f1: confusion.macro_f1(),
        nll: nll(&logits, &classes, temperature),
        calibration_error: expected_calibration_error(&logits, &classes, temperature),
        temperature,
        calibration_error_before: expected_calibration_error(&logits, &classes, 1.0),
        classes: model.classes.iter().cloned().zip(confusion.classes()).collect(),
        order: model.classes.clone(),
        confusion,
        baselines: Vec::new(),
    }))
}
