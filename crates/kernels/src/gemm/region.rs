//! The way through products: blocks of the inner dimension, groups of panels, blocks of rows, and what follows the sums.

use super::left::{COPIED, Layout, Left, MOST_ROWS, block};
use super::operand::Storage;
use super::{DEPTH, Micro, Packed, STRIPS, Strip, Tile};
use crate::Real;
use std::mem::MaybeUninit;
use std::ops::Range;

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
        assert!(bias.is_empty() || bias.len() == b.panels() * b.width, "Product::new: the bias' padding");
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
pub(crate) unsafe fn products<'a, T: Real>(a: impl Into<Left<'a, T>>, pieces: &[Piece], products: &[Product<'_, T>]) {
    let a = a.into();
    let micro = fitting(&a, pieces, products);
    // SAFETY: checked, or the caller's contract.
    unsafe { region(micro, &a, pieces, products, None) };
}

/// The same with one piece, and what follows its sums.
///
/// # Safety
/// As [`products`].
///
/// # Panics
/// If inner dimensions differ, or products that stand side by side in their number of panels.
pub(crate) unsafe fn products_then<'a, T: Real>(
    a: impl Into<Left<'a, T>>,
    piece: Piece,
    products: &[Product<'_, T>],
    follow: Follow<'_>,
) {
    let a = a.into();
    let micro = fitting(&a, std::slice::from_ref(&piece), products);
    let breadth = |product: &Product<'_, T>| product.panels.len();
    assert!(
        !follow.beside || products.iter().all(|product| breadth(product) == breadth(&products[0])),
        "products_then: products side by side"
    );
    // SAFETY: as above.
    unsafe { region(micro, &a, &[piece], products, Some(follow)) };
}

fn fitting<T: Real>(a: &Left<'_, T>, pieces: &[Piece], products: &[Product<'_, T>]) -> Micro<T> {
    let micro = T::micro();
    let (rows, cols) = a.shape();
    for product in products {
        assert_eq!(cols, product.b.depth, "products: inner dimensions");
        assert_eq!(product.b.width, micro.cols, "products: packed for another instruction set");
        let kinds = [product, &products[0]].map(|product| std::mem::discriminant(&product.b.storage));
        assert_eq!(kinds[0], kinds[1], "products: formats");
        assert!(!product.panels.is_empty(), "products: no panels");
    }
    assert!(pieces.iter().all(|p| p.rows.end <= rows), "products: rows");
    micro
}

/// Which panels come together: some of all products', one product after the other, or the same ones of each.
struct Order<'o, 'a, T> {
    products: &'o [Product<'a, T>],
    beside: bool,
}

impl<'o, 'a, T> Order<'o, 'a, T> {
    /// How many panels there are to cut into groups, and how many groups of panels a position stands for.
    fn sides(&self) -> (usize, usize) {
        match self.beside {
            true => (self.products[0].panels.len(), self.products.len()),
            false => (self.products.iter().map(|p| p.panels.len()).sum(), 1),
        }
    }

    /// The panels of a group, one after the other.
    fn cursor(&self, group: &Range<usize>) -> Cursor<'o, 'a, T> {
        let (mut index, mut skipped) = (0, group.start);
        while !self.beside && skipped >= self.products[index].panels.len() {
            skipped -= self.products[index].panels.len();
            index += 1;
        }
        let product = &self.products[index];
        let panels = self.panels(product, group);
        let panel = if self.beside { panels.start } else { panels.start + skipped };
        Cursor { rest: &self.products[index + 1..], product, panel, end: panels.end }
    }

    /// Those of a product.
    fn panels(&self, product: &Product<'_, T>, group: &Range<usize>) -> Range<usize> {
        let start = product.panels.start;
        if self.beside { start + group.start..start + group.end } else { product.panels.clone() }
    }
}

/// A panel of a product.
struct Cursor<'o, 'a, T> {
    rest: &'o [Product<'a, T>],
    product: &'o Product<'a, T>,
    panel: usize,
    end: usize,
}

impl<T> Cursor<'_, '_, T> {
    /// The next panel of the group; the last one's next is never asked for.
    #[inline(always)]
    fn advance(&mut self, order: &Order<'_, '_, T>, group: &Range<usize>) {
        self.panel += 1;
        if self.panel == self.end
            && let Some((product, rest)) = self.rest.split_first()
        {
            let panels = order.panels(product, group);
            (self.rest, self.product, self.panel, self.end) = (rest, product, panels.start, panels.end);
        }
    }
}

/// The given pieces of rows of several products that share the left operand `a`.
///
/// # Safety
/// The shapes and formats fit, every micro-kernel is `micro`, and nobody else touches these parts of the results meanwhile;
/// one piece, if something follows.
pub(super) unsafe fn region<T: Real>(
    micro: Micro<T>,
    a: &Left<'_, T>,
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
    let (run, rows) = format.pairs().map_or((micro.run, micro.rows), |pairs| (pairs.run, pairs.rows));
    let order = Order { products, beside: follow.as_ref().is_some_and(|follow| follow.beside) };
    let (positions, breadth) = order.sides();
    let group = micro.group[usize::from(a.by_columns())];
    // Half the bytes, twice the panels.
    let together = if format.pairs().is_some() { 2 * group } else { group };
    let together = (together / breadth).max(1);
    let cols = a.shape().1;
    let depth_blocks = cols.div_ceil(DEPTH).max(1);
    let mut scratch = [const { MaybeUninit::<T>::uninit() }; COPIED * MOST_ROWS];
    let scratch = scratch.as_mut_ptr().cast::<T>();
    for depth_block in 0..depth_blocks {
        let k0 = depth_block * DEPTH;
        let depth = DEPTH.min(cols - k0);
        let steps = if format.pairs().is_some() { depth.div_ceil(2) } else { depth };
        for group in (0..positions).step_by(together) {
            let group = group..positions.min(group + together);
            let panels = group.len() * breadth;
            for piece in pieces {
                let count = piece.rows.len();
                let blocks = count.div_ceil(rows);
                for index in 0..blocks {
                    // Blocks of equal height, so that no tile is left with a row or two.
                    let (i0, i1) = (count * index / blocks, count * (index + 1) / blocks);
                    let height = i1 - i0;
                    // SAFETY: a part of the view; the scratch block is large enough.
                    let (pointer, a_row, a_col) =
                        unsafe { block(format, a, (piece.rows.start + i0, k0), (height, depth), panels > 2, scratch) };
                    let wide = if height <= micro.few_rows { STRIPS } else { 1 };
                    let mut strips = [Strip::NONE; STRIPS];
                    let mut cursor = order.cursor(&group);
                    let mut index = 0;
                    while index < panels {
                        let count = if panels - index >= wide { wide } else { 1 };
                        for strip in &mut strips[..count] {
                            let (product, panel) = (cursor.product, cursor.panel);
                            cursor.advance(&order, &group);
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
