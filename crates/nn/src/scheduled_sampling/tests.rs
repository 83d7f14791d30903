//! Walks of all networks against their own teacher-forced passes.

use super::*;
use crate::init::Init;
use crate::language_model::{LanguageModel, LanguageModelConfig};
use crate::pass::{Pass, Precision};
use crate::polyphony::{HeadKind, Pieces, Polyphony, PolyphonyConfig};
use crate::seq2seq::{AttentionKind, Batch, Seq2Seq, Seq2SeqConfig, Tying};
use crate::sequences::Sequences;
use burn::tensor::Device;
use simurgh_kernels::Ragged;
use std::sync::Arc;

const VOCAB: usize = 11;
const START: u32 = 1;
const END: u32 = 2;
const PAIRS: [(&[u32], &[u32]); 4] =
    [(&[4, 5, 6, 2], &[7, 8]), (&[2], &[]), (&[9, 2], &[10, 4, 5, 6, 7]), (&[5, 5, 5, 2], &[6])];

fn translator(attention: AttentionKind) -> Seq2Seq {
    let config = Seq2SeqConfig {
        embedding: 4,
        encoder_hidden: 3,
        decoder_hidden: 5,
        decoder_layers: 2,
        attention,
        readout: 4,
        input_feeding: attention == AttentionKind::Additive,
        tie: Tying::None,
        ..Seq2SeqConfig::default()
    };
    Seq2Seq::new(&config, VOCAB, VOCAB, &Init::new(3, &Device::flex())).unwrap()
}

/// `inputs` of the next step as `targets`: a walk that reads what is likeliest is right everywhere but at its ends.
fn next_inputs(layout: &Ragged, inputs: &[u32]) -> (Arc<[u32]>, Vec<bool>) {
    let next = |(t, j): (usize, usize)| (t + 1 < layout.lengths()[j]).then(|| inputs[layout.row(t + 1, j)]);
    let all: Vec<Option<u32>> = layout.cells().map(next).collect();
    (all.iter().map(|id| id.unwrap_or(0)).collect(), all.iter().map(Option::is_some).collect())
}

const MIXED: Teacher = Teacher { share: 0.5, unit: Unit::Token, choice: Choice::Drawn, seed: 7 };

#[test]
fn an_encoder_decoder_reads_what_it_would_say() {
    for attention in [AttentionKind::None, AttentionKind::General, AttentionKind::Additive] {
        let model = translator(attention);
        let batch = Batch::new(&PAIRS, START, END).unwrap();
        let walk = |batch: &Batch, teacher: &Teacher| model.walk(batch, &[END], teacher, Precision::F32).unwrap();
        let loss = |batch: &Batch| model.loss(batch, 0.0, &mut Pass::default()).unwrap().values();
        let forced = walk(&batch, &Teacher::ALWAYS);
        assert_eq!(forced.read, batch.inputs);
        let [_, nll, correct] = loss(&batch);
        assert!((forced.nll.iter().sum::<f64>() - nll).abs() < 1e-4 * nll, "{attention:?}");
        assert!((forced.correct.iter().filter(|c| **c).count() as f64 - correct).abs() < 0.5);

        let own = walk(&batch, &Teacher::NEVER).read;
        assert!(batch.layout.rows_at(0).all(|row| own[row] == START) && !own.contains(&END));
        // Each token but the first is the likeliest after those before it.
        let mut free = batch.clone();
        free.inputs = model.walk(&batch, &[], &Teacher::NEVER, Precision::F32).unwrap().read;
        let counted;
        (free.targets, counted) = next_inputs(&free.layout, &free.inputs);
        let again = walk(&free, &Teacher::ALWAYS);
        assert!(again.correct.iter().zip(counted).all(|(right, counts)| *right || !counts), "{attention:?}");

        let mixed = walk(&batch, &MIXED);
        assert_eq!(mixed.read, walk(&batch, &MIXED).read);
        for ((t, j), (read, teacher)) in batch.layout.cells().zip(mixed.read.iter().zip(batch.inputs.iter())) {
            assert!(!MIXED.is_heard(j, t) || read == teacher);
        }
        assert_ne!(mixed.read, walk(&batch, &Teacher { seed: 8, ..MIXED }).read);
        assert!(model.walk(&batch, &[99], &MIXED, Precision::F32).is_err());
        free.inputs = vec![99; batch.tokens()].into();
        assert!(model.walk(&free, &[], &MIXED, Precision::F32).is_err());
    }
}

