//! chrF2 (Popovic 2015) as sacreBLEU computes it: character n-grams up to 6, no spaces, beta 2.

use std::collections::HashMap;

/// Longest n-gram.
const ORDER: usize = 6;
/// Weight of recall.
const BETA: f64 = 2.0;

/// How the score is computed, as sacreBLEU prints it.
pub fn signature() -> String {
    format!("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:simurgh-{}", env!("CARGO_PKG_VERSION"))
}

/// Counts of hypothesis, reference and common n-grams, by order.
type Counts = [[usize; 3]; ORDER];

fn ngrams(chars: &[char], n: usize) -> HashMap<&[char], usize> {
    let mut counts = HashMap::new();
    for gram in chars.windows(n) {
        *counts.entry(gram).or_insert(0) += 1;
    }
    counts
}

fn count(hypothesis: &str, reference: &str) -> Counts {
    let letters = |text: &str| -> Vec<char> { text.chars().filter(|c| !c.is_whitespace()).collect() };
    let (h, r) = (letters(hypothesis), letters(reference));
    let mut counts = Counts::default();
    for (n, counts) in counts.iter_mut().enumerate() {
        let (hypotheses, references) = (ngrams(&h, n + 1), ngrams(&r, n + 1));
        let common = hypotheses.iter().map(|(g, c)| (*c).min(references.get(g).copied().unwrap_or(0))).sum();
        // As sacreBLEU: hypotheses do not count where the reference has no n-gram of the order.
        let ours = if references.is_empty() { 0 } else { hypotheses.values().sum() };
        *counts = [ours, references.values().sum(), common];
    }
    counts
}

fn score(counts: &Counts) -> f64 {
    let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0.0);
    for &[h, r, common] in counts {
        if h > 0 && r > 0 {
            precision += common as f64 / h as f64;
            recall += common as f64 / r as f64;
            orders += 1.0;
        }
    }
    if precision + recall == 0.0 {
        return 0.0;
    }
    let (precision, recall) = (precision / orders, recall / orders);
    let factor = BETA * BETA;
    100.0 * (1.0 + factor) * precision * recall / (factor * precision + recall)
}

/// chrF2 of a corpus, 0 to 100.
///
/// # Panics
/// If there are not as many references as hypotheses.
pub fn corpus(hypotheses: &[String], references: &[String]) -> f64 {
    assert_eq!(hypotheses.len(), references.len(), "chrf: one reference a hypothesis");
    let mut sum = Counts::default();
    for (h, r) in hypotheses.iter().zip(references) {
        for (sum, counts) in sum.iter_mut().zip(count(h, r)) {
            sum.iter_mut().zip(counts).for_each(|(s, c)| *s += c);
        }
    }
    score(&sum)
}

/// chrF2 of one sentence.
pub fn sentence(hypothesis: &str, reference: &str) -> f64 {
    score(&count(hypothesis, reference))
}
