//! BLEU (Papineni et al. 2002) as sacreBLEU computes it (Post 2018).

use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Longest n-gram.
const ORDER: usize = 4;

/// How a line is cut into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tokenization {
    /// mteval-v13a, the usual one.
    #[serde(rename = "13a")]
    V13a,
    /// mteval-v14 international: Unicode punctuation and symbols.
    #[serde(rename = "intl")]
    International,
    /// At spaces: the text is tokenised already.
    #[serde(rename = "none")]
    None,
}

impl Tokenization {
    fn name(self) -> &'static str {
        match self {
            Self::V13a => "13a",
            Self::International => "intl",
            Self::None => "none",
        }
    }

    /// Words of `line`, separated by single spaces.
    pub fn apply(self, line: &str) -> String {
        static V13A: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
            [
                (r"([\{-~\[-` -\&\(-\+:-@/])", " $1 "),
                (r"([^0-9])([\.,])", "$1 $2 "),
                (r"([\.,])([^0-9])", " $1 $2"),
                (r"([0-9])(-)", "$1 $2 "),
            ]
            .map(|(r, to)| (Regex::new(r).expect("valid"), to))
        });
        static INTL: LazyLock<[(Regex, &str); 3]> = LazyLock::new(|| {
            [(r"(\P{N})(\p{P})", "$1 $2 "), (r"(\p{P})(\P{N})", " $1 $2"), (r"(\p{S})", " $1 ")]
                .map(|(r, to)| (Regex::new(r).expect("valid"), to))
        });
        let mut line = line.trim_end().to_string();
        match self {
            Self::None => return line,
            Self::V13a => {
                line = line.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
                if line.contains('&') {
                    let entities = [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")];
                    line = entities.iter().fold(line, |line, (from, to)| line.replace(from, to));
                }
                line = format!(" {line} ");
                for (regex, to) in &*V13A {
                    line = regex.replace_all(&line, *to).into_owned();
                }
            }
            Self::International => {
                for (regex, to) in &*INTL {
                    line = regex.replace_all(&line, *to).into_owned();
                }
            }
        }
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A score and what it is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Bleu {
    /// 0 to 100.
    pub score: f64,
    /// n-gram precisions, percent, smoothed where a count is 0.
    pub precisions: [f64; ORDER],
    /// Brevity penalty.
    pub brevity: f64,
    /// Words of the hypotheses.
    pub hypothesis_length: usize,
    /// Words of the references.
    pub reference_length: usize,
    /// How it was computed, as sacreBLEU prints it.
    pub signature: String,
}

fn ngrams(words: &[&str]) -> HashMap<Vec<String>, usize> {
    let mut counts = HashMap::new();
    for n in 1..=ORDER {
        for gram in words.windows(n) {
            *counts.entry(gram.iter().map(ToString::to_string).collect()).or_insert(0) += 1;
        }
    }
    counts
}

/// Counts of one segment: matches, totals, lengths.
#[derive(Clone, Copy, Default)]
struct Counts {
    correct: [usize; ORDER],
    total: [usize; ORDER],
    hypothesis: usize,
    reference: usize,
}

impl Counts {
    fn of(hypothesis: &str, reference: &str, tokenization: Tokenization) -> Self {
        let (h, r) = (tokenization.apply(hypothesis), tokenization.apply(reference));
        let (h, r): (Vec<&str>, Vec<&str>) = (h.split_whitespace().collect(), r.split_whitespace().collect());
        let mut counts = Self { hypothesis: h.len(), reference: r.len(), ..Self::default() };
        let references = ngrams(&r);
        for (gram, count) in ngrams(&h) {
            counts.total[gram.len() - 1] += count;
            counts.correct[gram.len() - 1] += count.min(references.get(&gram).copied().unwrap_or(0));
        }
        counts
    }

    fn add(&mut self, other: &Self) {
        for n in 0..ORDER {
            self.correct[n] += other.correct[n];
            self.total[n] += other.total[n];
        }
        self.hypothesis += other.hypothesis;
        self.reference += other.reference;
    }

    /// Exponential smoothing (method 3 of Chen & Cherry 2014); with `effective_order`, orders longer
    /// than the hypothesis are left out.
    fn score(&self, effective_order: bool, tokenization: Tokenization) -> Bleu {
        let brevity = if self.hypothesis >= self.reference {
            1.0
        } else if self.hypothesis == 0 {
            0.0
        } else {
            (1.0 - self.reference as f64 / self.hypothesis as f64).exp()
        };
        let mut bleu = Bleu {
            score: 0.0,
            precisions: [0.0; ORDER],
            brevity,
            hypothesis_length: self.hypothesis,
            reference_length: self.reference,
            signature: format!(
                "nrefs:1|case:mixed|eff:{}|tok:{}|smooth:exp|version:simurgh-{}",
                if effective_order { "yes" } else { "no" },
                tokenization.name(),
                env!("CARGO_PKG_VERSION")
            ),
        };
        if self.correct.iter().all(|&c| c == 0) {
            return bleu;
        }
        let (mut order, mut smooth) = (ORDER, 1.0);
        for n in 0..ORDER {
            if self.total[n] == 0 {
                break;
            }
            if effective_order {
                order = n + 1;
            }
            bleu.precisions[n] = if self.correct[n] == 0 {
                smooth *= 2.0;
                100.0 / (smooth * self.total[n] as f64)
            } else {
                100.0 * self.correct[n] as f64 / self.total[n] as f64
            };
        }
        if bleu.precisions[..order].contains(&0.0) {
            return bleu;
        }
        let mean = bleu.precisions[..order].iter().map(|p| p.ln()).sum::<f64>() / order as f64;
        bleu.score = brevity * mean.exp();
        bleu
    }
}

/// BLEU of a corpus.
///
/// # Panics
/// If there are not as many references as hypotheses.
pub fn corpus(hypotheses: &[String], references: &[String], tokenization: Tokenization) -> Bleu {
    assert_eq!(hypotheses.len(), references.len(), "bleu: one reference a hypothesis");
    let mut sum = Counts::default();
    for (h, r) in hypotheses.iter().zip(references) {
        sum.add(&Counts::of(h, r, tokenization));
    }
    sum.score(false, tokenization)
}

/// BLEU of one sentence, with effective order.
pub fn sentence(hypothesis: &str, reference: &str, tokenization: Tokenization) -> Bleu {
    Counts::of(hypothesis, reference, tokenization).score(true, tokenization)
}
