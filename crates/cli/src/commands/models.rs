//! `simurgh models`

use crate::args::ModelsArgs;
use crate::builtin::{MODELS, RECIPES};
use crate::failure::Failure;
use std::io::Write;

/// Runs the command.
pub fn run(args: &ModelsArgs) -> Result<(), Failure> {
    if args.json {
        for (name, bytes) in MODELS {
            writeln!(
                std::io::stdout(),
                "{}",
                serde_json::json!({"kind": "model", "name": name, "bytes": bytes.len()})
            )?;
        }
        for r in RECIPES {
            writeln!(std::io::stdout(), "{}", serde_json::json!({"kind": "recipe", "name": r.name, "about": r.about}))?;
        }
        return Ok(());
    }
    writeln!(std::io::stdout(), "built-in models (simurgh info NAME):")?;
    for (name, bytes) in MODELS {
        writeln!(std::io::stdout(), "  {name:16} {:.1} MB", bytes.len() as f64 / 1e6)?;
    }
    writeln!(std::io::stdout(), "\nbuilt-in recipes (simurgh train NAME):")?;
    for r in RECIPES {
        writeln!(std::io::stdout(), "  {:16} {}", r.name, r.about)?;
    }
    Ok(())
}
