//! Spectral normalisation: a weight over its largest singular value, found by power iteration (Miyato et al. 2018).

use crate::init::Init;
use burn::module::Param;
use burn::tensor::{Tensor, TensorData};

/// Steps of power iteration before the first use: from a random direction to about the right one.
pub(super) const FIRST: usize = 15;

/// The direction after a step of power iteration on `weight[output, input]`.
pub(super) fn iterated(weight: &Tensor<2>, u: Param<Tensor<1>>) -> Param<Tensor<1>> {
    let next = singular(&rows(weight), &numbers(&u.val())).0;
    u.map(|old| replaced(&old, next))
}

/// A random direction that no gradient moves, PyTorch's `weight_u`.
pub(super) fn direction(init: &Init, name: &str, output: usize) -> Param<Tensor<1>> {
    init.direction(&format!("{name}.weight_u"), output)
}

/// `weight[output, input]` over its largest singular value, by the direction `u` as it is; a gradient flows through both.
pub(super) fn normalised(weight: Tensor<2>, u: &Tensor<1>) -> Tensor<2> {
    let [output, input] = weight.dims();
    let (next, v) = singular(&rows(&weight), &numbers(u));
    let constant = |data: Vec<f64>, shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(data, shape), (&weight.device(), weight.dtype()))
    };
    // sigma = u . W v, with both directions held fixed.
    let outer = constant(next, [output, 1]) * constant(v, [1, input]);
    let sigma = (weight.clone() * outer).sum();
    weight / sigma.unsqueeze()
}

/// `[output, input]` as rows.
fn rows(weight: &Tensor<2>) -> Vec<Vec<f64>> {
    let [_, input] = weight.dims();
    numbers(weight).chunks_exact(input).map(<[f64]>::to_vec).collect()
}

fn numbers<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.clone().detach().into_data().iter::<f64>().collect()
}

fn replaced(old: &Tensor<1>, data: Vec<f64>) -> Tensor<1> {
    let length = data.len();
    Tensor::from_data(TensorData::new(data, [length]), (&old.device(), old.dtype())).detach()
}

fn unit(mut x: Vec<f64>) -> Vec<f64> {
    let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    x.iter_mut().for_each(|x| *x /= norm);
    x
}

/// The next left direction, and the right one of `u`: `v = W^T u`, `u' = W v`, both of length 1.
fn singular(weight: &[Vec<f64>], u: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut v = vec![0.0; weight.first().map_or(0, Vec::len)];
    for (row, u) in weight.iter().zip(u) {
        v.iter_mut().zip(row).for_each(|(v, w)| *v += u * w);
    }
    let v = unit(v);
    let next = weight.iter().map(|row| row.iter().zip(&v).map(|(w, v)| w * v).sum()).collect();
    (unit(next), v)
}
