//! A piano roll.

use crate::report::escape;
use simurgh_data::music::{Frame, chord};
use std::fmt::Write;

/// The frames as a picture: time from left to right, notes from low to high, held ones as one bar; a line a quarter of
/// `frames_per_quarter` frames.
pub fn roll_svg(frames: &[Frame], frames_per_quarter: u32, title: &str) -> String {
    const STEP: f64 = 12.0;
    const ROW: f64 = 7.0;
    const LEFT: f64 = 40.0;
    const TOP: f64 = 26.0;
    let notes = || frames.iter().flatten().copied();
    let (low, high) = (notes().min().unwrap_or(60).saturating_sub(2), notes().max().unwrap_or(72) + 2);
    let (width, height) = (LEFT + STEP * frames.len() as f64 + 24.0, TOP + ROW * f64::from(high - low + 1) + 18.0);
    let y = |note: u8| TOP + ROW * f64::from(high - note);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"system-ui,sans-serif\" font-size=\"10\" fill=\"currentColor\"><title>{title}</title>\
         <text x=\"{LEFT}\" y=\"15\" font-size=\"13\" font-weight=\"600\">{title}</text>",
        title = escape(title)
    );
    for note in (low..=high).filter(|note| note % 12 == 0) {
        let (line, name) = (y(note) + ROW, chord::name(note));
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {line}H{}\" stroke=\"currentColor\" stroke-opacity=\".25\"/><text x=\"{}\" y=\"{line}\" \
             text-anchor=\"end\">{name}</text>",
            width - 24.0,
            LEFT - 6.0
        );
    }
    let bottom = height - 18.0;
    for (quarter, frame) in (0..=frames.len()).step_by(frames_per_quarter as usize).enumerate() {
        let x = LEFT + STEP * frame as f64;
        let bar = quarter % 4 == 0;
        let depth = if bar { 0.35 } else { 0.1 };
        let _ = write!(svg, "<path d=\"M{x} {TOP}V{bottom}\" stroke=\"currentColor\" stroke-opacity=\"{depth}\"/>");
        if bar {
            let _ = write!(svg, "<text x=\"{x}\" y=\"{}\">{quarter}</text>", bottom + 13.0);
        }
    }
    for (k, frame) in frames.iter().enumerate() {
        for note in frame {
            let held = |at: usize| frames.get(at).is_some_and(|frame| frame.contains(note));
            if k > 0 && held(k - 1) {
                continue;
            }
            let length = (k..).take_while(|at| held(*at)).count();
            let _ = write!(
                svg,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"2\" fill=\"#0072b2\"><title>{}</title></rect>",
                LEFT + STEP * k as f64 + 0.5,
                y(*note) + 0.5,
                STEP * length as f64 - 1.0,
                ROW - 1.0,
                chord::name(*note)
            );
        }
    }
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_note_is_one_bar() {
        let svg = roll_svg(&[vec![60, 64], vec![60], vec![], vec![60]], 2, "a < b");
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains("width=\"23\"") && svg.contains("a &lt; b") && svg.contains("C4"));
        assert!(roll_svg(&[], 1, "nothing").ends_with("</svg>\n"));
    }
}
