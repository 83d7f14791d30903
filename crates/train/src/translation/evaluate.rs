//! How good a model is, free-running: it reads its own words, never the reference's.

use super::translator::{Translator, check_lengths};
use crate::Error;
use crate::scheduled_sampling::exposure::Exposure;
use crate::training;
use serde::Serialize;
use simurgh_data::metrics::bleu::Tokenization;
use simurgh_data::metrics::{bleu, chrf, exact_match};
use simurgh_data::text::Pair;
use simurgh_data::text::tokenizer::{END, PAD, START};
use simurgh_nn::decode::DecodeConfig;
use simurgh_nn::pass::Precision;
use simurgh_nn::scheduled_sampling::Teacher;
use simurgh_nn::seq2seq::Batch;
use std::collections::BTreeMap;

/// Scores on a set of pairs.
#[derive(Clone, Debug, Serialize)]
pub struct Score {
    /// Pairs.
    pub pairs: usize,
    /// BLEU, 0 to 100.
    pub bleu: f64,
    /// chrF2, 0 to 100.
    pub chrf: f64,
    /// Share of translations equal to their reference.
    pub exact: f64,
    /// How BLEU was computed.
    pub bleu_signature: String,
    /// How chrF was computed.
    pub chrf_signature: String,
    /// The same by domain, where the set has several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub domains: BTreeMap<String, Score>,
    /// Token by token, after the reference's tokens and after the model's own; where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// The translations, in order.
    #[serde(skip)]
    pub translations: Vec<String>,
}

impl training::Score for Score {
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![("bleu", self.bleu), ("chrf", self.chrf), ("exact", self.exact)]
    }

    fn line(&self) -> String {
        format!("BLEU {:.2}  chrF {:.2}", self.bleu, self.chrf)
    }
}

/// Sentences decoded together: enough to fill both cores.
const BATCH: usize = 64;

/// Translates the sources of `pairs` and compares with the targets; `progress` is called with the
/// number of pairs done, and says whether to go on. None if it said no.
///
/// # Errors
/// If a sentence is too long.
pub fn evaluate(
    translator: &Translator,
    pairs: &[Pair],
    config: &DecodeConfig,
    tokenization: Tokenization,
    mut progress: impl FnMut(usize) -> bool,
) -> Result<Option<Score>, Error> {
    check_lengths(&translator.tokenizer, pairs)?;
    // Sentences of similar length together.
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|&i| pairs[i].source.len());
    let mut hypotheses = vec![String::new(); pairs.len()];
    for (done, chunk) in order.chunks(BATCH).enumerate() {
        let sentences: Vec<String> = chunk.iter().map(|&i| pairs[i].source.clone()).collect();
        for (&i, best) in chunk.iter().zip(translator.translate(&sentences, config)?) {
            hypotheses[i] = best.into_iter().next().map_or_else(String::new, |t| t.text);
        }
        if !progress((done * BATCH + chunk.len()).min(pairs.len())) {
            return Ok(None);
        }
    }
    let references: Vec<String> = pairs.iter().map(|p| translator.tokenizer.normalise_target(&p.target)).collect();
    let mut score = compare(&hypotheses, &references, tokenization);
    let mut names: Vec<&str> = pairs.iter().map(|p| p.domain.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > 1 {
        for name in names {
            let pick = |all: &[String]| -> Vec<String> {
                pairs.iter().zip(all).filter(|(p, _)| p.domain == name).map(|(_, s)| s.clone()).collect()
            };
            score.domains.insert(name.to_string(), compare(&pick(&hypotheses), &pick(&references), tokenization));
        }
    }
    score.translations = hypotheses;
    Ok(Some(score))
}

/// Pairs of tokens as the network takes them.
pub(super) fn pack(pairs: &[(Vec<u32>, Vec<u32>)]) -> Batch {
    let pairs: Vec<(&[u32], &[u32])> = pairs.iter().map(|(s, t)| (s.as_slice(), t.as_slice())).collect();
    Batch::new(&pairs, START, END).expect("corpora hold no empty sentence")
}

/// Tokens that a translation never goes on from.
pub(super) const NEVER_READ: [u32; 3] = [PAD, START, END];

/// How likely the targets of `pairs` are after the reference's tokens, and after the model's own; none if `go_on` said no.
///
/// # Errors
/// If a sentence is too long.
pub fn exposure(
    translator: &Translator,
    pairs: &[Pair],
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Exposure>, Error> {
    check_lengths(&translator.tokenizer, pairs)?;
    let mut ids: Vec<_> = pairs.iter().map(|p| translator.tokenizer.pair(&p.source, &p.target)).collect();
    ids.sort_by_key(|(source, target)| (target.len(), source.len()));
    let mut exposure = Exposure::default();
    for chunk in ids.chunks(BATCH) {
        let batch = pack(chunk);
        let walk = |teacher| translator.model.walk(&batch, &NEVER_READ, &teacher, Precision::F32);
        exposure.add(&batch.layout, &walk(Teacher::ALWAYS)?, &walk(Teacher::NEVER)?);
        if !go_on() {
            return Ok(None);
        }
    }
    Ok(Some(exposure))
}

fn compare(hypotheses: &[String], references: &[String], tokenization: Tokenization) -> Score {
    let bleu = bleu::corpus(hypotheses, references, tokenization);
    Score {
        pairs: hypotheses.len(),
        bleu: bleu.score,
        chrf: chrf::corpus(hypotheses, references),
        exact: exact_match(hypotheses, references),
        bleu_signature: bleu.signature,
        chrf_signature: chrf::signature(),
        domains: BTreeMap::new(),
        translations: Vec::new(),
        exposure: None,
    }
}
