//! Runs one kernel once, inside a function that callgrind counts: `cargo xtask instructions` compares the count with the
//! one written down, which does not jitter as times do.

use simurgh_kernels::attention::{self, Groups, Operands};
use simurgh_kernels::cross_entropy::{Problem, cross_entropy};
use simurgh_kernels::gemm::{Format, Packed, Start, View, gemm};
use simurgh_kernels::optimizer::{Gradient, adam};
use simurgh_kernels::recurrent::{self, Cell, Direction, Keep, State, Upstream, Weights};
use simurgh_kernels::{Ragged, embedding};

/// What is counted.
#[inline(never)]
fn counted<R>(work: impl FnOnce() -> R) -> R {
    std::hint::black_box(work())
}

/// Numbers that are not all alike.
fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn layer(cell: Cell, both: bool, keep: Keep) {
    let (input, hidden) = (48, 64);
    let layout = Ragged::new(&[20, 20, 17, 12, 9, 9, 4, 1]).expect("falling lengths");
    let (rows, n, gates) = (layout.rows(), layout.sequences(), cell.gates() * hidden);
    let (x, w_ih, w_hh, bias) =
        (numbers(rows * input), numbers(gates * input), numbers(gates * hidden), numbers(gates));
    let view = View::new(&w_ih, gates, input);
    let state = |transposed| cell.pack_state_weight(&w_hh, hidden, transposed, Format::Full).expect("its shape");
    let (input_t, state_t) = (Packed::new(view.transposed()), state(true));
    let (weight_ih, weight_hh) = (Packed::new(view), state(false));
    let weights = Weights { input_t: &input_t, state_t: &state_t, bias_ih: &bias, bias_hh: &bias };
    let (h, c) = (numbers(n * hidden), numbers(n * hidden * (cell.states() - 1)));
    let initial = State { hidden: &h, cell: &c };
    let forward =
        || recurrent::forward(cell, &layout, &x, weights, initial, Direction::Forward, keep).expect("shapes that fit");
    if !both {
        counted(forward);
        return;
    }
    let made = forward();
    let upstream = Upstream {
        x: &x,
        hidden: &made.hidden,
        saved: &made.saved,
        initial,
        weights,
        weight_ih: &weight_ih,
        weight_hh: &weight_hh,
        d_hidden: &made.hidden,
        d_last: &made.last,
        wants_x: true,
    };
    counted(|| recurrent::backward(cell, &layout, upstream, Direction::Forward).expect("shapes that fit"));
}

fn main() {
    let case = std::env::args().nth(1).unwrap_or_default();
    match case.as_str() {
        "gemm" => {
            let (a, b, mut c) = (numbers(64 * 256), numbers(256 * 512), vec![0.0; 64 * 512]);
            let packed = Packed::new(View::new(&b, 256, 512));
            counted(|| gemm(View::new(&a, 64, 256), &packed, &mut c, Start::Zero));
        }
        "pack" => {
            let b = numbers(256 * 512);
            counted(|| Packed::new(View::new(&b, 256, 512).transposed()));
        }
        "lstm-forward" => layer(Cell::Lstm, false, Keep::Nothing),
        "lstm-backward" => layer(Cell::Lstm, true, Keep::All),
        "lstm-backward-checkpointed" => layer(Cell::Lstm, true, Keep::Borders),
        "gru-forward" => layer(Cell::Gru, false, Keep::Nothing),
        "gru-backward" => layer(Cell::Gru, true, Keep::All),
        "attention-additive" => {
            let layout = Ragged::new(&[12, 9, 9, 5]).expect("falling lengths");
            let groups = Groups::aligned(&layout, &layout, &[3, 1, 0, 2]);
            let (rows, width) = (layout.rows(), 64);
            let (q, k, v, additive) =
                (numbers(rows * width), numbers(rows * width), numbers(rows * width), numbers(width));
            let operands = Operands { query: &q, key: &k, value: &v, additive: Some(&additive), width, depth: width };
            counted(|| attention::forward(operands, &groups).expect("shapes that fit"));
        }
        "cross-entropy" => {
            let (rows, width, vocab) = (40, 64, 1000);
            let (hidden, weight, bias) = (numbers(rows * width), numbers(vocab * width), numbers(vocab));
            let targets: Vec<u32> = (0..rows as u32).collect();
            let view = View::new(&weight, vocab, width);
            let (weight_t, weight) = (Packed::new(view.transposed()), Packed::new(view));
            let problem = Problem {
                hidden: &hidden,
                weight_t: &weight_t,
                bias: Some(&bias),
                targets: &targets,
                barred: &[],
                smoothing: 0.1,
            };
            counted(|| cross_entropy(problem, Some(&weight)).expect("shapes that fit"));
        }
        "adam" => {
            let n = 100_000;
            let (mut p, g, mut m, mut v) = (numbers(n), numbers(n), vec![0.0; n], vec![0.0; n]);
            let u = adam::Update {
                learning_rate: 1e-3,
                beta1: 0.9,
                beta2: 0.999,
                epsilon: 1e-8,
                weight_decay: 0.0,
                scale: 1.0,
                step: 1,
            };
            counted(|| adam::update(u, &mut p, Gradient::Dense(&g), &mut m, &mut v).expect("one length"));
        }
        "dropout" => {
            let mut x = numbers(100 * 256);
            let keys: Vec<u32> = (0..100).collect();
            counted(|| embedding::dropout(&mut x, 256, &keys, 0.3, 1).expect("a row a key"));
        }
        other => panic!("no kernel `{other}`"),
    }
}
