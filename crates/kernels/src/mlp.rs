//! Fully connected layers one after the other, and their gradient; with them, if asked for, how the result changes along a direction.
//!
//! Rows are samples; below them stand as many rows of changes, which pass by the same weights without biases and are scaled by the
//! slope of what follows: one product's rows more, in the forward pass and in the gradients. What stands between the layers is taken
//! from the pool of [`Buffer`]s, and passes through all layers block by block while it is in the caches.

use crate::buffer::Buffer;
use crate::elementwise::add_columns;
use crate::gemm::{Packed, Start, View, gemm_serial};
use crate::linear::{Activation, LEAK, activate, relu_backward, tanh_backward, weight_gradient};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};

/// One layer: `activation(x W^T + b)`.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a, T> {
    /// `W[output, input]` packed, transposed for [`forward`] and as it is for [`backward`].
    pub weight: &'a Packed<T>,
    /// `[output]`
    pub bias: &'a [T],
    /// What follows.
    pub activation: Activation,
}

/// Samples, and whether rows of changes stand below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Samples.
    pub count: usize,
    /// As many changes follow.
    pub tangents: bool,
}

impl Rows {
    /// Rows altogether.
    pub fn total(self) -> usize {
        if self.tangents { 2 * self.count } else { self.count }
    }

    /// Blocks of samples that pass through the layers together; their borders are the micro-kernel's.
    fn blocks<T: Real>(self) -> parallel::Ranges {
        parallel::ranges(self.count, self.count.div_ceil(BLOCK), T::micro().rows)
    }
}

/// Samples of a block: layers of some hundred units stay in the second-level cache.
const BLOCK: usize = 96;

/// What [`forward`] keeps for [`backward`].
#[derive(Debug)]
pub struct Kept<T: Real> {
    /// Of every layer but the last, its result.
    hidden: Vec<Buffer<T>>,
    /// Of every layer, the changes before its slope; empty where the slope is flat.
    before: Vec<Buffer<T>>,
}

/// `y[rows, last output]` from `x[rows, first input]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn forward<T: Real>(x: &[T], rows: Rows, layers: &[Layer<'_, T>]) -> Result<(Vec<T>, Kept<T>), ShapeError> {
    let check = Check("multilayer perceptron");
    check.some("the layers", layers.len())?;
    check_layers(check, layers, |layer| (layer.weight.depth(), layer.weight.cols()))?;
    let total = rows.total();
    check.elements("x", x.len(), &[("rows", total), ("input", layers[0].weight.depth())])?;
    let widths: Vec<usize> = layers.iter().map(|layer| layer.weight.cols()).collect();
    let last = layers.len() - 1;
    let mut y = vec![T::ZERO; check.count("the result", &[("rows", total), ("output", widths[last])])?];
    let mut hidden: Vec<Buffer<T>> = widths[..last].iter().map(|width| Buffer::take(total * width)).collect();
    let curved = |l: usize| rows.tangents && layers[l].activation == Activation::Tanh;
    let mut before: Vec<Buffer<T>> =
        (0..=last).map(|l| Buffer::take(if curved(l) { rows.count * widths[l] } else { 0 })).collect();
    {
        let results: Vec<Shared<T>> = hidden.iter_mut().map(|b| Shared::new(b)).chain([Shared::new(&mut y)]).collect();
        let before: Vec<Shared<T>> = before.iter_mut().map(|b| Shared::new(b)).collect();
        let blocks = rows.blocks::<T>();
        parallel::each(blocks.len(), total * widths.iter().sum::<usize>() > 1 << 13, |block| {
            let own = blocks.at(block);
            for (l, layer) in layers.iter().enumerate() {
                let (input, width) = (layer.weight.depth(), widths[l]);
                let from = |first: usize| match l {
                    0 => View::new(&x[first * input..][..own.len() * input], own.len(), input),
                    // SAFETY: this block's rows of the layer before, written above by this task.
                    _ => View::new(unsafe { results[l - 1].read(first * input, own.len() * input) }, own.len(), input),
                };
                // SAFETY: every block has rows of its own.
                let y = unsafe { results[l].slice(own.start * width, own.len() * width) };
                gemm_serial(from(own.start), layer.weight, y, Start::Bias(layer.bias));
                activate(y, layer.activation);
                if rows.tangents {
                    let first = rows.count + own.start;
                    // SAFETY: as above.
                    let d_y = unsafe { results[l].slice(first * width, own.len() * width) };
                    gemm_serial(from(first), layer.weight, d_y, Start::Zero);
                    if curved(l) {
                        // SAFETY: as above.
                        unsafe { before[l].slice(own.start * width, own.len() * width) }.copy_from_slice(d_y);
                    }
                    scale_by_slope(d_y, y, layer.activation);
                }
            }
        });
    }
    Ok((y, Kept { hidden, before }))
}

