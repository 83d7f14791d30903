//! How alike two pictures are: peak signal-to-noise ratio and structural similarity, by the protocol of super-resolution papers.
//!
//! There a picture of colours is compared by its luma, away from the border (Dong et al. 2014 and all who followed).

/// Numbers `[height, width]`, from 0 to 255.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// Row by row.
    pub data: Vec<f64>,
}

impl Plane {
    /// The luma of red, green and blue, or the same grey: ITU-R BT.601 in studio range (16 to 235), as MATLAB's `rgb2ycbcr` has it;
    /// not rounded.
    ///
    /// # Panics
    /// If a pixel has neither 1 nor 3 channels.
    pub fn luma(picture: &[u8], [height, width, channels]: [usize; 3]) -> Self {
        assert_eq!(picture.len(), height * width * channels, "luma: the picture's size");
        let of = |red, green, blue| {
            16.0 + (65.481 * f64::from(red) + 128.553 * f64::from(green) + 24.966 * f64::from(blue)) / 255.0
        };
        let data = match channels {
            1 => picture.iter().map(|grey| of(*grey, *grey, *grey)).collect(),
            3 => picture.chunks_exact(3).map(|pixel| of(pixel[0], pixel[1], pixel[2])).collect(),
            other => panic!("luma: {other} channels"),
        };
        Self { height, width, data }
    }

    /// Without so many pixels on every side.
    #[must_use]
    pub fn cropped(&self, border: usize) -> Self {
        let (height, width) = (self.height.saturating_sub(2 * border), self.width.saturating_sub(2 * border));
        let rows = (0..height).flat_map(|y| &self.data[(y + border) * self.width + border..][..width]);
        Self { height, width, data: rows.copied().collect() }
    }
}

/// Peak signal-to-noise ratio of numbers up to 255, decibels; infinite where they are equal.
///
/// # Panics
/// If there are not as many of both, or none.
pub fn psnr(a: &[f64], b: &[f64]) -> f64 {
    assert!(a.len() == b.len() && !a.is_empty(), "psnr: {} and {} numbers", a.len(), b.len());
    let mean_square = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / a.len() as f64;
    10.0 * (255.0 * 255.0 / mean_square).log10()
}

/// Pixels of the window of [`ssim`] each way, and its deviation.
const WINDOW: (usize, f64) = (11, 1.5);

/// Structural similarity (Wang et al. 2004): the mean over all whole windows of 11 x 11 pixels, weighted by a Gaussian of deviation
/// 1.5. `None` where no window fits.
///
/// # Panics
/// If the sizes differ.
pub fn ssim(a: &Plane, b: &Plane) -> Option<f64> {
    assert_eq!((a.height, a.width), (b.height, b.width), "ssim: sizes");
    let (count, deviation) = WINDOW;
    if a.height < count || a.width < count {
        return None;
    }
    let mut window: Vec<f64> =
        (0..count).map(|k| (-(k as f64 - (count / 2) as f64).powi(2) / (2.0 * deviation * deviation)).exp()).collect();
    let sum: f64 = window.iter().sum();
    window.iter_mut().for_each(|w| *w /= sum);
    let mean = |of: &dyn Fn(usize) -> f64| {
        let numbers: Vec<f64> = (0..a.data.len()).map(of).collect();
        windowed(&numbers, a.width, &window)
    };
    let (mean_a, mean_b) = (mean(&|k| a.data[k]), mean(&|k| b.data[k]));
    let (square_a, square_b) = (mean(&|k| a.data[k] * a.data[k]), mean(&|k| b.data[k] * b.data[k]));
    let product = mean(&|k| a.data[k] * b.data[k]);
    let (c1, c2) = ((0.01f64 * 255.0).powi(2), (0.03f64 * 255.0).powi(2));
    let each = (0..mean_a.len()).map(|k| {
        let (m_a, m_b) = (mean_a[k], mean_b[k]);
        let (v_a, v_b, covariance) = (square_a[k] - m_a * m_a, square_b[k] - m_b * m_b, product[k] - m_a * m_b);
        (2.0 * m_a * m_b + c1) * (2.0 * covariance + c2) / ((m_a * m_a + m_b * m_b + c1) * (v_a + v_b + c2))
    });
    Some(each.sum::<f64>() / mean_a.len() as f64)
}

