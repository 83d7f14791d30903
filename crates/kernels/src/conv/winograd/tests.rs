use super::super::{Geometry, reference};
use super::*;
use simurgh_random::Random;

fn numbers(random: &mut Random, count: usize) -> Vec<f64> {
    (0..count).map(|_| random.normal()).collect()
}

/// Sizes of `[height, width, in, out, pictures]`: less than a tile, whole tiles, a rim; fewer channels than a vector, and some more.
const CASES: [[usize; 5]; 7] = [
    [1, 1, 1, 1, 1],
    [3, 2, 2, 3, 2],
    [4, 8, 3, 1, 1],
    [5, 9, 16, 7, 3],
    [13, 6, 19, 33, 1],
    [8, 4, 1, 64, 2],
    [24, 27, 5, 4, 2],
];

fn close(got: &[f64], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (k, (g, w)) in got.iter().zip(want).enumerate() {
        let difference = (g - w).abs();
        assert!(difference <= 1e-11 * (1.0 + w.abs()), "{what}[{k}]: {g}, expected {w}");
    }
}

#[test]
fn tiles_equal_the_definition() {
    let mut random = Random::new(1);
    for [height, width, input, output, pictures] in CASES {
        let geometry = Geometry { height, width, channels: input, kernel: 3, stride: 1, padding: 1 };
        let what = format!("{height} x {width}, {input} to {output}");
        let weight = numbers(&mut random, output * input * 9);
        let (x, bias) = (numbers(&mut random, pictures * geometry.size()), numbers(&mut random, output));
        let filter = Filter::new(&weight, [output, input], Format::Full);
        let expected = reference::forward(&x, &weight, &bias, geometry);
        let plain = forward(&x, &filter, Some(&bias), None, [height, width], Activation::Identity).unwrap();
        close(&plain, &expected, &what);
        let residual = numbers(&mut random, expected.len());
        let bent = forward(&x, &filter, Some(&bias), Some(&residual), [height, width], Activation::LeakyRelu).unwrap();
        let leaky = |x: f64| if x < 0.0 { 0.2 * x } else { x };
        let expected: Vec<f64> = expected.iter().zip(&residual).map(|(y, r)| leaky(y + r)).collect();
        close(&bent, &expected, &what);
        // <conv(x), d> = <x, turned(d)>
        let d = numbers(&mut random, expected.len());
        let linear = forward(&x, &filter, None, None, [height, width], Activation::Identity).unwrap();
        let turned = Filter::turned(&weight, [output, input], Format::Full);
        let back = forward(&d, &turned, None, None, [height, width], Activation::Identity).unwrap();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (a, b) = (dot(&linear, &d), dot(&x, &back));
        assert!((a - b).abs() <= 1e-10 * (1.0 + a.abs()), "{what}: {a} and {b}");
        // <conv_w(x), d> = <w, gradient(x, d)>
        let gradient = weight_gradient(&x, &d, [height, width], [output, input], Format::Full).unwrap();
        let c = dot(&weight, &gradient);
        assert!((a - c).abs() <= 1e-10 * (1.0 + a.abs()), "{what}: {a} and {c}");
        let packed = Packed::with_format(View::new(&weight, output, 9 * input), Format::Full);
        let wants = crate::linear::Wants { x: false, parameters: true };
        let lowered = super::super::backward(&x, &plain, &d, &packed, geometry, Activation::Identity, wants).unwrap();
        close(&gradient, &super::super::unpatched(&lowered.weight, input, 3), &what);
    }
}
