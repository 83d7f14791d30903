//! `simurgh eval` of a generator.

use super::{json, missing, other_flags};
use crate::args::EvalArgs;
use crate::commands::{data_directory, sampler};
use crate::failure::{Failure, note};
use simurgh_data::InputError;
use simurgh_data::metrics::samples::Birthday;
use simurgh_train::Error;
use simurgh_train::adversarial::{self, Comparison, Score};
use std::io::Write;
use std::path::Path;

pub(super) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let model = sampler(&args.model)?;
    other_flags(args, "a generator", args.output.is_some())?;
    if args.data.is_some() && model.recipe.data.mixture.is_some() {
        let hint = "leave it out: the points to compare with are drawn by the program";
        return Err(InputError::new("a generator of pictures", "one of points", hint).field("--data").into());
    }
    let directory = data_directory(args.data_dir.as_ref());
    // A run keeps its classifier beside its generator.
    let recogniser = Path::new(&args.model).with_file_name("recogniser.safetensors");
    let with = Comparison {
        pictures: args.data.as_deref(),
        features: args.features.as_deref(),
        directory: directory.as_deref(),
        recogniser: Some(&recogniser),
    };
    let score = adversarial::evaluate(&model, &with, &mut |text| note(text)).map_err(|e| match e {
        Error::Input(e) => missing(args)(e).into(),
        e => e,
    })?;
    if args.json { json(&score) } else { print_adversarial(&score) }
}

/// How much a generator covers, for a person.
pub fn print_adversarial(score: &Score) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    if let Some(c) = &score.coverage {
        writeln!(out, "  modes               {} of {}", c.modes, c.of)?;
        if let Some(quality) = c.high_quality {
            writeln!(out, "  high quality        {:.2} %, within three deviations of a mode", 100.0 * quality)?;
        }
        writeln!(out, "  reverse KL          {:.4} nats (one mode alone: {:.4})", c.reverse_kl, (c.of as f64).ln())?;
    }
    let Score { sliced_wasserstein: made, sliced_wasserstein_of_data: data, .. } = score;
    writeln!(out, "  sliced Wasserstein  {made:.4} (between two sets of real samples: {data:.4})")?;
    writeln!(out, "  kernel distance     {:.3e}", score.kernel_distance)?;
    if let Some(n) = &score.neighbourhoods {
        writeln!(out, "  precision, recall   {:.3}, {:.3}", n.precision, n.recall)?;
        writeln!(out, "  density, coverage   {:.3}, {:.3}", n.density, n.coverage)?;
    }
    let [made, data] = score.closest();
    writeln!(out, "  closest two         {made} apart (of real samples: {data})")?;
    let Birthday { samples, duplicates, support, .. } = score.birthday;
    let support = support.map_or_else(String::new, |n| format!(": about {n:.0} different samples (birthday test)"));
    writeln!(out, "  duplicates          {duplicates} pairs of {samples} samples are as close as that{support}")?;
    Ok(())
}
