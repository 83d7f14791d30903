//! Initial values of parameters: each draws from a stream of its own name, so that adding a
//! parameter does not change the others.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use simurgh_random::{Random, stream};

/// Draws initial values for the model seeded with `seed`.
#[derive(Clone, Debug)]
pub struct Init {
    seed: Option<u64>,
    device: Device,
}

impl Init {
    /// Parameters on `device`.
    pub fn new(seed: u64, device: &Device) -> Self {
        Self { seed: Some(seed), device: device.clone() }
    }

    /// Zeros, for parameters that are about to be replaced by a file's.
    pub fn zeros(device: &Device) -> Self {
        Self { seed: None, device: device.clone() }
    }

    /// Are all parameters about to be replaced?
    pub fn is_zeros(&self) -> bool {
        self.seed.is_none()
    }

    /// `count` values by `draw`, or zeros.
    fn draw(&self, name: &str, count: usize, draw: impl Fn(&mut Random) -> f64) -> Vec<f32> {
        match self.seed {
            Some(seed) => {
                let mut random = Random::new(stream(seed, name));
                (0..count).map(|_| draw(&mut random) as f32).collect()
            }
            None => vec![0.0; count],
        }
    }

    fn parameter<const D: usize>(&self, data: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        let value = Tensor::from_data(TensorData::new(data, shape), &self.device);
        let value = if self.device.is_autodiff() { value.require_grad() } else { value };
        Param::initialized(ParamId::new(), value)
    }

    /// The same number everywhere, which no gradient moves.
    pub fn fixed<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        let data = TensorData::new(vec![value; shape.iter().product()], shape);
        Param::initialized(ParamId::new(), Tensor::from_data(data, &self.device))
    }

    /// A random direction, of length 1, that no gradient moves.
    pub fn direction(&self, name: &str, length: usize) -> Param<Tensor<1>> {
        let mut data = self.draw(name, length, Random::normal);
        let norm = data.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt().max(1e-12);
        data.iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
        Param::initialized(ParamId::new(), Tensor::from_data(TensorData::new(data, [length]), &self.device))
    }

    /// The same number everywhere.
    pub fn constant<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.parameter(vec![value; shape.iter().product()], shape)
    }

    /// Normal with mean 0.
    pub fn normal<const D: usize>(&self, name: &str, shape: [usize; D], deviation: f64) -> Param<Tensor<D>> {
        let data = self.draw(name, shape.iter().product(), |random| deviation * random.normal());
        self.parameter(data, shape)
    }

    /// Uniform in +-sqrt(6 / (rows + columns)), each of the `blocks` stacked matrices by itself
    /// (Glorot & Bengio 2010).
    pub fn glorot(&self, name: &str, [rows, cols]: [usize; 2], blocks: usize) -> Param<Tensor<2>> {
        let bound = (6.0 / (rows / blocks + cols) as f64).sqrt();
        let data = self.draw(name, rows * cols, |random| bound * (2.0 * random.uniform() - 1.0));
        self.parameter(data, [rows, cols])
    }

    /// `blocks` stacked orthogonal `[size, size]` matrices (Saxe et al. 2014): a step of the
    /// recurrence neither shrinks nor stretches the state.
    pub fn orthogonal(&self, name: &str, size: usize, blocks: usize) -> Param<Tensor<2>> {
        let Some(seed) = self.seed else {
            return self.parameter(vec![0.0; blocks * size * size], [blocks * size, size]);
        };
        let mut random = Random::new(stream(seed, name));
        let mut data = Vec::with_capacity(blocks * size * size);
        for _ in 0..blocks {
            data.extend(orthogonal(&mut random, size).into_iter().map(|x| x as f32));
        }
        self.parameter(data, [blocks * size, size])
    }

    /// An LSTM's bias `[4 hidden]`: 0, and 1 for the forget gate (Jozefowicz et al. 2015).
    pub fn forget_bias(&self, hidden: usize) -> Param<Tensor<1>> {
        let mut data = vec![0.0; 4 * hidden];
        data[hidden..2 * hidden].fill(1.0);
        self.parameter(data, [4 * hidden])
    }
}

/// Gram-Schmidt, twice for precision, on a normal matrix.
fn orthogonal(random: &mut Random, size: usize) -> Vec<f64> {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
    for _ in 0..size {
        let mut row: Vec<f64> = (0..size).map(|_| random.normal()).collect();
        for _ in 0..2 {
            for other in &rows {
                let dot = simurgh_kernels::elementwise::dot(&row, other);
                row.iter_mut().zip(other).for_each(|(x, o)| *x -= dot * o);
            }
            let norm = simurgh_kernels::elementwise::dot(&row, &row).sqrt();
            row.iter_mut().for_each(|x| *x /= norm);
        }
        rows.push(row);
    }
    rows.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthogonal_blocks_are_orthogonal() {
        let q = orthogonal(&mut Random::new(2), 17);
        for i in 0..17 {
            for j in 0..17 {
                let dot: f64 = (0..17).map(|k| q[i * 17 + k] * q[j * 17 + k]).sum();
                let difference = (dot - f64::from(u8::from(i == j))).abs();
                assert!(difference < 1e-12);
            }
        }
    }
}
