//! How good a classifier's answers are, and how true its probabilities.

use serde::Serialize;

/// Bins of the expected calibration error.
const BINS: usize = 15;

/// What was answered to examples of every class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Confusion {
    /// `[class, answer]`: how many examples of a class got an answer.
    counts: Vec<Vec<usize>>,
}

/// One class among all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassScore {
    /// Share of the answers of this class that are right; 0 where there are none.
    pub precision: f64,
    /// Share of the examples of this class that are found; 0 where there are none.
    pub recall: f64,
    /// Harmonic mean of the two; 0 where both are.
    pub f1: f64,
    /// Examples.
    pub examples: usize,
}

impl Confusion {
    /// Of `classes` classes, from the class and the answer of every example.
    ///
    /// # Panics
    /// If an answer or an example is of no class.
    pub fn new(classes: usize, answers: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut counts = vec![vec![0; classes]; classes];
        for (class, answer) in answers {
            counts[class][answer] += 1;
        }
        Self { counts }
    }

    /// `[class, answer]`.
    pub fn counts(&self) -> &[Vec<usize>] {
        &self.counts
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// Share of right answers.
    pub fn accuracy(&self) -> f64 {
        let right: usize = (0..self.counts.len()).map(|k| self.counts[k][k]).sum();
        ratio(right, self.examples())
    }

    /// Each class by itself.
    pub fn classes(&self) -> Vec<ClassScore> {
        (0..self.counts.len())
            .map(|k| {
                let right = self.counts[k][k];
                let examples: usize = self.counts[k].iter().sum();
                let answers: usize = self.counts.iter().map(|row| row[k]).sum();
                ClassScore {
                    precision: ratio(right, answers),
                    recall: ratio(right, examples),
                    f1: ratio(2 * right, examples + answers),
                    examples,
                }
            })
            .collect()
    }

    /// The mean of the classes' F1: every class counts the same, however rare. Classes that neither stand in the data nor among
    /// the answers do not count, as in scikit-learn.
    pub fn macro_f1(&self) -> f64 {
        let seen: Vec<f64> = (0..self.counts.len())
            .zip(self.classes())
            .filter(|(k, class)| class.examples > 0 || self.counts.iter().any(|row| row[*k] > 0))
            .map(|(_, class)| class.f1)
            .collect();
        if seen.is_empty() { 0.0 } else { seen.iter().sum::<f64>() / seen.len() as f64 }
    }

    /// Share of the most frequent class: the accuracy of whoever always answers it.
    pub fn majority(&self) -> f64 {
        let most = self.counts.iter().map(|row| row.iter().sum::<usize>()).max().unwrap_or(0);
        ratio(most, self.examples())
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// `softmax(logits / temperature)`.
pub fn probabilities(logits: &[f32], temperature: f64) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let all: Vec<f64> = logits.iter().map(|l| ((f64::from(*l) - f64::from(most)) / temperature).exp()).collect();
    let sum: f64 = all.iter().sum();
    all.into_iter().map(|p| p / sum).collect()
}

/// Mean negative log-likelihood of the classes, nats.
///
/// # Panics
/// Unless there is a class for every row of logits.
pub fn nll(logits: &[Vec<f32>], classes: &[usize], temperature: f64) -> f64 {
    assert_eq!(logits.len(), classes.len(), "nll: a class for every row");
    let sum: f64 = logits
        .iter()
        .zip(classes)
        .map(|(logits, class)| {
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = logits.iter().map(|l| ((f64::from(*l) - f64::from(most)) / temperature).exp()).sum();
            sum.ln() - (f64::from(logits[*class]) - f64::from(most)) / temperature
        })
        .sum();
    sum / logits.len().max(1) as f64
}

/// Expected calibration error (Naeini et al. 2015; Guo et al. 2017): over 15 equal bins of the winner's probability, the mean
/// distance between it and the share of right answers, each bin by its share of examples.
///
/// # Panics
/// As [`nll`].
pub fn expected_calibration_error(logits: &[Vec<f32>], classes: &[usize], temperature: f64) -> f64 {
    assert_eq!(logits.len(), classes.len(), "expected_calibration_error: a class for every row");
    let mut bins = [(0.0, 0usize, 0usize); BINS];
    for (logits, class) in logits.iter().zip(classes) {
        let probabilities = probabilities(logits, temperature);
        let answer = winner(logits);
        let confidence = probabilities[answer];
        // (low, high]
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        let (sum, right, count) = &mut bins[bin];
        *sum += confidence;
        *right += usize::from(answer == *class);
        *count += 1;
    }
    bins.iter().map(|(sum, right, _)| (sum - *right as f64).abs()).sum::<f64>() / logits.len().max(1) as f64
}

/// The class with the largest logit, the first of several.
pub fn winner(logits: &[f32]) -> usize {
    (0..logits.len()).reduce(|best, k| if logits[k] > logits[best] { k } else { best }).unwrap_or(0)
}

/// The temperature that makes the probabilities of these logits likeliest (Guo et al. 2017), 0.05 to 20: by golden section,
/// since the likelihood has one maximum along 1 / temperature.
///
/// # Panics
/// As [`nll`].
pub fn temperature(logits: &[Vec<f32>], classes: &[usize]) -> f64 {
    let at = |log: f64| nll(logits, classes, log.exp());
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.05f64.ln(), 20f64.ln());
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_a, mut at_b) = (at(a), at(b));
    while high - low > 1e-6 {
        if at_a < at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - golden * (high - low);
            at_a = at(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + golden * (high - low);
            at_b = at(b);
        }
    }
    f64::midpoint(low, high).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_is_nowhere_counts_nothing() {
        let confusion = Confusion::new(3, [(0, 0), (0, 1), (1, 1)]);
        assert_eq!(confusion.counts(), [[1, 1, 0], [0, 1, 0], [0, 0, 0]]);
        let want = (2.0 / 3.0 + 2.0 / 3.0) / 2.0;
        assert!((confusion.macro_f1() - want).abs() < 1e-12);
        assert!((confusion.accuracy() - 2.0 / 3.0).abs() < 1e-12 && (confusion.majority() - 2.0 / 3.0).abs() < 1e-12);
        let none = Confusion::new(2, []);
        assert_eq!((none.accuracy(), none.macro_f1(), none.majority()), (0.0, 0.0, 0.0));
    }

    #[test]
    fn probabilities_of_far_logits_are_finite() {
        let p = probabilities(&[1000.0, 0.0, -1000.0], 0.05);
        assert!((p[0] - 1.0).abs() < 1e-12 && p.iter().all(|p| p.is_finite()), "{p:?}");
        assert_eq!(winner(&[1.0, 2.0, 2.0]), 1);
        assert!(nll(&[vec![1000.0, 0.0]], &[1], 1.0) > 999.0);
    }
}
