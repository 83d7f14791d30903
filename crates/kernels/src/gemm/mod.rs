//! Matrix product with the right operand packed once and used many times.
//!
//! After Goto & van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): the right
//! operand is cut into panels as wide as the micro-kernel, in blocks of [`DEPTH`] along the inner
//! dimension; the micro-kernel keeps a tile of the result in registers. An element of the result is
//! always the same chain of additions, whatever the other rows and columns and whoever computes it.

mod micro;
mod operand;
pub mod reference;

pub(crate) use micro::{micro_f32, micro_f64};
pub(crate) use operand::Part;
use operand::Storage;
pub use operand::{Format, Packed, View};

use crate::Real;
use crate::parallel;
use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Inner-dimension block: the sums over blocks of this length are added in order.
pub const DEPTH: usize = 256;
/// Panels that stay in the second-level cache while the rows pass by.
const GROUP: usize = 16;
/// Multiply-adds below which a second thread costs more than it brings.
const WORTH: usize = 1 << 18;

/// Panels of a tile of few rows: with fewer sums than this the processor waits for each one's last addition.
const STRIPS: usize = 4;

/// A micro-kernel and the size of its register tile.
#[derive(Clone, Copy)]
pub struct Micro<T> {
    /// Most rows of a tile.
    pub rows: usize,
    /// Columns of a tile, the width of a packed panel.
    pub cols: usize,
    /// Most rows of a tile of [`STRIPS`] panels.
    pub(crate) few_rows: usize,
    pub(crate) run: unsafe fn(Tile<'_, T>),
    /// For pairs of bfloat16 numbers, where the processor multiplies them.
    pub(crate) pairs: Option<Pairs<T>>,
}

/// A micro-kernel over [`Storage::Pairs`]: its tile's `depth` counts pairs, and the pointers to its operands are to words
/// of two numbers.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<T> {
    pub run: unsafe fn(Tile<'_, T>),
    /// `(from, strides of a row and a column, (height, depth), to)`: rounds a block of the left operand and joins pairs
    /// of neighbouring columns; the strides of a row and a pair in `to` are returned.
    pub join: Join<T>,
}

type Join<T> = unsafe fn(*const T, (usize, usize), (usize, usize), *mut u32) -> (usize, usize);

/// One call of a micro-kernel: `c[rows, cols] (+)= a[rows, depth] * panel[depth, Micro::cols]` for one strip, or for
/// [`STRIPS`] of them where there are at most `Micro::few_rows` rows.
#[derive(Clone, Copy)]
pub(crate) struct Tile<'a, T> {
    pub rows: usize,
    pub depth: usize,
    pub a: *const T,
    pub a_row: usize,
    pub a_col: usize,
    pub strips: &'a [Strip<T>],
}

/// A panel and the columns of the result that it makes.
#[derive(Clone, Copy)]
pub(crate) struct Strip<T> {
    pub panel: *const T,
    /// Null, or a row of `Micro::cols` values that every row starts from.
    pub bias: *const T,
    pub c: *mut T,
    pub c_row: usize,
    pub cols: usize,
    /// Add to what `c` holds rather than overwrite it.
    pub add: bool,
}

impl<T> Strip<T> {
    const NONE: Self = Self {
        panel: std::ptr::null(),
        bias: std::ptr::null(),
        c: std::ptr::null_mut(),
        c_row: 0,
        cols: 0,
        add: false,
    };
}

