//! Distances of two sets of samples, rows of numbers: pixels, points, or any network's features.

use serde::Serialize;
use simurgh_random::Random;

/// Rows of `width` numbers.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    data: &'a [f32],
    width: usize,
}

impl<'a> Rows<'a> {
    /// `data[rows, width]`; None if it is no such matrix, or has no width.
    pub fn new(data: &'a [f32], width: usize) -> Option<Self> {
        (width > 0 && data.len().is_multiple_of(width)).then_some(Self { data, width })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.data.len() / self.width
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    fn row(&self, k: usize) -> &'a [f32] {
        &self.data[k * self.width..][..self.width]
    }

    /// The first of them, at most `count`.
    #[must_use]
    pub fn first(self, count: usize) -> Self {
        Self { data: &self.data[..count.min(self.len()) * self.width], ..self }
    }
}

fn squared(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b) * f64::from(a - b)).sum()
}

/// The 2-Wasserstein distance of projections, root of its mean square over `directions` random ones (Rabin et al. 2012; the sorted
/// form of Deshpande et al. 2018). Of the first `n` rows, n the lesser number; NaN of none.
pub fn sliced_wasserstein(a: Rows<'_>, b: Rows<'_>, directions: usize, seed: u64) -> f64 {
    let n = a.len().min(b.len());
    if n == 0 || directions == 0 || a.width != b.width {
        return f64::NAN;
    }
    let mut random = Random::new(seed);
    let mut sum = 0.0;
    for _ in 0..directions {
        let direction: Vec<f64> = (0..a.width).map(|_| random.normal()).collect();
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        let project = |rows: Rows<'_>| {
            let along = |k| rows.row(k).iter().zip(&direction).map(|(x, d)| f64::from(*x) * d).sum::<f64>() / norm;
            let mut all: Vec<f64> = (0..n).map(along).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        sum += project(a).iter().zip(project(b)).map(|(x, y)| (x - y) * (x - y)).sum::<f64>() / n as f64;
    }
    (sum / directions as f64).sqrt()
}

/// The squared maximum mean discrepancy, unbiased, by the polynomial kernel `(x . y / width + 1)^3`, as of the kernel Inception
/// distance (Bińkowski et al. 2018, equation 4). NaN where one side has fewer than two rows.
pub fn kernel_distance(a: Rows<'_>, b: Rows<'_>) -> f64 {
    if a.len() < 2 || b.len() < 2 || a.width != b.width {
        return f64::NAN;
    }
    let kernel = |x: &[f32], y: &[f32]| {
        let dot: f64 = x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
        (dot / a.width as f64 + 1.0).powi(3)
    };
    let own = |r: Rows<'_>| {
        let pairs = (0..r.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        2.0 * pairs.map(|(i, j)| kernel(r.row(i), r.row(j))).sum::<f64>() / (r.len() * (r.len() - 1)) as f64
    };
    let across = (0..a.len()).flat_map(|i| (0..b.len()).map(move |j| (i, j)));
    let across = across.map(|(i, j)| kernel(a.row(i), b.row(j))).sum::<f64>() / (a.len() * b.len()) as f64;
    own(a) + own(b) - 2.0 * across
}

/// How well two sets of samples cover each other, by balls around each sample that reach to its k-th nearest neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Neighbourhoods {
    /// Share of generated samples in a ball of a real one (Kynkäänniemi et al. 2019).
    pub precision: f64,
    /// Share of real samples in a ball of a generated one (the same).
    pub recall: f64,
    /// Balls of real samples that a generated one lies in, on average, in units of k (Naeem et al. 2020, equation 5).
    pub density: f64,
    /// Share of real samples whose ball has a generated one (Naeem et al. 2020, equation 6).
    pub coverage: f64,
}

impl Neighbourhoods {
    /// Of real and generated rows, balls to the `k`-th neighbour. None where a side has no more than `k` rows, or widths differ.
    pub fn new(real: Rows<'_>, fake: Rows<'_>, k: usize) -> Option<Self> {
        if k == 0 || real.len() <= k || fake.len() <= k || real.width != fake.width {
            return None;
        }
        let radii = |rows: Rows<'_>| -> Vec<f64> {
            let radius = |i: usize| {
                let others = (0..rows.len()).filter(|j| *j != i).map(|j| squared(rows.row(i), rows.row(j)));
                let mut all: Vec<f64> = others.collect();
                *all.select_nth_unstable_by(k - 1, f64::total_cmp).1
            };
            (0..rows.len()).map(radius).collect()
        };
        let (of_real, of_fake) = (radii(real), radii(fake));
        let (mut precise, mut balls, mut recalled, mut covered) =
            (0, 0, vec![false; real.len()], vec![false; real.len()]);
        for (j, own) in of_fake.iter().enumerate() {
            let mut within = 0;
            for (i, radius) in of_real.iter().enumerate() {
                let distance = squared(real.row(i), fake.row(j));
                if distance <= *radius {
                    within += 1;
                    covered[i] = true;
                }
                recalled[i] |= distance <= *own;
            }
            precise += usize::from(within > 0);
            balls += within;
        }
        let share = |all: &[bool]| all.iter().filter(|x| **x).count() as f64 / all.len() as f64;
        Some(Self {
            precision: precise as f64 / fake.len() as f64,
            recall: share(&recalled),
            density: balls as f64 / (k * fake.len()) as f64,
            coverage: share(&covered),
        })
    }
}

