//! Linear read-out, softmax and cross-entropy with label smoothing, fused: the logits of the whole
//! batch never exist at once, and their gradient replaces them in place.

use crate::buffer::Aligned;
use crate::elementwise::{add_columns, exp_sum, maximum, sum};
use crate::gemm::{Packed, Start, View, gemm};
use crate::parallel::{self, Shared};
use crate::shape::Check;
use crate::{Real, ShapeError};
use std::ops::Range;

/// Rows whose logits exist at once.
const CHUNK: usize = 256;

/// The operands of the loss of `rows` positions over `vocab` classes.
#[derive(Clone, Copy)]
pub struct Problem<'a, T> {
    /// `[rows, width]`
    pub hidden: &'a [T],
    /// `W^T` packed, `[width, vocab]`.
    pub weight_t: &'a Packed<T>,
    /// `[vocab]`
    pub bias: Option<&'a [T]>,
    /// `[rows]`, each below `vocab`.
    pub targets: &'a [u32],
    /// Of each row classes that can't be, whose probability is 0; empty: none of any row. Not with `smoothing`.
    pub barred: &'a [Range<u32>],
    /// Share of the target's mass spread evenly over all classes (Szegedy et al. 2016).
    pub smoothing: f64,
}

/// Sums over the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    /// Cross-entropy against the smoothed targets, nats.
    pub smoothed: f64,
    /// Negative log-likelihood of the targets, nats.
    pub nll: f64,
    /// Rows whose largest logit is the target's.
    pub correct: usize,
}

/// Gradient of [`Loss::smoothed`].
#[derive(Clone, Debug)]
pub struct Gradient<T> {
    /// `[rows, width]`
    pub hidden: Vec<T>,
    /// `[vocab, width]`
    pub weight: Vec<T>,
    /// `[vocab]`
    pub bias: Vec<T>,
}

/// The loss, and with `weight` (`W[vocab, width]` packed) its gradient.
///
/// # Errors
/// If the shapes do not fit, a target is no class or barred, or the smoothing is not a share.
pub fn cross_entropy<T: Real>(
    problem: Problem<'_, T>,
    weight: Option<&Packed<T>>,
) -> Result<(Loss, Option<Gradient<T>>), ShapeError> {
    let Problem { hidden, weight_t, bias, targets, barred, smoothing } = problem;
    let (width, vocab, rows, check) = (weight_t.depth(), weight_t.cols(), targets.len(), Check("cross_entropy"));
    check.elements("hidden", hidden.len(), &[("rows", rows), ("width", width)])?;
    if let Some(bias) = bias {
        check.elements("the bias", bias.len(), &[("classes", vocab)])?;
    }
    if let Some(weight) = weight {
        check.dimension("classes of weight", weight.depth(), vocab)?;
        check.dimension("width of weight", weight.cols(), width)?;
    }
    check.indices("the target of row", targets.iter().map(|&y| y as usize), vocab)?;
    check.share("the smoothing", smoothing)?;
    check_barred(check, targets, barred, vocab, smoothing)?;
    let mut gradient = weight.map(|_| Gradient {
        hidden: vec![T::ZERO; rows * width],
        weight: vec![T::ZERO; vocab * width],
        bias: vec![T::ZERO; vocab],
    });
    let mut loss = Loss::default();
    let mut logits = Aligned::zeros(CHUNK.min(rows) * vocab);
    let mut row_losses = vec![(0.0, 0.0, false); CHUNK.min(rows)];
    for start in (0..rows).step_by(CHUNK) {
        let count = CHUNK.min(rows - start);
        let logits = &mut logits[..count * vocab];
        let h = &hidden[start * width..(start + count) * width];
        gemm(View::new(h, count, width), weight_t, logits, bias.map_or(Start::Zero, Start::Bias));
        let (shared, losses) = (Shared::new(logits), Shared::new(&mut row_losses[..count]));
        let parts = parallel::ranges(count, parallel::threads(), 1);
        parallel::each(parts.len(), count * vocab > 1 << 14, |part| {
            for i in parts.at(part) {
                // SAFETY: one row, one task.
                let (row, loss) = unsafe { (shared.slice(i * vocab, vocab), &mut losses.slice(i, 1)[0]) };
                let barred = barred.get(start + i).map_or(0..0, |b| b.start as usize..b.end as usize);
                *loss = position(row, targets[start + i] as usize, barred, smoothing);
            }
        });
        for &(smoothed, nll, correct) in &row_losses[..count] {
            loss.smoothed += smoothed;
            loss.nll += nll;
            loss.correct += usize::from(correct);
        }
        if let (Some(g), Some(weight)) = (&mut gradient, weight) {
            let d_logits: &[T] = logits;
            let d_h = &mut g.hidden[start * width..(start + count) * width];
            gemm(View::new(d_logits, count, vocab), weight, d_h, Start::Zero);
            let packed = Packed::with_format(View::new(h, count, width), weight.format());
            gemm(View::new(d_logits, count, vocab).transposed(), &packed, &mut g.weight, Start::Add);
            add_columns(d_logits, &mut g.bias);
        }
    }
    Ok((loss, gradient))
}

