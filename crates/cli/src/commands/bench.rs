//! `simurgh bench`

use crate::args::BenchArgs;
use crate::failure::Failure;
use simurgh_bench::{Options, Precision, Row, Suite, cpu, run as measure};
use std::io::Write;

/// Runs the command.
pub fn run(args: &BenchArgs) -> Result<(), Failure> {
    let suites: Vec<Suite> = match args.suite.as_str() {
        "all" => Suite::ALL.to_vec(),
        name => Suite::ALL.into_iter().filter(|s| s.name() == name).collect(),
    };
    let precision = match args.precision.as_deref() {
        Some("f32") => Some(Precision::F32),
        Some("bf16") => Some(Precision::Bf16),
        _ => None,
    };
    if let Some(name) = &args.isa {
        let Some(isa) = cpu::available().find(|isa| isa.name() == name) else {
            let all = cpu::available().map(cpu::Isa::name).collect::<Vec<_>>().join(", ");
            let message = format!("--isa: expected an instruction set of this processor, got `{name}`");
            return Err(Failure::input(message, format!("it has: {all}")));
        };
        cpu::force(isa);
    }
    let options = Options { quick: args.quick, only: args.only.clone(), precision };
    let mut out = std::io::stdout().lock();
    let mut failed = None;
    let mut rows = 0;
    measure(&suites, &options, &mut |row| {
        rows += 1;
        let written = if args.json {
            let json = serde_json::to_string(&row).map_err(std::io::Error::other);
            json.and_then(|json| writeln!(out, "{json}"))
        } else {
            if rows == 1 {
                let _ = writeln!(out, "{HEAD}");
            }
            writeln!(out, "{}", line(&row))
        };
        failed = failed.take().or(written.err());
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    if rows == 0 {
        let names = Suite::ALL.map(Suite::name).join(", ");
        let only = args.only.as_deref().unwrap_or_default();
        let message = format!("--only: expected a part of a case's name, got `{only}`");
        return Err(Failure::input(message, format!("run a suite without --only to see its cases; suites: {names}")));
    }
    Ok(())
}

const HEAD: &str = "case                              precision  threads        ms  (fastest, slowest)       rate   of ceiling  memory";

/// A row for a person.
fn line(row: &Row) -> String {
    let precision = if row.precision == Precision::Bf16 { "bf16" } else { "f32" };
    let time = match row.ms {
        0.0 => format!("{:29}", ""),
        ms => format!("{ms:9.3}  ({:.3}, {:.3})", row.ms_min, row.ms_max),
    };
    let rate = match (row.gflops, row.gbytes, row.tokens_per_s) {
        (_, _, Some(tokens)) => format!("{tokens:.0} tokens/s"),
        (Some(flops), ..) => format!("{flops:.0} GFLOP/s"),
        (_, Some(bytes), _) => format!("{bytes:.1} GB/s"),
        _ => String::new(),
    };
    let share = row.share_of_ceiling.map_or_else(String::new, |s| format!("{:.0} %", 100.0 * s));
    let memory = row.peak_mib.map_or_else(String::new, |mb| format!("{mb:.0} MiB"));
    format!("{:33} {precision:11}{:<7}{time:32}  {rate:>15} {share:>6}  {memory:>9}", row.case, row.threads)
}
