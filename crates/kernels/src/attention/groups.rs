//! Which queries look at which sources.

use crate::shape::Check;
use crate::{Ragged, ShapeError};
use std::ops::Range;

/// Groups of query rows and source rows: the queries of a group look at its sources alone. A query belongs to one group; a
/// source may belong to several, whose gradients are then summed on one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    queries: Vec<usize>,
    query_ends: Vec<usize>,
    sources: Vec<usize>,
    source_ends: Vec<usize>,
    weight_ends: Vec<usize>,
}

impl Groups {
    /// Adds a group.
    pub fn push(&mut self, queries: impl IntoIterator<Item = usize>, sources: impl IntoIterator<Item = usize>) {
        let before = (self.queries.len(), self.sources.len());
        self.queries.extend(queries);
        self.sources.extend(sources);
        self.query_ends.push(self.queries.len());
        self.source_ends.push(self.sources.len());
        let cells = (self.queries.len() - before.0) * (self.sources.len() - before.1);
        self.weight_ends.push(self.weights() + cells);
    }

    /// One group a sentence: sequence `j` of `queries` looks at sequence `sentence[j]` of `sources`.
    pub fn aligned(queries: &Ragged, sources: &Ragged, sentence: &[usize]) -> Self {
        let mut groups = Self::default();
        for (j, &s) in sentence.iter().enumerate() {
            groups.push(
                (0..queries.lengths()[j]).map(|t| queries.row(t, j)),
                (0..sources.lengths()[s]).map(|t| sources.row(t, s)),
            );
        }
        groups
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.query_ends.len()
    }

    /// No groups.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of queries.
    pub fn query_count(&self) -> usize {
        self.queries.len()
    }

    /// Does every row belong to one group at most? Then groups may be computed at once. Of groups whose rows the operands have.
    pub(super) fn disjoint(&self) -> bool {
        let once = |rows: &[usize]| {
            let mut seen = vec![false; rows.iter().max().map_or(0, |last| last + 1)];
            rows.iter().all(|&row| !std::mem::replace(&mut seen[row], true))
        };
        once(&self.queries) && once(&self.sources)
    }

    /// They are of `query[queries, width]`, every row of it in one group, and `value[sources, depth]`.
    ///
    /// # Errors
    /// If they are not, or a group has queries and no source.
    pub fn check(
        &self,
        check: Check,
        [queries, width]: [usize; 2],
        [sources, depth]: [usize; 2],
    ) -> Result<(), ShapeError> {
        check.some("the width of queries and keys", width)?;
        check.some("the depth of values", depth)?;
        check.dimension("queries of the groups", self.query_count(), queries)?;
        check.indices("the row of query", self.queries.iter().copied(), queries)?;
        check.indices("the source of entry", self.sources.iter().copied(), sources)?;
        let lonely = (0..self.len()).any(|g| self.sources(g).is_empty() && !self.queries(g).is_empty());
        check.some("the number of sources of a group", usize::from(!lonely))
    }

    /// Number of attention weights, over all groups.
    pub fn weights(&self) -> usize {
        self.weight_ends.last().copied().unwrap_or(0)
    }

    /// Query rows of a group.
    pub fn queries(&self, group: usize) -> &[usize] {
        &self.queries[range(&self.query_ends, group)]
    }

    /// Source rows of a group.
    pub fn sources(&self, group: usize) -> &[usize] {
        &self.sources[range(&self.source_ends, group)]
    }

    /// Where the group's weights `[queries, sources]` stand among all.
    pub fn weight_range(&self, group: usize) -> Range<usize> {
        range(&self.weight_ends, group)
    }
}

fn range(ends: &[usize], group: usize) -> Range<usize> {
    let start = if group == 0 { 0 } else { ends[group - 1] };
    start..ends[group]
}
