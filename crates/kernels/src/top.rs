//! The most likely classes of a row of logits.

use crate::elementwise::{exp_total_body, maximum_body};
use crate::{Real, multiversion};

/// Fewest logits that one maximum stands for.
const BLOCK: usize = 64;
/// Most blocks of a row: their maxima stand on the stack.
const BLOCKS: usize = 256;

/// The `count` most likely classes of a row of logits, as (class, log-probability), the likeliest first and of equals the first
/// class first, into `best`; fewer where fewer are above minus infinity. A NaN is never among them and
/// makes every log-probability NaN. Nothing is allocated if `best` has room for `count + 1`.
///
/// The row is read twice: for the maxima of its blocks and for the sum of exponentials. After that only blocks whose maximum is
/// among the best `count` are looked at.
pub fn most_likely<T: Real>(logits: &[T], count: usize, best: &mut Vec<(u32, T)>) {
    if logits.is_empty() {
        return best.clear();
    }
    let block = logits.len().div_ceil(BLOCKS).next_multiple_of(BLOCK);
    let mut room = [T::ZERO; BLOCKS];
    let maxima = &mut room[..logits.len().div_ceil(block)];
    let shift = survey(logits, block, maxima);
    // As many blocks have an element that is no less, so none that is less can be among the best.
    select(maxima.iter().copied().enumerate(), count, best);
    let least = if best.len() == count { best.last().map(|b| b.1) } else { None };
    let promising = maxima.iter().zip(logits.chunks(block)).enumerate().filter(|(_, (top, _))| match least {
        // A NaN lets its block through: what stands beside it may be among the best.
        Some(least) => !matches!(top.partial_cmp(&&least), Some(std::cmp::Ordering::Less)),
        None => true,
    });
    let elements = promising.flat_map(|(index, (_, chunk))| {
        chunk.iter().copied().enumerate().map(move |(i, value)| (index * block + i, value))
    });
    select(elements.filter(|(_, value)| least.is_none_or(|least| *value >= least)), count, best);
    best.iter_mut().for_each(|b| b.1 -= shift);
}

/// The `count` largest of `values` above minus infinity, which come in the order of their indices.
fn select<T: Real>(values: impl Iterator<Item = (usize, T)>, count: usize, best: &mut Vec<(u32, T)>) {
    best.clear();
    let mut threshold = T::from_f64(f64::NEG_INFINITY);
    for (index, value) in values {
        if value > threshold {
            let at = best.partition_point(|b| b.1 >= value);
            best.insert(at, (index as u32, value));
            best.truncate(count);
            if best.len() == count {
                threshold = best.last().map_or(value, |b| b.1);
            }
        }
    }
}

/// The maximum of every block, and the logarithm of the sum of all exponentials.
#[inline(always)]
fn survey_body<T: Real, const FMA: bool>(row: &[T], block: usize, maxima: &mut [T]) -> T {
    for (top, block) in maxima.iter_mut().zip(row.chunks(block)) {
        *top = maximum_body::<T, FMA>(block);
    }
    let shift = maximum_body::<T, FMA>(maxima);
    shift + exp_total_body::<T, FMA>(row, shift).ln()
}

multiversion! {
    fn survey<T: Real>(row: &[T], block: usize, maxima: &mut [T]) -> T = survey_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use simurgh_random::Random;

    /// Sorts all classes.
    fn by_sorting(logits: &[f64], count: usize) -> Vec<(u32, f64)> {
        let total: f64 = logits.iter().map(|x| x.exp()).sum();
        let mut all: Vec<(u32, f64)> = logits.iter().enumerate().map(|(i, x)| (i as u32, x - total.ln())).collect();
        all.retain(|x| x.1 > f64::NEG_INFINITY);
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all.truncate(count);
        all
    }

    #[test]
    fn the_best_are_those_of_a_sort_whatever_the_length() {
        let mut random = Random::new(1);
        for n in [0, 1, 2, 9, 63, 64, 65, 200, 1000, 8000, 16_385, 40_000] {
            for count in [1, 2, 10, 70] {
                // Few different values make ties, a third of them is impossible.
                let logits: Vec<f64> = (0..n)
                    .map(|_| match random.below(3) {
                        0 => f64::NEG_INFINITY,
                        _ => (random.normal() * 3.0).round(),
                    })
                    .collect();
                let mut best = vec![(7, 7.0)];
                most_likely(&logits, count, &mut best);
                let want = by_sorting(&logits, count);
                assert_eq!(best.len(), want.len(), "{n} {count}");
                for (got, want) in best.iter().zip(&want) {
                    assert!(got.0 == want.0 && (got.1 - want.1).abs() < 1e-9, "{n} {count}: {got:?} {want:?}");
                }
            }
        }
    }

    #[test]
    fn a_nan_makes_every_probability_one_and_is_never_chosen() {
        for at in [0, 70, 999] {
            let mut logits: Vec<f32> = (0..1000).map(|i| (i % 100) as f32).collect();
            logits[at] = f32::NAN;
            let mut best = Vec::new();
            most_likely(&logits, 5, &mut best);
            assert!(best.iter().all(|b| b.0 as usize != at && b.1.is_nan()), "{best:?}");
            assert_eq!(best.len(), 5);
        }
        let mut best = Vec::new();
        most_likely(&[f32::NAN; 3], 2, &mut best);
        assert!(best.is_empty());
    }
}
