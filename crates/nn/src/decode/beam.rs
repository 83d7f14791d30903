//! Beam search over a batch of sentences, all hypotheses in one step of the network.

use super::{DecodeConfig, Hypothesis, Sentence, Special, Surface};
use crate::pass::Pass;
use crate::seq2seq::{Seq2Seq, Walker};
use crate::sequences::Sequences;
use simurgh_kernels::ShapeError;
use simurgh_kernels::parallel::each_row;
use simurgh_kernels::shape::Check;
use simurgh_kernels::top::most_likely;
use std::sync::Arc;

/// A token of a hypothesis and what came before it.
#[derive(Clone, Copy)]
struct Node {
    token: u32,
    /// The node before; none where this is the first.
    parent: Option<u32>,
    /// Where its attention weights begin among all.
    weights: usize,
}

/// A hypothesis in the making.
#[derive(Clone)]
struct Partial {
    last: Option<u32>,
    length: usize,
    log_probability: f64,
    required: Vec<u32>,
    /// What the tokens read as.
    surface: Surface,
}

/// One sentence's search.
struct Search {
    alive: Vec<Partial>,
    finished: Vec<(Surface, Hypothesis)>,
    limit: usize,
    nodes: Vec<Node>,
    /// Attention weights of every hypothesis of every step.
    weights: Vec<f32>,
    /// Length of the source where there are weights.
    source: usize,
    /// Room for a step's candidates and for the hypotheses that come of them.
    candidates: Vec<Candidate>,
    next: Vec<Partial>,
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
/// # Errors
/// If a sentence is empty, a token is none of its vocabulary, there is not one surface a token, a length has no limit, or the
/// beam is 0 or so wide that there is no memory for it.
pub fn decode(
    model: &Seq2Seq,
    sentences: &[Sentence],
    special: &Special,
    config: &DecodeConfig,
) -> Result<Vec<Vec<Hypothesis>>, ShapeError> {
    let check = Check("decode");
    check.some("the beam", config.beam)?;
    if !(0.0..f64::INFINITY).contains(&config.max_ratio) {
        let (expected, got) = ("a number from 0".into(), config.max_ratio.to_string());
        return Err(ShapeError::Value { operation: check.0, name: "max_ratio", expected, got });
    }
    special.check(check, model.target_vocab(), sentences)?;
    if sentences.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&[u32]> = sentences.iter().map(|s| s.ids.as_slice()).collect();
    let sources = Sequences::new(&ids)?;
    let memory = model.encode(&sources, &mut Pass { precision: config.precision, ..Pass::default() })?;
    let mut network = Walker::new(model, memory, config.precision);
    // Twice the beam: if all of the better half end, the beam is still full; but there are no more tokens than there are.
    let count = config.beam.saturating_mul(2).min(model.target_vocab());
    let mut searches = Vec::with_capacity(sentences.len());
    for (k, &sentence) in sources.order.iter().enumerate() {
        searches.push(Search::new(&sentences[sentence], network.source_len(k), config, count)?);
    }
    // What a step needs is taken once: no memory is allocated for a token, but that histories double their room, and that a
    // hypothesis which ends is written out.
    let hypotheses = [("sentences", searches.len()), ("beam", config.beam)];
    let most = check.count("hypotheses", &hypotheses)?;
    // Asked for here, since the network's step, which takes it, has no way to fail.
    check.room::<f32>("logits", &[("hypotheses", most), ("tokens", model.target_vocab())])?;
    let (mut sequence_of, mut tokens) =
        (check.room("hypotheses", &hypotheses)?, check.room("hypotheses", &hypotheses)?);
    let (mut rows, mut hypothesis_of) =
        (check.room("hypotheses", &hypotheses)?, check.room("hypotheses", &hypotheses)?);
    let mut best: Vec<Vec<(u32, f32)>> = (0..most).map(|_| Vec::with_capacity(count + 1)).collect();
    loop {
        sequence_of.clear();
        hypothesis_of.clear();
        tokens.clear();
        for (k, search) in searches.iter().enumerate() {
            for (hypothesis, partial) in search.alive.iter().enumerate() {
                sequence_of.push(k);
                hypothesis_of.push(hypothesis);
                tokens.push(partial.last.map_or(special.start, |node| search.nodes[node as usize].token));
            }
        }
        if sequence_of.is_empty() {
            break;
        }
        let (logits, vocab, mut weights) = network.step(&tokens, &sequence_of)?;
        each_row(logits, vocab, &mut best, |row, logits, best| {
            let search = &searches[sequence_of[row]];
            let partial = &search.alive[hypothesis_of[row]];
            top(logits, partial, search.limit - partial.length, special, count, best);
        });
        let mut first = 0;
        rows.clear();
        for search in &mut searches {
            let count = search.alive.len();
            if count > 0 {
                let (own, rest) = weights.split_at(count * search.source);
                weights = rest;
                search.advance(&best[first..first + count], own, first, special, config, &mut rows);
            }
            first += count;
        }
        if !rows.is_empty() {
            network.select(&rows)?;
        }
    }
    let mut results = vec![Vec::new(); sentences.len()];
    for (search, &sentence) in searches.into_iter().zip(&sources.order) {
        results[sentence] = search.finished.into_iter().map(|(_, hypothesis)| hypothesis).collect();
    }
    Ok(results)
}

/// The `count` most likely next tokens of a hypothesis that has `room` left, as (token, log-probability), the first of
/// equals first, into `best`.
fn top(
    logits: &mut [f32],
    partial: &Partial,
    room: usize,
    special: &Special,
    count: usize,
    best: &mut Vec<(u32, f32)>,
) {
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
    most_likely(logits, count, best);
}

impl Search {
    /// A search that sees `count` next tokens of every hypothesis.
    fn new(sentence: &Sentence, source: usize, config: &DecodeConfig, count: usize) -> Result<Self, ShapeError> {
        let start = Partial {
            last: None,
            length: 0,
            log_probability: 0.0,
            required: sentence.required.clone(),
            surface: Surface::EMPTY,
        };
        // No number of tokens that memory could hold is near the largest.
        let limit = ((sentence.ids.len() as f64 * config.max_ratio) as usize)
            .saturating_add(config.max_extra)
            .saturating_add(sentence.required.len().max(1));
        let (check, beam) = (Check("decode"), ("beam", config.beam));
        let mut alive = check.room("hypotheses", &[beam])?;
        alive.push(start);
        Ok(Self {
            alive,
            finished: check.room("finished hypotheses", &[beam, ("twice", 2)])?,
            limit,
            nodes: Vec::new(),
            weights: Vec::new(),
            source,
            candidates: check.room("candidates", &[beam, ("next tokens", count)])?,
            next: check.room("hypotheses", &[beam])?,
        })
    }

