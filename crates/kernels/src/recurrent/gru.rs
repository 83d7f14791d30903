//! The GRU's gates, element by element.

use super::{Flow, Kept, LANES, Row, load, store};
use crate::{Real, multiversion};

#[inline(always)]
fn activate_body<T: Real, const FMA: bool>(row: Row<'_, T>) {
    let Row { gates: [gate_r, gate_z, gate_n, product], before, h, .. } = row;
    for k in (0..h.len()).step_by(LANES) {
        let n = LANES.min(h.len() - k);
        let (mut r, mut z) = (load(&gate_r[k..], n), load(&gate_z[k..], n));
        let (mut c, p) = (load(&gate_n[k..], n), load(&product[k..], n));
        let (old, mut new) = (load(&before[k..], n), [T::ZERO; LANES]);
        for l in 0..LANES {
            r[l] = r[l].sigmoid::<FMA>();
            z[l] = z[l].sigmoid::<FMA>();
            c[l] = r[l].fma::<FMA>(p[l], c[l]).tanh::<FMA>();
            // (1 - z) n + z h
            new[l] = z[l].fma::<FMA>(old[l] - c[l], c[l]);
        }
        store(&r, &mut gate_r[k..], n);
        store(&z, &mut gate_z[k..], n);
        store(&c, &mut gate_n[k..], n);
        store(&new, &mut h[k..], n);
    }
}

multiversion! {
    /// Gates' non-linearities (`p` stays as it is) and the new state.
    pub(super) fn activate<T: Real>(row: Row<'_, T>) = activate_body
}

#[inline(always)]
fn differentiate_body<T: Real, const FMA: bool>(kept: Kept<'_, T>, flow: Flow<'_, T>) {
    let Kept { gates: [gate_r, gate_z, gate_n, product], before, .. } = kept;
    let Flow { d_out, d_h, d_gates: [to_r, to_z, to_n, to_p], .. } = flow;
    for k in (0..d_h.len()).step_by(LANES) {
        let n = LANES.min(d_h.len() - k);
        let (r, z) = (load(&gate_r[k..], n), load(&gate_z[k..], n));
        let (c, p) = (load(&gate_n[k..], n), load(&product[k..], n));
        let (old, up, mut along) = (load(&before[k..], n), load(&d_out[k..], n), load(&d_h[k..], n));
        let (mut dr, mut dz, mut dn, mut dp) = ([T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES]);
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
        store(&dr, &mut to_r[k..], n);
        store(&dz, &mut to_z[k..], n);
        store(&dn, &mut to_n[k..], n);
        store(&dp, &mut to_p[k..], n);
        store(&along, &mut d_h[k..], n);
    }
}

multiversion! {
    pub(super) fn differentiate<T: Real>(kept: Kept<'_, T>, flow: Flow<'_, T>) = differentiate_body
}
