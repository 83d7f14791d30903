//! What a network must beat: logistic regression on bags of words and pairs of words.

use super::examples::Labelled;
use super::minimise::minimise;
use serde::Serialize;
use simurgh_data::metrics::classification::Confusion;
use simurgh_data::text::{Normaliser, words};
use std::collections::HashMap;

/// Inverse strengths of the penalty that are tried.
const STRENGTHS: [f64; 6] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// How good a baseline is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// What it is, in words.
    pub name: String,
    /// Share of right answers.
    pub accuracy: f64,
    /// Mean F1 of the classes.
    pub macro_f1: f64,
}

/// Whoever always answers the most frequent class of `train`.
pub fn majority(classes: usize, train: &[Labelled], test: &[Labelled]) -> Baseline {
    let count = |class: usize| train.iter().filter(|example| example.class == class).count();
    let most = (0..classes).rev().max_by_key(|class| count(*class)).unwrap_or(0);
    scored("the most frequent class", classes, test, |_| most)
}

/// Multinomial logistic regression on which words and pairs of words a text has, their weights scaled by naive Bayes' log-count
/// ratios (Wang & Manning 2012) or not; this and the strength of the penalty are chosen by accuracy on `dev`.
pub fn bag_of_words(
    classes: usize,
    normaliser: Normaliser,
    train: &[Labelled],
    dev: &[Labelled],
    test: &[Labelled],
) -> Baseline {
    let mut ids = HashMap::new();
    let bags: Vec<Vec<u32>> = train
        .iter()
        .map(|example| {
            let mut bag: Vec<u32> = grams(&example.text, normaliser)
                .into_iter()
                .map(|gram| {
                    let next = ids.len() as u32;
                    *ids.entry(gram).or_insert(next)
                })
                .collect();
            bag.sort_unstable();
            bag.dedup();
            bag
        })
        .collect();
    let labels: Vec<usize> = train.iter().map(|example| example.class).collect();
    let known = |all: &[Labelled]| -> Vec<Vec<u32>> {
        let bag = |example: &Labelled| -> Vec<u32> {
            let grams = grams(&example.text, normaliser);
            let mut bag: Vec<u32> = grams.iter().filter_map(|gram| ids.get(gram).copied()).collect();
            bag.sort_unstable();
            bag.dedup();
            bag
        };
        all.iter().map(bag).collect()
    };
    let (dev_bags, test_bags) = (known(dev), known(test));
    let mut best: Option<(f64, Regression, String)> = None;
    for scaled in [false, true] {
        let ratios = scaled.then(|| ratios(classes, ids.len(), &bags, &labels));
        for strength in STRENGTHS {
            let regression = Regression::fit(classes, ids.len(), &bags, &labels, ratios.as_deref(), strength);
            let right = dev_bags.iter().zip(dev).filter(|(bag, e)| regression.answer(bag) == e.class).count();
            let accuracy = right as f64 / dev.len().max(1) as f64;
            if best.as_ref().is_none_or(|(most, _, _)| accuracy > *most) {
                let kind = if scaled { "naive-Bayes-weighted logistic regression" } else { "logistic regression" };
                best = Some((accuracy, regression, format!("{kind} on words and pairs of words, C = {strength}")));
            }
        }
    }
    let (_, regression, name) = best.expect("several strengths are tried");
    let mut bags = test_bags.iter();
    scored(&name, classes, test, |_| regression.answer(bags.next().expect("a bag an example")))
}

fn scored(name: &str, classes: usize, test: &[Labelled], mut answer: impl FnMut(&Labelled) -> usize) -> Baseline {
    let confusion = Confusion::new(classes, test.iter().map(|example| (example.class, answer(example))));
    Baseline { name: name.into(), accuracy: confusion.accuracy(), macro_f1: confusion.macro_f1() }
}

/// The words of a text and its pairs of neighbours.
fn grams(text: &str, normaliser: Normaliser) -> Vec<String> {
    let text = normaliser.apply(text);
    let words = words::cut(&text);
    let pairs = words.windows(2).map(|pair| format!("{} {}", pair[0], pair[1]));
    words.iter().map(|word| (*word).to_string()).chain(pairs).collect()
}

