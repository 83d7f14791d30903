//! The way through products: blocks of the inner dimension, groups of panels, blocks of rows, and what follows the sums.

use super::operand::Storage;
use super::{DEPTH, Micro, Packed, Pairs, STRIPS, Strip, Tile, View};
use crate::{Real, multiversion};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Panels that stay in the second-level cache while the rows pass by.
const GROUP: usize = 16;
/// Columns of a scratch copy of the left operand: no multiple of a page's share of the first-level cache.
const COPIED: usize = DEPTH + 16;
/// Most rows of any micro-kernel.
const MOST_ROWS: usize = 12;

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

/// What follows the sums while they are in the first-level cache.
pub(crate) struct Follow<'f> {
    /// Take the panels of all products side by side, so that the same columns of each are complete together.
    pub beside: bool,
    /// Given rows, counted from the piece's first, and columns of every product, counted from its first panel on, that are
    /// complete: all columns at once unless the products stand side by side. Each element comes once.
    pub with: &'f mut dyn FnMut(Range<usize>, Range<usize>),
}

/// The given pieces of rows of several products that share the left operand `a`, on the calling thread.
///
/// # Safety
/// The pieces lie in `a` and in the results; nobody else touches these parts of the results meanwhile.
///
/// # Panics
/// If inner dimensions differ.
pub(crate) unsafe fn products<T: Real>(a: &View<'_, T>, pieces: &[Piece], products: &[Product<'_, T>]) {
    let micro = fitting(a, pieces, products);
    // SAFETY: checked, or the caller's contract.
    unsafe { region(micro, a, pieces, products, None) };
}

/// The same with one piece, and what follows its sums.
///
/// # Safety
/// As [`products`].
///
/// # Panics
/// If inner dimensions differ, or products that stand side by side in their number of panels.
pub(crate) unsafe fn products_then<T: Real>(
    a: &View<'_, T>,
    piece: Piece,
    products: &[Product<'_, T>],
    follow: Follow<'_>,
) {
    let micro = fitting(a, std::slice::from_ref(&piece), products);
    let breadth = |product: &Product<'_, T>| product.panels.len();
    assert!(
        !follow.beside || products.iter().all(|product| breadth(product) == breadth(&products[0])),
        "products_then: products side by side"
    );
    // SAFETY: as above.
    unsafe { region(micro, a, &[piece], products, Some(follow)) };
}

fn fitting<T: Real>(a: &View<'_, T>, pieces: &[Piece], products: &[Product<'_, T>]) -> Micro<T> {
    let micro = T::micro();
    for product in products {
        assert_eq!(a.cols, product.b.depth, "products: inner dimensions");
        assert_eq!(product.b.width, micro.cols, "products: packed for another instruction set");
        assert_eq!(product.b.format(), products[0].b.format(), "products: formats");
    }
    assert!(pieces.iter().all(|p| p.rows.end <= a.rows), "products: rows");
    micro
}

/// How the left operand must be laid out.
#[derive(Clone, Copy)]
enum Layout<T> {
    Full,
    Rounded,
    Pairs(Pairs<T>),
}

impl<T> Layout<T> {
    fn pairs(&self) -> Option<&Pairs<T>> {
        if let Self::Pairs(pairs) = self { Some(pairs) } else { None }
    }
}

/// Which panels come together: some of all products', one product after the other, or the same ones of each.
struct Order<'o, 'a, T> {
    products: &'o [Product<'a, T>],
    beside: bool,
}

impl<T> Order<'_, '_, T> {
    /// How many panels there are to cut into groups, and how many groups of panels a position stands for.
    fn sides(&self) -> (usize, usize) {
        match self.beside {
            true => (self.products[0].panels.len(), self.products.len()),
            false => (self.products.iter().map(|p| p.panels.len()).sum(), 1),
        }
    }

    /// The first panel of a group.
    fn first(&self, group: &Range<usize>) -> Cursor {
        let (mut product, mut panel) = (0, group.start);
        while !self.beside && panel >= self.products[product].panels.len() {
            panel -= self.products[product].panels.len();
            product += 1;
        }
        Cursor { product, panel: self.products[product].panels.start + panel }
    }

    /// The one after it.
    #[inline(always)]
    fn advance(&self, cursor: &mut Cursor, group: &Range<usize>) {
        let panels = &self.products[cursor.product].panels;
        let end = if self.beside { panels.start + group.end } else { panels.end };
        cursor.panel += 1;
        if cursor.panel == end && cursor.product + 1 < self.products.len() {
            cursor.product += 1;
            cursor.panel = self.products[cursor.product].panels.start + if self.beside { group.start } else { 0 };
        }
    }
}

/// A panel of a product.
#[derive(Clone, Copy)]
struct Cursor {
    product: usize,
    panel: usize,
}