/// Weighted means over all whole windows.
fn windowed(numbers: &[f64], width: usize, window: &[f64]) -> Vec<f64> {
    let narrow = width + 1 - window.len();
    let across: Vec<f64> = numbers
        .chunks_exact(width)
        .flat_map(|row| row.windows(window.len()).map(|part| part.iter().zip(window).map(|(x, w)| x * w).sum()))
        .collect();
    let rows = across.len() / narrow + 1 - window.len();
    let mut down = vec![0.0; rows * narrow];
    for (y, to) in down.chunks_exact_mut(narrow).enumerate() {
        for (k, w) in window.iter().enumerate() {
            let row = &across[(y + k) * narrow..][..narrow];
            to.iter_mut().zip(row).for_each(|(to, x)| *to += w * x);
        }
    }
    down
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(height: usize, width: usize, seed: usize) -> Plane {
        let data = (0..height * width).map(|k| ((k * 7919 + seed * 104_729) % 256) as f64).collect();
        Plane { height, width, data }
    }

    #[test]
    fn equal_pictures_are_alike_and_a_known_error_has_its_ratio() {
        let a = drawn(17, 23, 1);
        assert_eq!(psnr(&a.data, &a.data), f64::INFINITY);
        assert!((ssim(&a, &a).unwrap() - 1.0).abs() < 1e-12);
        let off: Vec<f64> = a.data.iter().map(|x| x + 5.0).collect();
        // 20 log10(255 / 5)
        assert!((psnr(&a.data, &off) - 34.151_403_521).abs() < 1e-6);
    }

    #[test]
    fn similarity_is_what_one_window_says_by_hand() {
        let (a, b) = (drawn(11, 11, 1), drawn(11, 11, 2));
        let weight = |k: usize| {
            let of = |k: usize| (-(k as f64 - 5.0).powi(2) / 4.5).exp();
            let sum: f64 = (0..11).map(of).sum();
            of(k / 11) * of(k % 11) / (sum * sum)
        };
        let mean = |of: &dyn Fn(usize) -> f64| (0..121).map(|k| weight(k) * of(k)).sum::<f64>();
        let (m_a, m_b) = (mean(&|k| a.data[k]), mean(&|k| b.data[k]));
        let v_a = mean(&|k| (a.data[k] - m_a).powi(2));
        let v_b = mean(&|k| (b.data[k] - m_b).powi(2));
        let covariance = mean(&|k| (a.data[k] - m_a) * (b.data[k] - m_b));
        let expected = (2.0 * m_a * m_b + 6.5025) * (2.0 * covariance + 58.5225)
            / ((m_a * m_a + m_b * m_b + 6.5025) * (v_a + v_b + 58.5225));
        assert!((ssim(&a, &b).unwrap() - expected).abs() < 1e-9);
        assert_eq!(ssim(&drawn(10, 30, 1), &drawn(10, 30, 1)), None);
    }

    /// `goldens/pictures`
    #[test]
    fn scikit_image_finds_the_same_similarity() {
        let text = include_str!("../../../../goldens/pictures/values.json");
        let goldens: serde_json::Value = serde_json::from_str(text).unwrap();
        for case in goldens["similar"].as_array().unwrap() {
            let [height, width] = [0, 1].map(|k| case["size"][k].as_u64().unwrap() as usize);
            let plane = |name: &str| {
                let data = case[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
                Plane { height, width, data }
            };
            let (got, expected) = (ssim(&plane("a"), &plane("b")).unwrap(), case["ssim"].as_f64().unwrap());
            assert!((got - expected).abs() <= 1e-9, "{height} x {width}: {got} for {expected}");
        }
    }

    #[test]
    fn luma_has_the_range_of_a_studio() {
        let plane = Plane::luma(&[0, 0, 0, 255, 255, 255, 255, 0, 0], [1, 3, 3]);
        for (got, expected) in plane.data.iter().zip([16.0, 235.0, 81.481]) {
            assert!((got - expected).abs() < 1e-9, "{got} for {expected}");
        }
        assert_eq!(Plane::luma(&[255], [1, 1, 1]).data, [235.0]);
        let crop = Plane { height: 3, width: 4, data: (0..12).map(f64::from).collect() }.cropped(1);
        assert_eq!((crop.height, crop.width, crop.data), (1, 2, vec![5.0, 6.0]));
        assert!(drawn(3, 4, 1).cropped(2).data.is_empty());
    }
}
