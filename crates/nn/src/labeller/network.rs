//! The network, over whole recordings and frame by frame.

use super::LabellerConfig;
use crate::affine::Affine;
use crate::init::Init;
use crate::ops::{Activation, Loss, Plain, cross_entropy};
use crate::pass::{Pass, Precision};
use crate::recurrent::stream::{Stream, StreamError, StreamState};
use crate::recurrent::{Recurrent, RecurrentConfig};
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::gemm::Packed;
use simurgh_kernels::linear;
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// Recurrent layers over frames, and a read-out of labels.
#[derive(Module, Debug)]
pub struct Labeller {
    encoder: Recurrent,
    /// `[labels, hidden]`
    readout: Affine,
    features: usize,
    #[module(skip)]
    config: LabellerConfig,
}

impl Labeller {
    /// A network of `features` numbers a frame and `labels` labels.
    ///
    /// # Errors
    /// If the configuration has a [`LabellerConfig::problem`], or there are no features or labels.
    pub fn new(config: &LabellerConfig, features: usize, labels: usize, init: &Init) -> Result<Self, ShapeError> {
        let (c, check) = (config.clone(), Check("labeller"));
        if let Some((name, expected, got)) = c.problem() {
            return Err(ShapeError::Value { operation: check.0, name, expected, got });
        }
        check.some("the number of labels", labels)?;
        let encoder =
            RecurrentConfig { cell: c.cell, input: features, hidden: c.hidden, layers: c.layers, bidirectional: false };
        Ok(Self {
            encoder: encoder.init(init, "encoder")?,
            readout: Affine::new(init, "readout", c.hidden, labels, true),
            features,
            config: c,
        })
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &LabellerConfig {
        &self.config
    }

    /// The states of all rows from the first that says a label.
    fn states(&self, frames: &[f32], layout: &Arc<Ragged>, pass: &mut Pass) -> Result<Tensor<2>, ShapeError> {
        let check = Check("labeller");
        check.elements("frames", frames.len(), &[("rows", layout.rows()), ("features", self.features)])?;
        let shortest = layout.lengths().iter().copied().min().unwrap_or(0);
        check.some("the number of frames beyond the look-ahead", shortest.saturating_sub(self.config.look_ahead))?;
        let (device, dtype) = (self.encoder.device().inner(), self.encoder.dtype());
        let data = TensorData::new(frames.to_vec(), [layout.rows(), self.features]);
        let x = Tensor::<2>::from_data(data, (&device, dtype));
        let (states, _) = self.encoder.forward(x, layout, None, pass)?;
        let states = pass.drop_out(states, layout)?;
        let [rows, hidden] = states.dims();
        Ok(states.slice([layout.rows_at(self.config.look_ahead).start..rows, 0..hidden]))
    }

    /// The loss of guessing `targets`, a label a row from the step `look_ahead` on: what is said at a step is the label of the frame
    /// so many steps before. `frames[rows, features]` are packed as `layout` says.
    ///
    /// # Errors
    /// If the sizes do not fit, a recording has no frame beyond the look-ahead, or a target is no label.
    pub fn loss(
        &self,
        frames: &[f32],
        layout: &Arc<Ragged>,
        targets: Arc<[u32]>,
        smoothing: f64,
        pass: &mut Pass,
    ) -> Result<Loss, ShapeError> {
        let states = self.states(frames, layout, pass)?;
        let (weight, bias) = self.readout.values();
        cross_entropy(states, weight, bias, targets, smoothing, pass.precision)
    }

    /// The logits of one recording's frames, but for the last `look_ahead`, `[frames - look_ahead, labels]`.
    ///
    /// # Errors
    /// If the sizes do not fit, or there is no frame beyond the look-ahead.
    pub fn logits(&self, frames: &[f32], precision: Precision) -> Result<Vec<f32>, ShapeError> {
        let layout = Arc::new(Ragged::new(&[frames.len() / self.features.max(1)])?);
        let pass = &mut Pass { precision, ..Pass::default() };
        let states = self.states(frames, &layout, pass)?;
        let out = self.readout.parameters().forward(states, Activation::Identity, precision)?;
        Ok(out.into_data().iter::<f32>().collect())
    }

    /// This network, ready to be taken frame by frame; products round as `precision` says.
    ///
    /// # Errors
    /// If it is not on the CPU backend.
    pub fn stream(&self, precision: Precision) -> Result<LabellerStream, StreamError> {
        let (weight, bias) = self.readout.values();
        let weight = Plain::of::<2>(weight).ok_or(StreamError::Device)?;
        Ok(LabellerStream {
            stream: self.encoder.stream(precision)?,
            readout: weight.packed_t(precision),
            bias: Plain::of::<1>(bias).ok_or(StreamError::Device)?,
            look_ahead: self.config.look_ahead,
        })
    }
}

/// A labeller that is taken frame by frame. It keeps no state.
#[derive(Debug)]
pub struct LabellerStream {
    stream: Stream,
    readout: Arc<Packed<f32>>,
    bias: Plain,
    look_ahead: usize,
}

impl LabellerStream {
    /// The state before the first frame.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn start(&self) -> Result<StreamState, ShapeError> {
        self.stream.start(1)
    }

    /// Frames that are seen after a frame before its label is said.
    pub fn look_ahead(&self) -> usize {
        self.look_ahead
    }

    /// Reads a frame; the logits of the one `look_ahead` before it.
    ///
    /// # Errors
    /// If the frame has another size, or the state is another network's.
    pub fn step(&self, frame: &[f32], state: &mut StreamState) -> Result<Vec<f32>, ShapeError> {
        let hidden = self.stream.step(frame, state)?;
        linear::forward(hidden, &self.readout, Some(self.bias.data()), Activation::Identity)
    }
}