/// What the product's result starts from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a, T> {
    /// Overwrite.
    Zero,
    /// Add to what is there.
    Add,
    /// Overwrite, every row starting from this one, `[cols]`.
    Bias(&'a [T]),
    /// The same, padded to whole panels by [`padded_bias`] once rather than every time.
    Padded(&'a [T]),
}

/// `c[rows, cols] = start + a[rows, depth] * b[depth, cols]`, on all threads.
///
/// # Panics
/// If the shapes do not fit.
pub fn gemm<T: Real>(a: View<'_, T>, b: &Packed<T>, c: &mut [T], start: Start<'_, T>) {
    // Asked once a product: another instruction set must not come between check and use.
    let micro = T::micro();
    check(micro, &a, b, c, &start);
    let (rows, panels) = (a.rows, b.panels());
    let threads = parallel::threads();
    let worth = rows * b.cols * b.depth >= WORTH;
    let bias = padded(start);
    let product = Product { add: matches!(start, Start::Add), ..Product::new(b, c.as_mut_ptr(), b.cols, &bias) };
    // Split the longer side: the other operand goes through every thread's caches. Pairs count for more, since every
    // thread that reads rows joins their columns anew.
    let weight = if let Storage::Pairs(_) = b.storage { 32 } else { 1 };
    let by_rows = rows >= 2 * micro.rows * threads && rows * weight >= b.cols;
    let parts =
        if by_rows { parallel::ranges(rows, threads, micro.rows) } else { parallel::ranges(panels, threads, 1) };
    parallel::each(parts.len(), worth, |part| {
        let (r, p) = if by_rows { (parts.at(part), 0..panels) } else { (0..rows, parts.at(part)) };
        let piece = Piece { to: r.start, rows: r };
        // SAFETY: the shapes were checked; tasks own disjoint rows or disjoint columns of `c`.
        unsafe { region(micro, &a, &[piece], &[product.clone().panels(p)]) };
    });
}

/// [`gemm`] on the calling thread, for callers that split the work themselves.
///
/// # Panics
/// If the shapes do not fit.
pub fn gemm_serial<T: Real>(a: View<'_, T>, b: &Packed<T>, c: &mut [T], start: Start<'_, T>) {
    let micro = T::micro();
    check(micro, &a, b, c, &start);
    let bias = padded(start);
    let product = Product { add: matches!(start, Start::Add), ..Product::new(b, c.as_mut_ptr(), b.cols, &bias) };
    // SAFETY: the shapes were checked and `c` is ours alone.
    unsafe { region(micro, &a, &[Piece { rows: 0..a.rows, to: 0 }], &[product]) };
}

fn check<T: Real>(micro: Micro<T>, a: &View<'_, T>, b: &Packed<T>, c: &[T], start: &Start<'_, T>) {
    assert_eq!(a.cols, b.depth, "gemm: inner dimensions");
    assert_eq!(c.len(), a.rows * b.cols, "gemm: result {} x {}", a.rows, b.cols);
    assert_eq!(b.width, micro.cols, "gemm: packed for another instruction set");
    match start {
        Start::Bias(bias) => assert_eq!(bias.len(), b.cols, "gemm: bias"),
        Start::Padded(bias) => assert_eq!(bias.len(), b.panels() * b.width, "gemm: padded bias"),
        Start::Zero | Start::Add => {}
    }
    assert!(
        a.rows == 0 || a.cols == 0 || (a.rows - 1) * a.row_stride + (a.cols - 1) * a.col_stride < a.data.len(),
        "gemm: view"
    );
}

/// The bias, padded to whole panels; empty where there is none.
fn padded<T: Real>(start: Start<'_, T>) -> Cow<'_, [T]> {
    match start {
        Start::Bias(bias) => padded_bias(bias).into(),
        Start::Padded(bias) => bias.into(),
        Start::Zero | Start::Add => Cow::Borrowed(&[]),
    }
}

/// Rows of the left operand and the first of the result's rows that they make.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub rows: Range<usize>,
    pub to: usize,
}

/// One of the products that share a left operand.
#[derive(Clone, Debug)]
pub(crate) struct Product<'a, T> {
    b: &'a Packed<T>,
    panels: Range<usize>,
    /// The result's first element.
    c: *mut T,
    c_row: usize,
    /// Padded to whole panels; empty where there is none.
    bias: &'a [T],
    /// Add to what is there.
    add: bool,
}

// SAFETY: a description of memory; `region`, which writes there, is unsafe and says what it asks for.
unsafe impl<T: Sync> Sync for Product<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Product<'_, T> {}

impl<'a, T: Real> Product<'a, T> {
    /// Into a matrix of `c_row` elements a row that begins at `c`.
    pub(crate) fn new(b: &'a Packed<T>, c: *mut T, c_row: usize, bias: &'a [T]) -> Self {
        Self { b, panels: 0..b.panels(), c, c_row, bias, add: false }
    }

    /// Adds to what the result holds rather than overwrite it.
    pub(crate) fn adding(self) -> Self {
        Self { add: true, ..self }
    }

    /// These panels of the right operand alone, and their columns of the result.
    pub(crate) fn panels(self, panels: Range<usize>) -> Self {
        assert!(panels.end <= self.b.panels(), "Product::panels: {panels:?}");
        Self { panels, ..self }
    }
}

