//! One pass over each parameter: [`adam`], [`sgd`]; the global gradient norm and the moving average of parameters.

pub mod adam;
pub mod sgd;

use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError, multiversion};
use std::ops::Range;

/// Elements of a segment: partial sums and parallel tasks have this size whatever the threads.
const SEGMENT: usize = 1 << 14;

/// The gradient of one parameter.
#[derive(Clone, Copy, Debug)]
pub enum Gradient<'a, T> {
    /// Of every element.
    Dense(&'a [T]),
    /// Of some rows of a table; that of the others is 0.
    Rows {
        /// Which ones, rising.
        ids: &'a [u32],
        /// Elements of a row.
        width: usize,
        /// `[ids, width]`
        data: &'a [T],
    },
}

impl<T: Real> Gradient<'_, T> {
    /// # Errors
    /// If it is not of a parameter of `len` elements.
    fn check(&self, check: Check, len: usize) -> Result<(), ShapeError> {
        match *self {
            Self::Dense(data) => check.dimension("length of the gradient", data.len(), len),
            Self::Rows { ids, width, data } => {
                check.some("the width of a row", width)?;
                check.dimension("length of the parameter after its rows", len % width, 0)?;
                check.elements("the rows' gradient", data.len(), &[("ids", ids.len()), ("width", width)])?;
                check.indices("row", ids.iter().map(|&id| id as usize), len / width)?;
                match ids.windows(2).find(|w| w[0] >= w[1]) {
                    None => Ok(()),
                    Some(w) => Err(ShapeError::Value {
                        operation: check.0,
                        name: "a row",
                        expected: format!("more than the {} before it", w[0]),
                        got: w[1].to_string(),
                    }),
                }
            }
        }
    }

    /// Hands `range` of the parameter on in pieces, each with its gradient, or none where that is 0.
    fn pieces(&self, range: Range<usize>, mut piece: impl FnMut(Range<usize>, Option<&[T]>)) {
        match *self {
            Self::Dense(data) => piece(range.clone(), Some(&data[range])),
            Self::Rows { ids, width, data } => {
                let mut at = range.start;
                let first = ids.partition_point(|&id| (id as usize + 1) * width <= range.start);
                for (k, &id) in ids.iter().enumerate().skip(first) {
                    let row = id as usize * width..(id as usize + 1) * width;
                    if row.start >= range.end {
                        break;
                    }
                    let (start, end) = (row.start.max(range.start), row.end.min(range.end));
                    if at < start {
                        piece(at..start, None);
                    }
                    let own = &data[k * width..][start - row.start..end - row.start];
                    piece(start..end, Some(own));
                    at = end;
                }
                if at < range.end {
                    piece(at..range.end, None);
                }
            }
        }
    }
}

/// Runs `task` for parts of `0 .. len` on all threads.
fn each_part(len: usize, task: impl Fn(Range<usize>) + Sync) {
    let parts = parallel::ranges(len, parallel::threads(), SEGMENT);
    parallel::each(parts.len(), len > SEGMENT, |part| task(parts.at(part)));
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
///
/// # Errors
/// If the lengths differ.
pub fn moving_average<T: Real>(decay: f64, average: &mut [T], parameter: &[T]) -> Result<(), ShapeError> {
    Check("moving average").dimension("length of the average", average.len(), parameter.len())?;
    let (keep, take) = (T::from_f64(decay), T::from_f64(1.0 - decay));
    let (n, shared) = (average.len(), Shared::new(average));
    each_part(n, |range| {
        // SAFETY: the parts are disjoint.
        let average = unsafe { shared.slice(range.start, range.len()) };
        mix(keep, take, average, &parameter[range]);
    });
    Ok(())
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

    #[test]
    fn what_does_not_fit_is_an_error() {
        let sgd = sgd::Update { learning_rate: 0.1, momentum: 0.0, weight_decay: 0.0, scale: 1.0 };
        let rows = |ids, width, data| Gradient::Rows { ids, width, data };
        let gradients = [
            (Gradient::Dense(&[0.0; 5]), "sgd: length of the gradient is 5, expected 6"),
            (rows(&[0], 0, &[]), "sgd: the width of a row is 0"),
            (rows(&[0], 4, &[0.0; 4]), "sgd: length of the parameter after its rows is 2, expected 0"),
            (rows(&[0], 2, &[0.0; 3]), "sgd: `the rows' gradient` has 3 elements, expected 2 (ids 1 x width 2)"),
            (rows(&[0, 3], 2, &[0.0; 4]), "sgd: row 1 is 3, expected less than 3"),
            (rows(&[2, 1], 2, &[0.0; 4]), "sgd: a row is 1, expected more than the 2 before it"),
        ];
        let mut parameter = [1.0f32; 6];
        for (gradient, want) in gradients {
            assert_eq!(sgd::update(sgd, &mut parameter, gradient, &mut []).unwrap_err().to_string(), want);
        }
        let e = sgd::update(sgd, &mut parameter, Gradient::Dense(&[0.0; 6]), &mut [0.0]).unwrap_err();
        assert_eq!(e.to_string(), "sgd: length of the velocity is 1, expected 0");
        let e = moving_average(0.5, &mut [0.0; 3], &parameter).unwrap_err();
        assert_eq!(e.to_string(), "moving average: length of the average is 3, expected 6");
        assert_eq!(parameter, [1.0; 6]);
    }

    /// Rows' gradients and the same with zeros between them, from which both rules must make the same bits.
    #[test]
    fn rows_update_as_a_table_of_zeros_around_them_does() {
        let (rows, width) = (900, 37);
        let n = rows * width;
        for ids in [vec![], vec![0u32], vec![899], (0..900).step_by(7).collect(), (0..900).collect::<Vec<u32>>()] {
            let data: Vec<f32> = (0..ids.len() * width).map(|i| (i as f32).sin()).collect();
            let mut dense = vec![0.0; n];
            for (k, &id) in ids.iter().enumerate() {
                dense[id as usize * width..][..width].copy_from_slice(&data[k * width..][..width]);
            }
            let run = |gradient: Gradient<'_, f32>, threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let start: Vec<f32> = (0..n).map(|i| (i as f32).cos()).collect();
                let (mut p, mut m, mut v) =
                    (start.clone(), start.clone(), start.iter().map(|x| x * x).collect::<Vec<_>>());
                let (mut q, mut velocity) = (start.clone(), start.clone());
                pool.install(|| {
                    let adam = adam::Update {
                        learning_rate: 1e-2,
                        beta1: 0.9,
                        beta2: 0.98,
                        epsilon: 1e-8,
                        weight_decay: 0.1,
                        scale: 0.5,
                        step: 3,
                    };
                    adam::update(adam, &mut p, gradient, &mut m, &mut v).unwrap();
                    let momentum = sgd::Update { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.01, scale: 0.5 };
                    sgd::update(momentum, &mut q, gradient, &mut velocity).unwrap();
                    let plain = sgd::Update { momentum: 0.0, weight_decay: 0.0, ..momentum };
                    sgd::update(plain, &mut q, gradient, &mut []).unwrap();
                });
                [p, m, v, q, velocity].map(|all| all.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
            };
            let want = run(Gradient::Dense(&dense), 1);
            for threads in [1, 3] {
                let got = run(Gradient::Rows { ids: &ids, width, data: &data }, threads);
                assert!(got == want, "{} rows, {threads} threads", ids.len());
            }
        }
    }
}
