//! `simurgh info`

use crate::args::InfoArgs;
use crate::builtin;
use crate::failure::Failure;
use std::io::Write;

/// Runs the command.
pub fn run(args: &InfoArgs) -> Result<(), Failure> {
    let artifact = builtin::model(&args.model)?;
    let header = &artifact.header;
    // A file that can't be used is not described as if it could.
    match header.task.as_str() {
        "translation" => drop(super::translator(&args.model, None)?),
        "classification" => drop(super::classifier(&args.model, None)?),
        "language-model" => drop(super::generator(&args.model)?),
        "music" => drop(super::music_model(&args.model)?),
        "labelling" => drop(super::labeller(&args.model, None)?),
        "forecasting" => drop(super::forecaster(&args.model, None)?),
        _ => {}
    }
    let numbers: usize = artifact.parameters.iter().map(|p| p.data.len()).sum();
    if args.json {
        let tensors: Vec<_> =
            artifact.parameters.iter().map(|p| serde_json::json!({"name": p.name, "shape": p.shape})).collect();
        let row = serde_json::json!({
            "format": header.format,
            "task": header.task,
            "parameters": numbers,
            "model": header.model,
            "recipe": header.recipe,
            "provenance": header.provenance,
            "tensors": tensors,
        });
        writeln!(std::io::stdout(), "{row}")?;
        return Ok(());
    }
    writeln!(std::io::stdout(), "task        {}", header.task)?;
    writeln!(std::io::stdout(), "format      {}", header.format)?;
    writeln!(std::io::stdout(), "parameters  {numbers} in {} tensors", artifact.parameters.len())?;
    for p in &artifact.parameters {
        let shape: Vec<String> = p.shape.iter().map(ToString::to_string).collect();
        writeln!(std::io::stdout(), "  {:36} {}", p.name, shape.join(" x "))?;
    }
    writeln!(std::io::stdout(), "\nprovenance")?;
    if let Some(map) = header.provenance.as_object() {
        for (key, value) in map {
            match value {
                serde_json::Value::String(text) => writeln!(std::io::stdout(), "  {key}: {text}")?,
                serde_json::Value::Array(all) => {
                    writeln!(std::io::stdout(), "  {key}:")?;
                    for item in all {
                        writeln!(
                            std::io::stdout(),
                            "    {}",
                            item.as_str().map_or_else(|| item.to_string(), String::from)
                        )?;
                    }
                }
                other => writeln!(std::io::stdout(), "  {key}: {other}")?,
            }
        }
    }
    writeln!(std::io::stdout(), "\nrecipe\n{}", header.recipe.lines().map(|l| format!("  {l}\n")).collect::<String>())?;
    Ok(())
}