/// The given pieces of rows of several products that share the left operand `a`, on the calling thread.
///
/// # Safety
/// The pieces lie in `a` and in the results; nobody else touches these parts of the results meanwhile.
///
/// # Panics
/// If inner dimensions differ.
pub(crate) unsafe fn products<T: Real>(a: &View<'_, T>, pieces: &[Piece], products: &[Product<'_, T>]) {
    let micro = T::micro();
    for product in products {
        assert_eq!(a.cols, product.b.depth, "products: inner dimensions");
        assert_eq!(product.b.width, micro.cols, "products: packed for another instruction set");
        assert_eq!(product.b.format(), products[0].b.format(), "products: formats");
    }
    assert!(pieces.iter().all(|p| p.rows.end <= a.rows), "products: rows");
    // SAFETY: checked above, or the caller's contract.
    unsafe { region(micro, a, pieces, products) };
}

/// A row of biases as [`Product::new`] takes it: a multiple of the panels' width.
pub fn padded_bias<T: Real>(bias: &[T]) -> Vec<T> {
    let mut row = bias.to_vec();
    row.resize(bias.len().next_multiple_of(T::micro().cols), T::ZERO);
    row
}

/// Columns of a scratch copy of the left operand: no multiple of a page's share of the first-level cache.
const COPIED: usize = DEPTH + 16;
/// Most rows of any micro-kernel.
const MOST_ROWS: usize = 12;

/// How the left operand must be laid out.
#[derive(Clone, Copy)]
enum Layout<T> {
    Full,
    Rounded,
    Pairs(Pairs<T>),
}

/// The given pieces of rows of several products that share the left operand `a`.
///
/// # Safety
/// The shapes and formats fit, every micro-kernel is `micro`, and nobody else touches these parts of the results meanwhile.
unsafe fn region<T: Real>(micro: Micro<T>, a: &View<'_, T>, pieces: &[Piece], products: &[Product<'_, T>]) {
    let Some(first) = products.first() else { return };
    let format = match &first.b.storage {
        Storage::Full(_) => Layout::Full,
        Storage::Rounded(_) => Layout::Rounded,
        Storage::Pairs(_) => Layout::Pairs(micro.pairs.expect("packed for a processor that multiplies pairs")),
    };
    let run = if let Layout::Pairs(pairs) = format { pairs.run } else { micro.run };
    let panels: usize = products.iter().map(|p| p.panels.len()).sum();
    // Half the bytes, twice the panels.
    let together = if let Layout::Pairs(_) = format { 2 * GROUP } else { GROUP };
    let depth_blocks = a.cols.div_ceil(DEPTH).max(1);
    let mut scratch = [const { MaybeUninit::<T>::uninit() }; COPIED * MOST_ROWS];
    let scratch = scratch.as_mut_ptr().cast::<T>();
    // Rows a multiple of half a page apart fall on the same few lines of the first-level cache.
    let crowded = a.col_stride == 1 && (a.row_stride * size_of::<T>()).is_multiple_of(2048);
    for depth_block in 0..depth_blocks {
        let k0 = depth_block * DEPTH;
        let depth = DEPTH.min(a.cols - k0);
        let steps = if let Layout::Pairs(_) = format { depth.div_ceil(2) } else { depth };
        for group in (0..panels).step_by(together) {
            let group = group..panels.min(group + together);
            for piece in pieces {
                let count = piece.rows.len();
                let blocks = count.div_ceil(micro.rows);
                for block in 0..blocks {
                    // Blocks of equal height, so that no tile is left with a row or two.
                    let (i0, i1) = (count * block / blocks, count * (block + 1) / blocks);
                    let height = i1 - i0;
                    let first_row = piece.rows.start + i0;
                    let from = a.data.as_ptr().wrapping_add(first_row * a.row_stride + k0 * a.col_stride);
                    let strides = (a.row_stride, a.col_stride);
                    let (pointer, a_row, a_col) = match format {
                        // SAFETY: inside the view, and inside the scratch block.
                        Layout::Pairs(pairs) => unsafe {
                            let (row, col) = (pairs.join)(from, strides, (height, depth), scratch.cast());
                            (scratch.cast_const(), row, col)
                        },
                        Layout::Full if a.col_stride == 1 && !(crowded && group.len() > 2) => (from, a.row_stride, 1),
                        Layout::Full if a.col_stride == 1 => {
                            for i in 0..height {
                                // SAFETY: as above.
                                unsafe {
                                    std::ptr::copy_nonoverlapping(
                                        from.add(i * a.row_stride),
                                        scratch.add(i * COPIED),
                                        depth,
                                    );
                                }
                            }
                            (scratch.cast_const(), COPIED, 1)
                        }
                        Layout::Full | Layout::Rounded => {
                            // SAFETY: as above.
                            unsafe { pack_rows(from, strides, (height, depth), scratch) };
                            if matches!(format, Layout::Rounded) {
                                // SAFETY: just written.
                                let numbers = unsafe { std::slice::from_raw_parts_mut(scratch, height * depth) };
                                numbers.iter_mut().for_each(|x| *x = x.to_bf16());
                            }
                            (scratch.cast_const(), 1, height)
                        }
                    };
                    let wide = if height <= micro.few_rows { STRIPS } else { 1 };
                    let mut strips = [Strip::NONE; STRIPS];
                    let mut index = group.start;
                    while index < group.end {
                        let count = if group.end - index >= wide { wide } else { 1 };
                        for (i, strip) in strips[..count].iter_mut().enumerate() {
                            let (product, panel) = locate(products, index + i);
                            let b = product.b;
                            let first = panel * b.width;
                            *strip = Strip {
                                // SAFETY: where `Packed::pack` put the panel.
                                panel: unsafe { b.pointer().add(b.offset(k0, panel)) },
                                bias: if product.bias.is_empty() || depth_block > 0 {
                                    std::ptr::null()
                                } else {
                                    product.bias[first..].as_ptr()
                                },
                                // SAFETY: the tile's first element is inside the result.
                                c: unsafe { product.c.add((piece.to + i0) * product.c_row + first) },
                                c_row: product.c_row,
                                cols: b.width.min(b.cols - first),
                                add: product.add || depth_block > 0,
                            };
                        }
                        let tile =
                            Tile { rows: height, depth: steps, a: pointer, a_row, a_col, strips: &strips[..count] };
                        // SAFETY: the tile lies inside the three matrices.
                        unsafe { run(tile) };
                        index += count;
                    }
                }
            }
        }
    }
}

