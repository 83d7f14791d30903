use super::*;
use crate::gemm::{Format, Packed, View};
use crate::linear::Activation;
use simurgh_random::Random;

const ALL: Wants = Wants { x: true, parameters: true };

pub(super) fn numbers(random: &mut Random, count: usize) -> Vec<f64> {
    (0..count).map(|_| random.normal()).collect()
}

/// Sizes whose sides all differ, patches that overlap, that leave a rim, that are one pixel, and more pictures than a block holds.
fn cases() -> Vec<(Geometry, usize, usize)> {
    let of = |height, width, channels, kernel, stride, padding| Geometry {
        height,
        width,
        channels,
        kernel,
        stride,
        padding,
    };
    vec![
        (of(7, 5, 3, 3, 1, 1), 4, 3),
        (of(8, 6, 2, 4, 2, 1), 5, 2),
        (of(9, 4, 1, 3, 2, 0), 2, 1),
        (of(5, 5, 4, 1, 1, 0), 3, 2),
        (of(4, 3, 2, 3, 3, 2), 1, 2),
        (of(1, 1, 1, 1, 1, 0), 1, 1),
        (of(2, 2, 2, 5, 1, 4), 2, 3),
        (of(28, 28, 4, 4, 2, 1), 3, 23),
    ]
}

fn packed(weight: &[f64], [rows, cols]: [usize; 2], transposed: bool) -> Packed<f64> {
    let view = View::new(weight, rows, cols);
    Packed::with_format(if transposed { view.transposed() } else { view }, Format::Full)
}

pub(super) fn close(got: &[f64], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (k, (g, w)) in got.iter().zip(want).enumerate() {
        let difference = (g - w).abs();
        assert!(difference <= 1e-11 * (1.0 + w.abs()), "{what}[{k}]: {g}, expected {w}");
    }
}

#[test]
fn both_equal_their_definition() {
    let mut random = Random::new(1);
    for (g, other, pictures) in cases() {
        let weight = numbers(&mut random, other * g.channels * g.kernel * g.kernel);
        let of_patches = patches(&weight, g.channels, g.kernel);
        assert_eq!(unpatched(&of_patches, g.channels, g.kernel), weight);
        let x = numbers(&mut random, pictures * g.size());
        let bias = numbers(&mut random, other);
        let y = forward(&x, &packed(&of_patches, [other, g.patch()], true), Some(&bias), g, Activation::Identity);
        close(&y.unwrap(), &reference::forward(&x, &weight, &bias, g), "convolution");
        let x = numbers(&mut random, pictures * g.count() * other);
        let bias = numbers(&mut random, g.channels);
        let w = packed(&of_patches, [other, g.patch()], false);
        let y = transposed_forward(&x, &w, Some(&bias), g, Activation::Identity).unwrap();
        close(&y, &reference::transposed_forward(&x, &weight, &bias, g), "transposed convolution");
    }
}

