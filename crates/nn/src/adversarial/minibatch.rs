//! What a discriminator sees of a batch as a whole: how much its samples differ.

use burn::tensor::Tensor;

/// Added to a variance before its root.
const SMALL: f64 = 1e-8;

/// `x[batch, width]` with one more column: how much the samples differ.
pub(super) fn compared(x: Tensor<2>) -> Tensor<2> {
    beside(x.clone(), deviation(&x))
}

/// The same, and how it changes along `d_x`.
pub(super) fn compared_tangent((x, d_x): (Tensor<2>, Tensor<2>)) -> (Tensor<2>, Tensor<2>) {
    let (s, d_s) = deviation_tangent(&x, &d_x);
    (beside(x, s), beside(d_x, d_s))
}

/// Packs of pictures one after the other, `x[batch, pack picture]`, as pictures with all their `channels` side by side.
pub(super) fn side_by_side(x: Tensor<2>, pack: usize, channels: usize) -> Tensor<2> {
    if pack == 1 {
        return x;
    }
    let [batch, width] = x.dims();
    x.reshape([batch, pack, width / channels, channels / pack]).permute([0, 2, 1, 3]).reshape([batch, width])
}

/// The mean over features of the deviation of `x[batch, width]` over the batch, `[1]`
/// (minibatch standard deviation; Karras et al. 2018, section 3).
fn deviation(x: &Tensor<2>) -> Tensor<1> {
    let centred = x.clone() - x.clone().mean_dim(0);
    ((centred.clone() * centred).mean_dim(0) + SMALL).sqrt().mean()
}

/// The same, and how it changes along `d_x[batch, width]`.
fn deviation_tangent(x: &Tensor<2>, d_x: &Tensor<2>) -> (Tensor<1>, Tensor<1>) {
    let centred = x.clone() - x.clone().mean_dim(0);
    let d_centred = d_x.clone() - d_x.clone().mean_dim(0);
    // s = sqrt(mean(c^2) + small)
    let s = ((centred.clone() * centred.clone()).mean_dim(0) + SMALL).sqrt();
    let d_s = (centred * d_centred).mean_dim(0) / s.clone();
    (s.mean(), d_s.mean())
}

/// `value[1]` as one more column of `x[batch, width]`.
fn beside(x: Tensor<2>, value: Tensor<1>) -> Tensor<2> {
    let [batch, _] = x.dims();
    Tensor::cat(vec![x, value.reshape([1, 1]).repeat_dim(0, batch)], 1)
}
