//! Parameters and results of the CPU backend as plain memory, for loops that take one step after another.

use super::fused::Operand;
use super::packs::{packed, packed_state};
use crate::pass::Precision;
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Tensor};
use simurgh_kernels::gemm::Packed;
use simurgh_kernels::recurrent::Cell;
use std::sync::Arc;

/// A tensor of `f32` numbers, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    tensor: FlexTensor,
    shape: Vec<usize>,
}

impl Plain {
    /// None where the tensor is not on the CPU backend, on a tape, or of another type.
    pub(crate) fn of<const D: usize>(tensor: Tensor<D>) -> Option<Self> {
        let shape = tensor.dims().to_vec();
        if tensor.dtype() != DType::F32 || tensor.device().is_autodiff() {
            return None;
        }
        let tensor = tensor.try_into_primitive::<Flex>().ok()?.to_contiguous();
        Some(Self { tensor, shape })
    }

    pub(crate) fn data(&self) -> &[f32] {
        self.tensor.as_slice::<f32>().expect("contiguous numbers of the type asked for")
    }

    fn operand(&self) -> Operand<'_, f32> {
        Operand { data: self.data(), shape: &self.shape, tensor: &self.tensor }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// A matrix, packed as a right operand.
    pub(crate) fn packed(&self, precision: Precision) -> Arc<Packed<f32>> {
        packed(&self.operand(), false, precision.into())
    }

    /// A recurrent layer's `W_hh`, packed.
    pub(crate) fn packed_state(&self, cell: Cell, precision: Precision) -> Arc<Vec<Packed<f32>>> {
        packed_state(cell, &self.operand(), false, precision.into())
    }

    /// A matrix' transpose, packed as a right operand.
    pub(crate) fn packed_t(&self, precision: Precision) -> Arc<Packed<f32>> {
        packed(&self.operand(), true, precision.into())
    }

    /// A recurrent layer's `W_hh^T`, packed.
    pub(crate) fn packed_state_t(&self, cell: Cell, precision: Precision) -> Arc<Vec<Packed<f32>>> {
        packed_state(cell, &self.operand(), true, precision.into())
    }
}
