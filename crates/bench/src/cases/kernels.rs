//! The machine's ceilings, matrix products, and the optimizer.

use crate::measure::{Bench, Row, Work};
use simurgh_kernels::gemm::{Packed, Start, View, gemm};
use simurgh_kernels::optimizer::Gradient;
use simurgh_kernels::optimizer::adam::{Update, update};
use simurgh_kernels::{ceiling, parallel};
use simurgh_nn::pass::Precision;
use simurgh_random::Random;

pub(crate) fn kernels(bench: &mut Bench<'_>) {
    ceilings(bench);
    for precision in bench.precisions() {
        for (m, n, k) in [(2048, 2048, 2048), (64, 2048, 512), (32, 1024, 256), (3200, 1024, 256), (1, 1024, 512)] {
            let case = format!("gemm {m}x{n}x{k}");
            if !bench.wants(&case, precision) {
                continue;
            }
            let mut random = Random::new(1);
            let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| random.uniform() as f32 - 0.5).collect() };
            let (a, b) = (draw(m * k), draw(k * n));
            let packed = Packed::with_format(View::new(&b, k, n), precision.into());
            let mut c = vec![0.0f32; m * n];
            let work = Work { flops: 2.0 * (m * n * k) as f64, ..Work::default() };
            bench.time(&case, precision, work, || gemm(View::new(&a, m, k), &packed, &mut c, Start::Zero));
        }
    }
    let n = 10_000_000;
    if bench.wants("adam 10M", Precision::F32) {
        let (mut p, g, mut m, mut v) = (vec![0.1f32; n], vec![0.01f32; n], vec![0.0f32; n], vec![0.0f32; n]);
        let u = Update {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            scale: 1.0,
            step: 10,
        };
        // Parameter and moments are read and written, the gradient is read.
        let work = Work { bytes: (7 * 4 * n) as f64, ..Work::default() };
        bench.time("adam 10M", Precision::F32, work, || {
            update(u, &mut p, Gradient::Dense(&g), &mut m, &mut v).expect("four of one length");
        });
    }
}

fn ceilings(bench: &mut Bench<'_>) {
    let row = |case: &str, precision, gflops: Option<f64>, gbytes: Option<f64>| Row {
        case: case.into(),
        threads: parallel::threads(),
        precision,
        ms: 0.0,
        ms_min: 0.0,
        ms_max: 0.0,
        runs: 5,
        gflops,
        gbytes,
        share_of_ceiling: None,
        tokens_per_s: None,
        peak_mib: None,
    };
    for precision in [Precision::F32, Precision::Bf16] {
        let measure = if precision == Precision::F32 { ceiling::multiply_adds } else { ceiling::bf16_multiply_adds };
        if bench.wants("ceiling multiply-add", precision)
            && let Some(rate) = measure()
        {
            bench.report(row("ceiling multiply-add", precision, Some(rate * 1e-9), None));
        }
    }
    if bench.wants("ceiling memory", Precision::F32) {
        let (read, update) = ceiling::bandwidth();
        bench.report(row("ceiling memory, read", Precision::F32, None, Some(read * 1e-9)));
        bench.report(row("ceiling memory, update", Precision::F32, None, Some(update * 1e-9)));
    }
}
