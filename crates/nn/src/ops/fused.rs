//! One backend extension for all fused operations: tensors and a kernel in, a tensor out, the
//! kernel's own gradient in the backward pass.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, Dispatch, DispatchDevice, Element, ExtensionType, Flex, TensorMetadata, backend_extension,
};
use burn::tensor::{DType, Device, Shape, Tensor, TensorData};
use simurgh_kernels::Real;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// The numbers of a kernel: `f32` or `f64`.
pub(crate) trait Number: Real + Element + bytemuck::Pod {}
impl Number for f32 {}
impl Number for f64 {}

/// An operand as a kernel sees it.
pub(crate) struct Operand<'a, T> {
    pub data: &'a [T],
    pub shape: &'a [usize],
    /// For the cache of packed weights.
    pub tensor: &'a FlexTensor,
}

/// What a kernel's forward pass keeps for its backward pass.
pub type Saved = Arc<dyn Any + Send + Sync>;

/// A result and its shape.
pub(crate) struct Output<T> {
    pub data: Vec<T>,
    pub shape: Vec<usize>,
    pub saved: Saved,
}

/// A fused operation with its gradient.
pub(crate) trait Kernel: Debug + Send + Sync + 'static {
    /// `track`: a backward pass will follow.
    fn forward<T: Number>(&self, inputs: &[Operand<'_, T>], track: bool) -> Output<T>;

    /// The gradient of each input, in order, from that of the output: nothing for one that needs none, whether because it is
    /// not `wanted` or because it goes another way.
    fn backward<T: Number>(
        &self,
        inputs: &[Operand<'_, T>],
        output: &[T],
        saved: &Saved,
        d_output: &[T],
        wanted: &[bool],
    ) -> Vec<Vec<T>>;

    /// Does the gradient of this input, if it is not given, stand for zeros that the operation before must get?
    fn passes_zeros(&self, _input: usize) -> bool {
        false
    }

    /// May [`Kernel::backward`] get nothing instead of a gradient that is 0 everywhere?
    const TAKES_NOTHING: bool = false;
}

/// [`Kernel`] without its type parameter, so that one extension serves all.
pub trait AnyKernel: Debug + Send + Sync {
    fn run(&self, inputs: &[FlexTensor], track: bool) -> (FlexTensor, Saved);
    fn gradients(
        &self,
        inputs: &[FlexTensor],
        output: &FlexTensor,
        saved: &Saved,
        d_output: FlexTensor,
        wanted: &[bool],
    ) -> Vec<Option<FlexTensor>>;
}

impl<K: Kernel> AnyKernel for K {
    fn run(&self, inputs: &[FlexTensor], track: bool) -> (FlexTensor, Saved) {
        match inputs[0].dtype() {
            DType::F32 => run::<f32, K>(self, inputs, track),
            DType::F64 => run::<f64, K>(self, inputs, track),
            other => panic!("no fused operation for {other:?}"),
        }
    }

    fn gradients(
        &self,
        inputs: &[FlexTensor],
        output: &FlexTensor,
        saved: &Saved,
        d_output: FlexTensor,
        wanted: &[bool],
    ) -> Vec<Option<FlexTensor>> {
        match inputs[0].dtype() {
            DType::F32 => gradients::<f32, K>(self, inputs, output, saved, &d_output, wanted),
            DType::F64 => gradients::<f64, K>(self, inputs, output, saved, &d_output, wanted),
            other => panic!("no fused operation for {other:?}"),
        }
    }
}

fn operands<'a, T: Number>(inputs: &'a [FlexTensor], shapes: &'a [Vec<usize>]) -> Vec<Operand<'a, T>> {
    inputs.iter().zip(shapes).map(|(tensor, shape)| Operand { data: slice(tensor), shape, tensor }).collect()
}

fn slice<T: Number>(tensor: &FlexTensor) -> &[T] {
    tensor.as_slice::<T>().expect("fused operations take contiguous tensors of one type")
}

fn shapes(inputs: &[FlexTensor]) -> Vec<Vec<usize>> {
    inputs.iter().map(|tensor| tensor.shape().to_vec()).collect()
}

fn run<T: Number, K: Kernel>(kernel: &K, inputs: &[FlexTensor], track: bool) -> (FlexTensor, Saved) {
    let output = kernel.forward(&operands::<T>(inputs, &shapes(inputs)), track);
    (FlexTensor::from_data(TensorData::new(output.data, output.shape)), output.saved)
}

fn gradients<T: Number, K: Kernel>(
    kernel: &K,
    inputs: &[FlexTensor],
    output: &FlexTensor,
    saved: &Saved,
    d_output: &FlexTensor,
    wanted: &[bool],
) -> Vec<Option<FlexTensor>> {
    let shapes = shapes(inputs);
    let nothing = K::TAKES_NOTHING && is_nothing::<T>(d_output);
    let d_output = if nothing { d_output.clone() } else { d_output.to_contiguous() };
    let d_output: &[T] = if nothing { &[] } else { slice(&d_output) };
    let gradients = kernel.backward(&operands::<T>(inputs, &shapes), slice(output), saved, d_output, wanted);
    let whole = |data: &Vec<T>, shape: &[usize]| data.len() == shape.iter().product::<usize>();
    gradients
        .into_iter()
        .zip(shapes)
        .enumerate()
        .map(|(input, (data, shape))| match whole(&data, &shape) {
            true => Some(FlexTensor::from_data(TensorData::new(data, shape))),
            false => kernel.passes_zeros(input).then(|| zeros::<T>(&shape)),
        })
        .collect()
}

/// A gradient of zeros that takes no memory.
fn zeros<T: Number>(shape: &[usize]) -> FlexTensor {
    let zero = FlexTensor::from_data(TensorData::new(vec![T::ZERO], [1]));
    let layout = Layout::new(Shape::from(shape.to_vec()), vec![0; shape.len()], 0);
    FlexTensor::from_arc(zero.data_arc(), layout, zero.dtype())
}

/// Is it one?
pub(super) fn is_nothing<T: Number>(tensor: &FlexTensor) -> bool {
    let layout = tensor.layout();
    layout.num_elements() > 1
        && layout.strides().iter().all(|stride| *stride == 0)
        && tensor.storage::<T>()[layout.start_offset()] == T::ZERO
}

/// The tensors of an operation, by their number: the extension macro takes no vectors.
#[derive(ExtensionType)]
pub enum Inputs<B: Backend> {
    /// x
    One(FloatTensor<B>),
    /// x, y
    Two(FloatTensor<B>, FloatTensor<B>),
    /// x, y, z
    Three(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
    /// Four tensors.
    Four(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
    /// Five tensors.
    Five(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
    /// Six tensors.
    Six(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
    /// Seven tensors.
    Seven(
        FloatTensor<B>,
        FloatTensor<B>,
        FloatTensor<B>,
        FloatTensor<B>,
        FloatTensor<B>,
        FloatTensor<B>,
        FloatTensor<B>,
    ),
}

impl<B: Backend> Inputs<B> {
    fn into_vec(self) -> Vec<FloatTensor<B>> {
        match self {
            Self::One(a) => vec![a],
            Self::Two(a, b) => vec![a, b],
            Self::Three(a, b, c) => vec![a, b, c],
            Self::Four(a, b, c, d) => vec![a, b, c, d],
            Self::Five(a, b, c, d, e) => vec![a, b, c, d, e],
            Self::Six(a, b, c, d, e, f) => vec![a, b, c, d, e, f],
            Self::Seven(a, b, c, d, e, f, g) => vec![a, b, c, d, e, f, g],
        }
    }
}

/// The extension: `kernel` over `inputs`.
#[backend_extension(Flex, Autodiff)]
pub trait FusedOps: Backend {
    /// Runs the kernel.
    fn fused(#[extension_type] inputs: Inputs<Self>, kernel: Arc<dyn AnyKernel>) -> FloatTensor<Self>;
}

impl FusedOps for Flex {
    fn fused(inputs: Inputs<Self>, kernel: Arc<dyn AnyKernel>) -> FloatTensor<Self> {
        let inputs: Vec<FlexTensor> = inputs.into_vec().iter().map(FlexTensor::to_contiguous).collect();
        kernel.run(&inputs, false).0
    }
}

impl<C: CheckpointStrategy> FusedOps for Autodiff<Flex, C> {
    fn fused(inputs: Inputs<Self>, kernel: Arc<dyn AnyKernel>) -> FloatTensor<Self> {
        let inputs = inputs.into_vec();
        match inputs.len() {
            1 => record::<1, C>(inputs, kernel),
            2 => record::<2, C>(inputs, kernel),
            3 => record::<3, C>(inputs, kernel),
            4 => record::<4, C>(inputs, kernel),
            5 => record::<5, C>(inputs, kernel),
            6 => record::<6, C>(inputs, kernel),
            7 => record::<7, C>(inputs, kernel),
            n => unreachable!("a fused operation of {n} tensors"),
        }
    }
}

/// What the tape keeps of one operation.
#[derive(Clone, Debug)]
struct Recorded {
    inputs: Vec<FlexTensor>,
    output: FlexTensor,
    saved: Saved,
    kernel: Arc<dyn AnyKernel>,
}

#[derive(Debug)]
struct FusedBackward;

impl<const N: usize> Backward<Flex, N> for FusedBackward {
    type State = Recorded;

    fn backward(self, ops: Ops<Recorded, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let d_output = grads.consume::<Flex>(&ops.node);
        let Recorded { inputs, output, saved, kernel } = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let gradients = kernel.gradients(&inputs, &output, &saved, d_output, &wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

fn record<const N: usize, C: CheckpointStrategy>(
    inputs: Vec<FloatTensor<Autodiff<Flex, C>>>,
    kernel: Arc<dyn AnyKernel>,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (inputs, guards): (Vec<FlexTensor>, Vec<_>) = inputs
        .into_iter()
        .map(|tensor| {
            let (primitive, guard) = tensor.into_parts();
            (primitive.to_contiguous(), guard)
        })
        .unzip();
    let guards: [_; N] = guards.try_into().expect("as many guards as tensors");
    match FusedBackward.prepare::<C>(guards).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let (output, saved) = kernel.run(&inputs, true);
            prepared.finish(Recorded { inputs, output: output.clone(), saved, kernel }, output)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(kernel.run(&inputs, false).0),
    }
}

/// Do fused operations run on this device?
pub(crate) fn available(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
}

/// Runs `kernel` over tensors of any rank.
pub(crate) fn run_fused<const D: usize>(
    inputs: Vec<burn::backend::DispatchTensor>,
    kernel: impl AnyKernel + 'static,
) -> Tensor<D> {
    let count = inputs.len();
    let mut inputs = inputs.into_iter();
    let mut next = || inputs.next().expect("as many tensors as counted");
    let inputs = match count {
        1 => Inputs::One(next()),
        2 => Inputs::Two(next(), next()),
        3 => Inputs::Three(next(), next(), next()),
        4 => Inputs::Four(next(), next(), next(), next()),
        5 => Inputs::Five(next(), next(), next(), next(), next()),
        6 => Inputs::Six(next(), next(), next(), next(), next(), next()),
        7 => Inputs::Seven(next(), next(), next(), next(), next(), next(), next()),
        n => unreachable!("a fused operation of {n} tensors"),
    };
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused(inputs, Arc::new(kernel)))
}
