//! Batches of about equal work: sentences of similar length, up to a number of tokens.

use simurgh_random::{Random, mix};

/// Sentences per batch that a pool holds before it is sorted by length: large enough that lengths in a
/// batch are alike, small enough that batches differ from epoch to epoch.
const POOL: usize = 50;

/// The batches of one epoch as indices into `lengths` (source and target tokens of every pair).
///
/// A batch holds at most `tokens` target tokens, or one pair. The result depends on the arguments
/// alone: an interrupted epoch is gone on with by making it again.
pub fn epoch(lengths: &[(usize, usize)], tokens: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    let mut random = Random::new(seed ^ mix(epoch));
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    random.shuffle(&mut order);
    let total: usize = lengths.iter().map(|l| l.1 + 1).sum();
    let batch = (tokens * lengths.len() / total.max(1)).max(1);
    let mut batches = Vec::new();
    for pool in order.chunks(batch * POOL) {
        let mut pool = pool.to_vec();
        pool.sort_by_key(|&i| lengths[i]);
        let (mut current, mut sum) = (Vec::new(), 0);
        for i in pool {
            let size = lengths[i].1 + 1; // END
            if sum + size > tokens && !current.is_empty() {
                batches.push(std::mem::take(&mut current));
                sum = 0;
            }
            current.push(i);
            sum += size;
        }
        batches.push(current);
    }
    batches.retain(|b| !b.is_empty());
    random.shuffle(&mut batches);
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_stands_in_one_batch_within_the_budget() {
        let lengths: Vec<(usize, usize)> = (0..1000).map(|i| (1 + i * 7 % 30, 1 + i * 13 % 40)).collect();
        let batches = epoch(&lengths, 200, 1, 0);
        let mut all: Vec<usize> = batches.concat();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
        for batch in &batches {
            let sum: usize = batch.iter().map(|&i| lengths[i].1 + 1).sum();
            assert!(sum <= 200 || batch.len() == 1);
        }
        assert_eq!(batches, epoch(&lengths, 200, 1, 0));
        assert_ne!(batches, epoch(&lengths, 200, 1, 1));
        assert!(epoch(&[], 10, 1, 0).is_empty());
    }
}