/// The product and panel that stand at `index` of all products' panels.
#[inline(always)]
fn locate<'p, 'a, T>(products: &'p [Product<'a, T>], mut index: usize) -> (&'p Product<'a, T>, usize) {
    for product in products {
        if index < product.panels.len() {
            return (product, product.panels.start + index);
        }
        index -= product.panels.len();
    }
    unreachable!("an index below the number of panels")
}

/// `to[depth, height] = from[height, depth]`, `from` seen through strides of a row and a column.
///
/// # Safety
/// `from` covers `height` rows and `depth` columns, `to` has room for them.
unsafe fn pack_rows<T: Real>(from: *const T, (row, col): (usize, usize), (height, depth): (usize, usize), to: *mut T) {
    /// The height of almost every tile: its copy is two vector moves, not a loop.
    const TALL: usize = MOST_ROWS;
    for p in 0..depth {
        // SAFETY: the caller's contract.
        unsafe {
            let (from, to) = (from.add(p * col), to.add(p * height));
            if row == 1 && height == TALL {
                std::ptr::copy_nonoverlapping(from, to, TALL);
            } else if row == 1 {
                std::ptr::copy_nonoverlapping(from, to, height);
            } else {
                for i in 0..height {
                    *to.add(i) = *from.add(i * row);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use simurgh_random::Random;

    fn case<T: Real>(m: usize, k: usize, n: usize, ta: bool, tb: bool, start: u8, tolerance: f64) {
        let mut random = Random::new((m * 1000 + k * 10 + n) as u64);
        let mut draw = |n: usize| -> Vec<T> { (0..n).map(|_| T::from_f64(random.normal())).collect() };
        let (a, b, c0, bias) = (draw(m * k), draw(k * n), draw(m * n), draw(n));
        let va = if ta { View::new(&a, k, m).transposed() } else { View::new(&a, m, k) };
        let vb = if tb { View::new(&b, n, k).transposed() } else { View::new(&b, k, n) };
        let start = [Start::Zero, Start::Add, Start::Bias(&bias)][start as usize];
        let (mut got, mut want) = (c0.clone(), c0);
        gemm(va, &Packed::new(vb), &mut got, start);
        reference::gemm(va, vb, &mut want, start);
        for (i, (g, w)) in got.iter().zip(&want).enumerate() {
            let difference = (g.to_f64() - w.to_f64()).abs();
            assert!(difference <= tolerance * (1.0 + k as f64 / 8.0), "{m}x{k}x{n} at {i}: {g:?} {w:?}");
        }
    }

    #[test]
    fn equals_the_reference_on_every_shape_and_layout() {
        for (m, k, n) in [
            (0, 3, 4),
            (3, 0, 4),
            (3, 4, 0),
            (1, 1, 1),
            (1, 300, 33),
            (13, 7, 31),
            (5, 257, 64),
            (64, 512, 100),
            (37, 600, 17),
            (130, 40, 260),
        ] {
            for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
                for start in 0..3 {
                    case::<f32>(m, k, n, ta, tb, start, 2e-6);
                    case::<f64>(m, k, n, ta, tb, start, 1e-14);
                }
            }
        }
    }

    #[test]
    fn rounded_operands_give_the_product_of_rounded_numbers() {
        let rounded = |x: &[f32]| -> Vec<f64> { x.iter().map(|x| f64::from(x.to_bf16())).collect() };
        for (m, k, n) in [(0, 3, 4), (3, 0, 4), (1, 1, 1), (1, 300, 333), (13, 7, 31), (5, 257, 64), (37, 601, 17)] {
            let mut random = Random::new((m * 1000 + k * 10 + n) as u64);
            let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| random.normal() as f32).collect() };
            let (a, b, bias) = (draw(m * k), draw(k * n), draw(n));
            let wide_bias: Vec<f64> = bias.iter().map(|&b| f64::from(b)).collect();
            for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
                let va = if ta { View::new(&a, k, m).transposed() } else { View::new(&a, m, k) };
                let vb = if tb { View::new(&b, n, k).transposed() } else { View::new(&b, k, n) };
                let mut got = vec![0.0f32; m * n];
                gemm(va, &Packed::with_format(vb, Format::Bf16), &mut got, Start::Bias(&bias));
                let (wide_a, wide_b) = (rounded(&a), rounded(&b));
                let mut want = vec![0.0f64; m * n];
                let va = if ta { View::new(&wide_a, k, m).transposed() } else { View::new(&wide_a, m, k) };
                let vb = if tb { View::new(&wide_b, n, k).transposed() } else { View::new(&wide_b, k, n) };
                // The same through registers of the full type.
                let mut emulated = want.clone();
                gemm(va, &Packed::with_format(vb, Format::Bf16), &mut emulated, Start::Bias(&wide_bias));
                reference::gemm(va, vb, &mut want, Start::Bias(&wide_bias));
                for (i, w) in want.iter().enumerate() {
                    let tolerance = 2e-6 * (1.0 + k as f64 / 8.0);
                    let difference = (f64::from(got[i]) - w).abs();
                    assert!(difference <= tolerance, "{m}x{k}x{n} {ta} {tb} at {i}: {} {w}", got[i]);
                    let difference = (emulated[i] - w).abs();
                    assert!(difference <= 1e-12 * (1.0 + k as f64), "{m}x{k}x{n} at {i}: {} {w}", emulated[i]);
                }
            }
        }
    }

    #[test]
    fn a_row_gives_the_same_bits_in_any_company_and_with_any_number_of_threads() {
        let (m, k, n) = (71, 300, 90);
        let mut random = Random::new(5);
        let a: Vec<f32> = (0..m * k).map(|_| random.normal() as f32).collect();
        let b: Vec<f32> = (0..k * n).map(|_| random.normal() as f32).collect();
        for format in [Format::Full, Format::Bf16] {
            let packed = Packed::with_format(View::new(&b, k, n), format);
            let mut all = vec![0.0; m * n];
            gemm(View::new(&a, m, k), &packed, &mut all, Start::Zero);
            for i in 0..m {
                let mut alone = vec![0.0; n];
                gemm_serial(View::new(&a, m, k).rows(i..i + 1), &packed, &mut alone, Start::Zero);
                assert!(alone == all[i * n..(i + 1) * n], "{format:?} row {i}");
            }
            for threads in [1, 2, 5] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut got = vec![0.0; m * n];
                pool.install(|| gemm(View::new(&a, m, k), &packed, &mut got, Start::Zero));
                assert!(got == all, "{format:?} {threads}");
            }
        }
    }
}
