//! The minimal filtering of four outputs by three taps, along one dimension.
//!
//! After Winograd ("Arithmetic complexity of computations", 1980) by the polynomials of Toom and Cook: a filter and a signal are
//! evaluated at the points 0, a, -a, b, -b and infinity, multiplied there, and interpolated. a^2 = 1/2 and b^2 = 2 keep the numbers'
//! sizes together, so that f32 loses a digit less than with 1 and 2.

use crate::Real;

/// Outputs of a tile each way.
pub const OUTPUTS: usize = 4;
/// Taps of a filter each way.
pub const TAPS: usize = 3;
/// Points, and inputs of a tile, each way.
pub const POINTS: usize = OUTPUTS + TAPS - 1;

/// The points a and b, and what the transforms multiply by.
#[derive(Clone, Copy)]
pub struct Weights<T> {
    a: T,
    b: T,
    a2: T,
    b2: T,
    a3: T,
    b3: T,
    sum: T,
}

impl<T: Real> Weights<T> {
    pub fn new() -> Self {
        let of = |x: f64| T::from_f64(x);
        let (a, b) = (std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::SQRT_2);
        Self { a: of(a), b: of(b), a2: of(0.5), b2: of(2.0), a3: of(0.5 * a), b3: of(2.0 * b), sum: of(2.5) }
    }
}

impl<T: Real> Weights<T> {
    /// A tile's inputs at the points: row `p` of B^T has the coefficients of the polynomial that is 0 at all points but `p`.
    #[inline(always)]
    pub fn inputs<const FMA: bool>(self, d: [&[T]; POINTS], to: [&mut [T]; POINTS]) {
        let ([d0, d1, d2, d3, d4, d5], [t0, t1, t2, t3, t4, t5]) = (d, to);
        inputs::<T, FMA>(self, d0.len(), d0, d1, d2, d3, d4, d5, t0, t1, t2, t3, t4, t5);
    }

    /// A tile's outputs of the products at the points: A^T, whose row `k` has the points' powers `k`.
    #[inline(always)]
    pub fn outputs<const FMA: bool>(self, m: [&[T]; POINTS], to: [&mut [T]; OUTPUTS]) {
        let ([m0, m1, m2, m3, m4, m5], [y0, y1, y2, y3]) = (m, to);
        outputs::<T, FMA>(self, m0.len(), m0, m1, m2, m3, m4, m5, y0, y1, y2, y3);
    }

    /// The gradient of the products from that of the outputs: A.
    #[inline(always)]
    pub fn d_products<const FMA: bool>(self, d: [&[T]; OUTPUTS], to: [&mut [T]; POINTS]) {
        let ([d0, d1, d2, d3], [m0, m1, m2, m3, m4, m5]) = (d, to);
        d_products::<T, FMA>(self, d0.len(), d0, d1, d2, d3, m0, m1, m2, m3, m4, m5);
    }
}

