//! From labels of frames to parts with a label.

/// A part with one label.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its label's number.
    pub class: usize,
    /// Its first frame.
    pub begin: usize,
    /// The frame after its last.
    pub end: usize,
    /// Mean probability of the label over its frames.
    pub probability: f64,
}

/// Puts frames together as they come: the label changes where another has been the likeliest for `least` frames in a row.
#[derive(Clone, Debug)]
pub struct Segments {
    least: usize,
    frame: usize,
    current: usize,
    begin: usize,
    /// The other label, and for how many frames it has been there.
    other: usize,
    run: usize,
    /// Sums of every label's probability since `begin`, and since the run began.
    sums: Vec<f64>,
    run_sums: Vec<f64>,
}

impl Segments {
    /// Of `classes` labels, the first of which is silence.
    pub fn new(classes: usize, least: usize) -> Self {
        Self {
            least: least.max(1),
            frame: 0,
            current: 0,
            begin: 0,
            other: 0,
            run: 0,
            sums: vec![0.0; classes],
            run_sums: vec![0.0; classes],
        }
    }

    /// Takes the next frame's probabilities; a part that has ended.
    pub fn push(&mut self, probabilities: &[f64]) -> Option<Segment> {
        let likeliest = (0..probabilities.len())
            .max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]).then(b.cmp(a)))
            .unwrap_or(0);
        let add = |sums: &mut [f64]| sums.iter_mut().zip(probabilities).for_each(|(sum, p)| *sum += p);
        let mut ended = None;
        if likeliest == self.current || likeliest != self.other {
            // What there was of another label belongs to this part.
            self.sums.iter_mut().zip(&mut self.run_sums).for_each(|(sum, run)| *sum += std::mem::take(run));
            (self.other, self.run) = (likeliest, 0);
        }
        if likeliest == self.current {
            add(&mut self.sums);
        } else {
            add(&mut self.run_sums);
            self.run += 1;
            if self.run == self.least {
                let begin = self.frame + 1 - self.run;
                ended = self.take(begin);
                (self.current, self.begin, self.run) = (likeliest, begin, 0);
                self.sums = std::mem::replace(&mut self.run_sums, vec![0.0; probabilities.len()]);
            }
        }
        self.frame += 1;
        ended
    }

    /// The part that the end ends.
    pub fn finish(&mut self) -> Option<Segment> {
        self.sums.iter_mut().zip(&mut self.run_sums).for_each(|(sum, run)| *sum += std::mem::take(run));
        let ended = self.take(self.frame);
        self.current = 0;
        ended
    }

    fn take(&self, end: usize) -> Option<Segment> {
        let length = end - self.begin;
        (self.current != 0 && length > 0).then(|| Segment {
            class: self.current,
            begin: self.begin,
            end,
            probability: self.sums[self.current] / length as f64,
        })
    }
}

/// Fewest insertions, deletions and replacements that make one sequence the other (Levenshtein 1966).
pub(super) fn edits(a: &[u32], b: &[u32]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(labels: &[usize], least: usize) -> Vec<(usize, usize, usize)> {
        let mut segments = Segments::new(3, least);
        let row = |label: usize| (0..3).map(|k| if k == label { 0.8 } else { 0.1 }).collect::<Vec<f64>>();
        let mut all: Vec<Segment> = labels.iter().filter_map(|label| segments.push(&row(*label))).collect();
        all.extend(segments.finish());
        assert!(all.iter().all(|s| s.probability > 0.3 && s.probability <= 0.8 + 1e-9), "{all:?}");
        all.into_iter().map(|s| (s.class, s.begin, s.end)).collect()
    }

    #[test]
    fn a_label_stands_until_another_has_lasted() {
        assert_eq!(run(&[0, 0, 1, 1, 1, 1, 0, 0, 2, 2, 2], 2), [(1, 2, 6), (2, 8, 11)]);
        // One frame of another label changes nothing; two different ones in a row neither.
        assert_eq!(run(&[1, 1, 2, 1, 1, 0, 2, 1, 0, 0], 2), [(1, 0, 8)]);
        assert_eq!(run(&[1, 1, 2, 2, 1, 1], 2), [(1, 0, 2), (2, 2, 4), (1, 4, 6)]);
        assert_eq!(run(&[1, 2, 1, 2], 1), [(1, 0, 1), (2, 1, 2), (1, 2, 3), (2, 3, 4)]);
        assert!(run(&[], 2).is_empty() && run(&[0, 1, 0], 2).is_empty());
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!((edits(&[1, 2, 3], &[1, 3]), edits(&[], &[4]), edits(&[1, 2], &[2, 1])), (1, 1, 2));
    }
}
