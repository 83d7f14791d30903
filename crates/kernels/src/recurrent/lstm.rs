//! The LSTM's gates, element by element.

use super::{LANES, load, store};
use crate::{Real, multiversion};

#[inline(always)]
fn activate_body<T: Real, const FMA: bool>(gates: &mut [T], c: &mut [T], h: &mut [T], hidden: usize) {
    let rows = gates.chunks_exact_mut(4 * hidden).zip(c.chunks_exact_mut(hidden)).zip(h.chunks_exact_mut(hidden));
    for ((gates, c), h) in rows {
        for k in (0..hidden).step_by(LANES) {
            let n = LANES.min(hidden - k);
            let [mut i, mut f, mut g, mut o] = [0, 1, 2, 3].map(|gate| load(&gates[gate * hidden + k..], n));
            let (mut c_new, mut h_new) = (load(&c[k..], n), [T::ZERO; LANES]);
            for l in 0..LANES {
                i[l] = i[l].sigmoid::<FMA>();
                f[l] = f[l].sigmoid::<FMA>();
                g[l] = g[l].tanh::<FMA>();
                o[l] = o[l].sigmoid::<FMA>();
                c_new[l] = f[l].fma::<FMA>(c_new[l], i[l] * g[l]);
                h_new[l] = o[l] * c_new[l].tanh::<FMA>();
            }
            for (gate, block) in [i, f, g, o].iter().enumerate() {
                store(block, &mut gates[gate * hidden + k..], n);
            }
            store(&c_new, &mut c[k..], n);
            store(&h_new, &mut h[k..], n);
        }
    }
}

multiversion! {
    /// Gates' non-linearities, then the new cell in place of the old one, and the new hidden state.
    pub(super) fn activate<T: Real>(gates: &mut [T], c: &mut [T], h: &mut [T], hidden: usize) = activate_body
}

// A slice for each quantity of the equations.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn differentiate_body<T: Real, const FMA: bool>(
    gates: &[T],
    c_before: &[T],
    c: &[T],
    d_out: &[T],
    d_h: &mut [T],
    d_c: &mut [T],
    d_gates: &mut [T],
    hidden: usize,
) {
    for (row, (gates, d_gates)) in gates.chunks_exact(4 * hidden).zip(d_gates.chunks_exact_mut(4 * hidden)).enumerate()
    {
        let at = row * hidden..(row + 1) * hidden;
        let (c_before, c, d_out) = (&c_before[at.clone()], &c[at.clone()], &d_out[at.clone()]);
        let (d_h, d_c) = (&mut d_h[at.clone()], &mut d_c[at]);
        for k in (0..hidden).step_by(LANES) {
            let n = LANES.min(hidden - k);
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| load(&gates[gate * hidden + k..], n));
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
            for (gate, block) in [di, df, dg, d_o].iter().enumerate() {
                store(block, &mut d_gates[gate * hidden + k..], n);
            }
            store(&dc, &mut d_c[k..], n);
            // Only the product carries a gradient to the old hidden state.
            store(&[T::ZERO; LANES], &mut d_h[k..], n);
        }
    }
}

multiversion! {
    pub(super) fn differentiate<T: Real>(
        gates: &[T], c_before: &[T], c: &[T], d_out: &[T], d_h: &mut [T], d_c: &mut [T], d_gates: &mut [T], hidden: usize,
    ) = differentiate_body
}
