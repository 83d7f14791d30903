//! `simurgh eval` of a labeller.

use super::{json, missing, other_flags};
use crate::args::EvalArgs;
use crate::commands::{data_directory, labeller};
use crate::failure::Failure;
use simurgh_train::Error;
use simurgh_train::labelling::{self, SoundLabeller};
use std::io::Write;

pub(super) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let model = labeller(&args.model, args.data_dir.as_ref())?;
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
    match score.said {
        0 => writeln!(out, "  label error rate  none: nothing is said, {} parts were heard", score.wrong)?,
        said => writeln!(out, "  label error rate  {:.2} % of {said}", 100.0 * score.label_error_rate)?,
    }
    let (latency, told) = (model.latency_ms(), model.told_ms());
    writeln!(
        out,
        "  latency           a frame's label {latency:.1} ms after its middle, a part {told:.1} ms after its end"
    )?;
    let speed = model.speed()?;
    let (times, slowest) = (speed.real_time, 1000.0 * speed.slowest.as_secs_f64());
    writeln!(
        out,
        "  measured          {times:.0} times as fast as it is said, at most {slowest:.2} ms of computing a frame"
    )?;
    Ok(())
}
