//! The whole model: gradients against finite differences, and independence from the rest of a batch.

use super::*;
use crate::decode::{DecodeConfig, Hypothesis, Sentence, Special, Surface, decode};
use crate::finite_differences;
use crate::init::Init;
use crate::optimizer::{Accumulated, Optimizer, Rule, SgdConfig};
use crate::parameters;
use crate::pass::{Pass, Precision};
use crate::recurrent::CellKind;
use crate::sequences::Sequences;
use burn::tensor::Device;
use std::num::NonZeroUsize;

fn config(attention: AttentionKind) -> Seq2SeqConfig {
    Seq2SeqConfig {
        cell: match attention {
            AttentionKind::None => CellKind::RnnTanh,
            AttentionKind::Dot => CellKind::Gru,
            _ => CellKind::Lstm,
        },
        embedding: 4,
        encoder_hidden: 3,
        encoder_layers: 2,
        bidirectional: true,
        decoder_hidden: if attention == AttentionKind::Dot { 6 } else { 5 },
        decoder_layers: 2,
        attention,
        readout: 4,
        input_feeding: attention == AttentionKind::Additive,
        tie: if attention == AttentionKind::General { Tying::All } else { Tying::Target },
        dropout: 0.2,
        variational: attention == AttentionKind::Dot,
    }
}

const VOCAB: usize = 11;

fn pairs() -> Vec<(Vec<u32>, Vec<u32>)> {
    vec![
        (vec![4, 5, 6, 2], vec![7, 8]),
        (vec![2], vec![]),
        (vec![9, 2], vec![10, 4, 5, 6, 7]),
        (vec![5, 5, 5, 5, 5, 2], vec![6]),
    ]
}

fn batch(pairs: &[(Vec<u32>, Vec<u32>)]) -> Batch {
    let pairs: Vec<(&[u32], &[u32])> = pairs.iter().map(|(s, t)| (s.as_slice(), t.as_slice())).collect();
    Batch::new(&pairs, 1, 2).unwrap()
}

#[test]
fn gradients_of_every_parameter_equal_finite_differences() {
    for attention in [AttentionKind::None, AttentionKind::Dot, AttentionKind::General, AttentionKind::Additive] {
        let device = Device::flex().autodiff();
        let model = Seq2Seq::new(&config(attention), VOCAB, VOCAB, &Init::new(3, &device)).unwrap();
        let batch = batch(&pairs());
        finite_differences::check(&model, &format!("{attention:?}"), |m| {
            m.loss(&batch, 0.1, &mut m.training(9, Precision::F32)).unwrap().smoothed()
        });
    }
}

/// A table's gradient: of the rows used alone, or of all of them.
#[test]
fn gradients_of_used_rows_are_those_of_whole_tables() {
    for tie in [Tying::None, Tying::Target, Tying::All] {
        let model = Seq2Seq::new(
            &Seq2SeqConfig { tie, ..config(AttentionKind::Dot) },
            VOCAB,
            VOCAB,
            &Init::new(3, &Device::flex().autodiff()),
        )
        .unwrap();
        let run = |rows: bool| {
            let mut sum: Option<Accumulated> = None;
            for pairs in [&pairs()[..2], &pairs()[2..]] {
                let mut pass = model.training(9, Precision::F32);
                if !rows {
                    pass.rows = None;
                }
                let loss = model.loss(&batch(pairs), 0.1, &mut pass).unwrap();
                let more = Accumulated::take(&model, &mut loss.smoothed().backward(), &pass);
                match &mut sum {
                    Some(sum) => sum.add(more).unwrap(),
                    None => sum = Some(more),
                }
            }
            sum.unwrap()
        };
        let (rows, whole) = (run(true), run(false));
        let (a, b) = (rows.norm(), whole.norm());
        assert!(a > 0.1 && (a - b).abs() < 1e-6 * b, "{tie:?}: {a} {b}");
        assert!(rows.cosine(&whole).unwrap() > 1.0 - 1e-12, "{tie:?}");
        assert_eq!(rows.heaviest().unwrap().0, whole.heaviest().unwrap().0);
        let updated = |gradients: &Accumulated| {
            let rule = Rule::Sgd(SgdConfig { momentum: 0.9, weight_decay: 0.0 });
            let updated = Optimizer::new(rule, &model).update(model.clone(), gradients, 0.5, 0.1).unwrap();
            parameters::collect(&updated).into_iter().flat_map(|p| p.data).collect::<Vec<f32>>()
        };
        for (a, b) in updated(&rows).iter().zip(updated(&whole)) {
            let difference = (a - b).abs();
            assert!(difference < 1e-6, "{tie:?}: {a} {b}");
        }
    }
}

