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

use crate::ShapeError;
use crate::shape::Check;

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

impl<T> Operands<'_, T> {
    fn check(&self, groups: &Groups, check: Check) -> Result<(), ShapeError> {
        let Self { query, key, value, additive, width, depth } = *self;
        let sources = value.len().checked_div(depth).unwrap_or(0);
        groups.check(check, [groups.query_count(), width], [sources, depth])?;
        check.elements("query", query.len(), &[("queries", groups.query_count()), ("width", width)])?;
        check.elements("key", key.len(), &[("sources", sources), ("width", width)])?;
        check.elements("value", value.len(), &[("sources", sources), ("depth", depth)])?;
        if let Some(vector) = additive {
            check.elements("the vector of additive scores", vector.len(), &[("width", width)])?;
        }
        Ok(())
    }
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