#[test]
fn a_language_model_goes_on_from_its_state() {
    let config = LanguageModelConfig { embedding: 3, hidden: 4, layers: 2, ..LanguageModelConfig::default() };
    let model = LanguageModel::new(&config, VOCAB, &Init::new(5, &Device::flex())).unwrap();
    let inputs = Sequences::new(&[&[1, 4], &[1, 8, 8, 3, 5], &[1]]).unwrap();
    let targets = inputs.rows(&[&[4, 2], &[8, 8, 3, 5, 2], &[2]]);
    let (_, states) = model.loss(&inputs, &targets, None, 0.0, &mut Pass::default()).unwrap();
    for initial in [None, Some(states.as_slice())] {
        let loss = model.loss(&inputs, &targets, initial, 0.0, &mut Pass::default()).unwrap().0.values();
        let walk = |inputs: &Sequences, targets: &[u32], teacher| {
            model.walk(inputs, targets, initial, &[], &teacher, Precision::F32).unwrap()
        };
        let forced = walk(&inputs, &targets, Teacher::ALWAYS);
        assert!((forced.nll.iter().sum::<f64>() - loss[1]).abs() < 1e-4 && forced.read == inputs.ids);
        let free = Sequences { ids: walk(&inputs, &targets, Teacher::NEVER).read, ..inputs.clone() };
        let (next, counted) = next_inputs(&free.layout, &free.ids);
        let again = walk(&free, &next, Teacher::ALWAYS);
        assert!(again.correct.iter().zip(counted).all(|(right, counts)| *right || !counts));
    }
}

#[test]
fn the_coin_is_thrown_for_tokens_or_for_sequences() {
    let heard = |unit, share| {
        let teacher = Teacher { share, unit, ..MIXED };
        let all = (0..200).flat_map(|j| (1..11).map(move |t| (j, t)));
        let mut heard = [0; 200];
        all.filter(|&(j, t)| teacher.is_heard(j, t)).for_each(|(j, _)| heard[j] += 1);
        assert!((0..200).all(|j| teacher.is_heard(j, 0)));
        heard
    };
    let tokens = heard(Unit::Token, 0.3);
    let total: i32 = tokens.iter().sum();
    assert!((540..660).contains(&total) && tokens.iter().any(|n| (1..10).contains(n)), "{total}");
    let sequences = heard(Unit::Sequence, 0.3);
    assert!(sequences.iter().all(|n| [0, 10].contains(n)) && (400..800).contains(&sequences.iter().sum()));
    assert!(heard(Unit::Token, 1.0).iter().all(|n| *n == 10) && heard(Unit::Sequence, 0.0).iter().all(|n| *n == 0));
}

#[test]
fn music_reads_its_own_frames() {
    let pieces = [vec![vec![0, 2], vec![1], vec![]], vec![vec![0, 1]], vec![vec![3], vec![0, 3], vec![2], vec![2]]];
    let pieces: Vec<&[Vec<u8>]> = pieces.iter().map(Vec::as_slice).collect();
    for head in [HeadKind::Independent, HeadKind::Joint] {
        let config = PolyphonyConfig { hidden: 5, head_hidden: 4, head, ..PolyphonyConfig::default() };
        let net = Polyphony::new(&config, 4, &Init::new(5, &Device::flex())).unwrap();
        let walk = |teacher| net.walk(&pieces, &teacher, Precision::F32).unwrap();
        assert_eq!(walk(Teacher::ALWAYS).read, pieces);
        // What is said after the pieces' own frames is right where the loss says so.
        let said = walk(Teacher { choice: Choice::Likeliest, ..Teacher::ALWAYS }).said;
        let losses = net.loss_by_step(&Pieces::new(&pieces).unwrap(), &mut Pass::default()).unwrap();
        for (t, loss) in losses.iter().enumerate() {
            let there = || pieces.iter().zip(&said).filter(|(piece, _)| piece.len() > t);
            let right = there().filter(|(piece, said)| piece[t] == said[t]).count() as f64;
            match head {
                HeadKind::Independent => assert_eq!(loss.values()[2], right),
                HeadKind::Joint => {
                    let units: usize = there().map(|(piece, _)| piece[t].len() + 1).sum();
                    assert_eq!(loss.values()[2] == units as f64, right == there().count() as f64);
                }
            }
        }
        let own = walk(Teacher { choice: Choice::Drawn, ..Teacher::NEVER }).read;
        assert!(own != pieces && own.iter().zip(&pieces).all(|(own, piece)| own.len() == piece.len()));
        let own: Vec<&[Vec<u8>]> = own.iter().map(Vec::as_slice).collect();
        let loss = |packed: &Pieces| {
            let parts = net.loss(packed, &mut Pass::default()).unwrap();
            let sum: f64 = parts.iter().flatten().map(|loss| loss.values()[1]).sum();
            let steps = net.loss_by_step(packed, &mut Pass::default()).unwrap();
            assert!((steps.iter().map(|loss| loss.values()[1]).sum::<f64>() - sum).abs() < 1e-4 && steps.len() == 4);
            sum
        };
        let (forced, free) = (Pieces::new(&pieces).unwrap(), Pieces::reading(&pieces, &own).unwrap());
        assert!((loss(&forced) - loss(&free)).abs() > 1e-3);
    }
}
