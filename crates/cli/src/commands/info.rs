//! `simurgh info`

use crate::args::InfoArgs;
use crate::builtin;
use crate::failure::Failure;

/// Runs the command.
pub fn run(args: &InfoArgs) -> Result<(), Failure> {
    let artifact = builtin::model(&args.model)?;
    let header = &artifact.header;
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
        println!("{row}");
        return Ok(());
    }
    println!("task        {}", header.task);
    println!("format      {}", header.format);
    println!("parameters  {numbers} in {} tensors", artifact.parameters.len());
    for p in &artifact.parameters {
        let shape: Vec<String> = p.shape.iter().map(ToString::to_string).collect();
        println!("  {:36} {}", p.name, shape.join(" x "));
    }
    println!("\nprovenance");
    if let Some(map) = header.provenance.as_object() {
        for (key, value) in map {
            match value {
                serde_json::Value::String(text) => println!("  {key}: {text}"),
                serde_json::Value::Array(all) => {
                    println!("  {key}:");
                    for item in all {
                        println!("    {}", item.as_str().map_or_else(|| item.to_string(), String::from));
                    }
                }
                other => println!("  {key}: {other}"),
            }
        }
    }
    println!("\nrecipe\n{}", header.recipe.lines().map(|l| format!("  {l}\n")).collect::<String>());
    Ok(())
}
