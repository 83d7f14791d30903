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
            let pairs = if isa() == Isa::Avx512Bf16 { pairs::avx512() } else { pairs::avx512_apart() };
            return Micro {
                rows: 12,
                cols: 32,
                few_rows: 3,
                group: [16; 2],
                run: x86::avx512,
                transpose: x86::transpose,
                pairs: Some(pairs),
            };
        }
        Isa::Avx2 => {
            let pairs = Some(pairs::avx2());
            return Micro {
                rows: 6,
                cols: 16,
                few_rows: 1,
                group: [16, 64],
                run: x86::avx2,
                transpose: x86::transpose,
                pairs,
            };
        }
        Isa::Portable | Isa::Neon => {}
    }
    #[cfg(target_arch = "aarch64")]
    if isa() == Isa::Neon {
        return Micro { rows: 6, cols: 16, few_rows: 1, group: [16; 2], run: neon::neon, transpose, pairs: None };
    }
    Micro { rows: 4, cols: 8, few_rows: 0, group: [16; 2], run: portable::<f32, 4, 8>, transpose, pairs: None }
}

/// The `f64` micro-kernel: portable, since `f64` only checks gradients.
pub(crate) fn micro_f64() -> Micro<f64> {
    Micro { rows: 4, cols: 8, few_rows: 0, group: [16; 2], run: portable::<f64, 4, 8>, transpose, pairs: None }
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

/// Calls the instance for the tile's rows: one strip of them, or four of few; their left operand lying row by row, or column by
/// column ([`Walk`]).
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! by_rows {
    ($t:ident, $kernel:ident, $($rows:literal)*; $($few:literal)*) => {
        match ($t.strips.len(), $t.rows, $t.a_col == 1) {
            // SAFETY: the same contract.
            $((1, $rows, true) => unsafe { $kernel::<$rows, 1, false>($t) },)*
            // SAFETY: as above.
            $((1, $rows, false) => unsafe { $kernel::<$rows, 1, true>($t) },)*
            // SAFETY: as above.
            $((STRIPS, $few, true) => unsafe { $kernel::<$few, STRIPS, false>($t) },)*
            // SAFETY: as above.
            $((STRIPS, $few, false) => unsafe { $kernel::<$few, STRIPS, true>($t) },)*
            (strips, rows, _) => unreachable!("a tile of {rows} rows and {strips} panels"),
        }
    };
}

/// Takes `depth` steps, four at a time: `step` for `k` from 0, then `advance` by `n` steps. Within four the addresses are
/// constants, and counters and pointers cost a quarter: a step of six rows then needs 3.5 instructions a cycle to keep the
/// multipliers busy, about what a core issues whose other thread is busy too.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! unrolled {
    ($depth:expr, $k:ident => $step:block, $n:ident => $advance:block) => {
        for _ in 0..$depth / 4 {
            for $k in 0..4 {
                $step
            }
            let $n = 4;
            $advance
        }
        for _ in 0..$depth % 4 {
            let $k = 0;
            $step
            let $n = 1;
            $advance
        }
    };
}

/// The way along a tile's left operand of `ROWS` rows. Lying row by row it has a pointer for every three rows: the other two
/// are a stride and two strides on, which an address can hold. Lying column by column it has one.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[derive(Clone, Copy)]
struct Walk<T, const ROWS: usize, const COLUMNS: bool> {
    at: [*const T; 4],
    row: usize,
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
impl<T: Copy, const ROWS: usize, const COLUMNS: bool> Walk<T, ROWS, COLUMNS> {
    /// From the tile's first column on, its elements of any type of one size.
    #[inline(always)]
    fn new<U>(t: &Tile<'_, U>) -> Self {
        const { assert!(size_of::<T>() == size_of::<U>() && ROWS <= 12) };
        debug_assert!(if COLUMNS { (t.a_row, t.a_col) == (1, ROWS) } else { t.a_col == 1 });
        let at = std::array::from_fn(|k| t.a.cast::<T>().wrapping_add(3 * k * t.a_row));
        Self { at, row: t.a_row }
    }

    /// # Safety
    /// The element is the tile's.
    #[inline(always)]
    unsafe fn element(&self, row: usize, column: usize) -> T {
        // SAFETY: the caller's contract.
        unsafe {
            match COLUMNS {
                true => *self.at[0].add(column * ROWS + row),
                false => *self.at[row / 3].add(row % 3 * self.row + column),
            }
        }
    }

    #[inline(always)]
    fn advance(&mut self, columns: usize) {
        match COLUMNS {
            true => self.at[0] = self.at[0].wrapping_add(columns * ROWS),
            false => self.at = self.at.map(|at| at.wrapping_add(columns)),
        }
    }
}

/// Writes the sums of a tile narrower than a panel, or adds them to what is there.
///
/// # Safety
/// The strip lies inside its matrices.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(never)]
unsafe fn finish_narrow(strip: &super::Strip<f32>, sums: &[[f32; 16]]) {
    for (i, sums) in sums.iter().enumerate() {
        // SAFETY: the caller's contract.
        let row = unsafe { std::slice::from_raw_parts_mut(strip.c.add(i * strip.c_row), strip.cols) };
        for (c, sum) in row.iter_mut().zip(sums) {
            *c = if strip.add { *c + *sum } else { *sum };
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod pairs;
#[cfg(target_arch = "x86_64")]
mod x86;
