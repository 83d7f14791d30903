//! Read-out layer, softmax and cross-entropy in one operation.

use super::fused::{Kernel, Number, Operand, Output, Saved, run_fused};
use super::packs::packed;
use super::{Body, indices};
use crate::pass::Precision;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_kernels::cross_entropy::{Gradient, Problem, check_barred, cross_entropy as kernel};
use simurgh_kernels::gemm::Format;
use simurgh_kernels::shape::Check;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// Sums over the positions of a batch.
#[derive(Clone, Debug)]
pub struct Loss {
    /// `[3]`: cross-entropy against the smoothed targets in nats, from which the gradient flows;
    /// negative log-likelihood in nats; positions whose most likely class is the target.
    sums: Tensor<1>,
}

impl Loss {
    /// Of the three sums, `[3]`.
    pub(crate) fn of(sums: Tensor<1>) -> Self {
        Self { sums }
    }

    #[cfg(test)]
    pub(crate) fn sums(self) -> Tensor<1> {
        self.sums
    }

    /// The summed smoothed cross-entropy, `[1]`, to differentiate.
    pub fn smoothed(&self) -> Tensor<1> {
        self.sums.clone().slice([0..1])
    }

    /// Smoothed cross-entropy, negative log-likelihood (both in nats) and number of correct positions.
    pub fn values(&self) -> [f64; 3] {
        let values: Vec<f64> = self.sums.clone().into_data().iter::<f64>().collect();
        [values[0], values[1], values[2]]
    }
}

/// What the positions are, `[rows]`.
#[derive(Clone, Debug)]
pub struct Targets {
    /// The class of each.
    pub classes: Arc<[u32]>,
    /// Of each classes that it can't be, whose probability is then 0; empty: none of any.
    pub barred: Arc<[Range<u32>]>,
}

impl From<Arc<[u32]>> for Targets {
    fn from(classes: Arc<[u32]>) -> Self {
        Self { classes, barred: Arc::from([]) }
    }
}

/// Loss of `targets` under `softmax(hidden W^T + b)`: `hidden[rows, width]`, `W[vocab, width]`,
/// `b[vocab]`; `smoothing` is the share of a target's mass spread over all classes (Szegedy et al. 2016); the
/// kernel multiplies with this `precision`.
///
/// # Errors
/// If the shapes do not fit, a target is no class or barred, or the smoothing is not a share (0 where classes are barred).
pub fn cross_entropy(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: impl Into<Targets>,
    smoothing: f64,
    precision: Precision,
) -> Result<Loss, ShapeError> {
    body(hidden, weight, bias, targets.into(), smoothing, precision.into(), Body::Auto)
}

pub(crate) fn body(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Targets,
    smoothing: f64,
    format: Format,
    body: Body,
) -> Result<Loss, ShapeError> {
    let [rows, width] = hidden.dims();
    let [vocab, columns] = weight.dims();
    let check = Check("cross_entropy");
    for (dimension, size) in [("the number of rows", rows), ("the width", width), ("the number of classes", vocab)] {
        check.some(dimension, size)?;
    }
    let classes = &targets.classes;
    check.dimension("number of targets", classes.len(), rows)?;
    check.dimension("width of the weight", columns, width)?;
    check.dimension("classes of the bias", bias.dims()[0], vocab)?;
    check.indices("the target of row", classes.iter().map(|&y| y as usize), vocab)?;
    check.share("the smoothing", smoothing)?;
    check_barred(check, classes, &targets.barred, vocab, smoothing)?;
    if body.is_fused(&hidden) {
        let inputs = vec![hidden.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()];
        return Ok(Loss { sums: run_fused(inputs, CrossEntropy { targets, smoothing, format }) });
    }
    let mut logits = hidden.matmul(weight.transpose()) + bias.unsqueeze();
    if !targets.barred.is_empty() {
        let bar = |range: &Range<u32>| {
            (0..vocab as u32).map(|class| if range.contains(&class) { -1e30f32 } else { 0.0 }).collect::<Vec<_>>()
        };
        let bars: Vec<f32> = targets.barred.iter().flat_map(bar).collect();
        logits = logits.clone()
            + Tensor::from_data(TensorData::new(bars, [rows, vocab]), (&logits.device(), logits.dtype()));
    }
    let log_p = log_softmax(logits, 1);
    let ids = indices(classes.iter().map(|&y| y as usize), &log_p).reshape([rows, 1]);
    let chosen: Tensor<2> = log_p.clone().gather(1, ids);
    let correct = chosen.clone().equal(log_p.clone().max_dim(1)).float().cast(log_p.dtype()).sum();
    let nll = -chosen.sum();
    // Without a share in it, not even times 0: barred classes are infinitely far.
    let smoothed = match smoothing {
        0.0 => nll.clone(),
        _ => nll.clone() * (1.0 - smoothing) - log_p.sum() * (smoothing / vocab as f64),
    };
    Ok(Loss { sums: Tensor::cat(vec![smoothed, nll, correct], 0) })
}

#[derive(Debug)]
struct CrossEntropy {
    targets: Targets,
    smoothing: f64,
    format: Format,
}

impl Kernel for CrossEntropy {
    /// The gradient is made in the forward pass, where the logits are at hand.
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], track: bool) -> Output<T> {
        let (hidden, weight, bias) = (&inputs[0], &inputs[1], &inputs[2]);
        let problem = Problem {
            hidden: hidden.data,
            weight_t: &packed(weight, true, self.format),
            bias: Some(bias.data),
            targets: &self.targets.classes,
            barred: &self.targets.barred,
            smoothing: self.smoothing,
        };
        let weight = track.then(|| packed(weight, false, self.format));
        let (loss, gradient) = kernel(problem, weight.as_deref()).expect("operands were checked before");
        let sums = [loss.smoothed, loss.nll, loss.correct as f64];
        Output { data: sums.map(T::from_f64).to_vec(), shape: vec![3], saved: Arc::new(Mutex::new(gradient)) }
    }

    fn backward<T: Number>(
        &self,
        _: &[Operand<'_, T>],
        _: &[T],
        saved: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let saved = saved.downcast_ref::<Mutex<Option<Gradient<T>>>>().expect("a loss saves its gradient");
        // Taken, not copied: a tape is run once.
        let gradient = saved.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Gradient { hidden, weight, bias } = gradient.expect("a tracked loss has a gradient, once");
        let mut all = vec![hidden, weight, bias];
        if d_output[0] != T::ONE {
            all.iter_mut().flatten().for_each(|g| *g *= d_output[0]);
        }
        all
    }
}
