//! Recurrent layers as a user runs them: forward alone, and forward, loss (sum of squares) and all gradients.

use crate::measure::{Bench, Work};
use simurgh_kernels::Ragged;
use simurgh_nn::burn::tensor::{Device, Tensor, TensorData};
use simurgh_nn::init::Init;
use simurgh_nn::ops::{Activation, Keep, linear};
use simurgh_nn::optimizer::Accumulated;
use simurgh_nn::pass::Pass;
use simurgh_nn::recurrent::observe::Observer;
use simurgh_nn::recurrent::{CellKind, Recurrent, RecurrentConfig};
use simurgh_random::Random;
use std::sync::Arc;

const SHAPES: [(usize, usize, usize); 4] = [(64, 50, 256), (64, 50, 512), (32, 200, 256), (1, 1000, 128)];

pub(crate) fn lstm(bench: &mut Bench<'_>) {
    for (kind, name) in [(CellKind::Lstm, "lstm"), (CellKind::Gru, "gru"), (CellKind::RnnTanh, "rnn")] {
        for (batch, time, size) in SHAPES {
            for layers in [1, 2] {
                for ragged in [false, true] {
                    if ragged && batch == 1 || kind != CellKind::Lstm && (ragged || layers == 2) {
                        continue;
                    }
                    let mark = if ragged { " ragged" } else { "" };
                    let case = format!("{name} {layers}L B{batch} T{time} H{size}{mark}");
                    one(bench, &case, kind, (batch, time, size, layers), ragged);
                }
            }
        }
    }
    long(bench);
}

/// One sequence of 100,000 steps with a scalar read-out and a loss at every step: what counts is the memory.
fn long(bench: &mut Bench<'_>) {
    let (steps, input, hidden) = (100_000, 32, 128);
    for (keep, mark) in [(Keep::Borders, ", checkpointed"), (Keep::All, "")] {
        let case = format!("lstm 1L B1 T{steps} I{input} H{hidden} train{mark}");
        for precision in bench.precisions() {
            if !bench.wants(&case, precision) {
                continue;
            }
            let training = Device::flex().autodiff();
            let config = RecurrentConfig { cell: CellKind::Lstm, input, hidden, layers: 1, bidirectional: false };
            let net = config.init(&Init::new(1, &training), "bench").expect("sizes above 0");
            let read_out = Init::new(2, &training).glorot("read-out", [1, hidden], 1);
            let layout = Arc::new(Ragged::new(&[steps]).expect("a length above 0"));
            let mut random = Random::new(1);
            let data: Vec<f32> = (0..steps * input).map(|_| random.normal() as f32).collect();
            let targets: Vec<f32> = (0..steps).map(|_| random.normal() as f32).collect();
            let x = Tensor::<2>::from_data(TensorData::new(data, [steps, input]), &training);
            let targets = Tensor::<2>::from_data(TensorData::new(targets, [steps, 1]), &training);
            let work = Work { flops: (3 * 2 * steps * 4 * hidden * (input + hidden)) as f64, ..Work::default() };
            bench.time(&case, precision, work, || {
                let mut pass = Pass { precision, keep, ..Pass::default() };
                let out = net.forward(x.clone(), &layout, None, &mut pass).expect("a batch of the layout").0;
                let out = linear(out, read_out.val(), None, Activation::Identity, precision);
                let error = out.expect("a read-out of the hidden units") - targets.clone();
                let mut gradients = (error.clone() * error).sum().backward();
                std::hint::black_box(Accumulated::take(&net, &mut gradients, &pass));
            });
        }
    }
}

fn one(
    bench: &mut Bench<'_>,
    case: &str,
    kind: CellKind,
    (batch, time, size, layers): (usize, usize, usize, usize),
    ragged: bool,
) {
    // A training pass is also watched from inside, once for each shape: what that costs is a figure like any other.
    let watched = kind == CellKind::Lstm && layers == 1 && !ragged;
    let names = [format!("{case} forward"), format!("{case} train"), format!("{case} train, observed")];
    for precision in bench.precisions() {
        if !names.iter().any(|name| bench.wants(name, precision)) {
            continue;
        }
        let mut random = Random::new(1);
        // Ragged ones go from T down to T / 4 in even steps: a peer can have the same.
        let shorter = |i: usize| if ragged { (time - time / 4) * i / (batch - 1) } else { 0 };
        let lengths: Vec<usize> = (0..batch).map(|i| time - shorter(i)).collect();
        let layout = Arc::new(Ragged::new(&lengths).expect("falling lengths above 0"));
        let rows = layout.rows();
        let data: Vec<f32> = (0..rows * size).map(|_| random.normal() as f32).collect();
        let config = RecurrentConfig { cell: kind, input: size, hidden: size, layers, bidirectional: false };
        let gates = match kind {
            CellKind::Lstm => 4,
            CellKind::Gru => 3,
            _ => 1,
        };
        let flops = (layers * 2 * rows * gates * size * 2 * size) as f64;
        let x = |device: &Device| Tensor::<2>::from_data(TensorData::new(data.clone(), [rows, size]), device);
        let forward = |net: &Recurrent, x: Tensor<2>, observer: Option<Arc<Observer>>| {
            let output = net.forward(x, &layout, None, &mut Pass { precision, observer, ..Pass::default() });
            output.expect("a batch of the layout").0
        };
        let plain = Device::flex();
        let (net, input) = (config.init(&Init::new(1, &plain), "bench").expect("sizes above 0"), x(&plain));
        bench.time(&names[0], precision, Work { flops, ..Work::default() }, || {
            std::hint::black_box(forward(&net, input.clone(), None));
        });
        let training = Device::flex().autodiff();
        let net = config.init(&Init::new(1, &training), "bench").expect("sizes above 0");
        let input = x(&training).require_grad();
        let train = |observer: Option<Arc<Observer>>| {
            let out = forward(&net, input.clone(), observer);
            let mut gradients = (out.clone() * out).sum().backward();
            std::hint::black_box((Accumulated::take(&net, &mut gradients, &Pass::default()), input.grad(&gradients)));
        };
        let work = Work { flops: 3.0 * flops, ..Work::default() };
        bench.time(&names[1], precision, work, || train(None));
        if watched {
            let observer = Arc::new(Observer::default());
            bench.time(&names[2], precision, work, || {
                train(Some(observer.clone()));
                std::hint::black_box(observer.take());
            });
        }
    }
}
