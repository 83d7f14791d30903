//! The two floating-point types that the kernels work in.

use crate::buffer::Plain;
use crate::gemm::Micro;

/// `f32`, in which networks train and run, or `f64`, in which their gradients are checked.
///
/// The functions with a `FMA` parameter are written so that a loop over them vectorises; `FMA` says
/// whether a fused multiply-add is a single instruction (it is a slow library call otherwise).
pub trait Real:
    Plain
    + Send
    + Sync
    + PartialOrd
    + std::fmt::Debug
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::Neg<Output = Self>
    + std::ops::AddAssign
    + std::ops::SubAssign
    + std::ops::MulAssign
    + std::iter::Sum
    + 'static
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// Rounds to this type.
    fn from_f64(x: f64) -> Self;
    /// Widens, exactly.
    fn to_f64(self) -> f64;
    /// `self * a + b`.
    fn fma<const FMA: bool>(self, a: Self, b: Self) -> Self;
    /// e^x; `f32`: within 2 ulp, 0 below -87, at most e^88 above.
    fn exp<const FMA: bool>(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// The nearest bfloat16, ties to even, as bits.
    fn bf16_bits(self) -> u16;
    /// The nearest bfloat16.
    fn to_bf16(self) -> Self;
    /// The number that these bits of a bfloat16 stand for, exactly.
    fn from_bf16_bits(bits: u16) -> Self;
    /// The matrix product's micro-kernel for the instruction set in use.
    fn micro() -> Micro<Self>;

    /// The logistic function 1 / (1 + e^-x).
    #[inline(always)]
    fn sigmoid<const FMA: bool>(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp::<FMA>())
    }

    /// Hyperbolic tangent, absolute error below 2e-7 in `f32`.
    #[inline(always)]
    fn tanh<const FMA: bool>(self) -> Self {
        let two = Self::ONE + Self::ONE;
        Self::ONE - two / (Self::ONE + (two * self).exp::<FMA>())
    }

    /// The logistic functions of both; `f32`: with one division, within 2e-7.
    #[inline(always)]
    fn sigmoids<const FMA: bool>(self, other: Self) -> (Self, Self) {
        (self.sigmoid::<FMA>(), other.sigmoid::<FMA>())
    }

    /// The logistic function of this, the hyperbolic tangent of the other; `f32`: with one division, within 2e-7.
    #[inline(always)]
    fn sigmoid_and_tanh<const FMA: bool>(self, other: Self) -> (Self, Self) {
        (self.sigmoid::<FMA>(), other.tanh::<FMA>())
    }

    /// The larger one.
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
}