/// What is not part of a window gets no gradient from it, with input feeding too.
#[test]
fn windows_change_the_gradient_but_not_the_loss() {
    for input_feeding in [false, true] {
        let config = Seq2SeqConfig { input_feeding, variational: false, ..config(AttentionKind::Dot) };
        let model = Seq2Seq::new(&config, VOCAB, VOCAB, &Init::new(3, &Device::flex().autodiff())).unwrap();
        let run = |steps: usize| {
            let mut pass = Pass { window_steps: NonZeroUsize::new(steps), ..model.training(9, Precision::F32) };
            let loss = model.loss(&batch(&pairs()), 0.1, &mut pass).unwrap();
            (loss.values(), Accumulated::take(&model, &mut loss.smoothed().backward(), &pass))
        };
        let (whole, truncated) = (run(0), run(2));
        assert_eq!(whole.0, truncated.0);
        let cosine = truncated.1.cosine(&whole.1).unwrap();
        assert!(cosine > 0.5 && cosine < 0.9999, "{input_feeding}: {cosine}");
        assert!(run(100).1.cosine(&whole.1).unwrap() > 1.0 - 1e-12);
    }
}

#[test]
fn a_sentence_has_the_same_loss_and_translations_in_any_company() {
    let surfaces = (0..VOCAB).map(|token| Surface::of(&format!("{token} "))).collect();
    let special = Special { start: 1, end: 2, banned: vec![0, 1, 3], reserved: 4..5, surfaces };
    for attention in [AttentionKind::None, AttentionKind::Dot, AttentionKind::General, AttentionKind::Additive] {
        let model = Seq2Seq::new(&config(attention), VOCAB, VOCAB, &Init::new(3, &Device::flex())).unwrap();
        let pairs = pairs();
        let total = model.loss(&batch(&pairs), 0.1, &mut Pass::default()).unwrap().values();
        let mut sum = [0.0; 3];
        for pair in &pairs {
            let alone = model.loss(&batch(std::slice::from_ref(pair)), 0.1, &mut Pass::default()).unwrap().values();
            sum.iter_mut().zip(alone).for_each(|(s, a)| *s += a);
        }
        for (a, b) in total.iter().zip(sum) {
            let difference = (a - b).abs();
            assert!(difference < 1e-5, "{attention:?}: {total:?} {sum:?}");
        }
        let sentence = |ids: &[u32]| Sentence {
            ids: ids.to_vec(),
            required: ids.iter().copied().filter(|id| special.reserved.contains(id)).collect(),
        };
        let sentences: Vec<Sentence> = pairs.iter().map(|p| sentence(&p.0)).collect();
        for beam in [1, 3] {
            let config = DecodeConfig { beam, ..DecodeConfig::default() };
            let together = decode(&model, &sentences, &special, &config).unwrap();
            for (i, sentence) in sentences.iter().enumerate() {
                let alone = decode(&model, std::slice::from_ref(sentence), &special, &config).unwrap();
                assert_eq!(alone[0].len(), beam);
                for (a, b) in alone[0].iter().zip(&together[i]) {
                    assert_eq!(a.tokens, b.tokens, "{attention:?} beam {beam} sentence {i}");
                    assert_eq!(a.score.to_bits(), b.score.to_bits());
                    assert_eq!(a.alignment, b.alignment);
                    assert!(!a.tokens.iter().any(|t| special.banned.contains(t)));
                    let required = a.tokens.iter().filter(|t| special.reserved.contains(t)).count();
                    assert!(!a.complete || required == sentence.required.len());
                }
            }
        }
    }
}

