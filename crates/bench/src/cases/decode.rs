//! Search with exactly as many steps as the peers take: END is banned.

use super::{SENTENCES, TOKENS, VOCAB, model};
use crate::measure::{Bench, Work};
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::decode::{DecodeConfig, Sentence, Special, Surface, decode as search};
use simurgh_nn::init::Init;
use simurgh_nn::seq2seq::{AttentionKind, Seq2Seq};
use simurgh_random::Random;

pub(crate) fn decode(bench: &mut Bench<'_>) {
    for (beam, name) in [(1, "greedy"), (5, "beam 5")] {
        for sentences in [1, SENTENCES] {
            for precision in bench.precisions() {
                let case = format!("decode {name}, {sentences} sentences");
                if !bench.wants(&case, precision) {
                    continue;
                }
                let net =
                    Seq2Seq::new(&model(AttentionKind::General, false), VOCAB, VOCAB, &Init::new(1, &Device::flex()));
                let net = net.expect("a model of the benchmark's");
                let mut random = Random::new(1);
                let batch: Vec<Sentence> = (0..sentences)
                    .map(|_| {
                        let ids = (0..TOKENS).map(|_| 4 + random.below(VOCAB - 4) as u32).collect();
                        Sentence { ids, required: Vec::new() }
                    })
                    .collect();
                let surfaces = (0..VOCAB).map(|token| Surface::of(&format!("{token} "))).collect();
                let special = Special { start: 1, end: 2, banned: vec![0, 1, 2, 3], reserved: 0..0, surfaces };
                let config = DecodeConfig { beam, max_ratio: 1.0, max_extra: 0, precision, ..DecodeConfig::default() };
                let tokens = (sentences * TOKENS) as f64;
                bench.time(&case, precision, Work { tokens, ..Work::default() }, || {
                    let found = search(&net, &batch, &special, &config).expect("sentences of 20 tokens");
                    std::hint::black_box(found);
                });
            }
        }
    }
}
