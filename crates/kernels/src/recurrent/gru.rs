//! The GRU's gates, element by element.

use super::{Flow, Kept, LANES, Row, blocks, load, store};
use crate::{Real, multiversion};

#[inline(always)]
fn activate_body<T: Real, const FMA: bool>(row: Row<'_, T>) {
    let Row { gates: [gate_r, gate_z, gate_n, product], before, h, .. } = row;
    blocks!(h.len(), at => {
        let (mut r, mut z) = (load(gate_r, at), load(gate_z, at));
        let (mut c, p) = (load(gate_n, at), load(product, at));
        let (old, mut new) = (load(before, at), [T::ZERO; LANES]);
        for l in 0..LANES {
            (r[l], z[l]) = r[l].sigmoids::<FMA>(z[l]);
            c[l] = r[l].fma::<FMA>(p[l], c[l]).tanh::<FMA>();
            // (1 - z) n + z h
            new[l] = z[l].fma::<FMA>(old[l] - c[l], c[l]);
        }
        store(&r, gate_r, at);
        store(&z, gate_z, at);
        store(&c, gate_n, at);
        store(&new, h, at);
    });
}

multiversion! {
    /// Gates' non-linearities (`p` stays as it is) and the new state.
    pub(super) fn activate<T: Real>(row: Row<'_, T>) = activate_body
}

#[inline(always)]
fn differentiate_body<T: Real, const FMA: bool>(kept: Kept<'_, T>, flow: Flow<'_, T>) {
    let Kept { gates: [gate_r, gate_z, gate_n, product], before, .. } = kept;
    let Flow { d_out, d_h, d_gates: [to_r, to_z, to_n, to_p], .. } = flow;
    blocks!(d_h.len(), at => {
        let (r, z) = (load(gate_r, at), load(gate_z, at));
        let (c, p) = (load(gate_n, at), load(product, at));
        let (old, up, mut along) = (load(before, at), load(d_out, at), load(d_h, at));
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
        store(&dr, to_r, at);
        store(&dz, to_z, at);
        store(&dn, to_n, at);
        store(&dp, to_p, at);
        store(&along, d_h, at);
    });
}

multiversion! {
    pub(super) fn differentiate<T: Real>(kept: Kept<'_, T>, flow: Flow<'_, T>) = differentiate_body
}
