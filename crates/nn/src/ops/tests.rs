//! Every fused operation against its body of ordinary tensor operations: values and gradients.

use super::*;
use crate::pass::Precision;
use burn::tensor::{DType, Device};
use simurgh_kernels::Ragged;
use simurgh_kernels::attention::Groups;
use simurgh_kernels::gemm::Format;
use simurgh_random::Random;
use std::sync::Arc;

fn device() -> Device {
    Device::flex().autodiff()
}

fn draw<const D: usize>(random: &mut Random, shape: [usize; D], dtype: DType) -> Tensor<D> {
    let data: Vec<f64> = (0..shape.iter().product()).map(|_| 0.5 * random.normal()).collect();
    Tensor::<D>::from_data(TensorData::new(data, shape), (&device(), dtype)).require_grad()
}

/// Runs `f` with both bodies on the same inputs and compares outputs and all gradients.
fn compare(shapes: &[[usize; 2]], f: impl Fn(&[Tensor<2>], Body) -> Tensor<2>) {
    // f64: the tensor bodies' scalars and masks pass through f32.
    for (dtype, tolerance) in [(DType::F32, 2e-5), (DType::F64, 3e-8)] {
        let mut results = Vec::new();
        for body in [Body::Auto, Body::Tensor] {
            let mut random = Random::new(11);
            let inputs: Vec<Tensor<2>> = shapes.iter().map(|&s| draw(&mut random, s, dtype)).collect();
            let output = f(&inputs, body);
            let weights = draw(&mut random, output.dims(), dtype).detach();
            let gradients = (output.clone() * weights).sum().backward();
            let mut all = vec![output.inner().into_data()];
            for input in &inputs {
                all.push(input.grad(&gradients).expect("a gradient of every input").into_data());
            }
            results.push(all);
        }
        let (fused, plain) = (&results[0], &results[1]);
        for (i, (a, b)) in fused.iter().zip(plain).enumerate() {
            assert_eq!(a.shape(), b.shape());
            for (x, y) in a.iter::<f64>().zip(b.iter::<f64>()) {
                let difference = (x - y).abs();
                assert!(difference <= tolerance * (1.0 + y.abs()), "{dtype:?} result {i}: fused {x}, plain {y}");
            }
        }
    }
}

#[test]
fn linear_equals_tensor_operations() {
    for activation in [Activation::Identity, Activation::Tanh, Activation::Relu, Activation::LeakyRelu] {
        compare(&[[5, 3], [4, 3], [1, 4]], |t, body| {
            linear::body(
                t[0].clone(),
                t[1].clone(),
                Some(t[2].clone().reshape([4]).into()),
                activation,
                Format::Full,
                body,
            )
            .unwrap()
        });
        compare(&[[1, 7], [2, 7]], |t, body| {
            linear::body(t[0].clone(), t[1].clone(), None, activation, Format::Full, body).unwrap()
        });
    }
}

#[test]
fn dense_layers_equal_tensor_operations() {
    use Activation::{Identity, LeakyRelu, Relu, Tanh};
    // Fewer layers than an entry of the tape holds, as many, and more.
    for (widths, activations) in [
        (&[3, 4][..], &[Tanh][..]),
        (&[3, 5, 2], &[LeakyRelu, Identity]),
        (&[2, 4, 3, 1], &[Tanh, Relu, Identity]),
        (&[3, 4, 2, 5, 2], &[LeakyRelu, Tanh, Tanh, Identity]),
    ] {
        for tangents in [false, true] {
            let mut shapes = vec![[6, widths[0]]];
            shapes.extend(widths.windows(2).flat_map(|w| [[w[1], w[0]], [1, w[1]]]));
            compare(&shapes, |t, body| {
                let layer = |(both, activation): (&[Tensor<2>], &Activation)| {
                    let [_, width] = both[1].dims();
                    (both[0].clone(), both[1].clone().reshape([width]), *activation)
                };
                let layers = t[1..].chunks_exact(2).zip(activations).map(layer).collect();
                mlp::body(t[0].clone(), layers, tangents, Format::Full, body).unwrap()
            });
        }
    }
    let x = draw(&mut Random::new(1), [3, 2], DType::F32);
    assert!(dense_layers(x, Vec::new(), true, Precision::F32).is_err());
}

#[test]
fn a_known_gradient_is_passed_on() {
    compare(&[[1, 5], [1, 3]], |t, body| {
        let of = |x: &Tensor<2>, slope: f64| {
            let [_, len] = x.dims();
            (x.clone().reshape([len]), (0..len).map(|k| slope + k as f64).collect::<Vec<f64>>())
        };
        let both = known::body(7.25, [of(&t[0], -2.0), of(&t[1], 0.5)], body).unwrap();
        (both + known::body(1.5, [of(&t[0], 3.0)], body).unwrap()).reshape([1, 1])
    });
    let x = Tensor::<1>::from_data(TensorData::new(vec![0.0f32; 3], [3]), &device());
    assert!(known(1.0, [(x.clone(), vec![0.0; 3])]).is_ok());
    assert!(known(1.0, [(x, vec![0.0; 2])]).is_err());
}

