//! The minimum of a smooth convex function.

/// Pairs of steps that the curvature is known by.
const MEMORY: usize = 10;

/// Limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.5) with backtracking, from `x`, at most `iterations` steps: ends where
/// the gradient is a 1e-4th of what it was, or nothing gets better. `f(x, gradient)` writes the gradient and returns the value.
pub(super) fn minimise(mut x: Vec<f64>, iterations: usize, mut f: impl FnMut(&[f64], &mut [f64]) -> f64) -> Vec<f64> {
    let n = x.len();
    let mut gradient = vec![0.0; n];
    let mut value = f(&x, &mut gradient);
    let first = norm(&gradient);
    let mut pairs: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
    let (mut next, mut next_gradient) = (vec![0.0; n], vec![0.0; n]);
    for _ in 0..iterations {
        if norm(&gradient) <= 1e-4 * first {
            break;
        }
        let direction = direction(&gradient, &pairs);
        let slope = dot(&direction, &gradient);
        let mut step = if pairs.is_empty() { 1.0 / norm(&gradient).max(1.0) } else { 1.0 };
        let mut better = None;
        for _ in 0..30 {
            next.iter_mut().zip(&x).zip(&direction).for_each(|((to, x), d)| *to = x + step * d);
            let at = f(&next, &mut next_gradient);
            if at <= value + 1e-4 * step * slope {
                better = Some(at);
                break;
            }
            step *= 0.5;
        }
        let Some(at) = better else { break };
        let s: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let sy = dot(&s, &y);
        if sy > 1e-12 {
            if pairs.len() == MEMORY {
                pairs.remove(0);
            }
            pairs.push((s, y, 1.0 / sy));
        }
        std::mem::swap(&mut x, &mut next);
        std::mem::swap(&mut gradient, &mut next_gradient);
        value = at;
    }
    x
}

/// Minus the inverse curvature times the gradient: two loops over the pairs.
fn direction(gradient: &[f64], pairs: &[(Vec<f64>, Vec<f64>, f64)]) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(pairs.len());
    for (s, y, rho) in pairs.iter().rev() {
        let alpha = rho * dot(s, &q);
        q.iter_mut().zip(y).for_each(|(q, y)| *q -= alpha * y);
        alphas.push(alpha);
    }
    if let Some((_, y, rho)) = pairs.last() {
        let scale = 1.0 / (rho * dot(y, y));
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((s, y, rho), alpha) in pairs.iter().zip(alphas.into_iter().rev()) {
        let beta = rho * dot(y, &q);
        q.iter_mut().zip(s).for_each(|(q, s)| *q += (alpha - beta) * s);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_minimum_of_a_stretched_bowl() {
        let scales: Vec<f64> = (0..20).map(|i| 1.0 + 50.0 * f64::from(i)).collect();
        let x = minimise(vec![0.0; 20], 200, |x, gradient| {
            let mut value = 0.0;
            for (i, scale) in scales.iter().enumerate() {
                let away = x[i] - i as f64;
                value += 0.5 * scale * away * away;
                gradient[i] = scale * away;
            }
            value
        });
        assert!(x.iter().enumerate().all(|(i, x)| (x - i as f64).abs() < 1e-2), "{x:?}");
    }
}