/// `[class, gram]`: the logarithm of how much more frequent a gram is in a class than in all others.
fn ratios(classes: usize, grams: usize, bags: &[Vec<u32>], labels: &[usize]) -> Vec<f64> {
    let mut counts = vec![1.0; classes * grams];
    for (bag, class) in bags.iter().zip(labels) {
        bag.iter().for_each(|gram| counts[class * grams + *gram as usize] += 1.0);
    }
    let all: Vec<f64> = (0..grams).map(|gram| (0..classes).map(|k| counts[k * grams + gram]).sum()).collect();
    let mut ratios = Vec::with_capacity(classes * grams);
    for class in counts.chunks_exact(grams.max(1)) {
        let mine: f64 = class.iter().sum();
        let others: f64 = all.iter().sum::<f64>() - mine;
        ratios.extend(class.iter().zip(&all).map(|(count, all)| ((count / mine) / ((all - count) / others)).ln()));
    }
    ratios
}

/// Weights `[class, gram]`, a bias `[class]` after them.
struct Regression {
    classes: usize,
    grams: usize,
    weights: Vec<f64>,
}

impl Regression {
    fn fit(
        classes: usize,
        grams: usize,
        bags: &[Vec<u32>],
        labels: &[usize],
        ratios: Option<&[f64]>,
        strength: f64,
    ) -> Self {
        let scale = |at: usize| ratios.map_or(1.0, |ratios| ratios[at]);
        let n = bags.len() as f64;
        let penalty = 1.0 / (strength * n);
        let mut logits = vec![0.0; classes];
        let start = vec![0.0; classes * (grams + 1)];
        let mut weights = minimise(start, 100, |w, gradient| {
            // The bias is not held back.
            let (of_grams, bias) = w.split_at(classes * grams);
            let mut loss = 0.5 * penalty * of_grams.iter().map(|w| w * w).sum::<f64>();
            gradient.iter_mut().zip(w).for_each(|(g, w)| *g = penalty * w);
            gradient[classes * grams..].fill(0.0);
            for (bag, label) in bags.iter().zip(labels) {
                for (class, logit) in logits.iter_mut().enumerate() {
                    let at = |gram: &u32| class * grams + *gram as usize;
                    *logit = bias[class] + bag.iter().map(|gram| w[at(gram)] * scale(at(gram))).sum::<f64>();
                }
                let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = logits.iter().map(|l| (l - most).exp()).sum();
                loss += (sum.ln() + most - logits[*label]) / n;
                for (class, logit) in logits.iter().enumerate() {
                    let d = ((logit - most).exp() / sum - f64::from(u8::from(class == *label))) / n;
                    for gram in bag {
                        let at = class * grams + *gram as usize;
                        gradient[at] += d * scale(at);
                    }
                    gradient[classes * grams + class] += d;
                }
            }
            loss
        });
        if let Some(ratios) = ratios {
            weights.iter_mut().zip(ratios).for_each(|(w, ratio)| *w *= ratio);
        }
        Self { classes, grams, weights }
    }

    fn answer(&self, bag: &[u32]) -> usize {
        let logit = |class: usize| -> f64 {
            let weights = &self.weights[class * self.grams..];
            let bias = self.weights[self.classes * self.grams + class];
            bias + bag.iter().map(|gram| weights[*gram as usize]).sum::<f64>()
        };
        let logits: Vec<f64> = (0..self.classes).map(logit).collect();
        (0..self.classes).reduce(|best, k| if logits[k] > logits[best] { k } else { best }).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use simurgh_data::text::Script;

    #[test]
    fn a_bag_of_words_learns_what_words_say() {
        let normaliser = Normaliser { script: Script::Plain, lowercase: true, strip_diacritics: false };
        let example = |i: usize| Labelled {
            text: format!(
                "{} {} {}",
                ["the", "a"][i % 2],
                ["bad", "fair", "good"][i % 3],
                ["film", "book", "day"][i / 3 % 3]
            ),
            class: i % 3,
        };
        let all: Vec<Labelled> = (0..90).map(example).collect();
        let (train, rest) = all.split_at(60);
        let bag = bag_of_words(3, normaliser, train, rest, rest);
        assert!((bag.accuracy - 1.0).abs() < 1e-12, "{bag:?}");
        let most = majority(3, train, &rest[..2]);
        assert!((most.accuracy - 0.5).abs() < 1e-12, "{most:?}");
    }
}