/// The given pieces of rows of several products that share the left operand `a`.
///
/// # Safety
/// The shapes and formats fit, every micro-kernel is `micro`, and nobody else touches these parts of the results meanwhile;
/// one piece, if something follows.
pub(super) unsafe fn region<T: Real>(
    micro: Micro<T>,
    a: &View<'_, T>,
    pieces: &[Piece],
    products: &[Product<'_, T>],
    mut follow: Option<Follow<'_>>,
) {
    let Some(first) = products.first() else { return };
    let format = match &first.b.storage {
        Storage::Full(_) => Layout::Full,
        Storage::Rounded(_) => Layout::Rounded,
        Storage::Pairs(_) => Layout::Pairs(micro.pairs.expect("packed for a processor that multiplies pairs")),
    };
    let run = format.pairs().map_or(micro.run, |pairs| pairs.run);
    let order = Order { products, beside: follow.as_ref().is_some_and(|follow| follow.beside) };
    let (positions, breadth) = order.sides();
    // Half the bytes, twice the panels.
    let together = if format.pairs().is_some() { 2 * GROUP } else { GROUP };
    let together = (together / breadth).max(1);
    let depth_blocks = a.cols.div_ceil(DEPTH).max(1);
    let mut scratch = [const { MaybeUninit::<T>::uninit() }; COPIED * MOST_ROWS];
    let scratch = scratch.as_mut_ptr().cast::<T>();
    for depth_block in 0..depth_blocks {
        let k0 = depth_block * DEPTH;
        let depth = DEPTH.min(a.cols - k0);
        let steps = if format.pairs().is_some() { depth.div_ceil(2) } else { depth };
        for group in (0..positions).step_by(together) {
            let group = group..positions.min(group + together);
            let panels = group.len() * breadth;
            for piece in pieces {
                let count = piece.rows.len();
                let blocks = count.div_ceil(micro.rows);
                for block in 0..blocks {
                    // Blocks of equal height, so that no tile is left with a row or two.
                    let (i0, i1) = (count * block / blocks, count * (block + 1) / blocks);
                    let height = i1 - i0;
                    // SAFETY: a part of the view; the scratch block is large enough.
                    let (pointer, a_row, a_col) =
                        unsafe { left(format, a, (piece.rows.start + i0, k0), (height, depth), panels > 2, scratch) };
                    let wide = if height <= micro.few_rows { STRIPS } else { 1 };
                    let mut strips = [Strip::NONE; STRIPS];
                    let mut cursor = order.first(&group);
                    let mut index = 0;
                    while index < panels {
                        let count = if panels - index >= wide { wide } else { 1 };
                        for strip in &mut strips[..count] {
                            let (product, panel) = (&products[cursor.product], cursor.panel);
                            order.advance(&mut cursor, &group);
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
                    if let Some(follow) = &mut follow
                        && depth_block + 1 == depth_blocks
                        && (follow.beside || group.end == positions)
                    {
                        let from = if follow.beside { group.start } else { 0 };
                        (follow.with)(i0..i1, from * micro.cols..group.end * micro.cols);
                    }
                }
            }
        }
    }
}

/// A block of the left operand as the micro-kernel reads it, in place or copied to `scratch`: its first element, and the
/// strides of a row and of a column.
///
/// # Safety
/// The block lies inside the view, and `scratch` has room for `MOST_ROWS * COPIED` numbers.
unsafe fn left<T: Real>(
    format: Layout<T>,
    a: &View<'_, T>,
    (row, column): (usize, usize),
    (height, depth): (usize, usize),
    // Enough panels to pay for a copy.
    copy: bool,
    scratch: *mut T,
) -> (*const T, usize, usize) {
    let from = a.data.as_ptr().wrapping_add(row * a.row_stride + column * a.col_stride);
    let strides = (a.row_stride, a.col_stride);
    // Rows a multiple of half a page apart fall on the same few lines of the first-level cache.
    let crowded = (a.row_stride * size_of::<T>()).is_multiple_of(2048);
    // SAFETY: inside the view, and inside the scratch block.
    unsafe {
        match format {
            Layout::Pairs(Pairs { join: Some(join), .. }) => {
                let (row, col) = join(from, strides, (height, depth), scratch.cast());
                (scratch.cast_const(), row, col)
            }
            Layout::Full if a.col_stride == 1 && !(crowded && copy) => (from, a.row_stride, 1),
            Layout::Full if a.col_stride == 1 => {
                for i in 0..height {
                    std::ptr::copy_nonoverlapping(from.add(i * a.row_stride), scratch.add(i * COPIED), depth);
                }
                (scratch.cast_const(), COPIED, 1)
            }
            _ => {
                pack_rows(from, strides, (height, depth), scratch);
                if !matches!(format, Layout::Full) {
                    let numbers = std::slice::from_raw_parts_mut(scratch, height * depth);
                    round(numbers);
                    if depth % 2 == 1 {
                        // The other half of a pair.
                        std::slice::from_raw_parts_mut(scratch.add(height * depth), height).fill(T::ZERO);
                    }
                }
                (scratch.cast_const(), 1, height)
            }
        }
    }
}

#[inline(always)]
fn round_body<T: Real, const FMA: bool>(numbers: &mut [T]) {
    numbers.iter_mut().for_each(|x| *x = x.to_bf16());
}

multiversion! {
    fn round<T: Real>(numbers: &mut [T]) = round_body
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