/// Barred classes are ranges of classes, one a row, without its target, and without smoothing, which every class has a share of.
///
/// # Errors
/// If they are not.
pub fn check_barred(
    check: Check,
    targets: &[u32],
    barred: &[Range<u32>],
    vocab: usize,
    smoothing: f64,
) -> Result<(), ShapeError> {
    if barred.is_empty() {
        return Ok(());
    }
    check.dimension("number of barred ranges", barred.len(), targets.len())?;
    check.indices("the barred class of row", barred.iter().map(|b| b.end.saturating_sub(1) as usize), vocab)?;
    let wrong = |name, expected: &str, got: String| {
        Err(ShapeError::Value { operation: check.0, name, expected: expected.into(), got })
    };
    if let Some(row) = barred.iter().position(|b| b.start > b.end) {
        return wrong(
            "the barred range",
            "one that does not end before it begins",
            format!("{:?} of row {row}", barred[row]),
        );
    }
    if let Some(row) = targets.iter().zip(barred).position(|(target, barred)| barred.contains(target)) {
        return wrong("the target", "one that is not barred", format!("{} of row {row}", targets[row]));
    }
    if smoothing != 0.0 {
        return wrong("the smoothing", "0 where classes are barred", smoothing.to_string());
    }
    Ok(())
}

