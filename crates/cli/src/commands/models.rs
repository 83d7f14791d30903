//! `simurgh models`

use crate::args::ModelsArgs;
use crate::builtin::{MODELS, RECIPES};
use crate::failure::Failure;

/// Runs the command.
pub fn run(args: &ModelsArgs) -> Result<(), Failure> {
    if args.json {
        for (name, bytes) in MODELS {
            println!("{}", serde_json::json!({"kind": "model", "name": name, "bytes": bytes.len()}));
        }
        for r in RECIPES {
            println!("{}", serde_json::json!({"kind": "recipe", "name": r.name, "about": r.about}));
        }
        return Ok(());
    }
    println!("built-in models (simurgh info NAME):");
    for (name, bytes) in MODELS {
        println!("  {name:16} {:.1} MB", bytes.len() as f64 / 1e6);
    }
    println!("\nbuilt-in recipes (simurgh train NAME):");
    for r in RECIPES {
        println!("  {:16} {}", r.name, r.about);
    }
    Ok(())
}
