//! Bicubic scaling as MATLAB's `imresize` does it: antialiased where a picture shrinks, mirrored at its borders.
//!
//! The pictures that super-resolution is measured on were made so (Keys 1981, a = -1/2). Whole numbers are rounded after each of the
//! two dimensions, as there.

use super::Pictures;

/// What a picture's numbers are kept as.
trait Number: Copy + Default {
    fn to_f64(self) -> f64;
    fn from_f64(x: f64) -> Self;
}

impl Number for u8 {
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn from_f64(x: f64) -> Self {
        // Halves away from zero; a cast saturates.
        x.round() as Self
    }
}

impl Number for f32 {
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn from_f64(x: f64) -> Self {
        x as Self
    }
}

impl Pictures {
    /// Every picture scaled to `height` x `width` pixels.
    ///
    /// # Panics
    /// If a size is 0.
    pub fn resized(&self, height: usize, width: usize) -> Self {
        let from = [self.height, self.width, self.channels];
        let each = (0..self.len()).flat_map(|k| resize(self.picture(k), from, [height, width]));
        Self { width, height, channels: self.channels, data: each.collect() }
    }
}

/// One picture `[height, width, channels]` of numbers that are not rounded, scaled to `[height, width]`.
///
/// # Panics
/// If a size is 0, or there are not so many numbers.
pub fn resized(data: &[f32], from: [usize; 3], to: [usize; 2]) -> Vec<f32> {
    resize(data, from, to)
}

fn resize<N: Number>(data: &[N], from: [usize; 3], to: [usize; 2]) -> Vec<N> {
    let ([height, width, channels], [new_height, new_width]) = (from, to);
    assert_eq!(data.len(), height * width * channels, "resize: a picture of {from:?}");
    assert!(data.len().min(new_height).min(new_width) > 0, "resize: {from:?} to {to:?}");
    let (rows, columns) = (Taps::new(height, new_height), Taps::new(width, new_width));
    // The dimension that shrinks more comes first; rows do where both do alike.
    if new_height * width <= new_width * height {
        let narrow = rows.down(data, width * channels);
        columns.across(&narrow, channels)
    } else {
        let flat = columns.across(data, channels);
        rows.down(&flat, new_width * channels)
    }
}

/// What every pixel of a scaled line is a sum of.
struct Taps {
    /// Pixels of the line as it was.
    from: usize,
    /// Of every new pixel.
    count: usize,
    /// `[new pixels, count]`: places in the line as it was, and their weights, whose sum is 1.
    places: Vec<usize>,
    weights: Vec<f64>,
}

impl Taps {
    fn new(from: usize, to: usize) -> Self {
        let scale = to as f64 / from as f64;
        // A kernel that is as much wider as the line shrinks.
        let stretch = scale.min(1.0);
        let width = 4.0 / stretch;
        let count = width.ceil() as usize + 2;
        let (mut places, mut weights) = (Vec::with_capacity(to * count), Vec::with_capacity(to * count));
        for pixel in 0..to {
            // Pixels are counted from their middles.
            let centre = (pixel as f64 + 0.5) / scale - 0.5;
            let first = (centre - width / 2.0).floor() as isize;
            let of = |k: usize| cubic((centre - (first + k as isize) as f64) * stretch);
            let sum: f64 = (0..count).map(of).sum();
            for k in 0..count {
                places.push(mirrored(first + k as isize, from));
                weights.push(of(k) / sum);
            }
        }
        Self { from, count, places, weights }
    }

    /// Every line of `data[_, from, channels]` scaled.
    fn across<N: Number>(&self, data: &[N], channels: usize) -> Vec<N> {
        let mut to = Vec::with_capacity(data.len() / self.from * self.places.len() / self.count);
        for line in data.chunks_exact(self.from * channels) {
            for (places, weights) in self.places.chunks_exact(self.count).zip(self.weights.chunks_exact(self.count)) {
                for channel in 0..channels {
                    let taps = places.iter().zip(weights);
                    let sum = taps.map(|(place, weight)| weight * line[place * channels + channel].to_f64()).sum();
                    to.push(N::from_f64(sum));
                }
            }
        }
        to
    }

    /// Every column of `data[from, width]` scaled.
    fn down<N: Number>(&self, data: &[N], width: usize) -> Vec<N> {
        let mut to = Vec::with_capacity(self.places.len() / self.count * width);
        let mut sums = vec![0.0; width];
        for (places, weights) in self.places.chunks_exact(self.count).zip(self.weights.chunks_exact(self.count)) {
            sums.fill(0.0);
            for (place, weight) in places.iter().zip(weights) {
                let line = &data[place * width..][..width];
                sums.iter_mut().zip(line).for_each(|(sum, x)| *sum += weight * x.to_f64());
            }
            to.extend(sums.iter().map(|sum| N::from_f64(*sum)));
        }
        to
    }
}

