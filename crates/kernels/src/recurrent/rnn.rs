//! The simple recurrent network's activation, element by element.

use super::{Activation, Flow, Kept, Row};
use crate::{Real, multiversion};

#[inline(always)]
fn tanh_body<T: Real, const FMA: bool>(sums: &[T], h: &mut [T]) {
    for (h, sum) in h.iter_mut().zip(sums) {
        *h = sum.tanh::<FMA>();
    }
}

#[inline(always)]
fn relu_body<T: Real, const FMA: bool>(sums: &[T], h: &mut [T]) {
    for (h, sum) in h.iter_mut().zip(sums) {
        // Written so that a NaN stays one.
        *h = if *sum <= T::ZERO { T::ZERO } else { *sum };
    }
}

multiversion! {
    fn tanh<T: Real>(sums: &[T], h: &mut [T]) = tanh_body
}
multiversion! {
    fn relu<T: Real>(sums: &[T], h: &mut [T]) = relu_body
}

/// The new state.
pub(super) fn activate<T: Real>(activation: Activation, row: Row<'_, T>) {
    let Row { gates: [sums, ..], h, .. } = row;
    match activation {
        Activation::Tanh => tanh(sums, h),
        Activation::Relu => relu(sums, h),
    }
}

#[inline(always)]
fn d_tanh_body<T: Real, const FMA: bool>(h: &[T], d_out: &[T], d_h: &mut [T], d_sums: &mut [T]) {
    for (((d, h), up), along) in d_sums.iter_mut().zip(h).zip(d_out).zip(d_h) {
        *d = (*up + *along) * (T::ONE - *h * *h); // h' = tanh(sum)
        *along = T::ZERO;
    }
}

#[inline(always)]
fn d_relu_body<T: Real, const FMA: bool>(h: &[T], d_out: &[T], d_h: &mut [T], d_sums: &mut [T]) {
    for (((d, h), up), along) in d_sums.iter_mut().zip(h).zip(d_out).zip(d_h) {
        *d = if *h <= T::ZERO { T::ZERO } else { *up + *along }; // h' = max(0, sum)
        *along = T::ZERO;
    }
}

multiversion! {
    fn d_tanh<T: Real>(h: &[T], d_out: &[T], d_h: &mut [T], d_sums: &mut [T]) = d_tanh_body
}
multiversion! {
    fn d_relu<T: Real>(h: &[T], d_out: &[T], d_h: &mut [T], d_sums: &mut [T]) = d_relu_body
}

/// The gradient of the sums; only the product carries one to the old state.
pub(super) fn differentiate<T: Real>(activation: Activation, kept: Kept<'_, T>, flow: Flow<'_, T>) {
    let Flow { d_out, d_h, d_gates: [d_sums, ..], .. } = flow;
    match activation {
        Activation::Tanh => d_tanh(kept.h, d_out, d_h, d_sums),
        Activation::Relu => d_relu(kept.h, d_out, d_h, d_sums),
    }
}
