//! The GRU's gates, element by element.

use super::{LANES, load, store};
use crate::{Real, multiversion};

#[inline(always)]
fn activate_body<T: Real, const FMA: bool>(gates: &mut [T], before: &[T], h: &mut [T], hidden: usize) {
    let rows = gates.chunks_exact_mut(4 * hidden).zip(before.chunks_exact(hidden)).zip(h.chunks_exact_mut(hidden));
    for ((gates, before), h) in rows {
        for k in (0..hidden).step_by(LANES) {
            let n = LANES.min(hidden - k);
            let [mut r, mut z, mut c, p] = [0, 1, 2, 3].map(|gate| load(&gates[gate * hidden + k..], n));
            let (old, mut new) = (load(&before[k..], n), [T::ZERO; LANES]);
            for l in 0..LANES {
                r[l] = r[l].sigmoid::<FMA>();
                z[l] = z[l].sigmoid::<FMA>();
                c[l] = r[l].fma::<FMA>(p[l], c[l]).tanh::<FMA>();
                // (1 - z) n + z h
                new[l] = z[l].fma::<FMA>(old[l] - c[l], c[l]);
            }
            for (gate, block) in [r, z, c].iter().enumerate() {
                store(block, &mut gates[gate * hidden + k..], n);
            }
            store(&new, &mut h[k..], n);
        }
    }
}

multiversion! {
    /// Gates' non-linearities (`p` stays as it is) and the new state.
    pub(super) fn activate<T: Real>(gates: &mut [T], before: &[T], h: &mut [T], hidden: usize) = activate_body
}

#[inline(always)]
fn differentiate_body<T: Real, const FMA: bool>(
    gates: &[T],
    before: &[T],
    d_out: &[T],
    d_h: &mut [T],
    d_gates: &mut [T],
    hidden: usize,
) {
    for (row, (gates, d_gates)) in gates.chunks_exact(4 * hidden).zip(d_gates.chunks_exact_mut(4 * hidden)).enumerate()
    {
        let at = row * hidden..(row + 1) * hidden;
        let (before, d_out, d_h) = (&before[at.clone()], &d_out[at.clone()], &mut d_h[at]);
        for k in (0..hidden).step_by(LANES) {
            let n = LANES.min(hidden - k);
            let [r, z, c, p] = [0, 1, 2, 3].map(|gate| load(&gates[gate * hidden + k..], n));
            let (old, up, mut along) = (load(&before[k..], n), load(&d_out[k..], n), load(&d_h[k..], n));
            let (mut dr, mut dz, mut dn, mut dp) =
                ([T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES]);
            for l in 0..LANES {
                let dh = up[l] + along[l];
                // h' = (1 - z) n + z h
                dz[l] = dh * (old[l] - c[l]) * z[l] * (T::ONE - z[l]);
                along[l] = dh * z[l];
                // n = tanh(... + r p)
                dn[l] = dh * (T::ONE - z[l]) * (T::ONE - c[l] * c[l]);
                dr[l] = dn[l] * p[l] * r[l] * (T::ONE - r[l]);
                dp[l] = dn[l] * r[l];
            }
            for (gate, block) in [dr, dz, dn, dp].iter().enumerate() {
                store(block, &mut d_gates[gate * hidden + k..], n);
            }
            store(&along, &mut d_h[k..], n);
        }
    }
}

multiversion! {
    pub(super) fn differentiate<T: Real>(
        gates: &[T], before: &[T], d_out: &[T], d_h: &mut [T], d_gates: &mut [T], hidden: usize,
    ) = differentiate_body
}
