//! Mixtures of Gaussians in the plane, on which it is known what a generator should cover.

use simurgh_random::Random;

/// Equally likely round Gaussians.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// Their centres.
    pub centres: Vec<[f64; 2]>,
    /// Their standard deviation, each way.
    pub deviation: f64,
}

impl Mixture {
    /// Eight on a circle of radius 1, deviation 0.01 (Metz et al. 2017 with the radius and deviation of Srivastava et al. 2017).
    pub fn ring() -> Self {
        let angle = |k: usize| std::f64::consts::TAU * k as f64 / 8.0;
        Self { centres: (0..8).map(|k| [angle(k).cos(), angle(k).sin()]).collect(), deviation: 0.01 }
    }

    /// Twenty-five on a grid from -4 to 4, deviation 0.05 (Srivastava et al. 2017).
    pub fn grid() -> Self {
        let at = |k: usize| 2.0 * k as f64 - 4.0;
        Self { centres: (0..25).map(|k| [at(k / 5), at(k % 5)]).collect(), deviation: 0.05 }
    }

    /// A point of one of them.
    pub fn draw(&self, random: &mut Random) -> [f64; 2] {
        let [x, y] = self.centres[random.below(self.centres.len())];
        [x + self.deviation * random.normal(), y + self.deviation * random.normal()]
    }

    /// The nearest centre, and how many deviations away it is; infinitely many of what is no number.
    pub fn nearest(&self, [x, y]: [f64; 2]) -> (usize, f64) {
        let distance = |c: &[f64; 2]| (x - c[0]).hypot(y - c[1]) / self.deviation;
        let all = self.centres.iter().map(distance).enumerate();
        let nearest = all.filter(|(_, d)| !d.is_nan()).min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.unwrap_or((0, f64::INFINITY))
    }
}
