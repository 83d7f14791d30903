//! Weights packed for the matrix product, kept as long as the weights live.
//!
//! A parameter is packed once per optimizer step and, when a model decodes, once for ever. An entry
//! holds its tensor's storage weakly: the storage of an updated or dropped parameter is another or
//! none, and the entry dies with it.

use super::fused::{Number, Operand};
use burn::tensor::Bytes;
use simurgh_kernels::gemm::{Packed, View};
use std::any::Any;
use std::sync::{Arc, Mutex, Weak};

struct Entry {
    storage: Weak<Bytes>,
    transposed: bool,
    packed: Arc<dyn Any + Send + Sync>,
}

static PACKS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// The matrix `weight`, or its transpose, packed as a right operand.
pub(crate) fn packed<T: Number>(weight: &Operand<'_, T>, transposed: bool) -> Arc<Packed<T>> {
    let [rows, cols] = weight.shape[..] else { panic!("a weight is a matrix, not {:?}", weight.shape) };
    let storage = weight.tensor.data_arc();
    let whole = storage.len() == std::mem::size_of_val(weight.data);
    let found = {
        let packs = PACKS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        packs
            .iter()
            .find(|e| whole && e.transposed == transposed && std::ptr::eq(e.storage.as_ptr(), Arc::as_ptr(&storage)))
            .and_then(|e| e.packed.clone().downcast::<Packed<T>>().ok())
            // The same storage may be seen as another matrix.
            .filter(|p| (p.depth(), p.cols()) == if transposed { (cols, rows) } else { (rows, cols) })
    };
    if let Some(packed) = found {
        return packed;
    }
    let view = View::new(weight.data, rows, cols);
    let packed = Arc::new(Packed::new(if transposed { view.transposed() } else { view }));
    if whole {
        let entry = Entry { storage: Arc::downgrade(&storage), transposed, packed: packed.clone() };
        let mut packs = PACKS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        packs.retain(|e| e.storage.strong_count() > 0);
        packs.push(entry);
    }
    packed
}
