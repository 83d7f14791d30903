//! A discriminator that is trained on two fixed distributions.

use simurgh_nn::ShapeError;
use simurgh_nn::adversarial::{Critic, Mlp, MlpConfig, ObjectiveKind, Penalty};
use simurgh_nn::burn::tensor::{Device, Tensor, TensorData};
use simurgh_nn::init::Init;
use simurgh_nn::optimizer::{Accumulated, AdamConfig, Optimizer, Rule};
use simurgh_nn::pass::{Pass, Precision};
use simurgh_random::{Random, mix};
use simurgh_train::adversarial;

/// What a probe is and how it is trained.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Units of its hidden layers.
    pub hidden: Vec<usize>,
    /// What it minimises.
    pub objective: ObjectiveKind,
    /// Of its slope.
    pub penalty: Option<Penalty>,
    /// Updates.
    pub steps: usize,
    /// Adam's.
    pub learning_rate: f64,
}

/// Rows of so many numbers.
pub type Batch = Vec<f64>;

impl Probe {
    /// The network after its updates: `batch` draws real and generated rows of `width` numbers, as many of both.
    pub fn train(
        &self,
        width: usize,
        seed: u64,
        mut batch: impl FnMut(&mut Random) -> [Batch; 2],
    ) -> Result<Mlp, ShapeError> {
        let device = Device::flex().autodiff();
        let config = MlpConfig { hidden: self.hidden.clone(), ..MlpConfig::default() };
        let mut network = config.init("probe", width, 1, &Init::new(seed, &device))?;
        let rule = AdamConfig { beta1: 0.5, beta2: 0.9, epsilon: 1e-8, weight_decay: 0.0 };
        let mut optimizer = Optimizer::new(Rule::Adam(rule), &network);
        let mut random = Random::new(mix(seed));
        for step in 0..self.steps {
            let [real, fake] = batch(&mut random).map(|batch| tensor(&batch, width, &device));
            let mut loss = self.objective.discriminator_loss(
                network.logits(real.clone(), Precision::F32)?,
                network.logits(fake.clone(), Precision::F32)?,
            )?;
            if let Some(penalty) = &self.penalty {
                let shares: Vec<f64> = (0..real.dims()[0]).map(|_| random.uniform()).collect();
                loss = loss + penalty.of(&network, real, fake, &shares, Precision::F32)?.gradient;
            }
            let gradients = Accumulated::take(&network, &mut loss.backward(), &Pass::default());
            // Down to nothing at the end, so that it stands still.
            let rate = self.learning_rate * (1.0 - step as f64 / self.steps as f64);
            network = optimizer.update(network, &gradients, 1.0, rate)?;
        }
        Ok(network)
    }
}

/// The logits of rows.
pub fn logits(network: &Mlp, rows: &Batch, width: usize) -> Result<Vec<f64>, ShapeError> {
    let x = tensor(rows, width, &Device::flex().autodiff());
    Ok(network.logits(x, Precision::F32)?.into_data().iter::<f64>().collect())
}

/// The lower bound of the Jensen-Shannon divergence of real and generated rows, and its standard error.
pub fn jensen_shannon(network: &Mlp, [real, fake]: &[Batch; 2], width: usize) -> Result<(f64, f64), ShapeError> {
    Ok(adversarial::jensen_shannon(&logits(network, real, width)?, &logits(network, fake, width)?))
}

fn tensor(rows: &Batch, width: usize, device: &Device) -> Tensor<2> {
    let data: Vec<f32> = rows.iter().map(|x| *x as f32).collect();
    Tensor::from_data(TensorData::new(data, [rows.len() / width, width]), device)
}
