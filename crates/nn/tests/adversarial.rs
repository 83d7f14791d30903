//! Adversarial objectives and gradient penalties against PyTorch's, see `goldens/adversarial`.

use serde_json::Value;
use simurgh_nn::adversarial::{
    BatchNorm, Critic, Equipment, MlpConfig, NetworkKind, NetworksConfig, ObjectiveKind, Penalty, SampleShape,
};
use simurgh_nn::burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use simurgh_nn::burn::tensor::{DType, Device, Gradients, Tensor, TensorData};
use simurgh_nn::init::Init;
use simurgh_nn::pass::Precision;

fn goldens() -> Value {
    serde_json::from_str(include_str!("../../../goldens/adversarial/values.json")).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn tensor<const D: usize>(data: Vec<f64>, shape: [usize; D]) -> Tensor<D> {
    Tensor::<D>::from_data(TensorData::new(data, shape), (&Device::flex().autodiff(), DType::F64))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

fn close(got: &[f64], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let difference = (g - w).abs();
        assert!(difference <= 1e-9 * (1.0 + w.abs()), "{what}[{i}]: {g}, PyTorch {w}");
    }
}

#[test]
fn objectives_equal_pytorch() {
    let goldens = goldens();
    let cases = goldens["objectives"].as_array().unwrap();
    for kind in ObjectiveKind::ALL {
        let name = serde_json::to_value(kind).unwrap();
        assert_eq!(cases.iter().filter(|case| case["objective"] == name).count(), 2, "{name}");
    }
    for case in cases {
        let kind: ObjectiveKind = serde_json::from_value(case["objective"].clone()).unwrap();
        for side in ["discriminator", "generator"] {
            let logits = |name: &str| tensor(floats(&case[name]), [5]).require_grad();
            let (real, fake) = (logits("real"), logits("fake"));
            let loss = match side {
                "discriminator" => kind.discriminator_loss(real.clone(), fake.clone()),
                _ => kind.generator_loss(real.clone(), fake.clone()),
            }
            .unwrap();
            let (want, what) = (&case[side], format!("{kind:?} {side}"));
            close(&values(loss.clone()), &[want["loss"].as_f64().unwrap()], &what);
            let gradients = loss.backward();
            for (name, logits) in [("d_real", real), ("d_fake", fake)] {
                let got = logits.grad(&gradients).map_or_else(|| vec![0.0; 5], values);
                close(&got, &floats(&want[name]), &format!("{what} {name}"));
            }
        }
    }
}

#[test]
fn no_logit_is_too_large() {
    for kind in ObjectiveKind::ALL {
        for (real, fake) in [(1e4, -1e4), (-1e4, 1e4), (0.0, 0.0)] {
            let logits = |x: f64| {
                let data = TensorData::new(vec![x as f32; 3], [3]);
                Tensor::<1>::from_data(data, &Device::flex().autodiff()).require_grad()
            };
            let (real, fake) = (logits(real), logits(fake));
            for loss in [
                kind.discriminator_loss(real.clone(), fake.clone()).unwrap(),
                kind.generator_loss(real.clone(), fake.clone()).unwrap(),
            ] {
                assert!(values(loss.clone()).iter().all(|x| x.is_finite()), "{kind:?}");
                let gradients = loss.backward();
                for logits in [&real, &fake] {
                    let gradient = logits.grad(&gradients).map_or_else(Vec::new, values);
                    assert!(gradient.iter().all(|g| g.is_finite()), "{kind:?}: {gradient:?}");
                }
            }
        }
    }
    let some = |count: usize| tensor(vec![0.0; count], [count]);
    for kind in ObjectiveKind::ALL {
        let message =
            |real, fake| kind.discriminator_loss(some(real), some(fake)).map(values).map_err(|e| e.to_string());
        assert!(message(0, 2).unwrap_err().contains("the batch of real logits"));
        assert!(message(2, 0).unwrap_err().contains("the batch of fake logits"));
        assert_eq!(message(2, 3).is_err(), kind == ObjectiveKind::Relativistic);
    }
}

/// Takes a golden's numbers, weight and bias in turn, in double precision.
struct Take(Vec<Vec<f64>>);

impl ModuleMapper for Take {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let data = self.0.remove(0);
        param.map(|t| tensor(data, t.dims()).require_grad())
    }
}

struct Collect<'a>(&'a Gradients, Vec<Vec<f64>>);

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let size = value.dims().iter().product();
        self.1.push(value.grad(self.0).map_or_else(|| vec![0.0; size], values));
    }
}

