//! Beam search over a batch of sentences, all hypotheses in one step of the network.

use super::{DecodeConfig, Hypothesis, Sentence, Special, Surface};
use crate::pass::Pass;
use crate::seq2seq::{Seq2Seq, Sources};
use simurgh_kernels::elementwise::log_softmax;
use simurgh_kernels::parallel::map_rows;
use std::sync::Arc;

/// A hypothesis in the making.
#[derive(Clone)]
struct Partial {
    tokens: Vec<u32>,
    log_probability: f64,
    required: Vec<u32>,
    alignment: Vec<Arc<[f32]>>,
    /// What the tokens read as.
    surface: Surface,
}

/// One sentence's search.
struct Search {
    alive: Vec<Partial>,
    finished: Vec<(Surface, Hypothesis)>,
    limit: usize,
}

/// A next token of a hypothesis.
#[derive(Clone, Copy, Default)]
struct Candidate {
    hypothesis: usize,
    token: u32,
    log_probability: f64,
}

/// The best hypotheses of every sentence, best first, at most `config.beam` each.
///
/// A sentence's result does not depend on the sentences beside it.
///
/// # Panics
/// If a sentence is empty or the beam is 0.
pub fn decode(
    model: &Seq2Seq,
    sentences: &[Sentence],
    special: &Special,
    config: &DecodeConfig,
) -> Vec<Vec<Hypothesis>> {
    assert!(config.beam > 0, "decode: a beam of 0");
    if sentences.is_empty() {
        return Vec::new();
    }
    let ids: Vec<&[u32]> = sentences.iter().map(|s| s.ids.as_slice()).collect();
    let sources = Sources::new(&ids);
    let memory = model.encode(&sources, &mut Pass { precision: config.precision, ..Pass::default() });
    let mut state = memory.state();
    let mut searches: Vec<Search> = sources
        .order
        .iter()
        .map(|&sentence| Search {
            alive: vec![Partial {
                tokens: Vec::new(),
                log_probability: 0.0,
                required: sentences[sentence].required.clone(),
                alignment: Vec::new(),
                surface: Surface::EMPTY,
            }],
            finished: Vec::new(),
            limit: (sentences[sentence].ids.len() as f64 * config.max_ratio) as usize
                + config.max_extra
                + sentences[sentence].required.len().max(1),
        })
        .collect();
    loop {
        let sequence_of: Vec<usize> =
            searches.iter().enumerate().flat_map(|(k, s)| std::iter::repeat_n(k, s.alive.len())).collect();
        if sequence_of.is_empty() {
            break;
        }
        let partials: Vec<&Partial> = searches.iter().flat_map(|s| &s.alive).collect();
        let tokens: Vec<u32> = partials.iter().map(|p| p.tokens.last().copied().unwrap_or(special.start)).collect();
        let (logits, next, weights) = model.step(&memory, &tokens, &sequence_of, state, config.precision);
        let [_, vocab] = logits.dims();
        let mut logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
        // Twice the beam: if all of the better half end, the beam is still full.
        let room: Vec<usize> = searches.iter().flat_map(|s| s.alive.iter().map(|p| s.limit - p.tokens.len())).collect();
        let best =
            map_rows(&mut logits, vocab, |row, logits| top(logits, partials[row], room[row], special, 2 * config.beam));
        let weights: Option<Vec<f32>> = weights.map(|w| w.into_data().iter::<f32>().collect());
        let mut weights = weights.as_deref();
        let alignments: Vec<Option<Arc<[f32]>>> = sequence_of
            .iter()
            .map(|&k| {
                weights.as_mut().map(|rest| {
                    let (row, after) = rest.split_at(memory.source_length(k));
                    *rest = after;
                    row.into()
                })
            })
            .collect();
        let (mut rows, mut first) = (Vec::new(), 0);
        for search in &mut searches {
            let count = search.alive.len();
            if count > 0 {
                let here = first..first + count;
                rows.extend(search.advance(&best[here.clone()], &alignments[here], first, special, config));
            }
            first += count;
        }
        state = next.select(&rows);
    }
    let mut results = vec![Vec::new(); sentences.len()];
    for (search, &sentence) in searches.into_iter().zip(&sources.order) {
        results[sentence] = search.finished.into_iter().map(|(_, hypothesis)| hypothesis).collect();
    }
    results
}