/// Which gradients are taken; the others are left empty.
pub use crate::conv::Wants;

/// The gradient of [`forward`]'s operands.
#[derive(Debug)]
pub struct Gradient<T> {
    /// `[rows, first input]`
    pub x: Vec<T>,
    /// Of every layer, `[output, input]` and `[output]`.
    pub layers: Vec<(Vec<T>, Vec<T>)>,
}

/// Gradient from `d_y[rows, last output]`; `y` is the forward result.
///
/// # Errors
/// If the shapes do not fit.
pub fn backward<T: Real>(
    x: &[T],
    rows: Rows,
    (y, kept): (&[T], &Kept<T>),
    d_y: &[T],
    layers: &[Layer<'_, T>],
    wants: Wants,
) -> Result<Gradient<T>, ShapeError> {
    let check = Check("multilayer perceptron backward");
    check.some("the layers", layers.len())?;
    check_layers(check, layers, |layer| (layer.weight.cols(), layer.weight.depth()))?;
    let (total, last) = (rows.total(), layers.len() - 1);
    let input = layers[0].weight.cols();
    let widths: Vec<usize> = layers.iter().map(|layer| layer.weight.depth()).collect();
    check.elements("x", x.len(), &[("rows", total), ("input", input)])?;
    for (name, got) in [("y", y.len()), ("d_y", d_y.len())] {
        check.elements(name, got, &[("rows", total), ("output", widths[last])])?;
    }
    check.dimension("the layers kept", kept.hidden.len(), last)?;
    let result = |l: usize| if l == last { y } else { &kept.hidden[l] };
    // Of what stands before every layer's non-linearity.
    let mut d_pre: Vec<Buffer<T>> = widths.iter().map(|width| Buffer::take(total * width)).collect();
    let mut d_x = vec![T::ZERO; if wants.x { x.len() } else { 0 }];
    {
        let of_x = Shared::new(&mut d_x);
        let d_pre: Vec<Shared<T>> = d_pre.iter_mut().map(|b| Shared::new(b)).collect();
        let blocks = rows.blocks::<T>();
        parallel::each(blocks.len(), total * widths.iter().sum::<usize>() > 1 << 13, |block| {
            let own = blocks.at(block);
            let firsts = [own.start, rows.count + own.start];
            let halves = &firsts[..if rows.tangents { 2 } else { 1 }];
            for l in (0..=last).rev() {
                let width = widths[l];
                let part = |first: usize| first * width..(first + own.len()) * width;
                // SAFETY: every block has rows of its own.
                let mine = |first: usize| unsafe { d_pre[l].slice(first * width, own.len() * width) };
                if l == last {
                    halves.iter().for_each(|first| mine(*first).copy_from_slice(&d_y[part(*first)]));
                }
                let (y, activation) = (&result(l)[part(own.start)], layers[l].activation);
                if rows.tangents {
                    let d_tangent = mine(firsts[1]);
                    if activation == Activation::Tanh {
                        // The slope 1 - y^2 of a change moves with y.
                        bend(mine(firsts[0]), d_tangent, &kept.before[l][part(own.start)], y);
                    }
                    scale_by_slope(d_tangent, y, activation);
                }
                scale_by_slope(mine(firsts[0]), y, activation);
                for first in halves {
                    let from = View::new(mine(*first), own.len(), width);
                    let (to, width) = match l {
                        0 if !wants.x => continue,
                        0 => (&of_x, input),
                        _ => (&d_pre[l - 1], widths[l - 1]),
                    };
                    // SAFETY: as above.
                    let to = unsafe { to.slice(first * width, own.len() * width) };
                    gemm_serial(from, layers[l].weight, to, Start::Zero);
                }
            }
        });
    }
    let of_layer = |(l, layer): (usize, &Layer<'_, T>)| {
        let (width, input) = (layer.weight.depth(), layer.weight.cols());
        let mut sums = (vec![T::ZERO; width * input], vec![T::ZERO; width]);
        let x = if l == 0 { x } else { result(l - 1) };
        weight_gradient(&d_pre[l], x, total, &mut sums.0, layer.weight);
        // A change knows no bias.
        add_columns(&d_pre[l][..rows.count * width], &mut sums.1);
        sums
    };
    let layers = if wants.parameters { layers.iter().enumerate().map(of_layer).collect() } else { Vec::new() };
    Ok(Gradient { x: d_x, layers })
}

/// Do the layers, of `(input, output)`, fit together and to their biases?
fn check_layers<T: Real>(
    check: Check,
    layers: &[Layer<'_, T>],
    sides: impl Fn(&Layer<'_, T>) -> (usize, usize),
) -> Result<(), ShapeError> {
    for (l, layer) in layers.iter().enumerate() {
        let (input, output) = sides(layer);
        check.some("a layer's input", input)?;
        check.some("a layer's output", output)?;
        check.elements("a layer's bias", layer.bias.len(), &[("output", output)])?;
        if l > 0 {
            check.dimension("a layer's input", input, sides(&layers[l - 1]).1)?;
        }
    }
    Ok(())
}

/// A change of what stands before the non-linearity as one of its result `y`, or the gradient of the result as one of what stands
/// before it.
fn scale_by_slope<T: Real>(d: &mut [T], y: &[T], activation: Activation) {
    match activation {
        Activation::Identity => {}
        Activation::Tanh => tanh_backward(d, y),
        Activation::Relu => relu_backward(d, y, T::ZERO),
        Activation::LeakyRelu => relu_backward(d, y, T::from_f64(LEAK)),
    }
}

#[inline(always)]
fn bend_body<T: Real, const FMA: bool>(d_y: &mut [T], d_tangent: &[T], before: &[T], y: &[T]) {
    // tangent = before (1 - y^2)
    for (((d_y, d_tangent), before), y) in d_y.iter_mut().zip(d_tangent).zip(before).zip(y) {
        *d_y -= (*y + *y) * *before * *d_tangent;
    }
}

multiversion! {
    /// Adds to `d_y` what comes by the slope of a change, whose gradient is `d_tangent` and which was `before` it was scaled.
    fn bend<T: Real>(d_y: &mut [T], d_tangent: &[T], before: &[T], y: &[T]) = bend_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use simurgh_random::Random;

    const ALL: Wants = Wants { x: true, parameters: true };
    const ACTIVATIONS: [Activation; 4] =
        [Activation::Tanh, Activation::LeakyRelu, Activation::Relu, Activation::Identity];

    /// Matrices and biases of layers of these widths.
    struct Network(Vec<(Vec<f64>, Vec<f64>, [usize; 2])>);

    impl Network {
        fn new(widths: &[usize], random: &mut Random) -> Self {
            let mut draw = |count: usize| (0..count).map(|_| random.normal()).collect::<Vec<f64>>();
            Self(widths.windows(2).map(|w| (draw(w[0] * w[1]), draw(w[1]), [w[1], w[0]])).collect())
        }

        fn run<R>(&self, transposed: bool, run: impl FnOnce(&[Layer<'_, f64>]) -> R) -> R {
            let packed = |(weight, _, [rows, cols]): &(Vec<f64>, Vec<f64>, [usize; 2])| {
                let view = View::new(weight, *rows, *cols);
                Packed::new(if transposed { view.transposed() } else { view })
            };
            let packed: Vec<Packed<f64>> = self.0.iter().map(packed).collect();
            let activations = ACTIVATIONS.into_iter().cycle();
            let layers = self.0.iter().zip(&packed).zip(activations);
            let layers: Vec<Layer<'_, f64>> =
                layers.map(|(((_, bias, _), weight), activation)| Layer { weight, bias, activation }).collect();
            run(&layers)
        }

        /// By its definition, a number at a time; of every sample its result and its change.
        fn plainly(&self, x: &[f64], d_x: &[f64]) -> (Vec<f64>, Vec<f64>) {
            let (mut x, mut d_x) = (x.to_vec(), d_x.to_vec());
            for ((weight, bias, [output, input]), activation) in self.0.iter().zip(ACTIVATIONS.into_iter().cycle()) {
                let row = |o: usize, v: &[f64]| weight[o * input..][..*input].iter().zip(v).map(|(w, x)| w * x).sum();
                let pre: Vec<f64> = (0..*output)
                    .map(|o| {
                        bias[o] + {
                            let s: f64 = row(o, &x);
                            s
                        }
                    })
                    .collect();
                let change: Vec<f64> = (0..*output).map(|o| row(o, &d_x)).collect();
                let slope = |p: f64| match activation {
                    Activation::Identity => 1.0,
                    Activation::Tanh => 1.0 - p.tanh() * p.tanh(),
                    Activation::Relu => f64::from(u8::from(p > 0.0)),
                    Activation::LeakyRelu => {
                        if p > 0.0 {
                            1.0
                        } else {
                            LEAK
                        }
                    }
                };
                d_x = change.iter().zip(&pre).map(|(d, p)| d * slope(*p)).collect();
                let value = |p: &f64| if activation == Activation::Tanh { p.tanh() } else { p * slope(*p) };
                x = pre.iter().map(value).collect();
            }
            (x, d_x)
        }
    }

    fn close(got: f64, want: f64, tolerance: f64, what: &str) {
        let difference = (got - want).abs();
        assert!(difference <= tolerance * (1.0 + want.abs()), "{what}: {got}, expected {want}");
    }

    fn cases() -> [(Vec<usize>, usize); 5] {
        [(vec![3, 5, 2], 4), (vec![2, 33, 17, 1], 7), (vec![1, 1], 1), (vec![4, 6, 5, 3, 2], 205), (vec![2, 3, 2], 0)]
    }

    #[test]
    fn values_and_changes_equal_their_definition() {
        let mut random = Random::new(1);
        for (widths, count) in cases() {
            let network = Network::new(&widths, &mut random);
            let (input, output) = (widths[0], widths[widths.len() - 1]);
            let x: Vec<f64> = (0..2 * count * input).map(|_| random.normal()).collect();
            let half = count * input;
            let rows = Rows { count, tangents: true };
            let (y, _) = network.run(true, |layers| forward(&x, rows, layers)).unwrap();
            let alone = Rows { count, tangents: false };
            let (values, _) = network.run(true, |layers| forward(&x[..half], alone, layers)).unwrap();
            assert_eq!(values, y[..count * output]);
            for sample in 0..count {
                let own = sample * input..(sample + 1) * input;
                let (want, d_want) = network.plainly(&x[..half][own.clone()], &x[half..][own]);
                for o in 0..output {
                    close(y[sample * output + o], want[o], 1e-11, "value");
                    close(y[(count + sample) * output + o], d_want[o], 1e-11, "change");
                }
            }
        }
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let mut random = Random::new(2);
        for (widths, count) in cases().into_iter().filter(|(_, count)| *count < 10) {
            for tangents in [false, true] {
                let mut network = Network::new(&widths, &mut random);
                let (rows, input) = (Rows { count, tangents }, widths[0]);
                let mut x: Vec<f64> = (0..rows.total() * input).map(|_| random.normal()).collect();
                let (y, kept) = network.run(true, |layers| forward(&x, rows, layers)).unwrap();
                let d_y: Vec<f64> = y.iter().map(|_| random.normal()).collect();
                let run =
                    |wants| network.run(false, |layers| backward(&x, rows, (&y, &kept), &d_y, layers, wants)).unwrap();
                let gradient = run(ALL);
                let less = run(Wants { x: false, parameters: true });
                assert!(less.x.is_empty() && less.layers == gradient.layers);
                let less = run(Wants { x: true, parameters: false });
                assert!(less.x == gradient.x && less.layers.is_empty());
                let value = |network: &Network, x: &[f64]| -> f64 {
                    let (y, _) = network.run(true, |layers| forward(x, rows, layers)).unwrap();
                    y.iter().zip(&d_y).map(|(y, d)| y * d).sum()
                };
                // Small enough that no corner comes between.
                let h = 1e-7;
                for i in 0..x.len() {
                    let old = x[i];
                    let at = [h, -h].map(|h| {
                        x[i] = old + h;
                        value(&network, &x)
                    });
                    x[i] = old;
                    close(gradient.x[i], (at[0] - at[1]) / (2.0 * h), 1e-5, "x");
                }
                for l in 0..network.0.len() {
                    for part in 0..2 {
                        let of = |network: &mut Network, i: usize, to: f64| {
                            let numbers = if part == 0 { &mut network.0[l].0 } else { &mut network.0[l].1 };
                            std::mem::replace(&mut numbers[i], to)
                        };
                        let got = if part == 0 { &gradient.layers[l].0 } else { &gradient.layers[l].1 };
                        for (i, got) in got.iter().enumerate() {
                            let old = of(&mut network, i, 0.0);
                            let at = [h, -h].map(|h| {
                                of(&mut network, i, old + h);
                                value(&network, &x)
                            });
                            of(&mut network, i, old);
                            close(*got, (at[0] - at[1]) / (2.0 * h), 1e-5, "parameter");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn threads_do_not_show() {
        let mut random = Random::new(3);
        let (widths, rows) = ([2, 64, 64, 1], Rows { count: 301, tangents: true });
        let network = Network::new(&widths, &mut random);
        let x: Vec<f64> = (0..rows.total() * 2).map(|_| random.normal()).collect();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (y, kept) = network.run(true, |layers| forward(&x, rows, layers)).unwrap();
                let d = network.run(false, |layers| backward(&x, rows, (&y, &kept), &y, layers, ALL)).unwrap();
                (y, d.x, d.layers)
            })
        };
        let one = run(1);
        assert!(one == run(2) && one == run(5));
        assert!(one == parallel::alone(|| run(3)));
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let mut random = Random::new(4);
        let network = Network::new(&[3, 4, 2], &mut random);
        let rows = Rows { count: 2, tangents: false };
        network.run(true, |layers| {
            assert!(forward(&[0.0; 6], rows, layers).is_ok());
            assert!(forward(&[0.0; 5], rows, layers).is_err());
            assert!(forward(&[0.0; 6], Rows { tangents: true, ..rows }, layers).is_err());
            assert!(forward(&[0.0; 6], rows, &[]).is_err());
            assert!(forward(&[0.0; 6], rows, &[layers[0], layers[0]]).is_err());
            assert!(forward(&[0.0; 6], rows, &[Layer { bias: &[0.0], ..layers[0] }]).is_err());
        });
    }
}
