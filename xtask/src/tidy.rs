//! File sizes, layering, names, goldens.

use anyhow::{Context, ensure};
use cargo_metadata::{DependencyKind, MetadataCommand};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file, its tests aside, above which it fails.
const MOST_LINES: usize = 800;
/// Lines above which it must have a reason in [`LONG`].
const MANY_LINES: usize = 400;
/// Files above [`MANY_LINES`] and why.
const LONG: &[(&str, &str)] = &[];
/// Bytes of a compiled-in model and of the embedded corpora together.
const MOST_MODEL: u64 = 8_000_000;
const MOST_EMBEDDED: u64 = 600_000;

/// Who may import whom; what is not listed imports nothing of ours.
const LAYERS: &[(&str, &[&str])] = &[
    ("simurgh-random", &[]),
    ("simurgh-kernels", &["simurgh-random"]),
    ("simurgh-data", &["simurgh-random"]),
    ("simurgh-nn", &["simurgh-kernels", "simurgh-random"]),
    ("simurgh-train", &["simurgh-nn", "simurgh-data", "simurgh-random"]),
    ("simurgh-bench", &["simurgh-nn", "simurgh-kernels", "simurgh-random"]),
    ("simurgh-lab", &["simurgh-train", "simurgh-nn", "simurgh-data", "simurgh-random"]),
    ("simurgh", &["simurgh-lab", "simurgh-bench", "simurgh-train", "simurgh-nn", "simurgh-data"]),
    ("xtask", &[]),
];
/// Crates that may know Burn.
const BURN: &[&str] = &["simurgh-nn"];
/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["helpers", "helper", "utils", "util", "common", "misc"];

/// Runs every check and reports all problems together.
pub fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lives in the workspace")?;
    let mut problems = Vec::new();
    layers(root, &mut problems)?;
    let mut files = Vec::new();
    for top in ["crates", "xtask"] {
        walk(&root.join(top), &mut files)?;
    }
    for file in &files {
        source(root, file, &mut problems)?;
    }
    goldens(root, &mut problems)?;
    sizes(root, &mut problems)?;
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    ensure!(problems.is_empty(), "{} untidy things", problems.len());
    println!("tidy: {} source files, all well", files.len());
    Ok(())
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|n| n != "target") {
                walk(&path, files)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

fn source(root: &Path, file: &Path, problems: &mut Vec<String>) -> anyhow::Result<()> {
    let name = file.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
    let text = fs::read_to_string(file)?;
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&text);
    let lines = code.lines().count();
    if lines > MOST_LINES {
        problems.push(format!("{name}: {lines} lines, at most {MOST_LINES}"));
    } else if lines > MANY_LINES && !LONG.iter().any(|l| l.0 == name) {
        problems.push(format!("{name}: {lines} lines need a reason in xtask/src/tidy.rs, or two files"));
    }
    for part in Path::new(&name).with_extension("").iter() {
        if EMPTY_NAMES.iter().any(|n| part == *n) {
            problems.push(format!("{name}: `{}` says nothing", part.to_string_lossy()));
        }
    }
    if !text.starts_with("//!") && !name.ends_with("/tests.rs") {
        problems.push(format!("{name}: begins without a //! that says what it is"));
    }
    let word = "unsafe";
    let has_unsafe = code.lines().any(|l| !l.trim_start().starts_with("//") && l.contains(&format!("{word} ")));
    if has_unsafe && !name.starts_with("crates/kernels/") && !name.starts_with("xtask/") {
        problems.push(format!("{name}: unsafe code outside of crates/kernels"));
    }
    let prints = ["println!(", "eprintln!(", "print!(", "process::exit("];
    if !name.starts_with("crates/cli/") && !name.starts_with("xtask/") && !name.contains("/examples/") {
        for p in prints.iter().filter(|p| code.contains(**p)) {
            problems.push(format!("{name}: `{p}` outside of crates/cli"));
        }
    }
    if name.starts_with("crates/nn/") && !name.starts_with("crates/nn/src/ops/") && code.contains("backend_extension") {
        problems.push(format!("{name}: backend extensions belong into nn/ops"));
    }
    Ok(())
}

fn layers(root: &Path, problems: &mut Vec<String>) -> anyhow::Result<()> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    for package in &metadata.packages {
        let name = package.name.as_str();
        let Some((_, allowed)) = LAYERS.iter().find(|l| l.0 == name) else {
            problems.push(format!("{name}: a crate without a layer in xtask/src/tidy.rs"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            let ours = dependency.name.starts_with("simurgh");
            if ours && !allowed.contains(&dependency.name.as_str()) {
                problems.push(format!("{name}: may not import {}", dependency.name));
            }
            if dependency.name.starts_with("burn") && !BURN.contains(&name) {
                problems.push(format!("{name}: may not know Burn ({})", dependency.name));
            }
        }
    }
    Ok(())
}

fn goldens(root: &Path, problems: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(root.join("goldens"))? {
        let path = entry?.path();
        for file in ["generate.py", "README.md"] {
            if path.is_dir() && !path.join(file).exists() {
                problems.push(format!("{}: numbers without a {file}", path.display()));
            }
        }
    }
    Ok(())
}

fn sizes(root: &Path, problems: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(root.join("crates/cli/models"))? {
        let entry = entry?;
        if entry.metadata()?.len() > MOST_MODEL {
            problems.push(format!("{}: above {MOST_MODEL} bytes", entry.path().display()));
        }
    }
    let mut embedded = 0;
    for entry in fs::read_dir(root.join("crates/data/embedded"))? {
        embedded += entry?.metadata()?.len();
    }
    if embedded > MOST_EMBEDDED {
        problems.push(format!("crates/data/embedded: {embedded} bytes, at most {MOST_EMBEDDED}"));
    }
    Ok(())
}
