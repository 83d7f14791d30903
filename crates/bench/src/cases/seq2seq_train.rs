//! A whole training step of a translation model: forward, backward, clipping, Adam.

use super::{SENTENCES, TOKENS, VOCAB, model};
use crate::measure::{Bench, Work};
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::init::Init;
use simurgh_nn::optimizer::{Accumulated, AdamConfig, Optimizer, Rule};
use simurgh_nn::seq2seq::{AttentionKind, Batch, Seq2Seq};
use simurgh_random::Random;

pub(crate) fn seq2seq_train(bench: &mut Bench<'_>) {
    for (name, attention, feed) in [
        ("luong", AttentionKind::General, false),
        ("additive", AttentionKind::Additive, false),
        ("additive, input feeding", AttentionKind::Additive, true),
    ] {
        for precision in bench.precisions() {
            let case = format!("seq2seq train {name}");
            if !bench.wants(&case, precision) {
                continue;
            }
            let device = Device::flex().autodiff();
            let config = model(attention, feed);
            let mut net =
                Some(Seq2Seq::new(&config, VOCAB, VOCAB, &Init::new(1, &device)).expect("a model of the benchmark's"));
            let adam = AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
            let mut adam = Optimizer::new(Rule::Adam(adam), net.as_ref().expect("just made"));
            let mut random = Random::new(1);
            let mut sentence = |n: usize| -> Vec<u32> { (0..n).map(|_| 4 + random.below(VOCAB - 4) as u32).collect() };
            let pairs: Vec<_> = (0..SENTENCES).map(|_| (sentence(TOKENS), sentence(TOKENS - 1))).collect();
            let pairs: Vec<(&[u32], &[u32])> = pairs.iter().map(|(s, t)| (s.as_slice(), t.as_slice())).collect();
            let batch = Batch::new(&pairs, 1, 2).expect("sentences of 20 tokens");
            let tokens = batch.tokens() as f64;
            let work = Work { flops: 3.0 * flops(attention, feed), tokens, ..Work::default() };
            bench.time(&case, precision, work, || {
                let model = net.take().expect("put back below");
                let mut pass = model.training(0, precision);
                let loss = model.loss(&batch, 0.0, &mut pass).expect("tokens of the vocabulary");
                let gradients = Accumulated::take(&model, &mut loss.smoothed().backward(), &pass);
                let scale = gradients.clip(1.0 / tokens, 1.0).scale;
                net = Some(adam.update(model, &gradients, scale, 1e-3).expect("gradients of the model"));
            });
        }
    }
}

/// Of a forward pass: every product of a matrix, attention's among them.
fn flops(attention: AttentionKind, feed: bool) -> f64 {
    let (h, rows) = (256, SENTENCES * TOKENS);
    let encoder = 2 * 4 * h * 2 * h;
    let decoder = 4 * h * (2 * h + if feed { h } else { 0 });
    let query = if attention == AttentionKind::Additive { h * h } else { 0 };
    let attended = TOKENS * (h + 2 * h);
    let bridge = 2 * 2 * h * h * SENTENCES;
    let a_row = encoder + 2 * h * h + decoder + query + attended + 3 * h * h + h * VOCAB;
    2.0 * (rows * a_row + bridge) as f64
}
