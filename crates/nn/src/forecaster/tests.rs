//! Gradients against finite differences, windows that keep apart, and decoding that goes on as it says.

use super::*;
use crate::finite_differences;
use crate::init::Init;
use crate::pass::{Pass, Precision};
use crate::recurrent::CellKind;
use crate::scheduled_sampling::{Choice, Teacher, Unit};
use burn::tensor::Device;
use std::sync::Arc;

fn config(decoding: DecodingKind, normalise: NormaliseKind) -> ForecasterConfig {
    ForecasterConfig {
        cell: if decoding == DecodingKind::Direct { CellKind::Gru } else { CellKind::Lstm },
        hidden: 5,
        layers: 2,
        segment: 2,
        look_back: 6,
        horizon: 5,
        decoding,
        normalise,
        linear: false,
        series_embedding: true,
        quantiles: vec![0.2, 0.5],
        dropout: 0.0,
    }
}

const KINDS: [(DecodingKind, NormaliseKind); 3] = [
    (DecodingKind::Direct, NormaliseKind::Last),
    (DecodingKind::Recursive, NormaliseKind::Standard),
    (DecodingKind::Recursive, NormaliseKind::None),
];

/// Three windows of two known columns, and the truth.
fn windows() -> (Windows, Arc<[f32]>) {
    let wave = |n: usize, step: f32| (0..n).map(|i| (i as f32 * step).sin()).collect::<Vec<f32>>();
    let windows = Windows { past: wave(18, 0.7), known: wave(3 * 11 * 2, 1.3), series: vec![1, 0, 1], memory: None };
    (windows, wave(15, 0.9).into())
}

fn part(windows: &Windows, truth: &[f32], i: usize) -> (Windows, Vec<f32>) {
    let of = |all: &[f32], width: usize| all[i * width..(i + 1) * width].to_vec();
    let one = Windows {
        past: of(&windows.past, 6),
        known: of(&windows.known, 22),
        series: vec![windows.series[i]],
        memory: None,
    };
    (one, of(truth, 5))
}

#[test]
fn gradients_of_every_parameter_equal_finite_differences() {
    for (decoding, normalise) in KINDS {
        for quantiles in [vec![], vec![0.2, 0.5]] {
            let config = ForecasterConfig { dropout: 0.2, quantiles, ..config(decoding, normalise) };
            let net = Forecaster::new(&config, 2, 2, &Init::new(5, &Device::flex().autodiff())).unwrap();
            let (windows, truth) = windows();
            finite_differences::check(&net, &format!("{decoding:?} {normalise:?}"), |net| {
                let mut pass = Pass { noise: config.noise(3), ..Pass::default() };
                net.loss(&windows, &truth, &truth, &[0, 7], &mut pass).unwrap().0.smoothed()
            });
        }
    }
}