/// The cubic convolution kernel (Keys 1981, equation 15).
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x <= 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x <= 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

/// The place in a line of so many pixels, which is followed by its mirror image on both sides.
fn mirrored(place: isize, count: usize) -> usize {
    let place = place.rem_euclid(2 * count as isize) as usize;
    if place < count { place } else { 2 * count - 1 - place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_of_weights_passes_constants_and_lines() {
        for (from, to) in [(8, 8), (8, 2), (9, 3), (4, 16), (5, 15), (7, 3), (1, 4), (2, 1)] {
            let flat = resize(&vec![77u8; from * 3], [from, 3, 1], [to, 3]);
            assert!(flat.iter().all(|x| *x == 77), "{from} to {to}");
            // Far from the borders a slope stays a slope.
            let line: Vec<f32> = (0..from).map(|k| k as f32).collect();
            let scaled = resized(&line, [1, from, 1], [1, to]);
            let scale = to as f64 / from as f64;
            let reach = (2.0 / scale.min(1.0)).ceil() as usize;
            for (k, x) in scaled.iter().enumerate() {
                let centre = (k as f64 + 0.5) / scale - 0.5;
                if centre >= reach as f64 && centre + reach as f64 <= (from - 1) as f64 {
                    assert!((f64::from(*x) - centre).abs() < 1e-5, "{from} to {to}: {x} for {centre}");
                }
            }
        }
    }

    /// `goldens/pictures`
    #[test]
    fn pillow_scales_alike_within_the_border() {
        let text = include_str!("../../../../goldens/pictures/values.json");
        let goldens: serde_json::Value = serde_json::from_str(text).unwrap();
        for case in goldens["scaled"].as_array().unwrap() {
            let sizes = |name: &str| [0, 1].map(|k| case[name][k].as_u64().unwrap() as usize);
            let numbers = |name: &str| {
                case[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect::<Vec<f32>>()
            };
            let ([height, width], [rows, columns]) = (sizes("from"), sizes("to"));
            let got = resized(&numbers("picture"), [height, width, 1], [rows, columns]);
            // Pixels whose kernel reaches beyond the border.
            let rim = |from: usize, to: usize| (2.0 * (to as f64 / from as f64).max(1.0)).ceil() as usize;
            let (top, left) = (rim(height, rows), rim(width, columns));
            let mut compared = 0;
            for (k, (got, expected)) in got.iter().zip(numbers("scaled")).enumerate() {
                let (y, x) = (k / columns, k % columns);
                if (top..rows - top).contains(&y) && (left..columns - left).contains(&x) {
                    assert!((got - expected).abs() <= 1e-3, "{height} x {width} at {y}, {x}: {got} for {expected}");
                    compared += 1;
                }
            }
            assert!(compared >= 10, "{compared}");
        }
    }

    #[test]
    fn channels_and_directions_do_not_mix() {
        let from = [6, 8, 3];
        let data: Vec<f32> = (0..144).map(|k| ((k * 37) % 101) as f32).collect();
        let all = resized(&data, from, [3, 4]);
        for channel in 0..3 {
            let one: Vec<f32> = data.iter().skip(channel).step_by(3).copied().collect();
            let alone = resized(&one, [6, 8, 1], [3, 4]);
            let together: Vec<f32> = all.iter().skip(channel).step_by(3).copied().collect();
            assert_eq!(alone, together);
            // Turned about the diagonal; rows come first both times, so sums differ by rounding.
            let turned: Vec<f32> = (0..48).map(|k| one[k % 6 * 8 + k / 6]).collect();
            let turned = resized(&turned, [8, 6, 1], [4, 3]);
            for (k, x) in alone.iter().enumerate() {
                assert!((x - turned[k % 4 * 3 + k / 4]).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn bytes_are_rounded_and_do_not_wrap() {
        let soft = resize(&[20u8, 20, 20, 20, 235, 235, 235, 235], [1, 8, 1], [1, 32]);
        assert!(soft.iter().any(|x| *x < 20) && soft.iter().any(|x| *x > 235), "a cubic overshoots: {soft:?}");
        let hard = resize(&[0u8, 0, 0, 0, 255, 255, 255, 255], [1, 8, 1], [1, 32]);
        assert!(hard.is_sorted(), "{hard:?}");
    }
}
