//! `simurgh eval` of a labeller.

use super::{json, missing, other_flags};
use crate::args::EvalArgs;
use crate::commands::{data_directory, labeller};
use crate::failure::Failure;
use simurgh_train::Error;
use simurgh_train::labelling::{self, SoundLabeller};
use std::io::Write;

pub(super) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let model = labeller(&args.model)?;
    other_flags(args, "a labeller", args.output.is_some())?;
    let directory = data_directory(args.data_dir.as_ref());
    let score = labelling::evaluate(&model, args.data.as_deref(), directory.as_deref(), || true);
    let score = score.map_err(|e| match e {
        Error::Input(e) => missing(args)(e).into(),
        e => e,
    })?;
    let score = score.ok_or_else(|| Failure::defect("an evaluation stopped that nobody stopped"))?;
    if args.json { json(&score) } else { print_labelling(&score, &model) }
}

/// A labeller's scores for a person.
pub fn print_labelling(score: &labelling::Score, model: &SoundLabeller) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let (right, frequent) = (100.0 * score.accuracy, 100.0 * score.most_frequent);
    writeln!(out, "  frames right      {right:.2} % of {} (the most frequent label: {frequent:.2} %)", score.frames)?;
    writeln!(out, "  label error rate  {:.2} % of {}", 100.0 * score.label_error_rate, score.said)?;
    let (latency, decision) = (model.latency_ms(), model.decision_ms());
    writeln!(out, "  latency           {latency:.1} ms a frame, {decision:.0} ms more until a part begins")?;
    Ok(())
}
