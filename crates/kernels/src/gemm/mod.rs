//! Matrix product with the right operand packed once and used many times.
//!
//! After Goto & van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): the right
//! operand is cut into panels as wide as the micro-kernel, in blocks of [`DEPTH`] along the inner
//! dimension; the micro-kernel keeps a tile of the result in registers. An element of the result is
//! always the same chain of additions, whatever the other rows and columns and whoever computes it.

mod left;
mod micro;
mod operand;
pub mod reference;
mod region;

pub(crate) use left::Left;
pub(crate) use micro::{micro_f32, micro_f64};
pub(crate) use operand::Part;
use operand::{Columns, Lines, Storage};
pub use operand::{Format, Packed, View};
use region::region;
pub(crate) use region::{Follow, Piece, Product, products, products_then};

use crate::Real;
use crate::parallel;
use std::borrow::Cow;

/// Inner-dimension block: the sums over blocks of this length are added in order.
pub const DEPTH: usize = 256;
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
    /// Panels that pass by while the rows do, from the second-level cache; and where the left operand lies column by column,
    /// each of whose blocks is copied once for so many.
    pub(crate) group: [usize; 2],
    pub(crate) run: unsafe fn(Tile<'_, T>),
    /// Makes rows of columns, at least so many of them; the processor must have the instruction set that it was found for.
    pub(crate) transpose: unsafe fn(&Columns<T>, &mut Lines<T>, usize),
    /// For pairs of bfloat16 numbers, where the processor multiplies them.
    pub(crate) pairs: Option<Pairs<T>>,
}

/// A micro-kernel over [`Storage::Pairs`]: its tile's `depth` counts pairs, and the pointers to its panels are to words of
/// two numbers.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<T> {
    /// Most rows of a tile; at most as many as of the full type.
    pub rows: usize,
    pub run: unsafe fn(Tile<'_, T>),
    /// How the left operand becomes words too, for a micro-kernel that multiplies pairs; others take rounded numbers of the
    /// full type, an even number of columns.
    pub join: Option<Join<T>>,
}

/// `(from, strides of a row and a column, (height, depth), to)`: rounds a block of the left operand and joins pairs of
/// neighbouring columns; the strides of a row and a pair in `to` are returned.
type Join<T> = unsafe fn(*const T, (usize, usize), (usize, usize), *mut u32) -> (usize, usize);

/// One call of a micro-kernel: `c[rows, cols] (+)= a[rows, depth] * panel[depth, Micro::cols]` for one strip, or for
/// [`STRIPS`] of them where there are at most `Micro::few_rows` rows. The left operand lies row by row (`a_col` 1) or column by
/// column, without gaps (`a_row` 1, `a_col` as many as rows).
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
    let product = Product::new(b, c.as_mut_ptr(), b.cols, &bias);
    let product = if let Start::Add = start { product.adding() } else { product };
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
        unsafe { region(micro, &a.into(), &[piece], &[product.clone().panels(p)], None) };
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
    let product = Product::new(b, c.as_mut_ptr(), b.cols, &bias);
    let product = if let Start::Add = start { product.adding() } else { product };
    // SAFETY: the shapes were checked and `c` is ours alone.
    unsafe { region(micro, &a.into(), &[Piece { rows: 0..a.rows, to: 0 }], &[product], None) };
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

/// A row of biases as [`Product::new`] takes it: a multiple of the panels' width.
pub fn padded_bias<T: Real>(bias: &[T]) -> Vec<T> {
    let mut row = bias.to_vec();
    row.resize(bias.len().next_multiple_of(T::micro().cols), T::ZERO);
    row
}

#[cfg(test)]
mod tests;
