//! The generator's two losses (Goodfellow et al. 2014, section 3; Arjovsky & Bottou 2017, theorems 2.4 to 2.6).

use crate::Settings;
use crate::quadrature::{Divergence, integral, log_normal, sigmoid};
use crate::report::{Comparison, Expected, Part, Report};
use simurgh_nn::ShapeError;
use simurgh_nn::adversarial::ObjectiveKind;
use simurgh_nn::burn::tensor::{DType, Device, Tensor, TensorData};
use simurgh_train::Error;

const STEPS: usize = 20_000;

/// The gradient of the generator's loss in the logit of a generated sample, by the program's own objectives.
fn slope(kind: ObjectiveKind, logit: f64) -> Result<f64, ShapeError> {
    let on_tape = |x: f64| {
        let data = TensorData::new(vec![x], [1]);
        Tensor::<1>::from_data(data, (&Device::flex().autodiff(), DType::F64)).require_grad()
    };
    let (real, fake) = (on_tape(0.0), on_tape(logit));
    let gradients = kind.generator_loss(real, fake.clone())?.backward();
    Ok(fake.grad(&gradients).map_or(0.0, |g| g.into_data().iter::<f64>().sum()))
}

/// A generator `mean + deviation z` of normal z, against data of a standard normal distribution.
#[derive(Clone, Copy)]
struct Generator {
    mean: f64,
    deviation: f64,
}

impl Generator {
    fn reach(self) -> (f64, f64) {
        let far = 14.0 * self.deviation.max(1.0);
        (self.mean.min(0.0) - far, self.mean.max(0.0) + far)
    }

    /// The expectation over z of the loss's gradient in mean and deviation, the discriminator being D* and held fixed.
    fn gradient(self, of_logit: impl Fn(f64) -> f64) -> [f64; 2] {
        let Self { mean, deviation } = self;
        // s = log p - log q at x = mean + deviation z, and how it changes with x
        let logit = |x: f64| log_normal(x, 0.0, 1.0) - log_normal(x, mean, deviation);
        let d_logit = |x: f64| -x + (x - mean) / (deviation * deviation);
        [0, 1].map(|parameter| {
            integral(-14.0, 14.0, STEPS, |z| {
                let x = mean + deviation * z;
                log_normal(z, 0.0, 1.0).exp() * of_logit(logit(x)) * d_logit(x) * if parameter == 0 { 1.0 } else { z }
            })
        })
    }

    fn jensen_shannon(self) -> f64 {
        let (low, high) = self.reach();
        let (p, q) = (|x| log_normal(x, 0.0, 1.0), |x| log_normal(x, self.mean, self.deviation));
        Divergence::between(low, high, STEPS, p, q).jensen_shannon()
    }

    /// Kullback-Leibler from the generator's distribution to the data's.
    fn kullback_leibler(self) -> f64 {
        -self.deviation.ln() + 0.5 * (self.deviation * self.deviation + self.mean * self.mean) - 0.5
    }

    /// The gradient of a distance in mean and deviation, by central differences.
    fn differences(self, distance: impl Fn(Self) -> f64) -> [f64; 2] {
        let h = 1e-4;
        let moved = |mean: f64, deviation: f64| {
            distance(Self { mean: self.mean + mean, deviation: self.deviation + deviation })
        };
        [(moved(h, 0.0) - moved(-h, 0.0)) / (2.0 * h), (moved(0.0, h) - moved(0.0, -h)) / (2.0 * h)]
    }
}

/// Both losses, in the logit and in the parameters of a generator.
pub fn run(_: &Settings) -> Result<Report, Error> {
    let mut in_logit = Vec::new();
    for logit in [-20.0, -5.0, 0.0, 5.0] {
        let exactly = |value: f64| Expected::Value { value, within: 1e-12 };
        in_logit.push(Comparison::new(
            format!("minimax, logit {logit}: -sigmoid(s)"),
            exactly(-sigmoid(logit)),
            slope(ObjectiveKind::Minimax, logit)?,
        ));
        in_logit.push(Comparison::new(
            format!("non-saturating, logit {logit}: -(1 - sigmoid(s))"),
            exactly(-sigmoid(-logit)),
            slope(ObjectiveKind::NonSaturating, logit)?,
        ));
    }
    let (mut identities, mut sizes) = (Vec::new(), Vec::new());
    for (mean, deviation) in [(0.5, 1.0), (1.0, 0.5), (2.0, 1.5), (4.0, 1.0)] {
        let g = Generator { mean, deviation };
        let minimax = g.gradient(|s| -sigmoid(s));
        let non_saturating = g.gradient(|s| -sigmoid(-s));
        let of_minimax = g.differences(|g| 2.0 * g.jensen_shannon());
        let of_other = g.differences(|g| g.kullback_leibler() - 2.0 * g.jensen_shannon());
        for (k, parameter) in ["mean", "deviation"].into_iter().enumerate() {
            let what = |loss: &str| format!("{loss}, N({mean}, {deviation}): in the {parameter}");
            let value = |value: f64| Expected::Value { value, within: 1e-6 };
            identities.push(Comparison::new(what("minimax"), value(of_minimax[k]), minimax[k]));
            identities.push(Comparison::new(what("non-saturating"), value(of_other[k]), non_saturating[k]));
        }
    }
    for mean in [1.0, 4.0, 8.0, 16.0] {
        let g = Generator { mean, deviation: 1.0 };
        let (minimax, non_saturating) = (g.gradient(|s| -sigmoid(s))[0], g.gradient(|s| -sigmoid(-s))[0]);
        // Tails of the other distribution: exp(-mean^2 / 8) up to powers.
        let most = mean * (-mean * mean / 8.0).exp();
        sizes.push(Comparison::new(format!("minimax, {mean} away"), Expected::AtMost(most), minimax.abs()));
        let least = Expected::AtLeast(if mean < 4.0 { 0.2 } else { 0.95 * mean });
        sizes.push(Comparison::new(format!("non-saturating, {mean} away"), least, non_saturating.abs()));
    }
    let parts = vec![
        Part::Text(
            "Of a generated sample with the logit s the minimax loss log(1 - sigmoid(s)) has the gradient -sigmoid(s), which vanishes \
             where the discriminator is sure (s far below 0): the worst generator learns least. The non-saturating loss \
             -log sigmoid(s) has -(1 - sigmoid(s)), which is then near -1. By the program's own losses:"
                .into(),
        ),
        Part::Comparisons("gradient in the logit".into(), in_logit),
        Part::Text(
            "At the optimal discriminator, held fixed, the minimax gradient is that of 2 JSD(q, p), and the non-saturating one that of \
             KL(q, p) - 2 JSD(q, p): it pushes the two apart by the second term, and the first hardly minds a generator that leaves \
             out a part of the data. Data N(0, 1), generator N(mean, deviation): expectations against differences of the distances:"
                .into(),
        ),
        Part::Comparisons("gradient at D*".into(), identities),
        Part::Text(
            "As the generator moves away from the data the minimax gradient falls like the distributions' common part, the \
             non-saturating one grows with the distance:"
                .into(),
        ),
        Part::Comparisons("size of the gradient in the mean".into(), sizes),
    ];
    Ok(Report { id: "saturation", title: "The saturating loss and the one that does not", parts })
}
