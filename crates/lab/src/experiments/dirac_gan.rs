//! A generator that is one point, a discriminator that is one slope (Mescheder et al. 2018).

use crate::Settings;
use crate::plane::portrait;
use crate::report::{Comparison, Expected, Part, Report};
use simurgh_nn::ShapeError;
use simurgh_random::{Random, mix};

/// Steps of each run, and how long one is.
const STEPS: usize = 500;
const STEP: f64 = 0.2;

/// In which order the two move: both at once, or the generator and then the discriminator so many times.
const ORDERS: [(&str, Option<usize>); 3] = [("at once", None), ("in turn", Some(1)), ("five to one", Some(5))];

type Field = Box<dyn FnMut(f64, f64) -> (f64, f64)>;

/// A way to play.
struct Game {
    name: &'static str,
    /// How (theta, psi) are pushed.
    field: fn() -> Field,
    /// The discriminator's slope is kept within this.
    clip: f64,
    /// The distance from the equilibrium after the last step, in each order: by the authors' own code, to three digits.
    theory: [f64; 3],
    /// Random: to an order of magnitude.
    random: bool,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
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

/// The mean push of so many noisy samples of both points.
fn noisy(deviation: f64, draws: usize) -> Field {
    let mut random = Random::new(mix(7));
    Box::new(move |theta, psi| {
        let mut sum = (0.0, 0.0);
        for _ in 0..draws {
            let (real, fake) = (deviation * random.normal(), theta + deviation * random.normal());
            let (of_real, of_fake) = (slope(-psi * real), slope(psi * fake));
            sum.0 -= psi * of_fake;
            sum.1 += fake * of_fake - real * of_real;
        }
        (sum.0 / draws as f64, sum.1 / draws as f64)
    })
}

/// A game whose discriminator is also pushed against its own slope, `weight` times it.
macro_rules! penalised {
    ($base:expr, $weight:expr) => {
        || Box::new(|theta, psi| ($base(theta, psi).0, $base(theta, psi).1 - $weight * psi))
    };
}

const GAMES: [Game; 9] = [
    Game {
        name: "minimax",
        field: || Box::new(minimax),
        clip: f64::INFINITY,
        theory: [3.10, 1.42, 1.85],
        random: false,
    },
    Game {
        name: "non-saturating",
        field: || Box::new(non_saturating),
        clip: f64::INFINITY,
        theory: [0.640, 0.284, 0.139],
        random: false,
    },
    Game {
        name: "wasserstein, clip 1",
        field: || Box::new(|theta, psi| (-psi, theta)),
        clip: 1.0,
        theory: [1.00, 1.02, 0.917],
        random: false,
    },
    Game {
        name: "wasserstein, gradient penalty 0.7",
        field: || Box::new(|theta, psi| (-psi, theta - 0.7 * (psi.abs() - 1.0) * psi.signum())),
        clip: f64::INFINITY,
        theory: [1.80, 1.22, 0.716],
        random: false,
    },
    Game {
        name: "minimax, instance noise 0.7",
        field: || noisy(0.7, 1000),
        clip: f64::INFINITY,
        theory: [0.019, 0.012, 0.0045],
        random: true,
    },
    Game {
        name: "minimax, R1 0.3",
        field: penalised!(minimax, 0.3),
        clip: f64::INFINITY,
        theory: [2.64e-6, 2.30e-7, 9.25e-34],
        random: false,
    },
    Game {
        name: "minimax, R1 1 (critical)",
        field: penalised!(minimax, 1.0),
        clip: f64::INFINITY,
        theory: [9.53e-22, 7.48e-17, 5.14e-12],
        random: false,
    },
    Game {
        name: "minimax, consensus 1",
        field: || Box::new(consensus),
        clip: f64::INFINITY,
        theory: [2.58e-10, 1.72e-11, 11.0],
        random: false,
    },
    Game {
        name: "non-saturating, R1 0.3",
        field: penalised!(non_saturating, 0.3),
        clip: f64::INFINITY,
        theory: [2.21e-6, 1.50e-7, 3.98e-34],
        random: false,
    },
];

impl Game {
    /// Where the two are after each step.
    fn play(&self, discriminator_steps: Option<usize>) -> Vec<(f64, f64)> {
        let mut field = (self.field)();
        let (mut theta, mut psi) = (1.0, 1.0);
        let mut path = vec![(theta, psi)];
        for _ in 0..STEPS {
            let (push, also) = field(theta, psi);
            theta += STEP * push;
            match discriminator_steps {
                None => psi = (psi + STEP * also).clamp(-self.clip, self.clip),
                Some(count) => {
                    for _ in 0..count {
                        psi = (psi + STEP * field(theta, psi).1).clamp(-self.clip, self.clip);
                    }
                }
            }
            path.push((theta, psi));
        }
        path
    }
}

/// The game of every objective, in every order.
pub fn run(_: &Settings) -> Result<Report, ShapeError> {
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
    for (order, discriminator_steps) in ORDERS {
        let mut all = Vec::new();
        for game in &GAMES {
            let path = game.play(discriminator_steps);
            let (theta, psi) = path[STEPS];
            let theory = game.theory[ORDERS.iter().position(|o| o.0 == order).expect("one of them")];
            let expected = match game.random {
                // The last of 500 draws: 0 is as likely as twice as far.
                true => Expected::AtMost(10.0 * theory),
                false => Expected::digits(theory, 3),
            };
            all.push(Comparison::new(game.name, expected, theta.hypot(psi)));
            if discriminator_steps.is_none() {
                let mut field = (game.field)();
                let arrows = std::cell::RefCell::new(&mut field);
                let drawn = portrait(game.name, 2.0, |x, y| (arrows.borrow_mut())(x, y), &path);
                figures.push(Part::Figure(game.name.into(), drawn));
            }
        }
        parts.push(Part::Comparisons(format!("moving {order}"), all));
    }
    parts.extend(figures);
    Ok(Report { id: "dirac-gan", title: "The smallest game: does it find its equilibrium?", parts })
}
