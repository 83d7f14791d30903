use super::*;
use simurgh_random::Random;

const ALL: Wants = Wants { x: true, parameters: true };
const ACTIVATIONS: [Activation; 4] = [Activation::Tanh, Activation::LeakyRelu, Activation::Relu, Activation::Identity];

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
