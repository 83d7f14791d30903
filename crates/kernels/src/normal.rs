//! Normal numbers by the block, each a function of a seed and its place alone.

use crate::{Real, multiversion};
use simurgh_random::mix;
use std::f32::consts::{LN_2, TAU};

/// Numbers made at once: half of them cosines, half sines of the same draws.
const BLOCK: usize = 32;

/// `ln(x)` of a positive normal number, within 3e-7 of it.
#[inline(always)]
fn ln<const FMA: bool>(x: f32) -> f32 {
    let bits = x.to_bits();
    // x = m 2^e, m from sqrt(1/2) to sqrt(2).
    let e = (bits.wrapping_sub(0x3F35_04F3) as i32) >> 23;
    let m = f32::from_bits(bits.wrapping_sub((e << 23) as u32));
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let series = (1.0 / 9.0f32).fma::<FMA>(q, 1.0 / 7.0).fma::<FMA>(q, 0.2).fma::<FMA>(q, 1.0 / 3.0).fma::<FMA>(q, 1.0);
    (e as f32).fma::<FMA>(LN_2, 2.0 * s * series)
}

/// Cosine and sine of `u` turns, `u` from 0 to 1, within 2e-7.
#[inline(always)]
fn turn<const FMA: bool>(u: f32) -> (f32, f32) {
    let quarter = (4.0 * u + 0.5) as i32;
    let a = TAU * (u - 0.25 * quarter as f32);
    let q = a * a;
    let s = (-1.0 / 5040.0f32).fma::<FMA>(q, 1.0 / 120.0).fma::<FMA>(q, -1.0 / 6.0).fma::<FMA>(q, 1.0) * a;
    let c =
        (1.0 / 40320.0f32).fma::<FMA>(q, -1.0 / 720.0).fma::<FMA>(q, 1.0 / 24.0).fma::<FMA>(q, -0.5).fma::<FMA>(q, 1.0);
    let (c, s) = if quarter & 1 == 1 { (-s, c) } else { (c, s) };
    if quarter & 2 == 2 { (-c, -s) } else { (c, s) }
}

#[inline(always)]
fn normal_body<T: Real, const FMA: bool>(out: &mut [T], seed: u64) {
    let seed = mix(seed);
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let mut both = [0.0f32; BLOCK];
        let (cosines, sines) = both.split_at_mut(BLOCK / 2);
        let first = (block * BLOCK / 2) as u64;
        for (i, (c, s)) in cosines.iter_mut().zip(sines).enumerate() {
            let bits = mix(seed ^ (first + i as u64).wrapping_mul(0xD134_2543_DE82_EF95));
            // From 2^-24 to 1, and from 0 up to but not 1 (Box & Muller 1958).
            let share = ((bits >> 40) as i32 + 1) as f32 * (1.0 / (1 << 24) as f32);
            let turns = (bits as u32 >> 8) as i32 as f32 * (1.0 / (1 << 24) as f32);
            let radius = (-2.0 * ln::<FMA>(share)).max(0.0).sqrt();
            let (cos, sin) = turn::<FMA>(turns);
            (*c, *s) = (radius * cos, radius * sin);
        }
        out.iter_mut().zip(both).for_each(|(out, x)| *out = T::from_f64(f64::from(x)));
    }
}

multiversion! {
    /// Fills `out` with standard normal numbers, none beyond 5.8.
    pub fn normal<T: Real>(out: &mut [T], seed: u64) = normal_body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_turns_are_as_exact_as_said() {
        for k in (1..=1 << 24).step_by(997).chain([1 << 24]) {
            let x = k as f32 / (1 << 24) as f32;
            let error = (f64::from(ln::<true>(x)) - f64::from(x).ln()).abs();
            assert!(error <= 3e-7 * (1.0 + f64::from(x).ln().abs()), "ln {x}: {error}");
            let u = (k - 1) as f32 / (1 << 24) as f32;
            let (c, s) = turn::<true>(u);
            let angle = std::f64::consts::TAU * f64::from(u);
            let error = (f64::from(c) - angle.cos()).abs().max((f64::from(s) - angle.sin()).abs());
            assert!(error <= 4e-7, "{u} turns: {error}");
        }
        assert!((ln::<true>(std::f32::consts::FRAC_1_SQRT_2) + LN_2 / 2.0).abs() < 1e-7);
    }

    #[test]
    fn numbers_have_the_moments_of_a_normal_and_depend_on_their_place_alone() {
        let mut all = vec![0.0f32; 400_000];
        normal(&mut all, 7);
        let mean = |f: &dyn Fn(f64) -> f64| all.iter().map(|x| f(f64::from(*x))).sum::<f64>() / all.len() as f64;
        let [first, second, third, fourth] = [1, 2, 3, 4].map(|k| mean(&|x: f64| x.powi(k)));
        assert!(first.abs() < 0.01 && (second - 1.0).abs() < 0.01 && third.abs() < 0.03 && (fourth - 3.0).abs() < 0.05);
        // Neighbours, and the two halves of a block, have nothing to do with each other.
        for lag in [1, BLOCK / 2, BLOCK] {
            let pairs = all.iter().zip(&all[lag..]);
            let together = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() / all.len() as f64;
            assert!(together.abs() < 0.01, "lag {lag}: {together}");
        }
        let mut fewer = vec![0.0f32; 1001];
        normal(&mut fewer, 7);
        assert_eq!(fewer, all[..1001]);
        let mut others = vec![0.0f32; 1001];
        normal(&mut others, 8);
        assert!(others.iter().zip(&fewer).all(|(a, b)| a != b));
        normal::<f32>(&mut [], 1);
    }
}