/// e^x for -87 <= x <= 88, or NaN: Cody-Waite range reduction to |r| <= ln(2)/2, then 1 + r + r^2 q(r) with the cubic q
/// whose largest relative error, 1.1e-7, is the least.
#[inline(always)]
fn exp_within<const FMA: bool>(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer in the low bits
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x.fma::<FMA>(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.fma::<FMA>(-LN2_LOW, n.fma::<FMA>(-LN2_HIGH, x));
    let q = 8.312_48e-3_f32.fma::<FMA>(r, 4.189_055e-2).fma::<FMA>(r, 1.666_711_6e-1).fma::<FMA>(r, 4.999_922_9e-1);
    let p = q.fma::<FMA>(r, 1.0).fma::<FMA>(r, 1.0);
    // Times 2^n: n is added to the exponent.
    f32::from_bits((shifted.to_bits() << 23).wrapping_add(p.to_bits()))
}

/// [`exp_within`] of the nearest number to x within 43 of 0: two such numbers and 1 can be multiplied, and the logistic
/// function has come within 3e-19 of its limits.
#[inline(always)]
fn exp_near<const FMA: bool>(x: f32) -> f32 {
    let x = if x > 43.0 { 43.0 } else { x };
    exp_within::<FMA>(if x < -43.0 { -43.0 } else { x })
}

impl Real for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;

    #[inline(always)]
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn fma<const FMA: bool>(self, a: f32, b: f32) -> f32 {
        if FMA { self.mul_add(a, b) } else { self * a + b }
    }

    /// A NaN stays a NaN: the clamps are comparisons that it fails.
    #[inline(always)]
    fn exp<const FMA: bool>(self) -> f32 {
        let x = if self > 88.0 { 88.0 } else { self };
        let x = if x < -87.0 { -87.0 } else { x };
        let y = exp_within::<FMA>(x);
        if self < -87.0 { 0.0 } else { y }
    }
    #[inline(always)]
    fn sigmoids<const FMA: bool>(self, other: f32) -> (f32, f32) {
        let (a, b) = (1.0 + exp_near::<FMA>(-self), 1.0 + exp_near::<FMA>(-other));
        let both = 1.0 / (a * b);
        (both * b, both * a)
    }
    #[inline(always)]
    fn sigmoid_and_tanh<const FMA: bool>(self, other: f32) -> (f32, f32) {
        let (a, b) = (1.0 + exp_near::<FMA>(-self), 1.0 + exp_near::<FMA>(2.0 * other));
        let both = 1.0 / (a * b);
        (both * b, (both * a).fma::<FMA>(-2.0, 1.0))
    }
    #[inline(always)]
    fn tanh<const FMA: bool>(self) -> f32 {
        (1.0 / (1.0 + exp_near::<FMA>(2.0 * self))).fma::<FMA>(-2.0, 1.0)
    }
    #[inline(always)]
    fn ln(self) -> f32 {
        self.ln()
    }
    #[inline(always)]
    fn sqrt(self) -> f32 {
        self.sqrt()
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    #[inline(always)]
    fn bf16_bits(self) -> u16 {
        let bits = self.to_bits();
        // A NaN stays one: rounding could carry it over to infinity.
        let quiet = (bits >> 16) as u16 | 0x40;
        let even = (bits >> 16) & 1;
        let rounded = (bits.wrapping_add(0x7FFF + even) >> 16) as u16;
        if self.is_nan() { quiet } else { rounded }
    }
    #[inline(always)]
    fn to_bf16(self) -> f32 {
        f32::from_bf16_bits(self.bf16_bits())
    }
    #[inline(always)]
    fn from_bf16_bits(bits: u16) -> f32 {
        f32::from_bits(u32::from(bits) << 16)
    }
    fn micro() -> Micro<f32> {
        crate::gemm::micro_f32()
    }
}

impl Real for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;

    #[inline(always)]
    fn from_f64(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn fma<const FMA: bool>(self, a: f64, b: f64) -> f64 {
        if FMA { self.mul_add(a, b) } else { self * a + b }
    }
    #[inline(always)]
    fn exp<const FMA: bool>(self) -> f64 {
        self.exp()
    }
    #[inline(always)]
    fn ln(self) -> f64 {
        self.ln()
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        self.sqrt()
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    #[inline(always)]
    fn tanh<const FMA: bool>(self) -> f64 {
        self.tanh()
    }
    #[inline(always)]
    fn bf16_bits(self) -> u16 {
        (self as f32).bf16_bits()
    }
    #[inline(always)]
    fn to_bf16(self) -> f64 {
        f64::from((self as f32).to_bf16())
    }
    #[inline(always)]
    fn from_bf16_bits(bits: u16) -> f64 {
        f64::from(f32::from_bf16_bits(bits))
    }
    fn micro() -> Micro<f64> {
        crate::gemm::micro_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_ulp_and_keeps_nan() {
        let mut worst = 0.0f64;
        for i in -870_000..880_000 {
            let x = i as f32 * 1e-4;
            let got = f64::from(Real::exp::<true>(x));
            let want = f64::from(x).exp();
            worst = worst.max((got - want).abs() / want);
        }
        assert!(worst < 2.4e-7, "worst relative error {worst}");
        assert!(Real::exp::<true>(f32::NAN).is_nan());
        assert!(Real::exp::<false>(f32::NAN).is_nan());
        assert_eq!(Real::exp::<true>(f32::NEG_INFINITY), 0.0);
        assert!(Real::exp::<true>(f32::INFINITY) > 1e38);
    }

    #[test]
    fn sigmoid_and_tanh_reach_their_limits_and_keep_nan() {
        for x in [-200.0f32, -20.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 20.0, 200.0] {
            let tanh = f64::from(Real::tanh::<true>(x));
            assert!((tanh - f64::from(x).tanh()).abs() < 2e-7, "tanh {x}: {tanh}");
            let sigmoid = f64::from(Real::sigmoid::<true>(x));
            let want = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((sigmoid - want).abs() < 2e-7, "sigmoid {x}: {sigmoid}");
            for y in [-300.0f32, -7.0, -0.5, 0.0, 0.25, 3.0, 90.0] {
                let (first, second) = Real::sigmoids::<true>(x, y);
                let limit = 1.0 / (1.0 + (-f64::from(y)).exp());
                assert!((f64::from(first) - want).abs() < 2e-7, "sigmoids {x} {y}: {first}");
                assert!((f64::from(second) - limit).abs() < 2e-7, "sigmoids {x} {y}: {second}");
                let (first, second) = Real::sigmoid_and_tanh::<true>(x, y);
                assert!((f64::from(first) - want).abs() < 2e-7, "sigmoid_and_tanh {x} {y}: {first}");
                assert!((f64::from(second) - f64::from(y).tanh()).abs() < 2e-7, "sigmoid_and_tanh {x} {y}: {second}");
                assert!(first <= 1.0 && (-1.0..=1.0).contains(&second), "{x} {y}");
            }
        }
        assert!(Real::sigmoids::<true>(f32::NAN, 0.0).0.is_nan());
        assert!(Real::sigmoid_and_tanh::<true>(0.0, f32::NAN).1.is_nan());
        assert!(Real::tanh::<true>(f32::NAN).is_nan());
        assert!(Real::sigmoid::<true>(f32::NAN).is_nan());
    }
}
