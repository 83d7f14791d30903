//! The operands of one direction of one layer, and which products make which units.

use super::{Cell, Weights};
use crate::Real;
use crate::gemm::{Follow, Format, Packed, Piece, Product, View, padded_bias, products_then};
use crate::parallel;
use std::borrow::Cow;
use std::ops::{Deref, Range};

/// Multiply-adds of a step's product from which on it is worth sharing out: less is done sooner than told.
const WORTH: usize = 1 << 14;

/// Elements from one row of `width` to the next: rows a multiple of half a page apart would fall on the same lines of the
/// first-level cache.
pub(super) fn stride<T>(width: usize) -> usize {
    width + if (width * size_of::<T>()).is_multiple_of(2048) { 64 / size_of::<T>() } else { 0 }
}

/// One direction of one layer.
pub(super) struct Layer<'a, T: Real> {
    pub cell: Cell,
    pub hidden: usize,
    input_t: &'a Packed<T>,
    state_t: &'a [Packed<T>],
    biases: Cow<'a, [Vec<T>]>,
}

/// At most four products with one left operand.
pub(super) struct Products<'a, T> {
    all: [Product<'a, T>; 4],
    count: usize,
}

impl<'a, T> Deref for Products<'a, T> {
    type Target = [Product<'a, T>];

    fn deref(&self) -> &Self::Target {
        &self.all[..self.count]
    }
}

/// What the products of a layer begin with, padded: the input's, then those of each of the state's, which are empty where
/// they add to the input's.
pub(super) fn biases<T: Real>(cell: Cell, bias_ih: &[T], bias_hh: &[T]) -> Vec<Vec<T>> {
    let gates = bias_ih.len();
    let hidden = gates / cell.gates();
    let bias = cell.bias(bias_ih, bias_hh);
    let mut biases = vec![padded_bias(&bias[..gates])];
    for (columns, _) in cell.state_pieces(hidden) {
        biases.push(if columns.start < gates { Vec::new() } else { padded_bias(&bias[columns]) });
    }
    biases
}

impl<'a, T: Real> Layer<'a, T> {
    /// Of checked weights ([`Weights::sizes`]).
    pub(super) fn new(cell: Cell, weights: Weights<'a, T>) -> Self {
        let Weights { input_t, state_t, bias_ih, bias_hh } = weights;
        Self::with_biases(cell, input_t, state_t, Cow::Owned(biases(cell, bias_ih, bias_hh)))
    }

    pub(super) fn with_biases(
        cell: Cell,
        input_t: &'a Packed<T>,
        state_t: &'a [Packed<T>],
        biases: Cow<'a, [Vec<T>]>,
    ) -> Self {
        Self { cell, hidden: state_t[0].depth(), input_t, state_t, biases }
    }

    /// Columns of the input.
    pub(super) fn input(&self) -> usize {
        self.input_t.depth()
    }

    /// What its products are rounded to.
    pub(super) fn format(&self) -> Format {
        self.input_t.format()
    }

    /// Elements of a row of pre-activations.
    pub(super) fn width(&self) -> usize {
        self.cell.columns() * self.hidden
    }

    /// Elements from one row of pre-activations to the next.
    pub(super) fn stride(&self) -> usize {
        stride::<T>(self.width())
    }

    /// The units that `member` of `members` computes.
    pub(super) fn units(&self, member: usize, members: usize) -> Range<usize> {
        let grain = self.input_t.width();
        parallel::ranges(self.hidden, members, grain).at(member)
    }

    /// Does every gate fill whole panels, so that its units can be told apart?
    fn aligned(&self) -> bool {
        self.hidden.is_multiple_of(self.input_t.width())
    }

    /// How many threads may share the units of a step.
    pub(super) fn members(&self) -> usize {
        let shareable = self.aligned() && self.width() * self.hidden >= WORTH;
        if shareable { parallel::threads().min(self.hidden / self.input_t.width()) } else { 1 }
    }

    /// The state's share of the pre-activations of `units`, then `ready(rows, units)` for rows, counted from the piece's
    /// first, whose pre-activations are complete and in the first-level cache.
    ///
    /// # Safety
    /// As [`products_then`]; `products` are [`Layer::state_products`] of these units.
    pub(super) unsafe fn then(
        &self,
        before: View<'_, T>,
        piece: Piece,
        products: &[Product<'_, T>],
        units: &Range<usize>,
        ready: &mut dyn FnMut(Range<usize>, Range<usize>),
    ) {
        let beside = self.aligned();
        let with = &mut |rows, columns: Range<usize>| {
            let complete = units.start + columns.start..(units.start + columns.end).min(units.end);
            ready(rows, if beside { complete } else { units.clone() });
        };
        // SAFETY: the caller's contract.
        unsafe { products_then(before, piece, products, Follow { beside, with }) };
    }

    /// The products with the input that make the pre-activations of `units` in rows of which the first begins at `gates`.
    pub(super) fn input_products(&self, gates: *mut T, units: &Range<usize>) -> Products<'_, T> {
        let product = Product::new(self.input_t, gates, self.stride(), &self.biases[0]);
        self.pieces(std::iter::once((product, self.cell.gates())), units)
    }

    /// The same with the state.
    pub(super) fn state_products(&self, gates: *mut T, units: &Range<usize>) -> Products<'_, T> {
        let pieces = self.cell.state_pieces(self.hidden).zip(self.state_t).zip(&self.biases[1..]);
        let pieces = pieces.map(|(((columns, _), weight), bias)| {
            let product = Product::new(weight, gates.wrapping_add(columns.start), self.stride(), bias);
            (if bias.is_empty() { product.adding() } else { product }, columns.len() / self.hidden)
        });
        self.pieces(pieces, units)
    }

    /// The parts of products of several gates that make `units`.
    fn pieces<'p>(
        &self,
        products: impl Iterator<Item = (Product<'p, T>, usize)>,
        units: &Range<usize>,
    ) -> Products<'p, T> {
        let mut found: Option<[Product<'p, T>; 4]> = None;
        let mut count = 0;
        let mut push = |product: Product<'p, T>| {
            found.get_or_insert_with(|| std::array::from_fn(|_| product.clone()))[count] = product.clone();
            count += 1;
        };
        for (product, gates) in products {
            let panel = self.input_t.width();
            if !self.aligned() {
                push(product);
                continue;
            }
            for gate in 0..gates {
                let first = (gate * self.hidden + units.start) / panel;
                push(product.clone().panels(first..first + units.len().div_ceil(panel)));
            }
        }
        Products { all: found.expect("a layer has products"), count }
    }
}
