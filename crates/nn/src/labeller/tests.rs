//! Gradients against finite differences; frames as they come give what the whole gives.

use super::*;
use crate::finite_differences;
use crate::init::Init;
use crate::pass::{Pass, Precision};
use burn::tensor::Device;
use simurgh_kernels::Ragged;
use std::sync::Arc;

fn config() -> LabellerConfig {
    LabellerConfig { hidden: 5, layers: 2, look_ahead: 2, dropout: 0.0, ..LabellerConfig::default() }
}

fn frames(rows: usize) -> Vec<f32> {
    (0..3 * rows).map(|i| (i as f32 * 1.7).sin()).collect()
}

#[test]
fn gradients_of_every_parameter_equal_finite_differences() {
    let config = LabellerConfig { dropout: 0.2, ..config() };
    let net = Labeller::new(&config, 3, 4, &Init::new(5, &Device::flex().autodiff())).unwrap();
    let layout = Arc::new(Ragged::new(&[5, 3]).unwrap());
    // Rows from the third step on: two of it, one of the fourth, one of the fifth.
    let targets: Arc<[u32]> = [1, 0, 3, 2].into();
    finite_differences::check(&net, "labeller", |net| {
        let mut pass = Pass { noise: config.noise(3), ..Pass::default() };
        net.loss(&frames(8), &layout, targets.clone(), 0.1, &mut pass).unwrap().smoothed()
    });
}

#[test]
fn frame_by_frame_gives_the_bits_of_the_whole() {
    let net = Labeller::new(&config(), 3, 4, &Init::new(5, &Device::flex())).unwrap();
    let all = frames(9);
    let whole = net.logits(&all, Precision::F32).unwrap();
    let stream = net.stream(Precision::F32).unwrap();
    let mut state = stream.start().unwrap();
    let steps: Vec<Vec<f32>> = all.chunks_exact(3).map(|frame| stream.step(frame, &mut state).unwrap()).collect();
    assert_eq!(steps[stream.look_ahead()..].concat(), whole);
    // The loss is that of the logits.
    let targets: Arc<[u32]> = [0, 1, 2, 3, 0, 1, 2].into();
    let layout = Arc::new(Ragged::new(&[9]).unwrap());
    let loss = net.loss(&all, &layout, targets.clone(), 0.0, &mut Pass::default()).unwrap().values()[1];
    let nll: f64 = whole
        .chunks_exact(4)
        .zip(targets.iter())
        .map(|(row, y)| row.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln() - f64::from(row[*y as usize]))
        .sum();
    assert!((loss - nll).abs() < 1e-4);
    assert!(net.logits(&frames(2), Precision::F32).unwrap_err().to_string().contains("look-ahead"));
    assert!(net.logits(&all[1..], Precision::F32).is_err() && stream.step(&all[..2], &mut state).is_err());
}
