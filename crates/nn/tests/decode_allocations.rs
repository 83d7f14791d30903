//! Search allocates for sentences, not for tokens.

use simurgh_nn::burn::tensor::Device;
use simurgh_nn::decode::{DecodeConfig, Sentence, Special, Surface, decode};
use simurgh_nn::init::Init;
use simurgh_nn::seq2seq::{AttentionKind, Seq2Seq, Seq2SeqConfig};

#[test]
fn more_tokens_take_no_more_allocations() {
    let vocab = 300;
    let config = Seq2SeqConfig {
        embedding: 32,
        encoder_hidden: 16,
        decoder_hidden: 32,
        readout: 32,
        attention: AttentionKind::General,
        ..Seq2SeqConfig::default()
    };
    let model = Seq2Seq::new(&config, vocab, vocab, &Init::new(1, &Device::flex())).unwrap();
    let surfaces = (0..vocab).map(|token| Surface::of(&format!("{token} "))).collect();
    // The end is banned: every search runs to its limit.
    let special = Special { start: 1, end: 2, banned: vec![0, 1, 2, 3], reserved: 4..4, surfaces };
    for beam in [1, 5] {
        let count = |tokens: usize| {
            let sentence = Sentence { ids: vec![7, 9, 8, 2], required: Vec::new() };
            let config = DecodeConfig { beam, max_ratio: 0.25, max_extra: tokens - 1, ..DecodeConfig::default() };
            let run = || decode(&model, &[sentence.clone(), sentence.clone()], &special, &config).unwrap();
            // Packs the weights.
            run();
            let counted = allocation_counter::measure(|| {
                std::hint::black_box(run());
            });
            counted.count_total
        };
        let (few, many) = (count(10), count(210));
        // Histories double their room; a finished hypothesis has an alignment a token.
        let alignments = 2 * beam as u64 * 200;
        assert!(many - few <= alignments + 60, "beam {beam}: {few} allocations for 10 tokens, {many} for 210");
    }
}