#[test]
fn penalties_equal_pytorch_differentiated_twice() {
    let goldens = goldens();
    let cases = goldens["penalties"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let all = |name: &str| case[name].as_array().unwrap().iter().map(floats).collect::<Vec<_>>();
        let (weights, biases) = (all("weights"), all("biases"));
        let nonlinearity = serde_json::from_value(case["activation"].clone()).unwrap();
        let config = MlpConfig { hidden: vec![7, 4], nonlinearity, ..MlpConfig::default() };
        let network = config.init("critic", 3, 1, &Init::new(1, &Device::flex().autodiff())).unwrap();
        let network = network.map(&mut Take(weights.into_iter().zip(biases).flat_map(|(w, b)| [w, b]).collect()));
        let x = match case["kind"].as_str().unwrap() {
            "r1" => Some("real"),
            "r2" => Some("fake"),
            _ => None,
        };
        if let Some(x) = x {
            let logits = network.logits(tensor(floats(&case[x]), [6, 3]), Precision::F32).unwrap();
            close(&values(logits), &floats(&case["logits"]), "logits");
        }
        let (real, fake) = (tensor(floats(&case["real"]), [6, 3]), tensor(floats(&case["fake"]), [6, 3]));
        let penalty = Penalty { kind: serde_json::from_value(case["kind"].clone()).unwrap(), weight: 1.0 };
        let shares = floats(&case["share"]);
        let got = penalty.of(&network, real, fake, &shares, Precision::F32).unwrap();
        let what = format!("{:?} {}", penalty.kind, case["activation"]);
        close(&[got.value, got.slope], &[case["value"].as_f64().unwrap(), case["slope"].as_f64().unwrap()], &what);
        let mut collect = Collect(&got.gradient.backward(), Vec::new());
        network.visit(&mut collect);
        let want = all("d_weights").into_iter().zip(all("d_biases")).flat_map(|(w, b)| [w, b]);
        for (got, want) in collect.1.iter().zip(want) {
            // PyTorch has none of the last bias.
            let want = if want.len() == got.len() { want } else { vec![0.0; got.len()] };
            close(got, &want, &what);
        }
    }
}

/// Pictures of 8 x 8 pixels and 2 channels.
const SHAPE: SampleShape = SampleShape::Picture(8, 8, 2);

fn networks(case: &Value, network: NetworkKind, batch_norm: BatchNorm) -> NetworksConfig {
    let number = |name: &str| case[name].as_u64().map_or(1, |n| n as usize);
    let (latent, channels) = (number("latent"), number("channels"));
    NetworksConfig { network, latent, channels, batch_norm, ..NetworksConfig::default() }
}

/// A critic of pictures against a golden: its logits, a penalty of its slope, and the penalty's gradients.
fn check_critic(case: &Value, network: NetworkKind, shape: SampleShape) {
    let flag = |name: &str| case[name].as_bool().unwrap();
    let all = |name: &str| case[name].as_array().unwrap().iter().map(floats).collect::<Vec<_>>();
    let rows = |name: &str| tensor(all(name).concat(), [all(name).len(), all(name)[0].len()]);
    let equipment = Equipment {
        pack: case["pack"].as_u64().unwrap() as usize,
        spectral_norm: flag("spectral"),
        minibatch_deviation: flag("deviation"),
    };
    let init = Init::new(1, &Device::flex().autodiff());
    let config = networks(case, network, BatchNorm::None);
    let network = config.discriminator(shape, equipment, &init).unwrap();
    let mut values_of = Vec::new();
    for (layer, unit) in all("parameters").chunks_exact(2).zip(all("units")) {
        values_of.extend_from_slice(layer);
        values_of.extend(flag("spectral").then_some(unit));
    }
    let network = network.map(&mut Take(values_of));
    let what = format!("{:?} {} pack {}", config.network, case["kind"], case["pack"]);
    if case["kind"] == "r1" {
        let logits = network.logits(rows("real"), Precision::F32).unwrap();
        close(&values(logits), &floats(&case["logits"]), &what);
    }
    let penalty = Penalty { kind: serde_json::from_value(case["kind"].clone()).unwrap(), weight: 1.0 };
    let got = penalty.of(&network, rows("real"), rows("fake"), &floats(&case["share"]), Precision::F32).unwrap();
    close(&[got.value, got.slope], &[case["value"].as_f64().unwrap(), case["slope"].as_f64().unwrap()], &what);
    let mut collect = Collect(&got.gradient.backward(), Vec::new());
    network.visit(&mut collect);
    // What no gradient moves has none.
    let own = collect.1.into_iter().enumerate().filter(|(k, _)| !flag("spectral") || k % 3 != 2);
    let own: Vec<Vec<f64>> = own.map(|(_, gradient)| gradient).collect();
    assert_eq!(own.len(), all("gradients").len());
    own.iter().zip(all("gradients")).for_each(|(got, want)| close(got, &want, &what));
}

