//! A model's parameters by name, in a fixed order.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeMap;

/// One parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// PyTorch's name where a PyTorch layer exists (`encoder.weight_ih_l0_reverse`).
    pub name: String,
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub data: Vec<f32>,
}

/// The name under which a parameter at `path` of the module tree is saved: the stacks of a recurrent
/// layer (`encoder.forward.0.weight_ih`) become PyTorch's names (`encoder.weight_ih_l0`).
pub(crate) fn public_name(path: &[String]) -> String {
    if let [before @ .., stack, layer, leaf] = path
        && (stack == "forward" || stack == "reverse")
    {
        let suffix = if stack == "reverse" { "_reverse" } else { "" };
        let mut name = before.join(".");
        if !name.is_empty() {
            name.push('.');
        }
        return format!("{name}{leaf}_l{layer}{suffix}");
    }
    // The variant of an enum is nothing that PyTorch names, nor what holds one.
    let named = |part: &&String| !part.starts_with(|c: char| c.is_uppercase()) && *part != "network";
    path.iter().filter(named).map(String::as_str).collect::<Vec<_>>().join(".")
}

/// Every parameter, in the order of the module tree.
pub fn collect(module: &impl Module) -> Vec<Parameter> {
    #[derive(Default)]
    struct Collect {
        path: Vec<String>,
        all: Vec<Parameter>,
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val().into_data();
            self.all.push(Parameter {
                name: public_name(&self.path),
                shape: value.shape().to_vec(),
                data: value.iter::<f32>().collect(),
            });
        }
    }
    let mut collect = Collect::default();
    module.visit(&mut collect);
    collect.all
}

/// Puts `values` in place of the parameters of their names.
///
/// # Errors
/// A sentence that names each parameter that is missing, unknown or of another shape.
pub fn replace<M: Module>(module: M, values: Vec<Parameter>) -> Result<M, String> {
    struct Replace {
        path: Vec<String>,
        values: BTreeMap<String, Parameter>,
        problems: Vec<String>,
    }
    impl ModuleMapper for Replace {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = public_name(&self.path);
            let want: Vec<usize> = param.lazy_shape().to_vec();
            match self.values.remove(&name) {
                None => self.problems.push(format!("tensor `{name}` is missing")),
                Some(p) if p.shape != want => {
                    self.problems.push(format!("tensor `{name}`: expected shape {want:?}, got {:?}", p.shape));
                }
                Some(p) => {
                    return param.map(|old| {
                        let device = old.device();
                        let new = Tensor::from_data(TensorData::new(p.data, p.shape), (&device, old.dtype()));
                        if device.is_autodiff() { new.require_grad() } else { new }
                    });
                }
            }
            param
        }
    }
    let values = values.into_iter().map(|p| (p.name.clone(), p)).collect();
    let mut replace = Replace { path: Vec::new(), values, problems: Vec::new() };
    let module = module.map(&mut replace);
    replace.problems.extend(replace.values.keys().map(|name| format!("tensor `{name}` is unknown")));
    if replace.problems.is_empty() { Ok(module) } else { Err(replace.problems.join("; ")) }
}

/// The module with the values of `begin` in place of the parameters of their names and shapes; others of `begin` are passed over.
pub fn begin<M: Module>(module: M, begin: &[Parameter]) -> M {
    if begin.is_empty() {
        return module;
    }
    let mut all = collect(&module);
    for p in &mut all {
        if let Some(value) = begin.iter().find(|value| value.name == p.name && value.shape == p.shape) {
            p.data.clone_from(&value.data);
        }
    }
    replace(module, all).expect("the module's own names and shapes")
}

#[cfg(test)]
mod tests {
    use super::public_name;

    #[test]
    fn recurrent_stacks_get_pytorch_names() {
        let name = |path: &str| public_name(&path.split('.').map(String::from).collect::<Vec<_>>());
        assert_eq!(name("encoder.forward.0.weight_ih"), "encoder.weight_ih_l0");
        assert_eq!(name("encoder.reverse.1.bias_hh"), "encoder.bias_hh_l1_reverse");
        assert_eq!(name("combine.weight"), "combine.weight");
    }
}