#[test]
fn binary_cross_entropy_equals_tensor_operations() {
    let y: Arc<[f32]> = (0..15).map(|i| f32::from(u8::from(i % 3 == 0))).collect();
    compare(&[[5, 3]], |t, body| {
        binary_cross_entropy::body(t[0].clone(), &y, body).unwrap().sums().slice([0..2]).reshape([1, 2])
    });
    let far = Tensor::<2>::from_data(TensorData::new(vec![9.0f32, -9.0, 9.0, 9.0, -9.0, 9.0], [2, 3]), &device());
    let y: Arc<[f32]> = [1.0, 0.0, 1.0, 1.0, 1.0, 1.0].into();
    for body in [Body::Auto, Body::Tensor] {
        let values = binary_cross_entropy::body(far.clone(), &y, body).unwrap().values();
        assert!((values[2] - 1.0).abs() < 1e-6, "{body:?}: {values:?}");
    }
    assert!(binary_cross_entropy(far, &y[..3].into()).unwrap_err().to_string().contains("the answers"));
}

#[test]
fn quantile_errors_equal_tensor_operations() {
    for quantiles in [&[][..], &[0.5], &[0.1, 0.5, 0.8]] {
        let (width, quantiles) = (quantiles.len().max(1), Arc::from(quantiles));
        let truth: Arc<[f32]> = (0..6).map(|i| (i as f32).sin()).collect();
        compare(&[[3, 2 * width]], |t, body| {
            quantile::body(t[0].clone(), &truth, &quantiles, body).unwrap().smoothed().reshape([1, 1])
        });
        let forecast = Tensor::<2>::from_data(TensorData::new(vec![0.3f32; 6 * width], [3, 2 * width]), &device());
        let [a, b] = [Body::Auto, Body::Tensor]
            .map(|body| quantile::body(forecast.clone(), &truth, &quantiles, body).unwrap().values());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5), "{a:?} {b:?}");
        assert!(quantile_errors(forecast, &truth[..5].into(), &quantiles).is_err());
    }
}

#[test]
fn pooling_equals_tensor_operations() {
    for lengths in [&[4, 3, 3, 1][..], &[1], &[5, 5]] {
        let layout = Arc::new(Ragged::new(lengths).unwrap());
        for pooling in [Pooling::Max, Pooling::Mean] {
            compare(&[[layout.rows(), 3]], |t, body| pooling::body(t[0].clone(), &layout, pooling, body).unwrap());
        }
    }
    let layout = Arc::new(Ragged::new(&[2]).unwrap());
    let x = Tensor::<2>::zeros([3, 1], &device());
    assert!(pool(x, &layout, Pooling::Max).unwrap_err().to_string().contains("rows of x"));
}

#[test]
fn embedding_and_dropout_equal_tensor_operations() {
    let ids: Arc<[u32]> = [4, 0, 4, 1, 2].into();
    compare(&[[6, 3]], |t, body| embedding::body(t[0].clone(), ids.clone(), body).unwrap());
    let keys: Arc<[u32]> = [0, 1, 0, 2].into();
    compare(&[[4, 9]], |t, body| dropout::body(t[0].clone(), keys.clone(), 0.4, 5, body).unwrap());
}

#[test]
fn cross_entropy_equals_tensor_operations() {
    let targets: Arc<[u32]> = [1, 0, 4, 4, 2, 3, 0].into();
    let barred: Arc<[_]> = targets.iter().map(|target| target + 1..5).collect();
    for (smoothing, barred) in [(0.0, Arc::from([])), (0.1, Arc::from([])), (0.0, barred)] {
        let targets = Targets { classes: targets.clone(), barred };
        compare(&[[7, 3], [5, 3], [1, 5]], |t, body| {
            let bias = t[2].clone().reshape([5]);
            let loss =
                cross_entropy::body(t[0].clone(), t[1].clone(), bias, targets.clone(), smoothing, Format::Full, body);
            loss.unwrap().smoothed().reshape([1, 1])
        });
    }
}

