//! Drawing a token.

use simurgh_random::Random;

/// How tokens are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// What logits are divided by: below 1 surer, above 1 wilder; 0 always takes the likeliest.
    pub temperature: f64,
    /// Only the likeliest tokens are drawn whose probabilities sum to this share (Holtzman et al. 2020); 1 is all.
    pub top_p: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_p: 1.0 }
    }
}

/// One of the logits by number; those of `banned` are never drawn. None if nothing else is there, or no logit is a number.
pub fn sample(logits: &[f32], banned: &[u32], sampling: Sampling, random: &mut Random) -> Option<u32> {
    let mut order: Vec<u32> =
        (0..logits.len() as u32).filter(|token| !banned.contains(token) && !logits[*token as usize].is_nan()).collect();
    // The likeliest first, ties by number.
    order.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]).then(a.cmp(&b)));
    let first = *order.first()?;
    if sampling.temperature <= 0.0 {
        return Some(first);
    }
    let most = f64::from(logits[first as usize]);
    let weight = |token: &u32| ((f64::from(logits[*token as usize]) - most) / sampling.temperature).exp();
    let weights: Vec<f64> = order.iter().map(weight).collect();
    let total: f64 = weights.iter().sum();
    let mut kept = 0;
    let mut sum = 0.0;
    // The token that reaches the share is kept too, and one always is.
    while kept < order.len() && (kept == 0 || sum < sampling.top_p * total) {
        sum += weights[kept];
        kept += 1;
    }
    let mut draw = random.uniform() * sum;
    for (token, weight) in order[..kept].iter().zip(&weights) {
        draw -= weight;
        if draw < 0.0 {
            return Some(*token);
        }
    }
    Some(order[kept - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_probabilities() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), f32::NAN, 0.2f32.ln()];
        let mut random = Random::new(3);
        let mut count = |banned: &[u32], sampling| {
            let mut counts = [0; 4];
            for _ in 0..4000 {
                counts[sample(&logits, banned, sampling, &mut random).unwrap() as usize] += 1;
            }
            counts
        };
        let all = count(&[], Sampling::default());
        assert!(
            all.iter().zip([2000.0, 1200.0, 0.0, 800.0]).all(|(n, want)| (f64::from(*n) - want).abs() < 120.0),
            "{all:?}"
        );
        let nucleus = count(&[], Sampling { top_p: 0.7, ..Sampling::default() });
        assert!(nucleus[3] == 0 && nucleus[1] > 1300, "{nucleus:?}");
        assert_eq!(count(&[], Sampling { temperature: 0.0, top_p: 1.0 }), [4000, 0, 0, 0]);
        let cold = count(&[0], Sampling { temperature: 0.1, top_p: 1.0 });
        assert!(cold[0] == 0 && cold[1] > 3800, "{cold:?}");
        assert_eq!(sample(&[f32::NAN], &[], Sampling::default(), &mut Random::new(1)), None);
        assert_eq!(sample(&[1.0], &[0], Sampling::default(), &mut Random::new(1)), None);
    }
}
