//! Quick timings of the kernels: `cargo run --release -p simurgh-kernels --example speed [-- --keep] [FILTER]`.

use simurgh_kernels::Ragged;
use simurgh_kernels::gemm::{Format, Packed, Start, View, gemm};
use simurgh_kernels::recurrent::{Cell, Direction, Keep, State, Upstream, Weights, backward, forward};
use simurgh_random::Random;
use std::time::Instant;

fn median(mut run: impl FnMut()) -> f64 {
    run();
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[4]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--keep") {
        simurgh_kernels::cpu::keep_freed_memory();
    }
    let format = if arguments.iter().any(|a| a == "--bf16") { Format::Bf16 } else { Format::Full };
    let filter = arguments.iter().find(|a| !a.starts_with('-'));
    let wanted = |name: &str| filter.is_none_or(|f| name.contains(f.as_str()));
    let mut random = Random::new(1);
    let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| random.uniform() as f32 * 0.2 - 0.1).collect() };
    for (m, n, k) in [(2048, 2048, 2048), (64, 2048, 512), (32, 1024, 256), (3200, 1024, 256), (256, 8000, 256)] {
        let name = format!("gemm {m}x{n}x{k}");
        if !wanted(&name) {
            continue;
        }
        let (a, b) = (draw(m * k), draw(k * n));
        let packed = Packed::with_format(View::new(&b, k, n), format);
        let mut c = vec![0.0f32; m * n];
        let time = median(|| gemm(View::new(&a, m, k), &packed, &mut c, Start::Zero));
        println!("{name}: {:.3} ms {:.0} GF/s", time * 1e3, 2e-9 * (m * n * k) as f64 / time);
    }
    for cell in [Cell::Lstm, Cell::Gru] {
        for (batch, time, input, hidden) in
            [(64, 50, 256, 256), (32, 200, 256, 256), (64, 50, 512, 512), (1, 1000, 128, 128)]
        {
            let name = format!("{cell:?} B{batch} T{time} I{input} H{hidden}").to_lowercase();
            if !wanted(&name) {
                continue;
            }
            let layout = Ragged::new(&vec![time; batch]);
            let x = draw(layout.rows() * input);
            let rows = cell.gates() * hidden;
            let (w_ih, w_hh) = (draw(rows * input), draw(rows * hidden));
            let (bias_ih, bias_hh) = (draw(rows), draw(rows));
            let zero = vec![0.0f32; batch * hidden];
            let d = draw((layout.rows() + cell.states() * batch) * hidden);
            let initial = State { hidden: &zero, cell: if cell.states() == 2 { &zero } else { &[] } };
            let run = |train: bool| {
                let vi = View::new(&w_ih, rows, input);
                let (i_t, h_t) =
                    (Packed::with_format(vi.transposed(), format), cell.pack_state_weight(&w_hh, hidden, true, format));
                let weights = Weights { input_t: &i_t, state_t: &h_t, bias_ih: &bias_ih, bias_hh: &bias_hh };
                let keep = if train { Keep::All } else { Keep::Nothing };
                let (output, saved) = forward(cell, &layout, &x, weights, initial, Direction::Forward, keep);
                if train {
                    let upstream = Upstream {
                        x: &x,
                        output: &output,
                        saved: &saved,
                        initial,
                        weights,
                        weight_ih: &Packed::with_format(vi, format),
                        weight_hh: &cell.pack_state_weight(&w_hh, hidden, false, format),
                        d_output: &d,
                    };
                    std::hint::black_box(backward(cell, &layout, upstream, Direction::Forward));
                }
            };
            let flops = 2.0 * (layout.rows() * rows * (input + hidden)) as f64 * 1e-9;
            let (f, t) = (median(|| run(false)), median(|| run(true)));
            println!(
                "{name}: forward {:.2} ms {:.0} GF/s, train {:.2} ms {:.0} GF/s",
                f * 1e3,
                flops / f,
                t * 1e3,
                3.0 * flops / t
            );
        }
    }
}
