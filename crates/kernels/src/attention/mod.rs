//! Attention over ragged memories: softmax(score(query, key)) values, sentence by sentence.
//!
//! Scores: the dot product (Luong et al. 2015; "general" multiplies the keys by a matrix first,
//! outside of this kernel) or additive, `v . tanh(query + key)` (Bahdanau et al. 2015).

mod backward;
mod forward;
pub mod groups;
mod prepared;

pub use backward::{Gradient, Sums, backward, backward_adding};
pub use forward::forward;
pub use groups::Groups;
pub use prepared::Prepared;

/// The operands.
#[derive(Clone, Copy, Debug)]
pub struct Operands<'a, T> {
    /// `[queries, width]`
    pub query: &'a [T],
    /// `[sources, width]`
    pub key: &'a [T],
    /// `[sources, depth]`
    pub value: &'a [T],
    /// `[width]`: additive scores with this vector; the dot product where there is none.
    pub additive: Option<&'a [T]>,
    /// Columns of queries and keys.
    pub width: usize,
    /// Columns of values.
    pub depth: usize,
}

/// Rows `rows` of `from[_, width]`, one after the other.
fn gather<T: Copy>(from: &[T], width: usize, rows: &[usize], to: &mut Vec<T>) {
    to.clear();
    for &row in rows {
        to.extend_from_slice(&from[row * width..][..width]);
    }
}

#[cfg(test)]
mod tests;
