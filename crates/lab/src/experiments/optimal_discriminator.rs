//! The best discriminator of two distributions (Goodfellow et al. 2014, proposition 1 and theorem 1).

use crate::Settings;
use crate::quadrature::{Divergence, integral, log_normal, log_sum};
use crate::report::{Comparison, Expected, Part, Report};
use simurgh_train::Error;
use std::f64::consts::LN_2;

/// Half the distance of the means of two normal distributions, and their Jensen-Shannon divergence, nats.
pub const GAUSSIANS: [(f64, f64); 6] =
    [(0.0, 0.0), (0.25, 0.030311), (0.5, 0.111421), (1.0, 0.336831), (2.0, 0.632720), (4.0, 0.693054)];

const STEPS: usize = 20_000;

/// What the game is worth to a discriminator whose logit at x is this: `E[log D] + E[log(1 - D)]`.
fn value(mean: f64, logit: impl Fn(f64) -> f64) -> f64 {
    integral(-mean - 14.0, mean + 14.0, STEPS, |x| {
        let (p, q) = (log_normal(x, -mean, 1.0).exp(), log_normal(x, mean, 1.0).exp());
        // log D = -softplus(-s), log(1 - D) = -softplus(s)
        -p * log_sum(0.0, -logit(x)) - q * log_sum(0.0, logit(x))
    })
}

/// By integrals, on a family of normal distributions.
pub fn run(_: &Settings) -> Result<Report, Error> {
    let divergence = |mean: f64| {
        Divergence::between(
            -mean - 14.0,
            mean + 14.0,
            STEPS,
            |x| log_normal(x, -mean, 1.0),
            |x| log_normal(x, mean, 1.0),
        )
    };
    let (mut best, mut others, mut jensen) = (Vec::new(), Vec::new(), Vec::new());
    for (mean, nats) in GAUSSIANS {
        let what = format!("N(-{mean}, 1) against N({mean}, 1)");
        let d = divergence(mean);
        let js = d.jensen_shannon();
        // log p(x) - log q(x) = -2 mean x
        let optimal = value(mean, |x| -2.0 * mean * x);
        let within = 1e-6;
        best.push(Comparison::new(&*what, Expected::Value { value: -2.0 * LN_2 + 2.0 * js, within }, optimal));
        for (name, other) in [("twice as steep", -4.0 * mean), ("half as steep", -mean)] {
            let name = format!("{what}, {name}");
            others.push(Comparison::new(name, Expected::AtMost(optimal + 1e-12), value(mean, |x| other * x)));
        }
        others.push(Comparison::new(
            format!("{what}, surer of everything"),
            Expected::AtMost(optimal + 1e-12),
            value(mean, |x| -2.0 * mean * x + 0.5),
        ));
        jensen.push(Comparison::new(format!("{what}, nats"), Expected::Value { value: nats, within: 5e-7 }, js));
        jensen.push(Comparison::new(format!("{what}, bits"), Expected::AtMost(1.0), js / LN_2));
        let halves = [("first", d.first), ("second", d.second)];
        // The two are mirror images.
        jensen.extend(halves.map(|(name, kl)| {
            Comparison::new(
                format!("{what}, KL of the {name} to the mean"),
                Expected::Value { value: js, within: 1e-9 },
                kl,
            )
        }));
    }
    let parts = vec![
        Part::Text(
            "For fixed data p and generator q the game E_p[log D] + E_q[log(1 - D)] is largest at D*(x) = p(x) / (p(x) + q(x)), where \
             it is C(G) = -log 4 + 2 JSD(p, q): -log 4 = -1.386294 where the generator has the data's distribution and D* is 1/2 \
             everywhere, 0 where the two have nothing in common. Both sides by separate integrals:"
                .into(),
        ),
        Part::Comparisons("the game at D*".into(), best),
        Part::Text("No other discriminator does better:".into()),
        Part::Comparisons("the game at others".into(), others),
        Part::Text(
            "JSD is the mean of two Kullback-Leibler divergences, each to the mean of both distributions; it lies between 0 and log 2 \
             nats, a bit:"
                .into(),
        ),
        Part::Comparisons("Jensen-Shannon divergence".into(), jensen),
    ];
    Ok(Report {
        id: "optimal-discriminator",
        title: "The optimal discriminator, and what it leaves to the generator",
        parts,
    })
}
