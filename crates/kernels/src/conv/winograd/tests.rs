use super::super::{self as conv, reference};
use super::*;
use crate::conv::tests::{close, numbers};
use crate::gemm::Format;
use simurgh_random::Random;

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

#[test]
fn tiles_equal_the_definition() {
    let mut random = Random::new(1);
    for [height, width, input, output, pictures] in CASES {
        let geometry = Geometry { height, width, channels: input, kernel: 3, stride: 1, padding: 1 };
        let what = format!("{height} x {width}, {input} to {output}");
        let weight = numbers(&mut random, output * input * 9);
        let (x, bias) = (numbers(&mut random, pictures * geometry.size()), numbers(&mut random, output));
        let filter = Filter::new(&weight, [output, input]);
        let expected = reference::forward(&x, &weight, &bias, geometry);
        let plain = forward(&x, &filter, Some(&bias), None, [height, width], Activation::Identity).unwrap();
        close(&plain, &expected, &what);
        let residual = numbers(&mut random, expected.len());
        let bent = forward(&x, &filter, Some(&bias), Some(&residual), [height, width], Activation::LeakyRelu).unwrap();
        let leaky = |x: f64| if x < 0.0 { 0.2 * x } else { x };
        let expected: Vec<f64> = expected.iter().zip(&residual).map(|(y, r)| leaky(y + r)).collect();
        close(&bent, &expected, &what);
        // By the definition, from patches.
        let d = numbers(&mut random, expected.len());
        let wants = Wants { x: true, parameters: true };
        let packed = Packed::with_format(View::new(&conv::patches(&weight, input, 3), output, 9 * input), Format::Full);
        let turned = Filter::turned(&weight, [output, input]);
        for activation in [Activation::Identity, Activation::Tanh] {
            let y = forward(&x, &filter, Some(&bias), None, [height, width], activation).unwrap();
            let lowered = conv::backward(&x, &y, &d, &packed, geometry, activation, wants).unwrap();
            let got = backward(&x, &y, &d, &turned, [height, width], activation, wants).unwrap();
            close(&got.x, &lowered.x, &what);
            close(&got.weight, &conv::unpatched(&lowered.weight, input, 3), &what);
            close(&got.bias, &lowered.bias, &what);
            let none = Wants { x: false, parameters: false };
            let none = backward(&x, &y, &d, &turned, [height, width], activation, none).unwrap();
            assert!(none.x.is_empty() && none.weight.is_empty() && none.bias.is_empty());
        }
    }
}

#[test]
fn threads_do_not_show() {
    let mut random = Random::new(2);
    let [height, width, input, output, pictures] = [21, 18, 9, 17, 9];
    let mut narrow = |count: usize| numbers(&mut random, count).iter().map(|x| *x as f32).collect::<Vec<f32>>();
    let (x, weight) = (narrow(pictures * height * width * input), narrow(output * input * 9));
    let (bias, d) = (narrow(output), narrow(pictures * height * width * output));
    let (filter, turned) = (Filter::new(&weight, [output, input]), Filter::turned(&weight, [output, input]));
    let wants = Wants { x: true, parameters: true };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let y = forward(&x, &filter, Some(&bias), None, [height, width], Activation::Relu).unwrap();
            let g = backward(&x, &y, &d, &turned, [height, width], Activation::Relu, wants).unwrap();
            (y, g.x, g.weight, g.bias)
        })
    };
    let one = run(1);
    assert!(one.0.iter().any(|y| *y > 0.0) && [2, 3].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn other_shapes_are_errors() {
    let filter = Filter::new(&vec![1.0; 2 * 3 * 9], [2, 3]);
    let size = [4, 5];
    let run = |x: usize, bias: usize, residual: usize, size| {
        let (x, bias, residual) = (vec![0.0; x], vec![0.0; bias], vec![0.0; residual]);
        forward(&x, &filter, Some(&bias), Some(&residual), size, Activation::Identity)
    };
    assert_eq!(run(60, 2, 40, size).unwrap().len(), 40);
    assert_eq!(run(0, 2, 0, size).unwrap().len(), 0);
    for (x, bias, residual, size) in [(61, 2, 40, size), (60, 3, 40, size), (60, 2, 39, size), (60, 2, 40, [0, 5])] {
        assert!(run(x, bias, residual, size).is_err(), "{x}, {bias}, {residual}, {size:?}");
    }
    assert!(weight_gradient(&[0.0; 60], &[0.0; 41], size, [2, 3]).is_err());
    assert!(forward_into(&[0.0; 60], &filter, None, None, size, Activation::Identity, &mut [0.0; 41]).is_err());
}
