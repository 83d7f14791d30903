//! Gradients of whole networks against finite differences, in f64.

use crate::parameters;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Gradients, Tensor, TensorData};

/// Casts to f64 and adds `change` to element `at` of parameter `which`.
struct Nudge {
    which: usize,
    at: usize,
    change: f64,
}

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let mine = self.which == 0;
        self.which = self.which.wrapping_sub(1);
        let (at, change) = (self.at, self.change);
        param.map(|t| {
            let (device, dims) = (t.device(), t.dims());
            let mut data: Vec<f64> = t.into_data().iter::<f64>().collect();
            if mine {
                data[at] += change;
            }
            Tensor::from_data(TensorData::new(data, dims), (&device, DType::F64)).require_grad()
        })
    }
}

struct Collect<'a>(&'a Gradients, Vec<Vec<f64>>);

impl ModuleVisitor for Collect<'_> {
    /// A parameter that the loss does not reach has zeros.
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let zeros = || vec![0.0; value.dims().iter().product()];
        let gradient = value.grad(self.0).map(|g| g.into_data().iter::<f64>().collect());
        self.1.push(gradient.unwrap_or_else(zeros));
    }
}

/// Nudges some elements of every parameter of a network on a tape, and compares the change of `loss` with its gradient.
pub(crate) fn check<M: Module>(network: &M, what: &str, loss: impl Fn(&M) -> Tensor<1>) {
    let nudged = |which, at, change| network.clone().map(&mut Nudge { which, at, change });
    let base = nudged(usize::MAX, 0, 0.0);
    let gradients = loss(&base).backward();
    let mut collect = Collect(&gradients, Vec::new());
    base.visit(&mut collect);
    let names = parameters::collect(network);
    assert_eq!(names.len(), collect.1.len());
    assert!(collect.1.iter().flatten().any(|g| *g != 0.0), "{what}: no gradient");
    for (which, exact) in collect.1.iter().enumerate() {
        for at in (0..exact.len()).step_by(1 + exact.len() / 6) {
            let value = |change| -> f64 {
                let loss = loss(&nudged(which, at, change)).inner().into_data().iter::<f64>().next();
                loss.expect("a loss is a number")
            };
            let numeric = (value(1e-5) - value(-1e-5)) / 2e-5;
            let difference = (numeric - exact[at]).abs();
            assert!(
                difference <= 1e-6 * numeric.abs().max(1e-2),
                "{what} {}[{at}]: {numeric}, {}",
                names[which].name,
                exact[at]
            );
        }
    }
}
