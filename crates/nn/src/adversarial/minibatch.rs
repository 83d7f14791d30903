//! What a discriminator sees of a batch as a whole: how much its samples differ.

use burn::tensor::Tensor;

/// Added to a variance before its root.
const SMALL: f64 = 1e-8;

/// The mean over features of the deviation of `x[batch, width]` over the batch, `[1]`
/// (minibatch standard deviation; Karras et al. 2018, section 3).
pub(super) fn deviation(x: &Tensor<2>) -> Tensor<1> {
    let centred = x.clone() - x.clone().mean_dim(0);
    ((centred.clone() * centred).mean_dim(0) + SMALL).sqrt().mean()
}

/// The same, and how it changes along `d_x[batch, width]`.
pub(super) fn deviation_tangent(x: &Tensor<2>, d_x: &Tensor<2>) -> (Tensor<1>, Tensor<1>) {
    let centred = x.clone() - x.clone().mean_dim(0);
    let d_centred = d_x.clone() - d_x.clone().mean_dim(0);
    // s = sqrt(mean(c^2) + small)
    let s = ((centred.clone() * centred.clone()).mean_dim(0) + SMALL).sqrt();
    let d_s = (centred * d_centred).mean_dim(0) / s.clone();
    (s.mean(), d_s.mean())
}

/// `value[1]` as one more column of `x[batch, width]`.
pub(super) fn beside(x: Tensor<2>, value: Tensor<1>) -> Tensor<2> {
    let [batch, _] = x.dims();
    Tensor::cat(vec![x, value.reshape([1, 1]).repeat_dim(0, batch)], 1)
}