#[test]
fn plain_steps_give_the_bits_of_the_tensors() {
    let cells = [CellKind::Lstm, CellKind::Gru, CellKind::RnnTanh, CellKind::RnnRelu];
    let kinds = [AttentionKind::None, AttentionKind::Dot, AttentionKind::General, AttentionKind::Additive];
    for (cell, attention) in cells.into_iter().flat_map(|cell| kinds.map(|kind| (cell, kind))) {
        for (input_feeding, precision) in [(false, Precision::F32), (true, Precision::F32), (true, Precision::Bf16)] {
            let config = Seq2SeqConfig { cell, input_feeding, variational: false, ..config(attention) };
            let model = Seq2Seq::new(&config, VOCAB, VOCAB, &Init::new(3, &Device::flex())).unwrap();
            let ids: Vec<Vec<u32>> = pairs().into_iter().map(|p| p.0).collect();
            let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
            let memory =
                model.encode(&Sequences::new(&ids).unwrap(), &mut Pass { precision, ..Pass::default() }).unwrap();
            let stepper = Stepper::new(&model, &memory, precision).expect("on the CPU");
            let mut state = memory.state().select(&[0, 0, 1]).unwrap();
            let mut rows = stepper.rows(&state).expect("on the CPU");
            let mut scratch = Scratch::default();
            for tokens in [[1, 1, 1], [5, 6, 5], [7, 5, 6]] {
                let sequence_of = [0, 0, 1];
                let (logits, next, weights) = model.step(&memory, &tokens, &sequence_of, state, precision).unwrap();
                stepper.step(&tokens, &sequence_of, &mut rows, &mut scratch);
                let want: Vec<f32> = logits.into_data().iter::<f32>().collect();
                let got = &scratch.logits[..want.len()];
                assert!(got.iter().zip(&want).all(|(a, b)| a.to_bits() == b.to_bits()), "{cell:?} {attention:?}");
                let want: Vec<f32> = weights.map_or_else(Vec::new, |w| w.into_data().iter::<f32>().collect());
                assert_eq!(scratch.weights, want, "{cell:?} {attention:?}");
                // Hypotheses change places.
                state = next.select(&[1, 0, 2]).unwrap();
                let mut selected = Rows::default();
                rows.select(&[1, 0, 2], &mut selected);
                rows = selected;
            }
        }
    }
}

#[test]
fn hypotheses_that_read_the_same_are_one() {
    let model = Seq2Seq::new(&config(AttentionKind::General), VOCAB, VOCAB, &Init::new(3, &Device::flex())).unwrap();
    // Tokens two by two have one text.
    let surfaces = (0..VOCAB).map(|token| Surface::of(&format!("{} ", token / 2))).collect();
    let special = Special { start: 1, end: 2, banned: vec![0, 1, 3], reserved: 4..5, surfaces };
    let sentence = Sentence { ids: pairs()[0].0.clone(), required: Vec::new() };
    let config = DecodeConfig { beam: 4, distinct: true, ..DecodeConfig::default() };
    let found = decode(&model, std::slice::from_ref(&sentence), &special, &config).unwrap();
    let read = |h: &Hypothesis| h.tokens.iter().map(|t| t / 2).collect::<Vec<_>>();
    let texts: std::collections::HashSet<Vec<u32>> = found[0].iter().map(read).collect();
    assert_eq!((found[0].len(), texts.len()), (4, 4));
}

#[test]
fn parameters_have_pytorch_names_and_come_back() {
    let model = Seq2Seq::new(&config(AttentionKind::General), VOCAB, VOCAB, &Init::new(3, &Device::flex())).unwrap();
    let all = parameters::collect(&model);
    let names: Vec<&str> = all.iter().map(|p| p.name.as_str()).collect();
    for name in ["target_embedding", "encoder.weight_ih_l1_reverse", "decoder.bias_hh_l0", "combine.weight"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let other = Seq2Seq::new(&config(AttentionKind::General), VOCAB, VOCAB, &Init::new(4, &Device::flex())).unwrap();
    assert_ne!(parameters::collect(&other), all);
    let other = parameters::replace(other, all.clone()).unwrap();
    assert_eq!(parameters::collect(&other), all);
    let error = parameters::replace(other, all[1..].to_vec()).unwrap_err();
    assert!(error.contains(&format!("`{}` is missing", all[0].name)), "{error}");
}
