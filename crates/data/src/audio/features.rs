//! Log-mel features, as samples arrive.

use super::mel::Bands;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How sound is cut and seen; as a recipe's `[features]`, every key is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeaturesConfig {
    /// Samples a second, to which others are brought.
    pub rate: u32,
    /// Milliseconds of a frame.
    pub frame_ms: f64,
    /// Milliseconds from one frame to the next.
    pub hop_ms: f64,
    /// Mel bands.
    pub bands: usize,
    /// Lowest frequency, Hz; the highest is half the rate.
    pub lowest: f64,
}

impl Default for FeaturesConfig {
    fn default() -> Self {
        Self { rate: 8000, frame_ms: 25.0, hop_ms: 10.0, bands: 40, lowest: 60.0 }
    }
}

impl FeaturesConfig {
    /// Samples of a frame.
    pub fn frame(&self) -> usize {
        (f64::from(self.rate) * self.frame_ms / 1000.0).round() as usize
    }

    /// Samples from one frame to the next.
    pub fn hop(&self) -> usize {
        (f64::from(self.rate) * self.hop_ms / 1000.0).round() as usize
    }

    /// Frames of so many samples.
    pub fn frames(&self, samples: usize) -> usize {
        (samples + self.hop()).saturating_sub(self.frame()) / self.hop()
    }

    /// The first value that can't be, as `(key, expected, got)`.
    pub fn problem(&self) -> Option<(&'static str, String, String)> {
        let number = |key, value: f64, low: f64, high: f64| {
            (!(low..=high).contains(&value)).then(|| (key, format!("{low} to {high}"), value.to_string()))
        };
        number("rate", self.rate.into(), 1000.0, 200_000.0)
            .or_else(|| number("frame_ms", self.frame_ms, 1.0, 1000.0))
            .or_else(|| number("hop_ms", self.hop_ms, 1.0, self.frame_ms))
            .or_else(|| number("bands", self.bands as f64, 1.0, 256.0))
            .or_else(|| number("lowest", self.lowest, 0.0, f64::from(self.rate) / 4.0))
    }
}

/// Turns samples into frames of log-mel features; what comes out does not depend on how what goes in is cut.
#[derive(Clone)]
pub struct Features {
    config: FeaturesConfig,
    bands: Bands,
    window: Vec<f32>,
    transform: Arc<dyn RealToComplex<f32>>,
    waiting: Vec<f32>,
    padded: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl std::fmt::Debug for Features {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Features({:?})", self.config)
    }
}

impl Features {
    /// # Panics
    /// If the configuration has a [`FeaturesConfig::problem`].
    pub fn new(config: &FeaturesConfig) -> Self {
        assert!(config.problem().is_none(), "{:?}", config.problem());
        let frame = config.frame();
        let points = frame.next_power_of_two();
        let transform = RealFftPlanner::<f32>::new().plan_fft_forward(points);
        let angle = |i: usize| std::f64::consts::TAU * (i as f64 + 0.5) / frame as f64;
        Self {
            bands: Bands::new(config.bands, (config.lowest, f64::from(config.rate) / 2.0), points, config.rate),
            window: (0..frame).map(|i| (0.5 - 0.5 * angle(i).cos()) as f32).collect(),
            waiting: Vec::new(),
            padded: vec![0.0; points],
            spectrum: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            power: Vec::new(),
            transform,
            config: config.clone(),
        }
    }

    /// Takes samples; the frames that are whole are appended to `to`, `bands` numbers each.
    pub fn push(&mut self, samples: &[f32], to: &mut Vec<f32>) {
        self.waiting.extend_from_slice(samples);
        let (frame, hop) = (self.config.frame(), self.config.hop());
        let mut start = 0;
        while self.waiting.len() >= start + frame {
            let window = self.waiting[start..start + frame].iter().zip(&self.window);
            self.padded.fill(0.0);
            self.padded.iter_mut().zip(window).for_each(|(p, (x, w))| *p = x * w);
            self.transform
                .process_with_scratch(&mut self.padded, &mut self.spectrum, &mut self.scratch)
                .expect("buffers of the transform's own sizes");
            self.power.clear();
            self.power.extend(self.spectrum.iter().map(Complex::norm_sqr));
            let first = to.len();
            self.bands.powers(&self.power, to);
            // Quieter than the rounding of 16 bits is silence.
            to[first..].iter_mut().for_each(|p| *p = (*p + 1e-6).ln());
            start += hop;
        }
        self.waiting.drain(..start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_do_not_depend_on_how_samples_arrive() {
        let config = FeaturesConfig::default();
        let samples: Vec<f32> = (0..4000).map(|i| (i as f32 * i as f32 * 1e-4).sin() * 0.3).collect();
        let run = |cut: usize| {
            let (mut features, mut out) = (Features::new(&config), Vec::new());
            samples.chunks(cut).for_each(|chunk| features.push(chunk, &mut out));
            out
        };
        let whole = run(4000);
        assert_eq!(whole.len(), config.frames(4000) * 40);
        for cut in [1, 79, 200, 333] {
            assert_eq!(run(cut), whole);
        }
        assert_eq!((config.frames(199), config.frames(200), config.frames(280)), (0, 1, 2));
    }

    #[test]
    fn a_tone_is_loudest_in_its_band() {
        let config = FeaturesConfig::default();
        let loudest = |hertz: f32| {
            let tone: Vec<f32> = (0..200).map(|i| (std::f32::consts::TAU * hertz * i as f32 / 8000.0).sin()).collect();
            let mut out = Vec::new();
            Features::new(&config).push(&tone, &mut out);
            (0..40).max_by(|a, b| out[*a].total_cmp(&out[*b])).unwrap()
        };
        // Centres of bands by the mel scale: band b of 40 from 60 to 4000 Hz.
        let mel = |f: f64| 2595.0 * (1.0 + f / 700.0).log10();
        for hertz in [300.0, 1000.0, 3000.0] {
            let want = (mel(f64::from(hertz)) - mel(60.0)) / (mel(4000.0) - mel(60.0)) * 41.0 - 1.0;
            assert!((f64::from(loudest(hertz) as u32) - want).abs() <= 1.0, "{hertz}: {} {want}", loudest(hertz));
        }
        let mut silent = Vec::new();
        Features::new(&config).push(&[0.0; 200], &mut silent);
        assert!(silent.iter().all(|x| (x - 1e-6f32.ln()).abs() < 1e-3));
        assert!(FeaturesConfig { hop_ms: 30.0, ..config }.problem().is_some());
    }
}