/// The closest pair among the rows and how far apart it is: of a generator with few samples to give, a batch of about the root of
/// their number has two that are alike (the birthday paradox; Arora & Zhang 2018). None of fewer than two.
pub fn closest_pair(rows: Rows<'_>) -> Option<(usize, usize, f64)> {
    let pairs = (0..rows.len()).flat_map(|i| (0..i).map(move |j| (j, i)));
    let distances = pairs.map(|(j, i)| (j, i, squared(rows.row(i), rows.row(j))));
    distances.min_by(|a, b| a.2.total_cmp(&b.2)).map(|(j, i, d)| (j, i, d.sqrt()))
}

/// How many samples a generator has to give, by the birthday paradox (Arora & Zhang 2018, section 3): of `support` equally likely ones
/// a pair is the same with a chance of 1 / support.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Birthday {
    /// Samples that were looked at.
    pub samples: usize,
    /// Two that are no further apart count as the same.
    pub threshold: f64,
    /// Pairs that are.
    pub duplicates: usize,
    /// All pairs over those: about as many different samples there are; none without duplicates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support: Option<f64>,
}

impl Birthday {
    /// Of all pairs of rows.
    pub fn new(rows: Rows<'_>, threshold: f64) -> Self {
        let samples = rows.len();
        let pairs = (0..samples).flat_map(|i| (0..i).map(move |j| (i, j)));
        let most = threshold * threshold;
        let duplicates = pairs.filter(|(i, j)| squared(rows.row(*i), rows.row(*j)) <= most).count();
        let all = samples as f64 * (samples as f64 - 1.0) / 2.0;
        Self { samples, threshold, duplicates, support: (duplicates > 0).then(|| all / duplicates as f64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn birthdays_say_how_many_samples_there_are() {
        // 2000 draws of 500 points.
        let mut random = Random::new(5);
        let points: Vec<f32> = (0..2000).flat_map(|_| [random.below(500) as f32, 1.0]).collect();
        let found = Birthday::new(Rows::new(&points, 2).unwrap(), 0.25);
        assert!((found.support.unwrap() / 500.0 - 1.0).abs() < 0.1, "{found:?}");
        let apart = Birthday::new(Rows::new(&[0.0, 1.0, 3.0], 1).unwrap(), 0.5);
        assert_eq!((apart.duplicates, apart.support), (0, None));
        let at = |threshold| Birthday::new(Rows::new(&[0.0, 1.0, 3.0], 1).unwrap(), threshold).duplicates;
        assert_eq!((at(1.0), at(2.0), at(3.0)), (1, 2, 3));
        assert_eq!(Birthday::new(Rows::new(&[0.0], 1).unwrap(), 9.0).support, None);
    }

    /// `goldens/samples`
    #[test]
    fn distances_are_those_of_their_definitions() {
        let goldens: Value = serde_json::from_str(include_str!("../../../../goldens/samples/values.json")).unwrap();
        let cases = goldens["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 4);
        for case in cases {
            let floats = |name: &str| -> Vec<f32> {
                case[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
            };
            let (width, k) = (case["width"].as_u64().unwrap() as usize, case["k"].as_u64().unwrap() as usize);
            let (real, fake) = (floats("real"), floats("fake"));
            let (real, fake) = (Rows::new(&real, width).unwrap(), Rows::new(&fake, width).unwrap());
            let n = Neighbourhoods::new(real, fake, k).unwrap();
            for (name, got) in [
                ("precision", n.precision),
                ("recall", n.recall),
                ("density", n.density),
                ("coverage", n.coverage),
                ("kernel_distance", kernel_distance(real, fake)),
                ("closest_pair", closest_pair(fake).unwrap().2),
                ("wasserstein", sliced_wasserstein(real, fake, 3, 1)),
            ] {
                if let Some(want) = case[name].as_f64() {
                    let difference = (got - want).abs();
                    assert!(difference <= 1e-6 * (1.0 + want.abs()), "{name}: {got}, NumPy {want}");
                }
            }
        }
    }

    #[test]
    fn few_samples_and_none() {
        let rows = |data: &'static [f32], width| Rows::new(data, width).unwrap();
        assert!(Rows::new(&[1.0, 2.0, 3.0], 2).is_none() && Rows::new(&[], 0).is_none());
        let (none, one, two) = (rows(&[], 2), rows(&[1.0, 2.0], 2), rows(&[1.0, 2.0, 4.0, 6.0], 2));
        assert!(none.is_empty() && one.len() == 1 && two.first(9).len() == 2);
        assert!(
            sliced_wasserstein(none, two, 4, 1).is_nan() && sliced_wasserstein(two, rows(&[1.0], 1), 4, 1).is_nan()
        );
        assert!(kernel_distance(one, two).is_nan() && Neighbourhoods::new(two, two, 2).is_none());
        assert_eq!((closest_pair(one), closest_pair(two)), (None, Some((0, 1, 5.0))));
        assert_eq!(sliced_wasserstein(two, two, 16, 3), 0.0);
        assert_eq!(Neighbourhoods::new(two, two, 1).unwrap().coverage, 1.0);
    }
}