/// The sum of `y * d_y` as a function of every operand.
fn check_gradient(f: impl Fn(&[Vec<f64>]) -> f64, operands: &[Vec<f64>], gradients: &[Vec<f64>], what: &str) {
    let h = 1e-6;
    for (k, gradient) in gradients.iter().enumerate() {
        assert_eq!(gradient.len(), operands[k].len(), "{what}");
        for i in (0..gradient.len()).step_by(gradient.len() / 40 + 1) {
            let moved = |by: f64| {
                let mut all = operands.to_vec();
                all[k][i] += by;
                f(&all)
            };
            let numeric = (moved(h) - moved(-h)) / (2.0 * h);
            let difference = (gradient[i] - numeric).abs();
            assert!(difference <= 1e-6 * (1.0 + numeric.abs()), "{what} {k}[{i}]: {}, {numeric}", gradient[i]);
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    let mut random = Random::new(2);
    for (g, other, pictures) in cases() {
        // A corner would come between the two points of a difference.
        for activation in [Activation::Identity, Activation::Tanh] {
            let weight = numbers(&mut random, other * g.patch());
            let wide = [numbers(&mut random, pictures * g.size()), weight.clone(), numbers(&mut random, other)];
            let narrow = [numbers(&mut random, pictures * g.count() * other), weight, numbers(&mut random, g.channels)];
            let shape = [other, g.patch()];
            let along = |y: Vec<f64>, d: &[f64]| y.iter().zip(d).map(|(y, d)| y * d).sum::<f64>();

            let f = |o: &[Vec<f64>]| forward(&o[0], &packed(&o[1], shape, true), Some(&o[2]), g, activation).unwrap();
            let (y, d_y) = (f(&wide), numbers(&mut random, pictures * g.count() * other));
            let w = packed(&wide[1], shape, false);
            let d = backward(&wide[0], &y, &d_y, &w, g, activation, ALL).unwrap();
            check_gradient(|o| along(f(o), &d_y), &wide, &[d.x.clone(), d.weight.clone(), d.bias], "convolution");
            let less = backward(&wide[0], &y, &d_y, &w, g, activation, Wants { x: false, ..ALL }).unwrap();
            assert!(less.x.is_empty() && less.weight == d.weight);
            let fixed = Wants { parameters: false, ..ALL };
            let less = backward(&wide[0], &y, &d_y, &w, g, activation, fixed).unwrap();
            assert!(less.x == d.x && less.weight.is_empty() && less.bias.is_empty());

            let f = |o: &[Vec<f64>]| {
                transposed_forward(&o[0], &packed(&o[1], shape, false), Some(&o[2]), g, activation).unwrap()
            };
            let (y, d_y) = (f(&narrow), numbers(&mut random, pictures * g.size()));
            let w = packed(&narrow[1], shape, true);
            let d = transposed_backward(&narrow[0], &y, &d_y, &w, g, activation, ALL).unwrap();
            check_gradient(|o| along(f(o), &d_y), &narrow, &[d.x, d.weight, d.bias], "transposed convolution");
        }
    }
}

#[test]
fn threads_do_not_show_and_a_picture_is_the_same_in_any_company() {
    let (g, out) = (Geometry { height: 14, width: 14, channels: 8, kernel: 4, stride: 2, padding: 1 }, 16);
    let mut random = Random::new(3);
    let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| random.normal() as f32).collect() };
    let (x, weight, d_y) = (draw(37 * g.size()), draw(out * g.patch()), draw(37 * g.count() * out));
    let view = || View::new(&weight, out, g.patch());
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let y = forward(&x, &Packed::new(view().transposed()), None, g, Activation::LeakyRelu).unwrap();
            let d = backward(&x, &y, &d_y, &Packed::new(view()), g, Activation::LeakyRelu, ALL).unwrap();
            (y, d.x, d.weight, d.bias)
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(5));
    let alone =
        forward(&x[3 * g.size()..4 * g.size()], &Packed::new(view().transposed()), None, g, Activation::LeakyRelu);
    assert_eq!(alone.unwrap(), one.0[3 * g.count() * out..4 * g.count() * out]);
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let g = Geometry { height: 4, width: 4, channels: 2, kernel: 3, stride: 1, padding: 1 };
    let weight = vec![0.0; 3 * g.patch()];
    let w = packed(&weight, [3, g.patch()], true);
    let x = vec![0.0; g.size()];
    let run = |x: &[f64], g| forward(x, &w, None, g, Activation::Identity);
    assert!(run(&x, g).is_ok());
    assert_eq!(run(&[], g).unwrap(), Vec::<f64>::new());
    assert!(run(&x[1..], g).is_err());
    for wrong in [
        Geometry { kernel: 2, ..g },
        Geometry { kernel: 0, ..g },
        Geometry { stride: 0, ..g },
        Geometry { height: 0, ..g },
        Geometry { padding: 3, ..g },
        Geometry { kernel: 9, padding: 2, ..g },
        Geometry { height: usize::MAX / 8, width: usize::MAX / 8, ..g },
    ] {
        assert!(run(&x, wrong).is_err(), "{wrong:?}");
    }
    assert!(forward(&x, &w, Some(&[0.0]), g, Activation::Identity).is_err());
}
