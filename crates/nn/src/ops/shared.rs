//! Tensors that many operations read, and whose gradient all of them add up in one place.
//!
//! A network that runs a step at a time would otherwise make a gradient of its weights, and of all that its attention looks
//! at, every step: memory to clear, and one more sum over all of it. Each operation's backward pass adds to the shared sum
//! instead, and the operation that stands before them all on the tape hands it on.

use super::fused::{AnyKernel, Kernel, Number, Operand, Output, Saved, is_nothing, run_fused};
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Tensor, TensorData};
use std::any::Any;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// A tensor, and the sum of its gradients if there is one.
#[derive(Clone, Debug)]
pub struct Shared<const D: usize> {
    /// The tensor.
    pub tensor: Tensor<D>,
    /// Where gradients are added.
    pub(super) sum: Option<Arc<Sum>>,
}

impl<const D: usize> From<Tensor<D>> for Shared<D> {
    /// An ordinary tensor: every operation has a gradient of its own.
    fn from(tensor: Tensor<D>) -> Self {
        Self { tensor, sum: None }
    }
}

impl<const D: usize> Shared<D> {
    /// `tensor`, for many operations to come.
    pub fn new(tensor: Tensor<D>) -> Self {
        if !super::fused::available(&tensor.device()) {
            return tensor.into();
        }
        let sum = Arc::new(Sum::default());
        Self { tensor: run_fused(vec![tensor.into_dispatch()], Anchor { sum: sum.clone() }), sum: Some(sum) }
    }
}

impl Shared<2> {
    /// Some of the rows.
    pub fn rows(&self, rows: Range<usize>) -> Tensor<2> {
        match &self.sum {
            Some(sum) => run_fused(vec![self.tensor.clone().into_dispatch()], Rows { rows, sum: sum.clone() }),
            None => {
                let [_, width] = self.tensor.dims();
                self.tensor.clone().slice([rows, 0..width])
            }
        }
    }
}

/// A sum of gradients on its way.
#[derive(Debug, Default)]
pub(super) struct Sum(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    numbers: Option<Box<dyn Any + Send>>,
    passed: bool,
}

impl Sum {
    /// What was put here, or `len` zeros.
    pub(super) fn take<T: Number>(&self, len: usize) -> Vec<T> {
        self.taken().unwrap_or_else(|| vec![T::ZERO; len])
    }

    fn taken<T: Number>(&self) -> Option<Vec<T>> {
        let numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner).numbers.take();
        numbers.and_then(|numbers| numbers.downcast().ok()).map(|numbers| *numbers)
    }

    /// Adds to what was put here since: an operation that reads a tensor twice takes it once and begins again with zeros.
    pub(super) fn put<T: Number>(&self, mut numbers: Vec<T>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = state.numbers.take().and_then(|since| since.downcast::<Vec<T>>().ok()) {
            numbers.iter_mut().zip(since.iter()).for_each(|(sum, d)| *sum += *d);
        }
        state.numbers = Some(Box::new(numbers));
    }

    /// Must this operation pass zeros to the anchor? The first one to come does: the tape asks for a gradient.
    pub(super) fn passes(&self) -> bool {
        !std::mem::replace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).passed, true)
    }
}

/// What an operation that reads a [`Shared`] tensor makes its gradient of: the sum so far, or zeros.
pub(super) fn start<T: Number>(sum: Option<&Arc<Sum>>, len: usize) -> Vec<T> {
    sum.map_or_else(|| vec![T::ZERO; len], |sum| sum.take(len))
}

/// Puts the sum back, and returns nothing then; the operation's own gradient otherwise.
pub(super) fn finish<T: Number>(sum: Option<&Arc<Sum>>, gradient: Vec<T>) -> Vec<T> {
    match sum {
        Some(sum) => {
            sum.put(gradient);
            Vec::new()
        }
        None => gradient,
    }
}

/// The tensor as it is, before all the operations that read it.
#[derive(Debug)]
struct Anchor {
    sum: Arc<Sum>,
}

impl AnyKernel for Anchor {
    fn run(&self, inputs: &[FlexTensor], _track: bool) -> (FlexTensor, Saved) {
        (inputs[0].clone(), Arc::new(()))
    }

    fn gradients(
        &self,
        inputs: &[FlexTensor],
        _: &FlexTensor,
        _: &Saved,
        d_output: FlexTensor,
        _: &[bool],
    ) -> Vec<Option<FlexTensor>> {
        match inputs[0].dtype() {
            DType::F32 => vec![Some(self.gradient::<f32>(&inputs[0], d_output))],
            DType::F64 => vec![Some(self.gradient::<f64>(&inputs[0], d_output))],
            other => panic!("no fused operation for {other:?}"),
        }
    }
}

impl Anchor {
    /// The sum, and what came along the tape from operations that do not know of it.
    fn gradient<T: Number>(&self, input: &FlexTensor, d_output: FlexTensor) -> FlexTensor {
        let Some(mut sum) = self.sum.taken::<T>() else { return d_output };
        if !is_nothing::<T>(&d_output) {
            let d_output = d_output.to_contiguous();
            let others = d_output.as_slice::<T>().expect("a contiguous tensor of the same type");
            sum.iter_mut().zip(others).for_each(|(sum, d)| *sum += *d);
        }
        FlexTensor::from_data(TensorData::new(sum, input.shape()))
    }
}

/// Some rows of a shared matrix.
#[derive(Debug)]
struct Rows {
    rows: Range<usize>,
    sum: Arc<Sum>,
}

impl Rows {
    fn elements<T>(&self, matrix: &Operand<'_, T>) -> Range<usize> {
        let width = matrix.shape[1];
        self.rows.start * width..self.rows.end * width
    }
}

impl Kernel for Rows {
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], _track: bool) -> Output<T> {
        let data = inputs[0].data[self.elements(&inputs[0])].to_vec();
        Output { data, shape: vec![self.rows.len(), inputs[0].shape[1]], saved: Arc::new(()) }
    }

    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        _: &[T],
        _: &Saved,
        d_output: &[T],
        _: &[bool],
    ) -> Vec<Vec<T>> {
        let mut sum: Vec<T> = self.sum.take(inputs[0].data.len());
        sum[self.elements(&inputs[0])].iter_mut().zip(d_output).for_each(|(sum, d)| *sum += *d);
        self.sum.put(sum);
        vec![Vec::new()]
    }

    fn passes_zeros(&self, _: usize) -> bool {
        self.sum.passes()
    }
}
