//! Adam and AdamW in one pass over each parameter, and the global gradient norm.

use crate::parallel::{self, Shared};
use crate::{Real, multiversion};

/// Elements of a segment: partial sums and parallel tasks have this size whatever the threads.
const SEGMENT: usize = 1 << 14;

/// The numbers of one update (Kingma & Ba 2015; weight decay decoupled as in Loshchilov & Hutter 2019).
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root in the denominator.
    pub epsilon: f64,
    /// Decoupled weight decay; 0 is Adam.
    pub weight_decay: f64,
    /// What each gradient is multiplied with first (clipping, accumulation).
    pub scale: f64,
    /// Updates including this one, from 1.
    pub step: u64,
}

/// Updates `parameter` with its `gradient` and moments.
pub fn update<T: Real>(u: Update, parameter: &mut [T], gradient: &[T], mean: &mut [T], square: &mut [T]) {
    let n = parameter.len();
    assert!(gradient.len() == n && mean.len() == n && square.len() == n, "adam: lengths");
    let steps = u.step as f64;
    let correct1 = 1.0 - u.beta1.powf(steps);
    let correct2 = 1.0 - u.beta2.powf(steps);
    let c = [
        u.beta1,
        u.beta2,
        u.scale,
        u.learning_rate / correct1,
        1.0 / correct2.sqrt(),
        u.epsilon,
        1.0 - u.learning_rate * u.weight_decay,
    ]
    .map(T::from_f64);
    let (p, m, v) = (Shared::new(parameter), Shared::new(mean), Shared::new(square));
    let parts = parallel::ranges(n, parallel::threads(), SEGMENT);
    parallel::each(parts.len(), n > SEGMENT, |part| {
        let range = parts.at(part);
        let (start, len) = (range.start, range.len());
        // SAFETY: the parts are disjoint.
        let (p, m, v) = unsafe { (p.slice(start, len), m.slice(start, len), v.slice(start, len)) };
        segment(c, p, &gradient[range], m, v);
    });
}

#[inline(always)]
fn segment_body<T: Real, const FMA: bool>(c: [T; 7], p: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
    let [beta1, beta2, scale, rate, root, epsilon, keep] = c;
    for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
        let g = *g * scale;
        *m = beta1.fma::<FMA>(*m, (T::ONE - beta1) * g);
        *v = beta2.fma::<FMA>(*v, (T::ONE - beta2) * g * g);
        *p = *p * keep - rate * *m / (v.sqrt().fma::<FMA>(root, epsilon));
    }
}

multiversion! {
    fn segment<T: Real>(c: [T; 7], p: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) = segment_body
}

/// Sum of squares in `f64`, over fixed segments.
pub fn square_sum<T: Real>(gradient: &[T]) -> f64 {
    let mut sums = vec![0.0f64; gradient.len().div_ceil(SEGMENT)];
    let shared = Shared::new(&mut sums);
    let parts = parallel::ranges(shared.len(), parallel::threads(), 1);
    parallel::each(parts.len(), gradient.len() > SEGMENT, |part| {
        for i in parts.at(part) {
            let segment = &gradient[i * SEGMENT..gradient.len().min((i + 1) * SEGMENT)];
            // Blocks of 1024 in the type itself, their sum in f64.
            let sum = segment.chunks(1024).map(|b| crate::elementwise::dot(b, b).to_f64()).sum();
            // SAFETY: one segment, one element.
            unsafe { shared.slice(i, 1)[0] = sum };
        }
    });
    sums.iter().sum()
}

/// `average = decay * average + (1 - decay) * parameter`.
pub fn moving_average<T: Real>(decay: f64, average: &mut [T], parameter: &[T]) {
    let (keep, take) = (T::from_f64(decay), T::from_f64(1.0 - decay));
    let parts = parallel::ranges(average.len(), parallel::threads(), SEGMENT);
    let (n, shared) = (average.len(), Shared::new(average));
    parallel::each(parts.len(), n > SEGMENT, |part| {
        let range = parts.at(part);
        // SAFETY: the parts are disjoint.
        let average = unsafe { shared.slice(range.start, range.len()) };
        mix(keep, take, average, &parameter[range]);
    });
}

#[inline(always)]
fn mix_body<T: Real, const FMA: bool>(keep: T, take: T, average: &mut [T], parameter: &[T]) {
    for (a, p) in average.iter_mut().zip(parameter) {
        *a = keep.fma::<FMA>(*a, take * *p);
    }
}

multiversion! {
    fn mix<T: Real>(keep: T, take: T, average: &mut [T], parameter: &[T]) = mix_body
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The textbook form, in f64.
    #[test]
    fn equals_the_algorithm_as_printed() {
        let n = 40_000;
        let mut p: Vec<f32> = (0..n).map(|i| (i as f32 * 0.1).sin()).collect();
        let mut q: Vec<f64> = p.iter().map(|&x| f64::from(x)).collect();
        let (mut m, mut v) = (vec![0.0f32; n], vec![0.0f32; n]);
        let (mut m64, mut v64) = (vec![0.0f64; n], vec![0.0f64; n]);
        for step in 1..=5u64 {
            let g: Vec<f32> = (0..n).map(|i| ((i as u64 * step) as f32).cos()).collect();
            let u = Update {
                learning_rate: 1e-2,
                beta1: 0.9,
                beta2: 0.98,
                epsilon: 1e-8,
                weight_decay: 0.1,
                scale: 0.5,
                step,
            };
            update(u, &mut p, &g, &mut m, &mut v);
            for i in 0..n {
                let g = f64::from(g[i]) * 0.5;
                m64[i] = 0.9 * m64[i] + 0.1 * g;
                v64[i] = 0.98 * v64[i] + 0.02 * g * g;
                let (mh, vh) = (m64[i] / (1.0 - 0.9f64.powi(step as i32)), v64[i] / (1.0 - 0.98f64.powi(step as i32)));
                q[i] = q[i] * (1.0 - 1e-2 * 0.1) - 1e-2 * mh / (vh.sqrt() + 1e-8);
            }
        }
        for (a, b) in p.iter().zip(&q) {
            let difference = (f64::from(*a) - b).abs();
            assert!(difference < 2e-6, "{a} {b}");
        }
    }

    #[test]
    fn the_norm_is_the_same_for_any_number_of_threads() {
        let g: Vec<f32> = (0..100_001).map(|i| (i as f32).sin()).collect();
        let sums: Vec<f64> = [1, 3]
            .map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(|| square_sum(&g)))
            .to_vec();
        assert_eq!(sums[0].to_bits(), sums[1].to_bits());
        let want: f64 = g.iter().map(|&x| f64::from(x).powi(2)).sum();
        assert!((sums[0] - want).abs() < 1e-2);
        assert!(square_sum(&[f32::NAN]).is_nan());
    }
}
