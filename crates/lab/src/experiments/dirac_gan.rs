//! A generator that is one point, a discriminator that is one slope (Mescheder et al. 2018).

use crate::Settings;
use crate::plane::portrait;
use crate::quadrature::sigmoid;
use crate::report::{Comparison, Expected, Part, Report};
use simurgh_random::{Random, mix};
use simurgh_train::Error;

/// Steps of each run, and how long one is.
const STEPS: usize = 500;
const STEP: f64 = 0.2;

/// In which order the two move: both at once, or the generator and then the discriminator so many times.
const ORDERS: [(&str, Option<usize>); 3] = [("at once", None), ("in turn", Some(1)), ("five to one", Some(5))];

/// How (theta, psi) are pushed.
type Field = fn(f64, f64, &mut Random) -> (f64, f64);

/// A way to play.
struct Game {
    name: &'static str,
    field: Field,
    /// The distance from the equilibrium after the last step, in each order: by the authors' own code, to three digits.
    theory: [f64; 3],
    /// The discriminator's slope is kept within this.
    clip: f64,
    /// Random: to an order of magnitude.
    random: bool,
}

impl Game {
    const fn new(name: &'static str, theory: [f64; 3], field: Field) -> Self {
        Self { name, field, theory, clip: f64::INFINITY, random: false }
    }
}

/// `f'(t)` of `f(t) = -log(1 + exp(-t))`.
fn slope(t: f64) -> f64 {
    sigmoid(-t)
}

fn minimax(theta: f64, psi: f64) -> (f64, f64) {
    let f = slope(theta * psi);
    (-psi * f, theta * f)
}

fn non_saturating(theta: f64, psi: f64) -> (f64, f64) {
    (-psi * slope(-theta * psi), theta * slope(theta * psi))
}

/// The push of the game minus the gradient of half its square (Mescheder et al. 2017).
fn consensus(theta: f64, psi: f64) -> (f64, f64) {
    let t = theta * psi;
    let (f, curvature) = (slope(t), -sigmoid(-t) * sigmoid(t));
    // |v|^2 / 2 = (theta^2 + psi^2) f'(t)^2 / 2
    let common = (theta * theta + psi * psi) * f * curvature;
    let (a, b) = minimax(theta, psi);
    (a - (theta * f * f + common * psi), b - (psi * f * f + common * theta))
}

/// The mean push of a thousand noisy samples of both points.
fn noisy(theta: f64, psi: f64, random: &mut Random) -> (f64, f64) {
    const DRAWS: usize = 1000;
    const DEVIATION: f64 = 0.7;
    let mut sum = (0.0, 0.0);
    for _ in 0..DRAWS {
        let (real, fake) = (DEVIATION * random.normal(), theta + DEVIATION * random.normal());
        let (of_real, of_fake) = (slope(-psi * real), slope(psi * fake));
        sum.0 -= psi * of_fake;
        sum.1 += fake * of_fake - real * of_real;
    }
    (sum.0 / DRAWS as f64, sum.1 / DRAWS as f64)
}

/// A push against the discriminator's slope too, `weight` times it.
fn r1(weight: f64, psi: f64, (of_theta, of_psi): (f64, f64)) -> (f64, f64) {
    (of_theta, of_psi - weight * psi)
}

const GAMES: [Game; 9] = [
    Game::new("minimax", [3.10, 1.42, 1.85], |theta, psi, _| minimax(theta, psi)),
    Game::new("non-saturating", [0.640, 0.284, 0.139], |theta, psi, _| non_saturating(theta, psi)),
    Game { clip: 1.0, ..Game::new("wasserstein, clip 1", [1.00, 1.02, 0.917], |theta, psi, _| (-psi, theta)) },
    Game::new("wasserstein, gradient penalty 0.7", [1.80, 1.22, 0.716], |theta, psi, _| {
        (-psi, theta - 0.7 * (psi.abs() - 1.0) * psi.signum())
    }),
    Game { random: true, ..Game::new("minimax, instance noise 0.7", [0.019, 0.012, 0.0045], noisy) },
    Game::new("minimax, R1 0.3", [2.64e-6, 2.30e-7, 9.25e-34], |theta, psi, _| r1(0.3, psi, minimax(theta, psi))),
    Game::new("minimax, R1 1 (critical)", [9.53e-22, 7.48e-17, 5.14e-12], |theta, psi, _| {
        r1(1.0, psi, minimax(theta, psi))
    }),
    Game::new("minimax, consensus 1", [2.58e-10, 1.72e-11, 11.0], |theta, psi, _| consensus(theta, psi)),
    Game::new("non-saturating, R1 0.3", [2.21e-6, 1.50e-7, 3.98e-34], |theta, psi, _| {
        r1(0.3, psi, non_saturating(theta, psi))
    }),
];

impl Game {
    /// Where the two are after each step.
    fn play(&self, discriminator_steps: Option<usize>, random: &mut Random) -> Vec<(f64, f64)> {
        let (mut theta, mut psi) = (1.0, 1.0);
        let mut path = vec![(theta, psi)];
        for _ in 0..STEPS {
            let (push, also) = (self.field)(theta, psi, random);
            theta += STEP * push;
            match discriminator_steps {
                None => psi = (psi + STEP * also).clamp(-self.clip, self.clip),
                Some(count) => {
                    for _ in 0..count {
                        psi = (psi + STEP * (self.field)(theta, psi, random).1).clamp(-self.clip, self.clip);
                    }
                }
            }
            path.push((theta, psi));
        }
        path
    }
}

/// The game of every objective, in every order.
pub fn run(settings: &Settings) -> Result<Report, Error> {
    let mut parts = vec![Part::Text(
        "The data are one point, 0; the generator is one point theta, the discriminator the line psi x. At the equilibrium both are \
         0. Without a penalty the push turns around it (its Jacobian there has the eigenvalues +-f'(0) i, f' being 1/2): steps of \
         any length spiral outwards when both move at once, and circle or spiral slowly when they take turns. What damps it is a \
         penalty of the discriminator's slope at the data (R1, eigenvalues -gamma/2 +- sqrt(gamma^2/4 - f'(0)^2), critical at \
         gamma = 1), noise on the samples, or consensus; a penalty that asks for a slope of 1 or clipped weights do not, since at \
         the equilibrium the slope must be 0. After 500 steps of length 0.2 from (1, 1), the distance from the equilibrium beside \
         what the authors' own code gives (Mescheder et al. 2018):"
            .into(),
    )];
    let mut figures = Vec::new();
    let mut random = Random::new(mix(settings.seed));
    for (k, (order, discriminator_steps)) in ORDERS.into_iter().enumerate() {
        let mut all = Vec::new();
        for game in &GAMES {
            let path = game.play(discriminator_steps, &mut random);
            let (theta, psi) = path[STEPS];
            let expected = match game.random {
                // The last of 500 draws: 0 is as likely as twice as far.
                true => Expected::AtMost(10.0 * game.theory[k]),
                false => Expected::digits(game.theory[k], 3),
            };
            all.push(Comparison::new(game.name, expected, theta.hypot(psi)));
            if discriminator_steps.is_none() {
                let drawn = portrait(game.name, 2.0, |theta, psi| (game.field)(theta, psi, &mut random), &path);
                figures.push(Part::Figure(game.name.into(), drawn));
            }
        }
        parts.push(Part::Comparisons(format!("moving {order}"), all));
    }
    parts.extend(figures);
    Ok(Report { id: "dirac-gan", title: "The smallest game: does it find its equilibrium?", parts })
}