#[test]
fn windows_keep_apart_and_what_is_subtracted_is_given_back() {
    for (decoding, normalise) in KINDS {
        let net = Forecaster::new(&config(decoding, normalise), 2, 2, &Init::new(5, &Device::flex())).unwrap();
        let (windows, truth) = windows();
        let forecast = |w: &Windows| net.forecast(w, 5, Precision::F32).unwrap();
        let together = forecast(&windows);
        let alone: Vec<f32> = (0..3).flat_map(|i| forecast(&part(&windows, &truth, i).0)).collect();
        assert_eq!(together, alone, "{decoding:?}");
        let higher = Windows { past: windows.past.iter().map(|x| x + 8.0).collect(), ..windows.clone() };
        let difference: Vec<f32> = forecast(&higher).iter().zip(&together).map(|(a, b)| a - b).collect();
        let moved = difference.iter().all(|d| (d - 8.0).abs() < 1e-4);
        assert_eq!(moved, normalise != NormaliseKind::None, "{difference:?}");
        // A shorter horizon is the beginning of a longer one, where nothing known lies beyond.
        let short = Windows {
            known: windows.known.chunks_exact(22).flat_map(|known| known[..20].to_vec()).collect(),
            ..windows.clone()
        };
        let short = net.forecast(&short, 4, Precision::F32).unwrap();
        let begin: Vec<f32> = together.chunks_exact(10).flat_map(|row| row[..8].to_vec()).collect();
        assert!(short.iter().zip(&begin).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

#[test]
fn a_recursive_network_reads_its_own_forecasts() {
    let net =
        Forecaster::new(&config(DecodingKind::Recursive, NormaliseKind::Last), 2, 2, &Init::new(5, &Device::flex()))
            .unwrap();
    let (windows, truth) = windows();
    let walk = |teacher: Teacher| net.walk(&windows, &truth, 5, &teacher, Precision::F32).unwrap();
    assert_eq!(walk(Teacher::ALWAYS), truth[..]);
    let own = walk(Teacher::NEVER);
    // The median of a forecast that reads them is they themselves; the last segment is read by none.
    let forecast = net.forecast(&windows, 5, Precision::F32).unwrap();
    for window in 0..3 {
        for t in 0..4 {
            let (read, said) = (own[window * 5 + t], forecast[(window * 5 + t) * 2 + 1]);
            assert!((read - said).abs() < 1e-5, "{window} {t}: {read} {said}");
        }
        assert_eq!(own[window * 5 + 4], truth[window * 5 + 4]);
    }
    let half = Teacher { share: 0.5, unit: Unit::Sequence, choice: Choice::Likeliest, seed: 3 };
    let mixed = walk(half);
    for window in 0..3 {
        let teacher = &truth[window * 5..window * 5 + 4];
        assert_eq!(&mixed[window * 5..window * 5 + 4] == teacher, half.is_heard(window, 1));
    }
    let loss = |read: &[f32]| net.loss(&windows, read, &truth, &[], &mut Pass::default()).unwrap().0.values()[0];
    assert!((loss(&own) - loss(&truth)).abs() > 1e-4);
}

#[test]
fn nothing_is_learnt_from_what_was_not_measured() {
    for (decoding, normalise) in KINDS {
        let net = Forecaster::new(&config(decoding, normalise), 2, 2, &Init::new(5, &Device::flex())).unwrap();
        let (windows, truth) = windows();
        let mut other = truth.to_vec();
        other[3] = 900.0;
        other[14] = -900.0;
        let loss = |truth: &Arc<[f32]>, absent: &[usize]| {
            let read = vec![0.5; truth.len()];
            net.loss(&windows, &read, truth, absent, &mut Pass::default()).unwrap().0.values()
        };
        let other: Arc<[f32]> = other.into();
        assert_eq!(loss(&truth, &[3, 14]), loss(&other, &[3, 14]), "{decoding:?}");
        assert!(loss(&truth, &[3, 14])[0] < loss(&truth, &[])[0] && loss(&other, &[])[0] > 100.0);
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let net = Forecaster::new(&config(DecodingKind::Direct, NormaliseKind::Last), 2, 2, &Init::new(5, &Device::flex()))
        .unwrap();
    let (windows, _) = windows();
    let e = |w: &Windows, horizon| net.forecast(w, horizon, Precision::F32).unwrap_err().to_string();
    assert!(e(&windows, 4).contains("known"));
    assert!(e(&Windows { past: vec![0.0; 17], ..windows.clone() }, 5).contains("past"));
    assert!(e(&Windows { series: vec![0, 1, 2], ..windows.clone() }, 5).contains("2"));
    let far = Windows { known: vec![0.0; 3 * 13 * 2], ..windows };
    assert!(e(&far, 7).contains("at most 6"));
    let e = |change: ForecasterConfig| {
        Forecaster::new(&change, 1, 0, &Init::new(1, &Device::flex())).unwrap_err().to_string()
    };
    let base = || config(DecodingKind::Direct, NormaliseKind::Last);
    assert!(e(ForecasterConfig { look_back: 7, ..base() }).contains("a multiple of model.segment (2)"));
    assert!(e(ForecasterConfig { quantiles: vec![0.1, 0.9], ..base() }).contains("0.5 among them"));
    assert!(e(ForecasterConfig { hidden: 0, ..base() }).contains("hidden"));
}

#[test]
fn what_is_remembered_goes_on_as_if_both_windows_were_one() {
    for decoding in [DecodingKind::Direct, DecodingKind::Recursive] {
        let short = config(decoding, NormaliseKind::None);
        let long = ForecasterConfig { look_back: 12, ..short.clone() };
        let init = Init::new(9, &Device::flex());
        let [short, long] = [short, long].map(|c| Forecaster::new(&c, 2, 2, &init).unwrap());
        let (windows, _) = windows();
        // Two windows of six steps and one of twelve; 17 steps are known in advance.
        let known = &windows.known[..17 * 2];
        let first = Windows {
            past: windows.past[..6].to_vec(),
            known: known[..11 * 2].to_vec(),
            series: vec![1],
            memory: None,
        };
        let memory = short.remember(&first, 5, Precision::F32).unwrap();
        let second = Windows {
            past: windows.past[6..12].to_vec(),
            known: known[6 * 2..].to_vec(),
            series: vec![1],
            memory: Some(memory.clone()),
        };
        let both = Windows { past: windows.past[..12].to_vec(), known: known.to_vec(), series: vec![1], memory: None };
        let forecast = |net: &Forecaster, w: &Windows| net.forecast(w, 5, Precision::F32).unwrap();
        assert_eq!(forecast(&short, &second), forecast(&long, &both), "{decoding:?}");
        assert_ne!(forecast(&short, &Windows { memory: None, ..second.clone() }), forecast(&short, &second));
        // Two windows at once, picked from three.
        let states: Vec<_> = memory.iter().map(|s| s.pick(&[0, 0])).collect();
        let twice = |x: &[f32]| [x, x].concat();
        let two = Windows {
            past: twice(&second.past),
            known: twice(&second.known),
            series: vec![1, 1],
            memory: Some(states),
        };
        assert_eq!(forecast(&short, &two), twice(&forecast(&short, &second)));
        // The first of them begins anew.
        let states = two.memory.as_ref().map(|all| all.iter().map(|s| s.begin_anew(&[true, false])).collect());
        let forgot = forecast(&short, &Windows { memory: None, ..second.clone() });
        let mixed = [forgot, forecast(&short, &second)].concat();
        assert_eq!(forecast(&short, &Windows { memory: states, ..two }), mixed);
    }
}
