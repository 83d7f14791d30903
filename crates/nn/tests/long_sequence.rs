//! A sequence of 100,000 steps trains in little memory: alone in its process, whose peak is read at the end.

use simurgh_nn::Ragged;
use simurgh_nn::burn::module::{Module, Param};
use simurgh_nn::burn::tensor::{Device, Tensor, TensorData};
use simurgh_nn::init::Init;
use simurgh_nn::ops::{Activation, Keep, linear};
use simurgh_nn::optimizer::{Accumulated, AdamConfig, Optimizer, Rule};
use simurgh_nn::pass::{Pass, Precision};
use simurgh_nn::recurrent::{CellKind, Recurrent, RecurrentConfig};
use std::sync::Arc;

/// A layer and a scalar read-out.
#[derive(Module, Debug)]
struct Net {
    layer: Recurrent,
    read_out: Param<Tensor<2>>,
}

const INPUT: usize = 32;
const HIDDEN: usize = 128;

fn network(device: &Device) -> Net {
    let config =
        RecurrentConfig { cell: CellKind::Lstm, input: INPUT, hidden: HIDDEN, layers: 1, bidirectional: false };
    let init = Init::new(1, device);
    Net { layer: config.init(&init, "layer").unwrap(), read_out: init.glorot("read-out", [1, HIDDEN], 1) }
}

/// The mean squared error at every step, and its gradients.
fn step(net: &Net, steps: usize, keep: Keep, device: &Device) -> (f32, Accumulated) {
    let layout = Arc::new(Ragged::new(&[steps]).unwrap());
    // What is to be told: the mean of the last two inputs' first columns.
    let column = |t: usize| ((t * 7919) % 1009) as f32 / 1009.0 - 0.5;
    let data: Vec<f32> = (0..steps * INPUT).map(|i| if i % INPUT == 0 { column(i / INPUT) } else { 0.1 }).collect();
    let targets: Vec<f32> = (0..steps).map(|t| (column(t) + column(t.saturating_sub(1))) / 2.0).collect();
    let x = Tensor::<2>::from_data(TensorData::new(data, [steps, INPUT]), device);
    let targets = Tensor::<2>::from_data(TensorData::new(targets, [steps, 1]), device);
    let mut pass = Pass { keep, ..Pass::default() };
    let out = net.layer.forward(x, &layout, None, &mut pass).unwrap().0;
    let error = linear(out, net.read_out.val(), None, Activation::Identity, Precision::F32).unwrap() - targets;
    let loss = (error.clone() * error).mean();
    let mut gradients = loss.backward();
    (loss.into_scalar::<f32>(), Accumulated::take(net, &mut gradients, &pass))
}

#[test]
fn a_hundred_thousand_steps_train_in_200_mb() {
    simurgh_nn::cpu::keep_freed_memory();
    let device = Device::flex().autodiff();
    let mut net = network(&device);
    // Recomputed or kept, the gradient is the same to the bit.
    let (recomputed, kept) = (step(&net, 3000, Keep::Borders, &device), step(&net, 3000, Keep::All, &device));
    assert_eq!(recomputed.0.to_bits(), kept.0.to_bits());
    assert_eq!(recomputed.1.norm().to_bits(), kept.1.norm().to_bits());

    let rule = Rule::Adam(AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 });
    let mut optimizer = Optimizer::new(rule, &net);
    let mut losses = Vec::new();
    for _ in 0..4 {
        let (loss, gradients) = step(&net, 100_000, Keep::Borders, &device);
        let scale = gradients.clip(1.0, 1.0).scale;
        net = optimizer.update(net, &gradients, scale, 1e-3).unwrap();
        losses.push(loss);
    }
    assert!(losses[3] < 0.7 * losses[0], "{losses:?}");
    // Where the system tells.
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("Linux tells the peak");
    let mb = peak.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() * 1024.0 / 1e6;
    assert!(mb < 200.0, "{mb} MB at the peak");
}
