//! Adam and AdamW with global-norm clipping, one pass over each parameter.

use burn::backend::Flex;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use simurgh_kernels::adam::{Update, square_sum, update};
use simurgh_kernels::recurrent::observe::cosine;

/// The constants of Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root in the denominator.
    pub epsilon: f64,
    /// Decoupled weight decay; 0 is Adam.
    pub weight_decay: f64,
}

/// The optimizer and its moments, in the order of the model's parameters.
#[derive(Clone, Debug)]
pub struct Adam {
    config: AdamConfig,
    /// Updates made.
    pub step: u64,
    /// Mean of gradients and of squared gradients, a parameter each.
    pub moments: Vec<[Vec<f32>; 2]>,
}

/// Gradients of every parameter, in order.
pub struct Accumulated(Vec<Vec<f32>>);

impl Accumulated {
    /// Takes the gradients of one backward pass; a parameter that it did not reach has zeros.
    pub fn take(module: &impl Module, gradients: &mut Gradients) -> Self {
        struct Take<'a> {
            gradients: &'a mut Gradients,
            all: Vec<Vec<f32>>,
        }
        impl ModuleVisitor for Take<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let value = param.val();
                let gradient = match value.grad_remove(self.gradients) {
                    Some(gradient) => gradient.into_data().convert::<f32>().try_into_vec().expect("f32 gradients"),
                    None => vec![0.0; value.dims().iter().product()],
                };
                self.all.push(gradient);
            }
        }
        let mut take = Take { gradients, all: Vec::new() };
        module.visit(&mut take);
        Self(take.all)
    }

    /// Adds those of another pass.
    pub fn add(&mut self, other: Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            sum.iter_mut().zip(more).for_each(|(s, m)| *s += m);
        }
    }

    /// Euclidean norm over all parameters together.
    pub fn norm(&self) -> f64 {
        self.0.iter().map(|g| square_sum(g)).sum::<f64>().sqrt()
    }

    /// The cosine of the angle between these gradients and others of the same parameters, such as truncated and full ones: 1
    /// is the same direction. Costs one reading of both.
    pub fn cosine(&self, other: &Self) -> f64 {
        cosine(self.0.iter().zip(&other.0))
    }

    /// The first parameter, by number, with a NaN or an infinity in its gradient.
    pub fn non_finite(&self) -> Option<usize> {
        self.0.iter().position(|g| g.iter().any(|x| !x.is_finite()))
    }
}

impl Adam {
    /// Moments of zero.
    pub fn new(config: AdamConfig, module: &impl Module) -> Self {
        struct Sizes(Vec<usize>);
        impl ModuleVisitor for Sizes {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0.push(param.lazy_shape().num_elements());
            }
        }
        let mut sizes = Sizes(Vec::new());
        module.visit(&mut sizes);
        let moments = sizes.0.into_iter().map(|n| [vec![0.0; n], vec![0.0; n]]).collect();
        Self { config, step: 0, moments }
    }

    /// Updates every parameter with `scale` times its gradient.
    pub fn update<M: Module>(&mut self, module: M, gradients: Accumulated, scale: f64, learning_rate: f64) -> M {
        struct Apply<'a> {
            gradients: std::vec::IntoIter<Vec<f32>>,
            moments: std::slice::IterMut<'a, [Vec<f32>; 2]>,
            update: Update,
        }
        impl ModuleMapper for Apply<'_> {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let gradient = self.gradients.next().expect("a gradient a parameter");
                let [mean, square] = self.moments.next().expect("moments of every parameter");
                param.map(|value| {
                    let (device, dims) = (value.device(), value.dims());
                    let plain = value.inner();
                    // On the CPU backend in place, when nothing else holds the storage.
                    let new = match plain.clone().try_into_primitive::<Flex>() {
                        Ok(mut tensor) => {
                            drop(plain);
                            update(self.update, tensor.storage_mut::<f32>(), &gradient, mean, square);
                            Tensor::from_primitive::<Flex>(tensor)
                        }
                        Err(_) => {
                            let mut data: Vec<f32> = plain.into_data().iter::<f32>().collect();
                            update(self.update, &mut data, &gradient, mean, square);
                            Tensor::from_data(TensorData::new(data, dims), &device.clone().inner())
                        }
                    };
                    if device.is_autodiff() { Tensor::from_inner(new).require_grad() } else { new }
                })
            }
        }
        self.step += 1;
        let AdamConfig { beta1, beta2, epsilon, weight_decay } = self.config;
        let update = Update { learning_rate, beta1, beta2, epsilon, weight_decay, scale, step: self.step };
        module.map(&mut Apply { gradients: gradients.0.into_iter(), moments: self.moments.iter_mut(), update })
    }
}

/// Moves `averages`, a parameter each, towards the module's parameters:
/// `average = decay * average + (1 - decay) * parameter`.
pub fn moving_average(module: &impl Module, decay: f64, averages: &mut [Vec<f32>]) {
    struct Average<'a>(f64, std::slice::IterMut<'a, Vec<f32>>);
    impl ModuleVisitor for Average<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let average = self.1.next().expect("an average a parameter");
            let plain = param.val().inner();
            match plain.clone().try_into_primitive::<Flex>() {
                // In place, without a copy.
                Ok(tensor) if tensor.as_slice::<f32>().is_some() => {
                    let values = tensor.as_slice::<f32>().unwrap_or_default();
                    simurgh_kernels::adam::moving_average(self.0, average, values);
                }
                _ => {
                    let values: Vec<f32> = plain.into_data().iter::<f32>().collect();
                    simurgh_kernels::adam::moving_average(self.0, average, &values);
                }
            }
        }
    }
    module.visit(&mut Average(decay, averages.iter_mut()));
}
