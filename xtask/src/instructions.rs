//! `cargo xtask instructions`: how many instructions each kernel takes, counted by callgrind (of the processor that it
//! imitates, one with AVX2), against the counts in `bench/instructions.tsv`. Needs `valgrind`.

use anyhow::{Context, bail, ensure};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

const CASES: [&str; 11] = [
    "gemm",
    "pack",
    "lstm-forward",
    "lstm-backward",
    "lstm-backward-checkpointed",
    "gru-forward",
    "gru-backward",
    "attention-additive",
    "cross-entropy",
    "adam",
    "dropout",
];

/// Share by which a count may differ: what the allocator and the loader do is not quite the same every time.
const TOLERANCE: f64 = 0.01;

/// Counts, and compares or (`bless`) writes down.
pub fn run(bless: bool) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in the workspace")?;
    let build = ["build", "--release", "-p", "simurgh-kernels", "--example", "instructions"];
    ensure!(Command::new("cargo").args(build).current_dir(root).status()?.success(), "the example does not build");
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let program = metadata.target_directory.join("release/examples/instructions");
    let table = root.join("bench/instructions.tsv");
    let known = std::fs::read_to_string(&table).unwrap_or_default();
    let (mut text, mut worse) = (String::new(), Vec::new());
    println!("{:28} {:>12} {:>12}", "kernel", "instructions", "written down");
    for case in CASES {
        let got = count(program.as_str(), case)?;
        writeln!(text, "{case}\t{got}")?;
        let want = known.lines().find_map(|line| line.strip_prefix(case)?.strip_prefix('\t')?.parse::<u64>().ok());
        let shown = want.map_or_else(|| "-".into(), |want| want.to_string());
        println!("{case:28} {got:>12} {shown:>12}");
        let near = want.is_some_and(|want| (got as f64 / want as f64 - 1.0).abs() <= TOLERANCE);
        if !near {
            worse.push(case);
        }
    }
    if bless {
        std::fs::write(&table, text)?;
    } else if !worse.is_empty() {
        bail!(
            "counts that differ by more than 1 %: {}; if that is meant: cargo xtask instructions --bless",
            worse.join(", ")
        );
    }
    Ok(())
}

/// Instructions inside the example's `counted`.
fn count(program: &str, case: &str) -> anyhow::Result<u64> {
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*instructions::counted*"])
        .args([program, case])
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .context("valgrind does not start; is it installed?")?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "{case}: {said}");
    let line = said.lines().find_map(|line| line.split("Collected :").nth(1));
    let count = line.and_then(|n| n.trim().parse().ok()).with_context(|| format!("{case}: no count in\n{said}"))?;
    ensure!(count > 1000, "{case}: only {count} instructions were counted");
    Ok(count)
}
