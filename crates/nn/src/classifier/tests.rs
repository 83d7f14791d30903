//! Gradients against finite differences, and independence from the rest of a batch.

use super::*;
use crate::finite_differences;
use crate::init::Init;
use crate::pass::Pass;
use crate::recurrent::CellKind;
use crate::sequences::Sequences;
use burn::tensor::Device;

const VOCAB: usize = 11;
const CLASSES: usize = 3;
const KINDS: [PoolingKind; 5] =
    [PoolingKind::Last, PoolingKind::Mean, PoolingKind::Max, PoolingKind::MaxMean, PoolingKind::Attention];

fn config(pooling: PoolingKind) -> ClassifierConfig {
    ClassifierConfig { embedding: 5, hidden: 4, layers: 2, pooling, dropout: 0.0, ..ClassifierConfig::default() }
}

const TEXTS: [&[u32]; 4] = [&[4, 7, 2], &[1], &[9, 9, 3, 10, 5, 6], &[8, 0, 2]];

fn network(pooling: PoolingKind) -> Classifier {
    Classifier::new(&config(pooling), VOCAB, CLASSES, &Init::new(5, &Device::flex())).unwrap()
}

#[test]
fn gradients_of_every_parameter_equal_finite_differences() {
    let texts = Sequences::new(&TEXTS).unwrap();
    for (kind, cell) in KINDS.into_iter().zip([CellKind::Gru, CellKind::Lstm].into_iter().cycle()) {
        let config = ClassifierConfig { cell, dropout: 0.3, variational: kind == PoolingKind::Max, ..config(kind) };
        let net = Classifier::new(&config, VOCAB, CLASSES, &Init::new(5, &Device::flex().autodiff())).unwrap();
        finite_differences::check(&net, &format!("{kind:?}"), |net| {
            let mut pass = Pass { noise: config.noise(3), ..Pass::default() };
            net.loss(&texts, &[2, 0, 1, 1], 0.1, &mut pass).unwrap().smoothed()
        });
    }
}

#[test]
fn a_text_alone_gives_the_bits_it_gives_in_a_batch() {
    for kind in KINDS {
        let net = network(kind);
        let all = net.answer(&Sequences::new(&TEXTS).unwrap(), &mut Pass::default()).unwrap();
        for (k, text) in TEXTS.iter().enumerate() {
            let alone = net.answer(&Sequences::new(&[text]).unwrap(), &mut Pass::default()).unwrap();
            assert_eq!(alone.logits[0], all.logits[k], "{kind:?}, text {k}");
            if kind == PoolingKind::Attention {
                assert_eq!(alone.weights[0], all.weights[k]);
                assert_eq!(alone.weights[0].len(), text.len());
                assert!((alone.weights[0].iter().sum::<f32>() - 1.0).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn the_loss_is_the_negative_log_likelihood_of_the_answers() {
    let labels = [2, 0, 1, 1];
    for kind in KINDS {
        let net = network(kind);
        let texts = Sequences::new(&TEXTS).unwrap();
        let [smoothed, nll, correct] = net.loss(&texts, &labels, 0.0, &mut Pass::default()).unwrap().values();
        let answers = net.answer(&texts, &mut Pass::default()).unwrap();
        let (mut want, mut right) = (0.0, 0.0);
        for (logits, label) in answers.logits.iter().zip(labels) {
            let sum: f64 = logits.iter().map(|l| f64::from(*l).exp()).sum();
            want += sum.ln() - f64::from(logits[label as usize]);
            let best = (0..CLASSES).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
            right += f64::from(u8::from(best == label as usize));
        }
        let difference = (nll - want).abs();
        assert!(difference < 1e-5 && (smoothed - nll).abs() < 1e-5, "{kind:?}: {nll}, {want}");
        assert!((correct - right).abs() < 0.5);
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let net = network(PoolingKind::Mean);
    let e = net.answer(&Sequences::new(&[&[VOCAB as u32]]).unwrap(), &mut Pass::default()).unwrap_err();
    assert!(e.to_string().contains("embedding"), "{e}");
    assert!(Sequences::new(&[&[1], &[]]).unwrap_err().to_string().contains("sequence 1 has length 0"));
    let texts = Sequences::new(&TEXTS).unwrap();
    assert!(net.loss(&texts, &[0; 3], 0.0, &mut Pass::default()).unwrap_err().to_string().contains("labels"));
    assert!(net.loss(&texts, &[3; 4], 0.0, &mut Pass::default()).is_err());
    let none = ClassifierConfig { layers: 0, ..config(PoolingKind::Last) };
    let e = Classifier::new(&none, VOCAB, CLASSES, &Init::new(5, &Device::flex())).unwrap_err();
    assert!(e.to_string().contains("layers"), "{e}");
    assert!(Classifier::new(&config(PoolingKind::Last), VOCAB, 0, &Init::new(5, &Device::flex())).is_err());
}