/// Loss of one row of logits, which become their own gradient `softmax - target`.
fn position<T: Real>(row: &mut [T], target: usize, barred: Range<usize>, smoothing: f64) -> (f64, f64, bool) {
    let vocab = row.len();
    // Finite, for the sum of all; so far down that its exponential is 0 beside any other.
    row[barred.clone()].fill(T::from_f64(-1e30));
    let logit = row[target];
    let top = maximum(row);
    let total = sum(row);
    let mass = exp_sum(row, top);
    let log_mass = top.to_f64() + mass.to_f64().ln();
    let nll = log_mass - logit.to_f64();
    // -sum_v q_v log p_v with q = (1 - e) onehot + e / vocab
    let spread = log_mass - total.to_f64() / vocab as f64;
    let smoothed = (1.0 - smoothing) * nll + smoothing * spread;
    row[barred].fill(T::ZERO);
    let scale = T::ONE / mass;
    let even = T::from_f64(smoothing / vocab as f64);
    for p in row.iter_mut() {
        *p = *p * scale - even;
    }
    row[target] -= T::from_f64(1.0 - smoothing);
    (smoothed, nll, logit == top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use simurgh_random::Random;

    #[test]
    fn gradient_equals_finite_differences_on_ragged_sizes() {
        for (rows, width, vocab) in [(1, 1, 2), (5, 3, 7), (300, 2, 5)] {
            let mut random = Random::new(rows as u64);
            let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| random.normal()).collect() };
            let (h, w, b) = (draw(rows * width), draw(vocab * width), draw(vocab));
            let targets: Vec<u32> = (0..rows).map(|i| (i * 3 % vocab) as u32).collect();
            let f = |h: &[f64], w: &[f64], b: &[f64], with: bool| {
                let view = View::new(w, vocab, width);
                let weight_t = Packed::new(view.transposed());
                let problem = Problem {
                    hidden: h,
                    weight_t: &weight_t,
                    bias: Some(b),
                    targets: &targets,
                    barred: &[],
                    smoothing: 0.1,
                };
                let weight = Packed::new(view);
                cross_entropy(problem, with.then_some(&weight)).unwrap()
            };
            let gradient = f(&h, &w, &b, true).1.unwrap();
            for (which, exact) in [(0, &gradient.hidden), (1, &gradient.weight), (2, &gradient.bias)] {
                for i in (0..exact.len()).step_by(1 + exact.len() / 40) {
                    let at = |e: f64| {
                        let mut v = [h.clone(), w.clone(), b.clone()];
                        v[which][i] += e;
                        f(&v[0], &v[1], &v[2], false).0.smoothed
                    };
                    let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                    let difference = (numeric - exact[i]).abs();
                    assert!(difference <= 1e-7 * (1.0 + numeric.abs()), "{which} {i}: {numeric} {}", exact[i]);
                }
            }
        }
    }

    #[test]
    fn what_is_barred_has_no_probability_and_no_gradient() {
        // One of three classes is barred: what is left is the softmax of two.
        let (hidden, bias) = ([1.0f64, 2.0], [0.1, 0.7, -0.3]);
        let weights = [1.0, -1.0, 0.5, 0.25, 2.0, 3.0];
        let view = View::new(&weights, 3, 2);
        let (weight_t, weight) = (Packed::new(view.transposed()), Packed::new(view));
        let problem = |barred| Problem {
            hidden: &hidden,
            weight_t: &weight_t,
            bias: Some(&bias),
            targets: &[1],
            barred,
            smoothing: 0.0,
        };
        let barred = [2..3];
        let (loss, gradient) = cross_entropy(problem(&barred), Some(&weight)).unwrap();
        let logits = [1.0 - 2.0 + 0.1f64, 0.5 + 0.5 + 0.7];
        let p = logits[1].exp() / (logits[0].exp() + logits[1].exp());
        assert!((loss.nll + p.ln()).abs() < 1e-12 && loss.nll == loss.smoothed && loss.correct == 1, "{loss:?}");
        let gradient = gradient.unwrap();
        for (got, want) in gradient.bias.iter().zip([1.0 - p, p - 1.0, 0.0]) {
            assert!((got - want).abs() < 1e-12, "{:?}", gradient.bias);
        }
        assert_eq!(gradient.weight[4..], [0.0, 0.0]);
        let message = |barred| cross_entropy(problem(barred), None).unwrap_err().to_string();
        assert_eq!(message(&[0..2]), "cross_entropy: the target is 1 of row 0, expected one that is not barred");
        assert!(message(&[2..4]).contains("the barred class of row 0 is 3, expected less than 3"));
        let backwards = [Range { start: 3, end: 2 }];
        assert!(message(&backwards).contains("the barred range is 3..2 of row 0"));
        assert!(message(&[2..3, 2..3]).contains("number of barred ranges"));
    }

    #[test]
    fn a_nan_shows_in_the_loss() {
        let weight_t = Packed::new(View::new(&[1.0f32, 2.0], 1, 2));
        let problem = Problem {
            hidden: &[f32::NAN],
            weight_t: &weight_t,
            bias: None,
            targets: &[0],
            barred: &[],
            smoothing: 0.0,
        };
        assert!(cross_entropy(problem, None).unwrap().0.nll.is_nan());
    }
}
