//! Figures that others publish, computed as they compute them.

pub mod bleu;
pub mod chrf;
pub mod classification;
pub mod coverage;
pub mod pictures;
pub mod samples;

/// Share of hypotheses that equal their reference.
pub fn exact_match(hypotheses: &[String], references: &[String]) -> f64 {
    let equal = hypotheses.iter().zip(references).filter(|(h, r)| h == r).count();
    equal as f64 / hypotheses.len().max(1) as f64
}