#[test]
fn recurrent_layers_equal_tensor_operations_on_ragged_batches_both_ways() {
    for cell in [Cell::Lstm, Cell::Gru, Cell::Rnn(RnnActivation::Tanh), Cell::Rnn(RnnActivation::Relu)] {
        for lengths in [&[1usize][..], &[4], &[5, 3, 3, 1], &[6, 6, 5, 4, 4, 2, 1, 1, 1]] {
            let layout = Arc::new(Ragged::new(lengths).unwrap());
            let (input, hidden, n) = (3, 4, lengths.len());
            let gates = cell.gates() * hidden;
            let mut shapes = vec![[layout.rows(), input], [gates, input], [gates, hidden], [1, gates], [1, gates]];
            shapes.extend(vec![[n, hidden]; cell.states()]);
            for direction in [Direction::Forward, Direction::Reverse] {
                for keep in [Keep::All, Keep::Borders] {
                    let precision = Precision::F32;
                    let unfolding =
                        Unfolding { cell, layout: layout.clone(), direction, keep, precision, observer: None };
                    compare(&shapes, |t, body| {
                        let flat = |i: usize| t[i].clone().reshape([gates]);
                        let weights = Weights {
                            weight_ih: t[1].clone().into(),
                            weight_hh: t[2].clone().into(),
                            bias_ih: flat(3).into(),
                            bias_hh: flat(4).into(),
                        };
                        let initial = State { hidden: t[5].clone(), cell: t.get(6).cloned() };
                        let (output, last) = recurrent::body(t[0].clone(), &unfolding, weights, initial, body).unwrap();
                        Tensor::cat([Some(output), Some(last.hidden), last.cell].into_iter().flatten().collect(), 0)
                    });
                }
            }
        }
    }
}

#[test]
fn attention_equals_tensor_operations() {
    let (target, source) = (Ragged::new(&[5, 3, 1]).unwrap(), Ragged::new(&[4, 4, 2]).unwrap());
    let groups = Arc::new(Groups::aligned(&target, &source, &[2, 0, 1]));
    let (width, depth) = (3, 5);
    let shapes = [[target.rows(), width], [source.rows(), width], [source.rows(), depth], [1, width]];
    compare(&shapes[..3], |t, body| {
        attention::body(t[0].clone(), t[1].clone(), t[2].clone(), Score::Dot, &groups, body).unwrap().0
    });
    compare(&shapes, |t, body| {
        let score = Score::Additive(t[3].clone().reshape([width]).into());
        attention::body(t[0].clone(), t[1].clone(), t[2].clone(), score, &groups, body).unwrap().0
    });
    let mut random = Random::new(1);
    let [q, k, v] = [shapes[0], shapes[1], shapes[2]].map(|s| draw(&mut random, s, DType::F64));
    let weights = [Body::Auto, Body::Tensor]
        .map(|body| attention::body(q.clone(), k.clone(), v.clone(), Score::Dot, &groups, body).unwrap().1.into_data());
    for (a, b) in weights[0].iter::<f64>().zip(weights[1].iter::<f64>()) {
        let difference = (a - b).abs();
        assert!(difference < 1e-12);
    }
}

/// Three steps of a network with input feeding, whose operations share parameters, keys, values and inputs.
#[test]
fn shared_tensors_get_the_sum_of_their_operations_gradients() {
    for cell in [Cell::Lstm, Cell::Gru] {
        let (n, steps, width, hidden) = (2, 3, 3, 4);
        let gates = cell.gates() * hidden;
        let source = Ragged::new(&[4, 2]).unwrap();
        let one = Arc::new(Ragged::new(&[1; 2]).unwrap());
        let groups = Arc::new(Groups::aligned(&one, &source, &[1, 0]));
        let shapes = [
            [n * steps, width],
            [gates, width + hidden],
            [gates, hidden],
            [1, gates],
            [1, gates],
            [source.rows(), hidden],
            [source.rows(), hidden],
            [1, hidden],
            [hidden, 2 * hidden],
            [1, hidden],
        ];
        compare(&shapes, |t, body| {
            let matrix = |i: usize| if body == Body::Auto { Shared::new(t[i].clone()) } else { t[i].clone().into() };
            let row = |i: usize| {
                let flat: Tensor<1> = t[i].clone().reshape([t[i].dims()[1]]);
                if body == Body::Auto { Shared::new(flat) } else { flat.into() }
            };
            let (x, keys, values, vector) = (matrix(0), matrix(5), matrix(6), row(7));
            let weights = Weights { weight_ih: matrix(1), weight_hh: matrix(2), bias_ih: row(3), bias_hh: row(4) };
            let (combine, bias) = (matrix(8), row(9));
            let zeros = || Tensor::zeros([n, hidden], (&x.tensor.device(), x.tensor.dtype()));
            let mut state = State { hidden: zeros(), cell: (cell == Cell::Lstm).then(zeros) };
            let mut feed = zeros();
            let (direction, keep, precision) = (Direction::Forward, Keep::All, Precision::F32);
            let unfolding = Unfolding { cell, layout: one.clone(), direction, keep, precision, observer: None };
            let mut outputs = Vec::new();
            for step in 0..steps {
                let input = Tensor::cat(vec![x.rows(step * n..(step + 1) * n), feed], 1);
                let (out, next) = recurrent::body(input, &unfolding, weights.clone(), state, body).unwrap();
                state = next;
                let score = Score::Additive(vector.clone());
                let (context, _) =
                    attention::body(out.clone(), keys.clone(), values.clone(), score, &groups, body).unwrap();
                let both = Tensor::cat(vec![out, context], 1);
                let bias = Some(bias.clone());
                feed = linear::body(both, combine.clone(), bias, Activation::Tanh, Format::Full, body).unwrap();
                outputs.push(feed.clone());
            }
            // An operation that knows of no sum.
            outputs.push(values.tensor.clone() * 0.5);
            Tensor::cat(outputs, 0)
        });
    }
}

