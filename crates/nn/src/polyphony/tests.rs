//! Gradients against finite differences, likelihoods that sum to 1, and draws that follow them.

use super::*;
use crate::decode::Sampling;
use crate::finite_differences;
use crate::init::Init;
use crate::pass::{Pass, Precision};
use burn::tensor::Device;
use simurgh_random::Random;

const KEYS: usize = 4;

fn pieces() -> Vec<Vec<Vec<u8>>> {
    vec![vec![vec![0, 2], vec![1], vec![]], vec![vec![0, 1, 2, 3]], vec![vec![3], vec![0, 3], vec![2], vec![2, 3]]]
}

fn packed(pieces: &[Vec<Vec<u8>>]) -> Pieces {
    Pieces::new(&pieces.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap()
}

fn config(head: HeadKind) -> PolyphonyConfig {
    PolyphonyConfig { hidden: 5, head_hidden: 4, layers: 2, head, dropout: 0.0, ..PolyphonyConfig::default() }
}

fn nll(net: &Polyphony, pieces: &[Vec<Vec<u8>>]) -> f64 {
    let parts = net.loss(&packed(pieces), &mut Pass::default()).unwrap();
    parts.iter().flatten().map(|loss| loss.values()[1]).sum()
}

#[test]
fn gradients_of_every_parameter_equal_finite_differences() {
    for head in [HeadKind::Independent, HeadKind::Joint] {
        let config = PolyphonyConfig { dropout: 0.2, ..config(head) };
        let net = Polyphony::new(&config, KEYS, &Init::new(5, &Device::flex().autodiff())).unwrap();
        let pieces = packed(&pieces());
        finite_differences::check(&net, &format!("{head:?}"), |net| {
            let mut pass = Pass { noise: config.noise(3), ..Pass::default() };
            let parts = net.loss(&pieces, &mut pass).unwrap();
            parts.iter().flatten().map(|loss| loss.smoothed()).reduce(|a, b| a + b).unwrap()
        });
    }
}

#[test]
fn frames_are_probabilities_and_pieces_keep_apart() {
    let all: Vec<Vec<u8>> =
        (0..1u8 << KEYS).map(|bits| (0..KEYS as u8).filter(|k| bits >> k & 1 == 1).collect()).collect();
    for head in [HeadKind::Independent, HeadKind::Joint] {
        let net = Polyphony::new(&config(head), KEYS, &Init::new(5, &Device::flex())).unwrap();
        let begin = vec![vec![0, 2], vec![1]];
        let base = nll(&net, std::slice::from_ref(&begin));
        let sum: f64 = all
            .iter()
            .map(|last| {
                let piece = [begin.clone(), vec![last.clone()]].concat();
                (base - nll(&net, &[piece])).exp()
            })
            .sum();
        assert!((sum - 1.0).abs() < 1e-5, "{head:?}: {sum}");
        let alone: f64 = pieces().iter().map(|piece| nll(&net, std::slice::from_ref(piece))).sum();
        let difference = (alone - nll(&net, &pieces())).abs();
        assert!(difference < 1e-4);
        let wrong = packed(&[vec![vec![KEYS as u8]]]);
        assert!(net.loss(&wrong, &mut Pass::default()).unwrap_err().to_string().contains("key"));
    }
}

#[test]
fn draws_follow_the_likelihood() {
    for head in [HeadKind::Independent, HeadKind::Joint] {
        let net = Polyphony::new(&config(head), KEYS, &Init::new(6, &Device::flex())).unwrap();
        let composer = net.composer(Precision::F32).unwrap();
        let mut random = Random::new(4);
        let want = (-nll(&net, &[vec![vec![1, 3]]])).exp();
        let mut count = 0u16;
        for _ in 0..4000 {
            let mut state = composer.start().unwrap();
            let frame = composer.step(&[], &mut state, Sampling::default(), &mut random).unwrap();
            assert!(frame.windows(2).all(|w| w[0] < w[1]));
            count += u16::from(frame == [1, 3]);
        }
        let got = f64::from(count) / 4000.0;
        assert!((got - want).abs() < 0.03, "{head:?}: {got}, {want}");
        assert!(composer.step(&[9], &mut composer.start().unwrap(), Sampling::default(), &mut random).is_err());
    }
}