#[test]
fn convolutional_critics_equal_pytorch_differentiated_twice() {
    let goldens = goldens();
    let cases = goldens["critics"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    cases.iter().for_each(|case| check_critic(case, NetworkKind::Convolutional, SHAPE));
}

#[test]
fn residual_critics_equal_pytorch_differentiated_twice() {
    let goldens = goldens();
    let cases = goldens["residual_critics"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    cases.iter().for_each(|case| check_critic(case, NetworkKind::Residual, SampleShape::Picture(16, 16, 2)));
}

#[test]
fn residual_generators_equal_pytorch() {
    let goldens = goldens();
    let case = &goldens["residual_generator"];
    let all = |name: &str| case[name].as_array().unwrap().iter().map(floats).collect::<Vec<_>>();
    let config = networks(case, NetworkKind::Residual, BatchNorm::None);
    let shape = SampleShape::Picture(16, 16, 2);
    let network = config.generator(shape, &Init::new(1, &Device::flex().autodiff())).unwrap();
    let network = network.map(&mut Take(all("parameters")));
    let y = network.learning(tensor(all("z").concat(), [2, 5]), Precision::F32).unwrap();
    close(&values(y.clone()), &all("y").concat(), "pictures");
    let gradients = (y * tensor(all("along").concat(), [2, 512])).sum().backward();
    let mut collect = Collect(&gradients, Vec::new());
    network.visit(&mut collect);
    assert_eq!(collect.1.len(), all("gradients").len());
    for (k, (got, want)) in collect.1.iter().zip(all("gradients")).enumerate() {
        close(got, &want, &format!("parameter {k}"));
    }
}

/// A block is the identity before it learns, but where only its direction counts.
#[test]
fn residual_critics_are_short_at_first() {
    let config = NetworksConfig { network: NetworkKind::Residual, channels: 3, ..NetworksConfig::default() };
    for spectral_norm in [false, true] {
        let equipment = Equipment { pack: 1, spectral_norm, minibatch_deviation: false };
        let slope = |blocks: usize| {
            let config = NetworksConfig { blocks, ..config.clone() };
            let init = Init::new(1, &Device::flex());
            let network = config.discriminator(SampleShape::Picture(8, 8, 1), equipment, &init).unwrap();
            let x = Tensor::<2>::from_data(TensorData::new(vec![0.5f32; 64], [1, 64]), &Device::flex());
            let (y, d_y) = network.tangent(x.clone(), x, Precision::F32).unwrap();
            [y, d_y].map(|x| values(x)[0])
        };
        assert_eq!(slope(1) == slope(3), !spectral_norm);
        assert!(slope(3).iter().all(|x| x.is_finite()));
    }
}

#[test]
fn convolutional_generators_equal_pytorch() {
    let goldens = goldens();
    let cases = goldens["generators"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let norm = case["norm"].as_bool().unwrap();
        let all = |name: &str| case[name].as_array().unwrap().iter().map(floats).collect::<Vec<_>>();
        let batch_norm = if norm { BatchNorm::Generator } else { BatchNorm::None };
        let init = Init::new(1, &Device::flex().autodiff());
        let network = networks(case, NetworkKind::Convolutional, batch_norm).generator(SHAPE, &init).unwrap();
        let names: &[&str] = match norm {
            true => &["project", "shift", "scale", "offset", "mean", "variance", "weight", "bias"],
            false => &["project", "shift", "weight", "bias"],
        };
        let take = |of: &Value| names.iter().map(|name| of.get(*name).map_or_else(|| vec![0.0; 3], floats)).collect();
        let network = network.map(&mut Take(take(&case["parameters"])));
        let z = tensor(all("z").concat(), [4, 5]);
        let y = network.learning(z.clone(), Precision::F32).unwrap();
        close(&values(y.clone()), &all("y").concat(), "pictures");
        let gradients = (y * tensor(all("along").concat(), [4, 128])).sum().backward();
        let mut collect = Collect(&gradients, Vec::new());
        network.visit(&mut collect);
        let want: Vec<Vec<f64>> = take(&case["gradients"]);
        for ((got, want), name) in collect.1.iter().zip(&want).zip(names) {
            close(got, want, name);
        }
    }
}

/// A generator that is normalised over the batch makes of the noise that it was calibrated on what it made while it learnt.
#[test]
fn a_calibrated_generator_does_not_depend_on_the_batch() {
    let config = NetworksConfig {
        network: NetworkKind::Convolutional,
        latent: 6,
        channels: 4,
        batch_norm: BatchNorm::Generator,
        ..NetworksConfig::default()
    };
    let network = config.generator(SHAPE, &Init::new(3, &Device::flex())).unwrap();
    let numbers: Vec<f32> = (0..60).map(|k| (k as f32 * 0.7).sin()).collect();
    let z = |rows: std::ops::Range<usize>| {
        let data = TensorData::new(numbers[rows.start * 6..rows.end * 6].to_vec(), [rows.len(), 6]);
        Tensor::<2>::from_data(data, &Device::flex())
    };
    let learning = values(network.learning(z(0..10), Precision::F32).unwrap());
    let network = network.calibrated(z(0..10), Precision::F32).unwrap();
    let all = values(network.samples(z(0..10), Precision::F32).unwrap());
    for (a, b) in all.iter().zip(&learning) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    assert_eq!(values(network.samples(z(3..4), Precision::F32).unwrap()), all[3 * 128..4 * 128]);
}
