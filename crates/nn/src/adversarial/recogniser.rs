//! A classifier of small pictures, which says of a generator's samples what they show.

use super::convolutional::ConvConfig;
use super::residual::{ResidualConfig, ResidualDiscriminator};
use super::{Critic, Equipment};
use crate::init::Init;
use crate::optimizer::{Accumulated, AdamConfig, Optimizer, Rule};
use crate::pass::{Pass, Precision};
use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_random::{Random, mix, stream};

/// Channels at half a picture's size.
const CHANNELS: usize = 32;
/// Pictures of a batch.
const BATCH: usize = 128;
/// Adam's rate at first; it falls to 0 in a straight line.
const RATE: f64 = 2e-3;

/// A residual network with a logit a class.
#[derive(Module, Debug)]
pub struct Recogniser {
    network: ResidualDiscriminator,
}

impl Recogniser {
    /// Of pictures of this height, width and channels.
    ///
    /// # Errors
    /// If pictures can't be halved, or there are no classes.
    pub fn new(picture: [usize; 3], classes: usize, init: &Init) -> Result<Self, ShapeError> {
        let config = ResidualConfig { sizes: ConvConfig { picture, channels: CHANNELS, batch_norm: false }, blocks: 1 };
        let equipment = Equipment { pack: 1, spectral_norm: false, minibatch_deviation: false };
        Ok(Self { network: ResidualDiscriminator::new(&config, "recogniser", equipment, classes, init)? })
    }

    /// After `epochs` passes over `x[pictures, picture]`, numbers from -1 to 1, and their classes, on a device with a tape.
    ///
    /// # Errors
    /// If the shapes do not fit.
    ///
    /// # Panics
    /// If there are not as many classes as pictures, or one is beyond the network's.
    pub fn trained(
        self,
        x: &[f32],
        classes: &[u8],
        epochs: u64,
        seed: u64,
        device: &Device,
    ) -> Result<Self, ShapeError> {
        let rule = AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        let mut network = self;
        let mut optimizer = Optimizer::new(Rule::Adam(rule), &network);
        let width = x.len() / classes.len().max(1);
        let steps = epochs * classes.len().div_ceil(BATCH) as u64;
        for epoch in 0..epochs {
            let mut order: Vec<usize> = (0..classes.len()).collect();
            Random::new(mix(stream(seed, "recogniser") ^ epoch)).shuffle(&mut order);
            for batch in order.chunks(BATCH) {
                let data: Vec<f32> = batch.iter().flat_map(|k| x[k * width..][..width].iter().copied()).collect();
                let data = Tensor::from_data(TensorData::new(data, [batch.len(), width]), device);
                let scores = network.network.scores(data, Precision::F32)?;
                let [rows, count] = scores.dims();
                let mut targets = vec![0.0f32; rows * count];
                for (row, k) in targets.chunks_exact_mut(count).zip(batch) {
                    row[usize::from(classes[*k])] = 1.0;
                }
                let targets = Tensor::from_data(TensorData::new(targets, [rows, count]), device);
                let loss = -(log_softmax(scores, 1) * targets).sum();
                let gradients = Accumulated::take(&network, &mut loss.backward(), &Pass::default());
                let rate = RATE * (1.0 - optimizer.step as f64 / steps as f64);
                network = optimizer.update(network, &gradients, 1.0 / batch.len() as f64, rate)?;
            }
        }
        Ok(network)
    }

    /// The likeliest class of each of `x[pictures, picture]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn classes(&self, x: &[f32], width: usize) -> Result<Vec<usize>, ShapeError> {
        let mut all = Vec::with_capacity(x.len() / width.max(1));
        for block in x.chunks(BATCH * width) {
            let data = TensorData::new(block.to_vec(), [block.len() / width, width]);
            let scores = self.network.scores(Tensor::from_data(data, &Device::flex()), Precision::F32)?;
            let [_, classes] = scores.dims();
            let scores: Vec<f32> = scores.into_data().iter::<f32>().collect();
            all.extend(scores.chunks_exact(classes).map(simurgh_kernels::draw::likeliest));
        }
        Ok(all)
    }
}
