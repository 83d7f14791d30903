//! The LSTM's gates, element by element.

use super::{Flow, Kept, LANES, Row, load, store};
use crate::{Real, multiversion};

#[inline(always)]
fn activate_body<T: Real, const FMA: bool>(row: Row<'_, T>) {
    let Row { gates: [gate_i, gate_f, gate_g, gate_o], c, h, .. } = row;
    for k in (0..h.len()).step_by(LANES) {
        let n = LANES.min(h.len() - k);
        let (mut i, mut f) = (load(&gate_i[k..], n), load(&gate_f[k..], n));
        let (mut g, mut o) = (load(&gate_g[k..], n), load(&gate_o[k..], n));
        let (mut c_new, mut h_new) = (load(&c[k..], n), [T::ZERO; LANES]);
        for l in 0..LANES {
            i[l] = i[l].sigmoid::<FMA>();
            f[l] = f[l].sigmoid::<FMA>();
            g[l] = g[l].tanh::<FMA>();
            o[l] = o[l].sigmoid::<FMA>();
            c_new[l] = f[l].fma::<FMA>(c_new[l], i[l] * g[l]);
            h_new[l] = o[l] * c_new[l].tanh::<FMA>();
        }
        store(&i, &mut gate_i[k..], n);
        store(&f, &mut gate_f[k..], n);
        store(&g, &mut gate_g[k..], n);
        store(&o, &mut gate_o[k..], n);
        store(&c_new, &mut c[k..], n);
        store(&h_new, &mut h[k..], n);
    }
}

multiversion! {
    /// Gates' non-linearities, then the new cell in place of the old one, and the new hidden state.
    pub(super) fn activate<T: Real>(row: Row<'_, T>) = activate_body
}

#[inline(always)]
fn differentiate_body<T: Real, const FMA: bool>(kept: Kept<'_, T>, flow: Flow<'_, T>) {
    let Kept { gates: [gate_i, gate_f, gate_g, gate_o], c_before, c, .. } = kept;
    let Flow { d_out, d_h, d_c, d_gates: [to_i, to_f, to_g, to_o] } = flow;
    for k in (0..d_h.len()).step_by(LANES) {
        let n = LANES.min(d_h.len() - k);
        let (i, f) = (load(&gate_i[k..], n), load(&gate_f[k..], n));
        let (g, o) = (load(&gate_g[k..], n), load(&gate_o[k..], n));
        let (before, c, up, along) =
            (load(&c_before[k..], n), load(&c[k..], n), load(&d_out[k..], n), load(&d_h[k..], n));
        let mut dc = load(&d_c[k..], n);
        let (mut di, mut df, mut dg, mut d_o) =
            ([T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES]);
        for l in 0..LANES {
            let dh = up[l] + along[l];
            let tanh = c[l].tanh::<FMA>();
            // h' = o tanh(c')
            d_o[l] = dh * tanh * o[l] * (T::ONE - o[l]);
            let d_new = (dh * o[l]).fma::<FMA>(T::ONE - tanh * tanh, dc[l]);
            // c' = f c + i g
            di[l] = d_new * g[l] * i[l] * (T::ONE - i[l]);
            df[l] = d_new * before[l] * f[l] * (T::ONE - f[l]);
            dg[l] = d_new * i[l] * (T::ONE - g[l] * g[l]);
            dc[l] = d_new * f[l];
        }
        store(&di, &mut to_i[k..], n);
        store(&df, &mut to_f[k..], n);
        store(&dg, &mut to_g[k..], n);
        store(&d_o, &mut to_o[k..], n);
        store(&dc, &mut d_c[k..], n);
        // Only the product carries a gradient to the old hidden state.
        store(&[T::ZERO; LANES], &mut d_h[k..], n);
    }
}

multiversion! {
    pub(super) fn differentiate<T: Real>(kept: Kept<'_, T>, flow: Flow<'_, T>) = differentiate_body
}