    /// Extends every hypothesis by its best tokens and keeps the best of all; adds to `rows` those of the step's state
    /// that the new hypotheses go on from. `weights` are the attention weights of the step.
    fn advance(
        &mut self,
        best: &[Vec<(u32, f32)>],
        weights: &[f32],
        first_row: usize,
        special: &Special,
        config: &DecodeConfig,
        rows: &mut Vec<usize>,
    ) {
        let looked = self.weights.len();
        self.weights.extend_from_slice(weights);
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        for (hypothesis, (partial, tokens)) in self.alive.iter().zip(best).enumerate() {
            let before = partial.log_probability;
            candidates.extend(tokens.iter().map(|&(token, value)| Candidate {
                hypothesis,
                token,
                log_probability: before + f64::from(value),
            }));
        }
        // Of equals the first hypothesis' likelier token comes first; a sort in place keeps no such order by itself.
        let rank_of = |c: &Candidate| (c.hypothesis, best[c.hypothesis].iter().position(|b| b.0 == c.token));
        candidates.sort_unstable_by(|a, b| {
            b.log_probability.total_cmp(&a.log_probability).then_with(|| rank_of(a).cmp(&rank_of(b)))
        });
        let first_new = rows.len();
        let mut alive = std::mem::take(&mut self.next);
        alive.clear();
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
                    self.finish(&next, true, config);
                }
                rank += 1;
                continue;
            }
            rank += 1;
            let node = Node { token: c.token, parent: next.last, weights: looked + c.hypothesis * self.source };
            next.last = Some(self.nodes.len() as u32);
            next.length += 1;
            self.nodes.push(node);
            if let Some(at) = next.required.iter().position(|&r| r == c.token) {
                next.required.remove(at);
            }
            alive.push(next);
            rows.push(first_row + c.hypothesis);
        }
        self.candidates = candidates;
        self.next = std::mem::replace(&mut self.alive, alive);
        self.finished.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
        self.finished.truncate(config.beam);
        let length = self.alive.first().map_or(0, |p| p.length);
        if self.finished.len() == config.beam && !self.can_improve(config) {
            self.alive.clear();
        } else if length >= self.limit {
            // Unfinished ones only fill up what the finished ones leave.
            let rest = config.beam - self.finished.len();
            for partial in std::mem::take(&mut self.alive).iter().take(rest) {
                self.finish(partial, false, config);
            }
        }
        rows.truncate(first_new + self.alive.len());
    }

    /// Would the best hypothesis alive, ended now, rank above the last of the finished ones? (It could
    /// still gain by running on, since the score is a mean; that is rare and not waited for.) A beam of 1
    /// is greedy search: it ends with its first END.
    fn can_improve(&self, config: &DecodeConfig) -> bool {
        let Some(best) = self.alive.first() else { return false };
        let now = best.log_probability / ((best.length + 1) as f64).powf(config.length_penalty);
        let worst = self.finished.last().map_or(f64::NEG_INFINITY, |f| f.1.score);
        config.beam > 1 && now > worst
    }

    /// Adds a hypothesis that has ended; of those that read the same, where they may not, the one with the best score.
    fn finish(&mut self, partial: &Partial, complete: bool, config: &DecodeConfig) {
        let (mut tokens, mut alignment) = (Vec::with_capacity(partial.length), Vec::new());
        let mut at = partial.last;
        while let Some(node) = at.map(|at| self.nodes[at as usize]) {
            tokens.push(node.token);
            if self.source > 0 {
                alignment.push(Arc::from(&self.weights[node.weights..node.weights + self.source]));
            }
            at = node.parent;
        }
        tokens.reverse();
        alignment.reverse();
        let length = (partial.length + 1) as f64;
        let surface = partial.surface;
        let hypothesis = Hypothesis {
            score: partial.log_probability / length.powf(config.length_penalty),
            log_probability: partial.log_probability,
            tokens,
            alignment,
            complete,
        };
        match self.finished.iter_mut().find(|(known, _)| config.distinct && *known == surface) {
            Some((_, known)) if known.score >= hypothesis.score => {}
            Some((_, known)) => *known = hypothesis,
            None => self.finished.push((surface, hypothesis)),
        }
    }
}
