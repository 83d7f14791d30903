//! The LSTM's gates, element by element.

use super::{Flow, Kept, LANES, Row, blocks, load, store};
use crate::{Real, multiversion};

#[inline(always)]
fn activate_body<T: Real, const FMA: bool>(row: Row<'_, T>) {
    let Row { gates: [gate_i, gate_f, gate_g, gate_o], c, h, .. } = row;
    blocks!(h.len(), at => {
        let (mut i, mut f) = (load(gate_i, at), load(gate_f, at));
        let (mut g, mut o) = (load(gate_g, at), load(gate_o, at));
        let (mut c_new, mut h_new) = (load(c, at), [T::ZERO; LANES]);
        for l in 0..LANES {
            (i[l], f[l]) = i[l].sigmoids::<FMA>(f[l]);
            (o[l], g[l]) = o[l].sigmoid_and_tanh::<FMA>(g[l]);
            c_new[l] = f[l].fma::<FMA>(c_new[l], i[l] * g[l]);
            h_new[l] = o[l] * c_new[l].tanh::<FMA>();
        }
        store(&i, gate_i, at);
        store(&f, gate_f, at);
        store(&g, gate_g, at);
        store(&o, gate_o, at);
        store(&c_new, c, at);
        store(&h_new, h, at);
    });
}

multiversion! {
    /// Gates' non-linearities, then the new cell in place of the old one, and the new hidden state.
    pub(super) fn activate<T: Real>(row: Row<'_, T>) = activate_body
}

#[inline(always)]
fn differentiate_body<T: Real, const FMA: bool>(kept: Kept<'_, T>, flow: Flow<'_, T>) {
    let Kept { gates: [gate_i, gate_f, gate_g, gate_o], c_before, c, .. } = kept;
    let Flow { d_out, d_h, d_c, d_gates: [to_i, to_f, to_g, to_o] } = flow;
    blocks!(d_h.len(), at => {
        let (i, f) = (load(gate_i, at), load(gate_f, at));
        let (g, o) = (load(gate_g, at), load(gate_o, at));
        let (before, c, up, along) =
            (load(c_before, at), load(c, at), load(d_out, at), load(d_h, at));
        let mut dc = load(d_c, at);
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
        store(&di, to_i, at);
        store(&df, to_f, at);
        store(&dg, to_g, at);
        store(&d_o, to_o, at);
        store(&dc, d_c, at);
        // Only the product carries a gradient to the old hidden state.
        store(&[T::ZERO; LANES], d_h, at);
    });
}

multiversion! {
    pub(super) fn differentiate<T: Real>(kept: Kept<'_, T>, flow: Flow<'_, T>) = differentiate_body
}