#[test]
fn packed_weights_follow_an_update_in_place() {
    let plain = Device::flex();
    let x = Tensor::<2>::from_data([[1.0f32, 2.0]], &plain);
    let weight = Tensor::<2>::from_data([[1.0f32, 0.0], [0.0, 1.0]], &plain);
    let y = |w: &Tensor<2>| -> Vec<f32> {
        let y = linear(x.clone(), w.clone(), None, Activation::Identity, Precision::F32).unwrap();
        y.into_data().iter::<f32>().collect()
    };
    assert_eq!(y(&weight), [1.0, 2.0]);
    let mut storage = weight.try_into_primitive::<burn::backend::Flex>().unwrap();
    storage.storage_mut::<f32>().copy_from_slice(&[0.0, 1.0, 1.0, 0.0]);
    let weight = Tensor::<2>::from_primitive::<burn::backend::Flex>(storage);
    assert_eq!(y(&weight), [2.0, 1.0]);
}

#[test]
fn convolutions_equal_tensor_operations() {
    let of = |height, width, channels, kernel, stride, padding| Geometry {
        height,
        width,
        channels,
        kernel,
        stride,
        padding,
    };
    for (g, other, pictures) in [
        (of(7, 5, 3, 3, 1, 1), 4, 3),
        (of(8, 6, 2, 4, 2, 1), 5, 2),
        (of(5, 4, 1, 3, 2, 0), 2, 1),
        (of(3, 5, 4, 1, 1, 0), 3, 2),
        // By tiles.
        (of(6, 5, 8, 3, 1, 1), 9, 2),
    ] {
        for activation in [Activation::Identity, Activation::Tanh, Activation::LeakyRelu] {
            for transposed in [false, true] {
                let (x, biases) = if transposed { (g.count() * other, g.channels) } else { (g.size(), other) };
                compare(&[[pictures, x], [other, g.patch()], [1, biases]], |t, body| {
                    let weight = t[1].clone().reshape([other, g.channels, g.kernel, g.kernel]);
                    let way = conv::Way { transposed, format: Format::Full };
                    let bias = Some(t[2].clone().reshape([biases]));
                    conv::body(t[0].clone(), (weight, bias), g, activation, way, body).unwrap()
                });
            }
        }
    }
}

#[test]
fn batch_normalisation_equals_tensor_operations() {
    for (rows, channels) in [(2, 3), (7, 1), (30, 5)] {
        for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu] {
            compare(&[[rows, channels], [1, channels], [1, channels]], |t, body| {
                let [scale, shift] = [1, 2].map(|k: usize| t[k].clone().reshape([channels]));
                batch_norm::body(t[0].clone(), scale, shift, activation, body).unwrap()
            });
        }
    }
}

#[test]
fn learnt_slopes_equal_tensor_operations() {
    for (rows, columns) in [(1, 1), (3, 7), (5, 40)] {
        compare(&[[rows, columns], [1, 1]], |t, body| {
            prelu::body(t[0].clone(), t[1].clone().reshape([1]), body).unwrap()
        });
    }
}

#[test]
fn resampling_equals_tensor_operations() {
    for (pictures, picture) in [(1, [2, 2, 1]), (3, [4, 6, 5]), (2, [8, 2, 3])] {
        for way in [resample::Way::Halved, resample::Way::Doubled] {
            compare(&[[pictures, picture.iter().product()]], |t, body| {
                resample::body(t[0].clone(), picture, way, body).unwrap()
            });
        }
        for factor in [1, 2, 3] {
            compare(&[[pictures, picture.iter().product::<usize>() * factor * factor]], |t, body| {
                resample::body(t[0].clone(), picture, resample::Way::Shuffled(factor), body).unwrap()
            });
        }
    }
}