// One argument a line of channels: so the compiler knows that none overlaps another, and takes vectors of each.

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn inputs<T: Real, const FMA: bool>(
    w: Weights<T>,
    n: usize,
    d0: &[T],
    d1: &[T],
    d2: &[T],
    d3: &[T],
    d4: &[T],
    d5: &[T],
    t0: &mut [T],
    t1: &mut [T],
    t2: &mut [T],
    t3: &mut [T],
    t4: &mut [T],
    t5: &mut [T],
) {
    let (d0, d1, d2, d3, d4, d5) = (&d0[..n], &d1[..n], &d2[..n], &d3[..n], &d4[..n], &d5[..n]);
    let (t0, t1, t2, t3, t4, t5) = (&mut t0[..n], &mut t1[..n], &mut t2[..n], &mut t3[..n], &mut t4[..n], &mut t5[..n]);
    for k in 0..n {
        let (x0, x1, x2, x3, x4, x5) = (d0[k], d1[k], d2[k], d3[k], d4[k], d5[k]);
        // (x^2 - a^2) (x^2 - b^2) = x^4 - 5/2 x^2 + 1
        t0[k] = x2.fma::<FMA>(-w.sum, x0 + x4);
        // x (x + a) (x^2 - b^2) = (x^4 - b^2 x^2) + a (x^3 - b^2 x)
        let (even, odd) = (x2.fma::<FMA>(-w.b2, x4), x1.fma::<FMA>(-w.b2, x3));
        t1[k] = odd.fma::<FMA>(w.a, even);
        t2[k] = odd.fma::<FMA>(-w.a, even);
        let (even, odd) = (x2.fma::<FMA>(-w.a2, x4), x1.fma::<FMA>(-w.a2, x3));
        t3[k] = odd.fma::<FMA>(w.b, even);
        t4[k] = odd.fma::<FMA>(-w.b, even);
        // x (x^2 - a^2) (x^2 - b^2)
        t5[k] = x3.fma::<FMA>(-w.sum, x1 + x5);
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn outputs<T: Real, const FMA: bool>(
    w: Weights<T>,
    n: usize,
    m0: &[T],
    m1: &[T],
    m2: &[T],
    m3: &[T],
    m4: &[T],
    m5: &[T],
    y0: &mut [T],
    y1: &mut [T],
    y2: &mut [T],
    y3: &mut [T],
) {
    let (m0, m1, m2, m3, m4, m5) = (&m0[..n], &m1[..n], &m2[..n], &m3[..n], &m4[..n], &m5[..n]);
    let (y0, y1, y2, y3) = (&mut y0[..n], &mut y1[..n], &mut y2[..n], &mut y3[..n]);
    for k in 0..n {
        let (even_a, odd_a) = (m1[k] + m2[k], m1[k] - m2[k]);
        let (even_b, odd_b) = (m3[k] + m4[k], m3[k] - m4[k]);
        y0[k] = m0[k] + (even_a + even_b);
        y1[k] = odd_b.fma::<FMA>(w.b, odd_a * w.a);
        y2[k] = even_b.fma::<FMA>(w.b2, even_a * w.a2);
        y3[k] = odd_b.fma::<FMA>(w.b3, odd_a.fma::<FMA>(w.a3, m5[k]));
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn d_products<T: Real, const FMA: bool>(
    w: Weights<T>,
    n: usize,
    d0: &[T],
    d1: &[T],
    d2: &[T],
    d3: &[T],
    m0: &mut [T],
    m1: &mut [T],
    m2: &mut [T],
    m3: &mut [T],
    m4: &mut [T],
    m5: &mut [T],
) {
    let (d0, d1, d2, d3) = (&d0[..n], &d1[..n], &d2[..n], &d3[..n]);
    let (m0, m1, m2, m3, m4, m5) = (&mut m0[..n], &mut m1[..n], &mut m2[..n], &mut m3[..n], &mut m4[..n], &mut m5[..n]);
    for k in 0..n {
        let (x0, x1, x2, x3) = (d0[k], d1[k], d2[k], d3[k]);
        m0[k] = x0;
        let (even, odd) = (x2.fma::<FMA>(w.a2, x0), x3.fma::<FMA>(w.a2, x1));
        m1[k] = odd.fma::<FMA>(w.a, even);
        m2[k] = odd.fma::<FMA>(-w.a, even);
        let (even, odd) = (x2.fma::<FMA>(w.b2, x0), x3.fma::<FMA>(w.b2, x1));
        m3[k] = odd.fma::<FMA>(w.b, even);
        m4[k] = odd.fma::<FMA>(-w.b, even);
        m5[k] = x3;
    }
}

/// What point `p` makes of tap `k` of a filter: G.
pub fn filter(p: usize, k: usize) -> f64 {
    let (a, b) = (std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::SQRT_2);
    let (point, others) = match p {
        // The product of the differences to all other points.
        0 => (0.0, 1.0),
        1 => (a, -1.5),
        2 => (-a, -1.5),
        3 => (b, 6.0),
        4 => (-b, 6.0),
        _ => return if k + 1 == TAPS { 1.0 } else { 0.0 },
    };
    (0..k).fold(1.0 / others, |power, _| power * point)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `N` numbers as lines of one.
    fn lines<const N: usize>(numbers: &[f64; N]) -> [&[f64]; N] {
        std::array::from_fn(|k| &numbers[k..=k])
    }

    /// What a transform writes.
    fn written<const N: usize>(transform: impl FnOnce([&mut [f64]; N])) -> [f64; N] {
        let mut to = [f64::NAN; N];
        let mut each = to.iter_mut();
        transform(std::array::from_fn(|_| std::slice::from_mut(each.next().unwrap())));
        to
    }

    #[test]
    fn one_dimension_is_filtered() {
        let (d, g) = ([0.3, -1.2, 2.0, 0.7, -0.4, 1.1], [0.5, -2.0, 0.25]);
        let w = Weights::<f64>::new();
        let at: [f64; POINTS] = written(|to| w.inputs::<false>(lines(&d), to));
        let of_filter = |p: usize| (0..TAPS).map(|k| filter(p, k) * g[k]).sum::<f64>();
        let products: [f64; POINTS] = std::array::from_fn(|p| at[p] * of_filter(p));
        let y: [f64; OUTPUTS] = written(|to| w.outputs::<false>(lines(&products), to));
        for (k, y) in y.iter().enumerate() {
            let expected: f64 = (0..TAPS).map(|j| d[k + j] * g[j]).sum();
            assert!((y - expected).abs() < 1e-14, "{k}: {y} for {expected}");
        }
    }

    #[test]
    fn the_gradient_of_products_is_the_transpose() {
        let w = Weights::<f64>::new();
        let unit = |n: usize, k: usize| if n == k { 1.0 } else { 0.0 };
        for p in 0..POINTS {
            let column: [f64; OUTPUTS] =
                written(|to| w.outputs::<false>(lines::<POINTS>(&std::array::from_fn(|n| unit(n, p))), to));
            for (k, y) in column.iter().enumerate() {
                let row: [f64; POINTS] =
                    written(|to| w.d_products::<false>(lines::<OUTPUTS>(&std::array::from_fn(|n| unit(n, k))), to));
                assert!((row[p] - y).abs() < 1e-15, "{p}, {k}");
            }
        }
    }
}
