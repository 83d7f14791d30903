//! `simurgh generate`

use super::generator;
use crate::args::GenerateArgs;
use crate::failure::{Failure, note};
use simurgh_nn::decode::Sampling;
use std::io::Write;

/// Runs the command.
pub fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let model = generator(&args.model)?;
    let sampling = Sampling { temperature: args.temperature, top_p: args.top_p };
    let unknown: Vec<String> = model.unknown(&args.start).iter().map(|part| format!("`{part}`")).collect();
    if !unknown.is_empty() {
        note(&format!("the model never met {}: it does not know what comes after", unknown.join(", ")));
    }
    let mut out = std::io::stdout().lock();
    for k in 0..args.count {
        let seed = args.seed.wrapping_add(k);
        let mut writing = model.write(&args.start, sampling, seed)?;
        if args.json {
            writing.by_ref().take(args.length).for_each(drop);
            writeln!(out, "{}", serde_json::json!({"seed": seed, "text": writing.text()}))?;
            continue;
        }
        write!(out, "{}", args.start)?;
        for piece in writing.take(args.length) {
            write!(out, "{piece}")?;
            out.flush()?;
        }
        writeln!(out)?;
    }
    Ok(())
}
