//! Timing a case.

use crate::Options;
use serde::Serialize;
use simurgh_kernels::ceiling;
use simurgh_nn::pass::Precision;
use std::time::Instant;

/// One measured case.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was run.
    pub case: String,
    /// Threads.
    pub threads: usize,
    /// Of matrix products.
    pub precision: Precision,
    /// Median milliseconds of a run.
    pub ms: f64,
    /// The fastest run.
    pub ms_min: f64,
    /// The slowest one.
    pub ms_max: f64,
    /// Runs timed.
    pub runs: usize,
    /// Useful floating-point operations a second, in 10^9 (a multiply-add counts two; a backward pass twice its forward
    /// pass); none where bytes count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gflops: Option<f64>,
    /// Bytes moved a second, in 10^9, where they are what counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gbytes: Option<f64>,
    /// Of what the machine does at most in registers (operations) or memory (bytes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_of_ceiling: Option<f64>,
    /// Target tokens a second, where there are tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_s: Option<f64>,
    /// Peak memory of the process in MiB since the case began, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_mib: Option<f64>,
}

/// What a case's run amounts to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    pub flops: f64,
    pub bytes: f64,
    pub tokens: f64,
}

/// The machine's ceilings, measured when first asked for.
#[derive(Default)]
struct Ceilings {
    f32: Option<Option<f64>>,
    bf16: Option<Option<f64>>,
    bytes: Option<f64>,
}

/// A run of the benchmark.
pub(crate) struct Bench<'a> {
    options: &'a Options,
    row: &'a mut dyn FnMut(Row),
    ceilings: Ceilings,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(options: &'a Options, row: &'a mut dyn FnMut(Row)) -> Self {
        Self { options, row, ceilings: Ceilings::default() }
    }

    /// Is the case asked for?
    pub(crate) fn wants(&self, case: &str, precision: Precision) -> bool {
        self.options.only.as_deref().is_none_or(|part| case.contains(part)) && self.precisions().contains(&precision)
    }

    /// The precisions that are asked for.
    pub(crate) fn precisions(&self) -> Vec<Precision> {
        self.options.precision.map_or_else(|| vec![Precision::F32, Precision::Bf16], |only| vec![only])
    }

    fn ceiling(&mut self, work: Work, precision: Precision) -> Option<f64> {
        if work.bytes > 0.0 {
            return Some(*self.ceilings.bytes.get_or_insert_with(|| ceiling::bandwidth().1));
        }
        match precision {
            Precision::F32 => *self.ceilings.f32.get_or_insert_with(ceiling::multiply_adds),
            Precision::Bf16 => *self.ceilings.bf16.get_or_insert_with(ceiling::bf16_multiply_adds),
        }
    }

    /// A number that was measured already.
    pub(crate) fn report(&mut self, row: Row) {
        (self.row)(row);
    }

    /// Times `run` if the case is asked for: warm-up, then at least seven runs and a second.
    pub(crate) fn time(&mut self, case: &str, precision: Precision, work: Work, mut run: impl FnMut()) {
        if !self.wants(case, precision) {
            return;
        }
        let ceiling = self.ceiling(work, precision);
        reset_peak();
        let (least, seconds) = if self.options.quick { (3, 0.1) } else { (7, 1.0) };
        let start = Instant::now();
        let mut warm = 0;
        while warm < 2 || (warm < 20 && start.elapsed().as_secs_f64() < 0.3 * seconds) {
            run();
            warm += 1;
        }
        let start = Instant::now();
        let mut times = Vec::new();
        while times.len() < least || (times.len() < 1000 && start.elapsed().as_secs_f64() < seconds) {
            let run_start = Instant::now();
            run();
            times.push(run_start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        let amount = if work.bytes > 0.0 { work.bytes } else { work.flops };
        let row = Row {
            case: case.to_string(),
            threads: simurgh_kernels::parallel::threads(),
            precision,
            ms: median * 1e3,
            ms_min: times[0] * 1e3,
            ms_max: times[times.len() - 1] * 1e3,
            runs: times.len(),
            gflops: (work.flops > 0.0).then_some(work.flops / median * 1e-9),
            gbytes: (work.bytes > 0.0).then_some(work.bytes / median * 1e-9),
            share_of_ceiling: ceiling.filter(|_| amount > 0.0).map(|ceiling| amount / median / ceiling),
            tokens_per_s: (work.tokens > 0.0).then_some(work.tokens / median),
            peak_mib: peak(),
        };
        (self.row)(row);
    }
}

/// Begins a new peak of the process's memory, where the system lets it.
fn reset_peak() {
    // Without it the peak is that of the whole process so far: too much, never too little.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().split(' ').next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
