//! Gradients against finite differences, and steps against whole sequences.

use super::*;
use crate::finite_differences;
use crate::init::Init;
use crate::pass::{Pass, Precision};
use crate::recurrent::CellKind;
use crate::sequences::Sequences;
use burn::tensor::Device;
use std::sync::Arc;

const VOCAB: usize = 9;
const TEXTS: [&[u32]; 3] = [&[1, 4, 7, 2], &[1, 2], &[1, 8, 8, 3, 5, 2]];

fn config() -> LanguageModelConfig {
    LanguageModelConfig { embedding: 5, hidden: 4, layers: 2, dropout: 0.0, ..LanguageModelConfig::default() }
}

/// All tokens but the last, and all but the first.
fn shifted() -> (Sequences, Arc<[u32]>) {
    let inputs: Vec<&[u32]> = TEXTS.iter().map(|text| &text[..text.len() - 1]).collect();
    let targets: Vec<&[u32]> = TEXTS.iter().map(|text| &text[1..]).collect();
    let packed = Sequences::new(&inputs).unwrap();
    let targets = packed.rows(&targets);
    (packed, targets)
}

#[test]
fn gradients_of_every_parameter_equal_finite_differences() {
    let (inputs, targets) = shifted();
    for config in [
        config(),
        LanguageModelConfig { tie: false, cell: CellKind::Gru, ..config() },
        LanguageModelConfig { hidden: 5, dropout: 0.3, ..config() },
    ] {
        let net = LanguageModel::new(&config, VOCAB, &Init::new(5, &Device::flex().autodiff())).unwrap();
        finite_differences::check(&net, &format!("{config:?}"), |net| {
            let mut pass = Pass { noise: config.noise(3), ..Pass::default() };
            net.loss(&inputs, &targets, None, 0.1, &mut pass).unwrap().0.smoothed()
        });
    }
    let config = LanguageModelConfig { bidirectional: true, layers: 1, ..config() };
    let net = LanguageModel::new(&config, VOCAB, &Init::new(5, &Device::flex().autodiff())).unwrap();
    let texts = Sequences::new(&TEXTS).unwrap();
    finite_differences::check(&net, "both ways", |net| {
        let [after, before] = net.loss_both_ways(&texts, 0.1, &mut Pass::default()).unwrap();
        after.smoothed() + before.smoothed()
    });
}

#[test]
fn a_network_that_reads_both_ways_sees_nothing_of_what_it_guesses() {
    let config = LanguageModelConfig { bidirectional: true, layers: 1, ..config() };
    let net = LanguageModel::new(&config, VOCAB, &Init::new(5, &Device::flex())).unwrap();
    let losses = |text: &[u32]| {
        let texts = Sequences::new(&[text]).unwrap();
        net.loss_both_ways(&texts, 0.0, &mut Pass::default()).unwrap().map(|loss| loss.values()[1])
    };
    // Of two tokens each direction guesses one, from the other alone; embedding and read-out are one table, so that the sum of
    // p(last | first = 1) over all lasts is 1.
    let sums: [f64; 2] = (0..VOCAB as u32).fold([0.0; 2], |sums, token| {
        let [after, _] = losses(&[1, token]);
        let [_, before] = losses(&[token, 1]);
        [sums[0] + (-after).exp(), sums[1] + (-before).exp()]
    });
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{sums:?}");
    assert!(net.loss_both_ways(&Sequences::new(&[&[1]]).unwrap(), 0.0, &mut Pass::default()).is_err());
    let (inputs, targets) = shifted();
    assert!(net.loss(&inputs, &targets, None, 0.0, &mut Pass::default()).is_err());
}

#[test]
fn steps_give_the_likelihood_of_the_whole_sequence() {
    for config in [config(), LanguageModelConfig { tie: false, ..config() }] {
        let net = LanguageModel::new(&config, VOCAB, &Init::new(5, &Device::flex())).unwrap();
        let stepper = net.stepper(Precision::F32).unwrap();
        for text in TEXTS {
            let (input, target) = (&text[..text.len() - 1], &text[1..]);
            let packed = Sequences::new(&[input]).unwrap();
            let targets = packed.rows(&[target]);
            let whole = net.loss(&packed, &targets, None, 0.0, &mut Pass::default()).unwrap().0.values()[1];
            let mut state = stepper.start(1).unwrap();
            let mut sum = 0.0;
            for (input, target) in input.iter().zip(target) {
                let logits = stepper.step(&[*input], &mut state).unwrap();
                let total: f64 = logits.iter().map(|l| f64::from(*l).exp()).sum();
                sum += total.ln() - f64::from(logits[*target as usize]);
            }
            let difference = (sum - whole).abs();
            assert!(difference < 1e-5, "{sum}, {whole}");
        }
        let e = stepper.step(&[VOCAB as u32], &mut stepper.start(1).unwrap()).unwrap_err();
        assert!(e.to_string().contains("token"), "{e}");
    }
}

#[test]
fn a_text_in_two_windows_with_its_state_is_the_text() {
    let net = LanguageModel::new(&config(), VOCAB, &Init::new(5, &Device::flex())).unwrap();
    let text = [1, 8, 8, 3, 5, 2];
    let loss = |range: std::ops::Range<usize>, initial: Option<&[_]>| {
        let packed = Sequences::new(&[&text[range.clone()]]).unwrap();
        let targets = packed.rows(&[&text[range.start + 1..range.end + 1]]);
        net.loss(&packed, &targets, initial, 0.0, &mut Pass::default()).unwrap()
    };
    let (whole, _) = loss(0..5, None);
    let (first, states) = loss(0..2, None);
    let (second, _) = loss(2..5, Some(&states));
    let difference = (first.values()[1] + second.values()[1] - whole.values()[1]).abs();
    assert!(difference < 1e-5);
}
