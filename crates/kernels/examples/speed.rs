//! Quick timings of the kernels: `cargo run --release -p simurgh-kernels --example speed`.

use simurgh_kernels::Ragged;
use simurgh_kernels::gemm::{Packed, Start, View, gemm};
use simurgh_kernels::lstm::{Direction, State, Upstream, Weights, backward, forward};
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
    let mut random = Random::new(1);
    let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| random.normal() as f32 * 0.1).collect() };
    for (m, n, k) in [(2048, 2048, 2048), (64, 2048, 512), (32, 1024, 256), (3200, 1024, 256), (256, 8000, 256)] {
        let (a, b) = (draw(m * k), draw(k * n));
        let packed = Packed::new(View::new(&b, k, n));
        let mut c = vec![0.0f32; m * n];
        let time = median(|| gemm(View::new(&a, m, k), &packed, &mut c, Start::Zero));
        println!("gemm {m}x{n}x{k}: {:.3} ms {:.0} GF/s", time * 1e3, 2e-9 * (m * n * k) as f64 / time);
    }
    for (batch, time, input, hidden) in [(64, 50, 256, 256), (32, 200, 256, 256), (64, 50, 512, 512)] {
        let layout = Ragged::new(&vec![time; batch]);
        let x = draw(layout.rows() * input);
        let (w_ih, w_hh, bias) = (draw(4 * hidden * input), draw(4 * hidden * hidden), draw(4 * hidden));
        let zero = vec![0.0f32; batch * hidden];
        let d = draw((layout.rows() + 2 * batch) * hidden);
        let initial = State { hidden: &zero, cell: &zero };
        let run = |train: bool| {
            let (vi, vh) = (View::new(&w_ih, 4 * hidden, input), View::new(&w_hh, 4 * hidden, hidden));
            let (i_t, h_t) = (Packed::new(vi.transposed()), Packed::new(vh.transposed()));
            let weights = Weights { input_t: &i_t, hidden_t: &h_t, bias: &bias };
            let (output, saved) = forward(&layout, &x, weights, initial, Direction::Forward);
            if train {
                let (i, h) = (Packed::new(vi), Packed::new(vh));
                let upstream = Upstream {
                    x: &x,
                    output: &output,
                    saved: &saved,
                    initial,
                    weight_ih: &i,
                    weight_hh: &h,
                    d_output: &d,
                };
                std::hint::black_box(backward(&layout, upstream, Direction::Forward));
            }
        };
        let flops = 2.0 * (layout.rows() * 4 * hidden * (input + hidden)) as f64 * 1e-9;
        let (f, t) = (median(|| run(false)), median(|| run(true)));
        println!(
            "lstm B{batch} T{time} I{input} H{hidden}: forward {:.2} ms {:.0} GF/s, train {:.2} ms {:.0} GF/s",
            f * 1e3,
            flops / f,
            t * 1e3,
            3.0 * flops / t
        );
    }
}
