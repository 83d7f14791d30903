//! One rate to another, as samples arrive.

use std::collections::VecDeque;

/// Zero crossings of the sinc on either side.
const CROSSINGS: f64 = 16.0;
/// Shape of the Kaiser window: about 80 dB down beyond the transition.
const BETA: f64 = 8.0;

/// Brings samples of one rate to another by a windowed sinc, whose cut-off is below both rates' halves (Smith & Gossett 1984). What
/// comes out does not depend on how what goes in is cut.
#[derive(Clone, Debug)]
pub struct Resampler {
    /// Input samples from one output sample to the next, as a fraction.
    up: u64,
    down: u64,
    /// Input samples a second.
    from: u32,
    /// `phases[p]`: the weights of the inputs around an output that lies `p / up` after one of them.
    phases: Vec<Vec<f32>>,
    /// Inputs on either side of an output.
    reach: usize,
    /// Inputs from `first` on.
    waiting: VecDeque<f32>,
    first: i64,
    /// Outputs given.
    given: u64,
    /// Inputs taken.
    taken: u64,
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The modified Bessel function of order 0.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..60 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

impl Resampler {
    /// Milliseconds of input that an output waits for.
    pub fn delay_ms(&self) -> f64 {
        if self.up == self.down { 0.0 } else { 1000.0 * self.reach as f64 / f64::from(self.from) }
    }

    /// From `from` to `to` samples a second, both above 0.
    pub fn new(from: u32, to: u32) -> Self {
        let common = greatest_common_divisor(from.into(), to.into()).max(1);
        let (up, down) = (u64::from(to) / common, u64::from(from) / common);
        // In units of input samples.
        let cut = (up as f64 / down as f64).min(1.0) * if up == down { 1.0 } else { 0.94 };
        let half = CROSSINGS / cut;
        let reach = if up == down { 1 } else { half.ceil() as usize };
        let weight = |x: f64| {
            if up == down {
                return if x == 0.0 { 1.0 } else { 0.0 };
            }
            let inside = 1.0 - (x / half).powi(2);
            if inside <= 0.0 {
                return 0.0;
            }
            let angle = std::f64::consts::PI * x * cut;
            let sinc = if x == 0.0 { 1.0 } else { angle.sin() / angle };
            cut * sinc * bessel(BETA * inside.sqrt()) / bessel(BETA)
        };
        let phases = (0..up)
            .map(|p| {
                let at = p as f64 / up as f64;
                let all: Vec<f64> = (0..2 * reach).map(|i| weight(i as f64 - (reach as f64 - 1.0) - at)).collect();
                // A constant stays what it is.
                let sum: f64 = all.iter().sum();
                all.into_iter().map(|w| (w / sum) as f32).collect()
            })
            .collect();
        let before = reach - 1;
        Self {
            up,
            down,
            from,
            phases,
            reach,
            waiting: std::iter::repeat_n(0.0, before).collect(),
            first: -(before as i64),
            given: 0,
            taken: 0,
        }
    }

    /// Takes samples; those that can be given are appended to `to`.
    pub fn push(&mut self, samples: &[f32], to: &mut Vec<f32>) {
        self.taken += samples.len() as u64;
        self.waiting.extend(samples);
        self.give(u64::MAX, to);
    }

    /// The samples that wait for what will not come: as many in all as the time that went in has.
    pub fn finish(&mut self, to: &mut Vec<f32>) {
        let total = (self.taken * self.up).div_ceil(self.down);
        self.waiting.extend(std::iter::repeat_n(0.0, 2 * self.reach + 2));
        self.give(total, to);
    }

    fn give(&mut self, most: u64, to: &mut Vec<f32>) {
        while self.given < most {
            let at = self.given * self.down;
            let (whole, phase) = ((at / self.up) as i64, (at % self.up) as usize);
            // The first input that it is made of.
            let begin = whole - (self.reach as i64 - 1);
            let skip = (begin - self.first) as usize;
            if self.waiting.len() < skip + 2 * self.reach {
                return;
            }
            self.waiting.drain(..skip);
            self.first = begin;
            let sum: f32 = self.phases[phase].iter().zip(&self.waiting).map(|(w, x)| w * x).sum();
            to.push(sum);
            self.given += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(from: u32, to: u32, samples: &[f32], cut: usize) -> Vec<f32> {
        let (mut resampler, mut out) = (Resampler::new(from, to), Vec::new());
        samples.chunks(cut).for_each(|chunk| resampler.push(chunk, &mut out));
        resampler.finish(&mut out);
        out
    }

    fn sine(rate: u32, hertz: f64, count: usize) -> Vec<f32> {
        (0..count).map(|i| (std::f64::consts::TAU * hertz * i as f64 / f64::from(rate)).sin() as f32).collect()
    }

    #[test]
    fn a_tone_stays_a_tone_however_it_is_cut() {
        for (from, to) in [(44_100, 8000), (16_000, 8000), (8000, 16_000), (11_025, 8000)] {
            let samples = sine(from, 440.0, from as usize / 2);
            let got = run(from, to, &samples, samples.len());
            assert_eq!(got.len(), to as usize / 2, "{from} {to}");
            assert_eq!(got, run(from, to, &samples, 7));
            let want = sine(to, 440.0, got.len());
            let middle = got.len() / 4..got.len() * 3 / 4;
            let worst = middle.map(|i| (got[i] - want[i]).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{from} to {to}: {worst}");
        }
        // What the lower rate can't hold is taken away.
        let high = run(44_100, 8000, &sine(44_100, 6000.0, 44_100), 1000);
        assert!(high[2000..6000].iter().all(|x| x.abs() < 2e-3));
        let same = sine(8000, 1000.0, 100);
        assert_eq!(run(8000, 8000, &same, 3), same);
        assert!(run(44_100, 8000, &[], 1).is_empty());
    }
}