/// The `count` most likely next tokens of a hypothesis that has `room` left, as (token, log-probability), the first of equals first.
fn top(logits: &mut [f32], partial: &Partial, room: usize, special: &Special, count: usize) -> Vec<(u32, f32)> {
    if room <= partial.required.len() && !partial.required.is_empty() {
        // The last places before the length limit belong to what must still be produced.
        let kept: Vec<(u32, f32)> = partial.required.iter().map(|&t| (t, logits[t as usize])).collect();
        logits.fill(f32::NEG_INFINITY);
        kept.into_iter().for_each(|(t, value)| logits[t as usize] = value);
    }
    let banned = special.banned.iter().copied();
    let reserved = special.reserved.clone().filter(|token| !partial.required.contains(token));
    for token in banned.chain(reserved).chain((!partial.required.is_empty()).then_some(special.end)) {
        logits[token as usize] = f32::NEG_INFINITY;
    }
    log_softmax(logits);
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    for (token, &value) in logits.iter().enumerate() {
        if best.len() == count && best.last().is_none_or(|last| value <= last.1) || value == f32::NEG_INFINITY {
            continue;
        }
        let at = best.partition_point(|b| b.1 >= value);
        best.insert(at, (token as u32, value));
        best.truncate(count);
    }
    best
}

impl Search {
    /// Extends every hypothesis by its best tokens and keeps the best of all; returns the rows of the
    /// step's state that the new hypotheses go on from.
    fn advance(
        &mut self,
        best: &[Vec<(u32, f32)>],
        alignments: &[Option<Arc<[f32]>>],
        first_row: usize,
        special: &Special,
        config: &DecodeConfig,
    ) -> Vec<usize> {
        let mut candidates: Vec<Candidate> = best
            .iter()
            .enumerate()
            .flat_map(|(hypothesis, tokens)| {
                let before = self.alive[hypothesis].log_probability;
                tokens.iter().map(move |&(token, value)| Candidate {
                    hypothesis,
                    token,
                    log_probability: before + f64::from(value),
                })
            })
            .collect();
        candidates.sort_by(|a, b| b.log_probability.total_cmp(&a.log_probability));
        let (mut alive, mut rows): (Vec<Partial>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut rank = 0;
        for c in &candidates {
            if alive.len() == config.beam {
                break;
            }
            let before = &self.alive[c.hypothesis];
            let ends = c.token == special.end;
            let surface = if ends { before.surface } else { before.surface.then(special.surfaces[c.token as usize]) };
            // Likelier ones came first.
            if config.distinct && !ends && alive.iter().any(|p| p.surface == surface) {
                continue;
            }
            let mut next = before.clone();
            (next.log_probability, next.surface) = (c.log_probability, surface);
            if ends {
                if rank < config.beam {
                    self.finish(next, true, config);
                }
                rank += 1;
                continue;
            }
            rank += 1;
            next.tokens.push(c.token);
            next.alignment.extend(alignments[c.hypothesis].clone());
            if let Some(at) = next.required.iter().position(|&r| r == c.token) {
                next.required.remove(at);
            }
            alive.push(next);
            rows.push(first_row + c.hypothesis);
        }
        self.alive = alive;
        self.finished.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
        self.finished.truncate(config.beam);
        let length = self.alive.first().map_or(0, |p| p.tokens.len());
        if self.finished.len() == config.beam && !self.can_improve(config) {
            self.alive.clear();
        } else if length >= self.limit {
            // Unfinished ones only fill up what the finished ones leave.
            let rest = config.beam - self.finished.len();
            for partial in std::mem::take(&mut self.alive).into_iter().take(rest) {
                self.finish(partial, false, config);
            }
        }
        rows.truncate(self.alive.len());
        rows
    }

    /// Would the best hypothesis alive, ended now, rank above the last of the finished ones? (It could
    /// still gain by running on, since the score is a mean; that is rare and not waited for.) A beam of 1
    /// is greedy search: it ends with its first END.
    fn can_improve(&self, config: &DecodeConfig) -> bool {
        let Some(best) = self.alive.first() else { return false };
        let now = best.log_probability / ((best.tokens.len() + 1) as f64).powf(config.length_penalty);
        let worst = self.finished.last().map_or(f64::NEG_INFINITY, |f| f.1.score);
        config.beam > 1 && now > worst
    }

    /// Adds a hypothesis that has ended; of those that read the same, where they may not, the one with the best score.
    fn finish(&mut self, partial: Partial, complete: bool, config: &DecodeConfig) {
        let length = (partial.tokens.len() + 1) as f64;
        let surface = partial.surface;
        let hypothesis = Hypothesis {
            score: partial.log_probability / length.powf(config.length_penalty),
            log_probability: partial.log_probability,
            tokens: partial.tokens,
            alignment: partial.alignment,
            complete,
        };
        match self.finished.iter_mut().find(|(known, _)| config.distinct && *known == surface) {
            Some((_, known)) if known.score >= hypothesis.score => {}
            Some((_, known)) => *known = hypothesis,
            None => self.finished.push((surface, hypothesis)),
        }
    }
}
