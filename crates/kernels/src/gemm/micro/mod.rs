//! The micro-kernels: a tile of the result in registers, one rank-1 update a step.

use super::{Columns, Lines, Micro, Tile};
use crate::Real;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::cpu::{Isa, isa};

/// The `f32` micro-kernel for the instruction set in use.
pub(crate) fn micro_f32() -> Micro<f32> {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Avx512 | Isa::Avx512Bf16 => {
            let pairs = (isa() == Isa::Avx512Bf16).then(pairs::avx512);
            return Micro { rows: 12, cols: 32, few_rows: 3, run: x86::avx512, transpose: x86::transpose, pairs };
        }
        Isa::Avx2 => {
            let pairs = Some(pairs::avx2());
            return Micro { rows: 6, cols: 16, few_rows: 1, run: x86::avx2, transpose: x86::transpose, pairs };
        }
        Isa::Portable | Isa::Neon => {}
    }
    #[cfg(target_arch = "aarch64")]
    if isa() == Isa::Neon {
        return Micro { rows: 6, cols: 16, few_rows: 1, run: neon::neon, transpose, pairs: None };
    }
    Micro { rows: 4, cols: 8, few_rows: 0, run: portable::<f32, 4, 8>, transpose, pairs: None }
}

/// The `f64` micro-kernel: portable, since `f64` only checks gradients.
pub(crate) fn micro_f64() -> Micro<f64> {
    Micro { rows: 4, cols: 8, few_rows: 0, run: portable::<f64, 4, 8>, transpose, pairs: None }
}

/// # Safety
/// None is needed; other instruction sets' are unsafe.
unsafe fn transpose<T: Real>(from: &Columns<T>, to: &mut Lines<T>, wide: usize) {
    for (i, to) in to.iter_mut().enumerate() {
        for (to, column) in to.iter_mut().zip(&from[..wide]) {
            *to = column[i];
        }
    }
}

/// # Safety
/// The tile lies inside its matrices.
unsafe fn portable<T: Real, const ROWS: usize, const COLS: usize>(t: Tile<'_, T>) {
    let s = t.strips[0];
    let mut sum = [[T::ZERO; COLS]; ROWS];
    // SAFETY: the caller's contract: `t.rows <= ROWS`, `s.cols <= COLS`, the pointers cover them.
    unsafe {
        if !s.bias.is_null() {
            for row in sum.iter_mut().take(t.rows) {
                row.copy_from_slice(std::slice::from_raw_parts(s.bias, COLS));
            }
        }
        for p in 0..t.depth {
            let b = std::slice::from_raw_parts(s.panel.add(p * COLS), COLS);
            for (i, row) in sum.iter_mut().enumerate().take(t.rows) {
                let a = *t.a.add(i * t.a_row + p * t.a_col);
                for (s, b) in row.iter_mut().zip(b) {
                    *s += a * *b;
                }
            }
        }
        for (i, row) in sum.iter().enumerate().take(t.rows) {
            let c = std::slice::from_raw_parts_mut(s.c.add(i * s.c_row), s.cols);
            for (c, sum) in c.iter_mut().zip(row) {
                *c = if s.add { *c + *sum } else { *sum };
            }
        }
    }
}

/// Calls the instance for the tile's rows: one strip of them, or four of few.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! by_rows {
    ($t:ident, $kernel:ident, $($rows:literal)*; $($few:literal)*) => {
        match ($t.strips.len(), $t.rows) {
            // SAFETY: the same contract.
            $((1, $rows) => unsafe { $kernel::<$rows, 1>($t) },)*
            // SAFETY: as above.
            $((STRIPS, $few) => unsafe { $kernel::<$few, STRIPS>($t) },)*
            (strips, rows) => unreachable!("a tile of {rows} rows and {strips} panels"),
        }
    };
}

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod pairs;
#[cfg(target_arch = "x86_64")]
mod x86;
