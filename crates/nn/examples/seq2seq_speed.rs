//! A whole training step of a translation model, timed: forward, backward, clipping, Adam.
//! Batch 64, 20 tokens a side, vocabulary 8,000, bidirectional LSTM 256 + 256, decoder 256, Luong
//! attention. One JSON line. `cargo run --release -p simurgh-nn --example seq2seq_speed`

use simurgh_nn::burn::tensor::Device;
use simurgh_nn::optimizer::{Accumulated, Adam, AdamConfig};
use simurgh_nn::pass::Precision;
use simurgh_nn::seq2seq::{AttentionKind, Batch, Seq2Seq, Seq2SeqConfig, Tying};
use simurgh_random::Random;
use std::time::Instant;

fn main() {
    simurgh_nn::cpu::keep_freed_memory();
    simurgh_nn::cpu::flush_denormals();
    let config = Seq2SeqConfig {
        cell: simurgh_nn::recurrent::CellKind::Lstm,
        embedding: 256,
        encoder_hidden: 256,
        encoder_layers: 1,
        bidirectional: true,
        decoder_hidden: 256,
        decoder_layers: 1,
        attention: AttentionKind::General,
        readout: 256,
        input_feeding: false,
        tie: Tying::None,
        dropout: 0.0,
        variational: false,
    };
    let precision = if std::env::args().any(|a| a == "--bf16") { Precision::Bf16 } else { Precision::F32 };
    let device = Device::flex().autodiff();
    let mut model = Seq2Seq::new(&config, 8000, 8000, 1, &device);
    let adam = AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
    let mut adam = Adam::new(adam, &model);
    let mut random = Random::new(1);
    let mut sentence = |n: usize| -> Vec<u32> { (0..n).map(|_| 4 + random.below(7996) as u32).collect() };
    let pairs: Vec<(Vec<u32>, Vec<u32>)> = (0..64).map(|_| (sentence(20), sentence(19))).collect();
    let pairs: Vec<(&[u32], &[u32])> = pairs.iter().map(|(s, t)| (s.as_slice(), t.as_slice())).collect();
    let batch = Batch::new(&pairs, 1, 2);
    let mut times = Vec::new();
    let mut losses = Vec::new();
    for _ in 0..60 {
        let start = Instant::now();
        let loss = model.loss(&batch, 0.0, &mut model.training(0, precision));
        losses.push(loss.values()[1] / batch.tokens() as f64);
        let gradients = Accumulated::take(&model, &mut loss.smoothed().backward());
        let mean = 1.0 / batch.tokens() as f64;
        let norm = gradients.norm() * mean;
        model = adam.update(model, gradients, mean * (1.0 / norm).min(1.0), 1e-3);
        times.push(start.elapsed().as_secs_f64());
    }
    let mut sorted = times[10..].to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    let peak: f64 = std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse::<f64>().ok())
        .map_or(f64::NAN, |kib| kib / 1024.0);
    println!(
        "{{\"program\":\"simurgh\",\"ms\":{:.1},\"ms_min\":{:.1},\"ms_max\":{:.1},\"target_tokens_per_s\":{:.0},\"peak_mib\":{peak:.0},\"loss_first\":{:.3},\"loss_last\":{:.3}}}",
        median * 1e3,
        sorted[0] * 1e3,
        sorted[sorted.len() - 1] * 1e3,
        batch.tokens() as f64 / median,
        losses[0],
        losses[losses.len() - 1]
    );
}
