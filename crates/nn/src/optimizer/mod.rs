//! Adam, AdamW and SGD with global-norm clipping, one pass over each parameter.

mod gradients;

pub use gradients::{Accumulated, Clipping, RowGradients};

use burn::backend::Flex;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_kernels::optimizer::{self as kernel, Gradient, adam, sgd};
use simurgh_kernels::shape::Check;

/// How parameters follow their gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019).
    Adam(AdamConfig),
    /// Stochastic gradient descent, with momentum or without.
    Sgd(SgdConfig),
}

/// The constants of Adam and AdamW.
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

/// The constants of stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdConfig {
    /// What is kept of the velocity from update to update (Sutskever et al. 2013); 0 is none.
    pub momentum: f64,
    /// Added to the gradient, times the parameter.
    pub weight_decay: f64,
}

impl Rule {
    /// What is kept of each parameter from update to update, by name.
    pub fn moments(&self) -> &'static [&'static str] {
        match self {
            Self::Adam(_) => &["mean", "square"],
            Self::Sgd(sgd) if sgd.momentum > 0.0 => &["velocity"],
            Self::Sgd(_) => &[],
        }
    }
}

/// The optimizer and what it keeps, in the order of the model's parameters.
#[derive(Clone, Debug)]
pub struct Optimizer {
    rule: Rule,
    /// Updates made.
    pub step: u64,
    /// As many vectors a parameter as [`Rule::moments`] names.
    pub moments: Vec<Vec<Vec<f32>>>,
}

impl Optimizer {
    /// Moments of zero.
    pub fn new(rule: Rule, module: &impl Module) -> Self {
        let zeros = |n: usize| rule.moments().iter().map(|_| vec![0.0; n]).collect();
        Self { rule, step: 0, moments: lengths(module).into_iter().map(zeros).collect() }
    }

    /// Gradients and moments are of these parameters.
    fn check(&self, parameters: &[usize], gradients: &[usize]) -> Result<(), ShapeError> {
        let check = Check("optimizer");
        check.dimension("number of gradients", gradients.len(), parameters.len())?;
        check.dimension("number of parameters with moments", self.moments.len(), parameters.len())?;
        for ((&length, &gradient), moments) in parameters.iter().zip(gradients).zip(&self.moments) {
            check.dimension("length of a gradient", gradient, length)?;
            check.dimension("moments of a parameter", moments.len(), self.rule.moments().len())?;
            moments.iter().try_for_each(|m| check.dimension("length of a moment", m.len(), length))?;
        }
        Ok(())
    }

    /// Updates every parameter with `scale` times its gradient.
    ///
    /// # Errors
    /// If the gradients or the moments are of other parameters.
    pub fn update<M: Module>(
        &mut self,
        module: M,
        gradients: &Accumulated,
        scale: f64,
        learning_rate: f64,
    ) -> Result<M, ShapeError> {
        self.check(&lengths(&module), &gradients.lengths())?;
        struct Apply<'a, G, F> {
            gradients: G,
            moments: std::slice::IterMut<'a, Vec<Vec<f32>>>,
            update: F,
        }
        impl<'a, G, F> ModuleMapper for Apply<'a, G, F>
        where
            G: Iterator<Item = Gradient<'a, f32>>,
            F: Fn(&mut [f32], Gradient<'a, f32>, &mut [Vec<f32>]),
        {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let gradient = self.gradients.next().expect("a gradient a parameter");
                let moments = self.moments.next().expect("moments of every parameter");
                param.map(|value| {
                    let (device, dims) = (value.device(), value.dims());
                    let plain = value.inner();
                    // On the CPU backend in place, when nothing else holds the storage.
                    let new = match plain.clone().try_into_primitive::<Flex>() {
                        Ok(mut tensor) => {
                            drop(plain);
                            (self.update)(tensor.storage_mut::<f32>(), gradient, moments);
                            Tensor::from_primitive::<Flex>(tensor)
                        }
                        Err(_) => {
                            let mut data: Vec<f32> = plain.into_data().iter::<f32>().collect();
                            (self.update)(&mut data, gradient, moments);
                            Tensor::from_data(TensorData::new(data, dims), &device.clone().inner())
                        }
                    };
                    if device.is_autodiff() { Tensor::from_inner(new).require_grad() } else { new }
                })
            }
        }
        self.step += 1;
        let (rule, step) = (self.rule, self.step);
        let update = |parameter: &mut [f32], gradient: Gradient<'_, f32>, moments: &mut [Vec<f32>]| {
            let updated = match (rule, moments) {
                (Rule::Adam(AdamConfig { beta1, beta2, epsilon, weight_decay }), [mean, square]) => {
                    let u = adam::Update { learning_rate, beta1, beta2, epsilon, weight_decay, scale, step };
                    adam::update(u, parameter, gradient, mean, square)
                }
                (Rule::Sgd(SgdConfig { momentum, weight_decay }), velocity) => {
                    let u = sgd::Update { learning_rate, momentum, weight_decay, scale };
                    sgd::update(u, parameter, gradient, velocity.first_mut().map_or(&mut [], Vec::as_mut_slice))
                }
                (Rule::Adam(_), moments) => unreachable!("{} moments of Adam", moments.len()),
            };
            updated.expect("lengths were checked before");
        };
        Ok(module.map(&mut Apply { gradients: gradients.views(), moments: self.moments.iter_mut(), update }))
    }
}

/// Numbers of each parameter.
fn lengths(module: &impl Module) -> Vec<usize> {
    struct Lengths(Vec<usize>);
    impl ModuleVisitor for Lengths {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.lazy_shape().num_elements());
        }
    }
    let mut lengths = Lengths(Vec::new());
    module.visit(&mut lengths);
    lengths.0
}

/// Moves `averages`, a parameter each, towards the module's parameters:
/// `average = decay * average + (1 - decay) * parameter`.
///
/// # Errors
/// If the averages are of other parameters.
pub fn moving_average(module: &impl Module, decay: f64, averages: &mut [Vec<f32>]) -> Result<(), ShapeError> {
    let (lengths, check) = (lengths(module), Check("moving average"));
    check.dimension("number of averages", averages.len(), lengths.len())?;
    let mut pairs = averages.iter().map(Vec::len).zip(lengths);
    pairs.try_for_each(|(got, expected)| check.dimension("length of an average", got, expected))?;
    struct Average<'a>(f64, std::slice::IterMut<'a, Vec<f32>>);
    impl ModuleVisitor for Average<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let average = self.1.next().expect("an average a parameter");
            let plain = param.val().inner();
            let moved = match plain.clone().try_into_primitive::<Flex>() {
                // In place, without a copy.
                Ok(tensor) if tensor.as_slice::<f32>().is_some() => {
                    kernel::moving_average(self.0, average, tensor.as_slice::<f32>().unwrap_or_default())
                }
                _ => {
                    let values: Vec<f32> = plain.into_data().iter::<f32>().collect();
                    kernel::moving_average(self.0, average, &values)
                }
            };
            moved.expect("lengths were checked before");
        }
    }
    module.visit(&mut Average(decay, averages.iter_mut()));
    Ok(())
}
