//! Weights packed for the matrix product, kept as long as the weights live.
//!
//! A parameter is packed once per optimizer step and, when a model decodes, once for ever. An entry
//! holds its tensor's storage weakly: the storage of an updated or dropped parameter is another or
//! none, and the entry dies with it.

use super::fused::{Number, Operand};
use burn::tensor::Bytes;
use simurgh_kernels::conv::{self, winograd::Filter};
use simurgh_kernels::gemm::{Format, Packed, View};
use simurgh_kernels::recurrent::Cell;
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

struct Entry {
    storage: Weak<Bytes>,
    transposed: bool,
    packed: Arc<dyn Any + Send + Sync>,
}

static PACKS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

fn packs() -> MutexGuard<'static, Vec<Entry>> {
    PACKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The matrix `weight`, or its transpose, packed as a right operand.
pub(crate) fn packed<T: Number>(weight: &Operand<'_, T>, transposed: bool, format: Format) -> Arc<Packed<T>> {
    let (rows, cols) = dims(weight);
    // The same storage may be seen as another matrix.
    let shape = if transposed { (cols, rows) } else { (rows, cols) };
    let fits = |p: &Packed<T>| p.format() == format && (p.depth(), p.cols()) == shape;
    cached(weight, transposed, fits, || {
        let view = View::new(weight.data, rows, cols);
        Packed::with_format(if transposed { view.transposed() } else { view }, format)
    })
}

/// A convolution's weight `[first, second, kernel, kernel]` as the matrix `[first, patch]`, or its transpose, packed.
pub(crate) fn packed_patches<T: Number>(weight: &Operand<'_, T>, transposed: bool, format: Format) -> Arc<Packed<T>> {
    let [first, second, kernel, _] = weight.shape[..] else { panic!("a kernel has four sides: {:?}", weight.shape) };
    let patch = second * kernel * kernel;
    let shape = if transposed { (patch, first) } else { (first, patch) };
    let fits = |p: &Packed<T>| p.format() == format && (p.depth(), p.cols()) == shape;
    cached(weight, transposed, fits, || {
        let patches = conv::patches(weight.data, second, kernel);
        let view = View::new(&patches, first, patch);
        Packed::with_format(if transposed { view.transposed() } else { view }, format)
    })
}

/// A convolution's weight `[out, in, 3, 3]` at the points of its tiles, or that of its gradient.
pub(crate) fn packed_filter<T: Number>(weight: &Operand<'_, T>, turned: bool) -> Arc<Filter<T>> {
    let [output, input, ..] = weight.shape[..] else { panic!("a kernel has four sides: {:?}", weight.shape) };
    let channels = if turned { [output, input] } else { [input, output] };
    cached(
        weight,
        turned,
        |filter: &Filter<T>| filter.channels() == channels,
        || (if turned { Filter::turned } else { Filter::new })(weight.data, [output, input]),
    )
}

/// A recurrent layer's `W_hh`, or its transpose, packed as its products with the state need it.
pub(crate) fn packed_state<T: Number>(
    cell: Cell,
    weight: &Operand<'_, T>,
    transposed: bool,
    format: Format,
) -> Arc<Vec<Packed<T>>> {
    let (rows, hidden) = dims(weight);
    let fits = |pieces: &Vec<Packed<T>>| {
        let total: usize = pieces.iter().map(|p| if transposed { p.cols() } else { p.depth() }).sum();
        pieces.len() == cell.state_products() && total == rows && pieces.iter().all(|p| p.format() == format)
    };
    cached(weight, transposed, fits, || {
        cell.pack_state_weight(weight.data, hidden, transposed, format).expect("weights were checked before")
    })
}

fn dims<T>(weight: &Operand<'_, T>) -> (usize, usize) {
    let [rows, cols] = weight.shape[..] else { panic!("a weight is a matrix, not {:?}", weight.shape) };
    (rows, cols)
}

/// The entry of `weight` that `fits`, or a new one that `pack` makes.
fn cached<T: Number, P: Any + Send + Sync>(
    weight: &Operand<'_, T>,
    transposed: bool,
    fits: impl Fn(&P) -> bool,
    pack: impl FnOnce() -> P,
) -> Arc<P> {
    let storage = weight.tensor.data_arc();
    let whole = storage.len() == std::mem::size_of_val(weight.data);
    let found = packs()
        .iter()
        .filter(|e| whole && e.transposed == transposed && std::ptr::eq(e.storage.as_ptr(), Arc::as_ptr(&storage)))
        .filter_map(|e| e.packed.clone().downcast::<P>().ok())
        .find(|p| fits(p));
    if let Some(packed) = found {
        return packed;
    }
    let packed = Arc::new(pack());
    if whole {
        let entry = Entry { storage: Arc::downgrade(&storage), transposed, packed: packed.clone() };
        let mut packs = packs();
        packs.retain(|e| e.storage.strong_count() > 0);
        packs.push(entry);
    }
    packed
}
