//! Drawings of a plane: paths over the arrows of a vector field.

use simurgh_train::report::escape;
use std::fmt::Write;

const SIZE: f64 = 300.0;
const MARGIN: f64 = 26.0;
/// Arrows each way.
const ARROWS: usize = 13;

/// A square of the plane, `-reach ..= reach` each way, with a path through it that begins at a circle, and how `field` pushes there.
pub fn portrait(title: &str, reach: f64, mut field: impl FnMut(f64, f64) -> (f64, f64), path: &[(f64, f64)]) -> String {
    let (px, py) = (
        |x: f64| MARGIN + (x + reach) / (2.0 * reach) * (SIZE - 2.0 * MARGIN),
        |y: f64| SIZE - MARGIN - (y + reach) / (2.0 * reach) * (SIZE - 2.0 * MARGIN),
    );
    let title = escape(title);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {SIZE} {SIZE}\" width=\"{SIZE}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"system-ui,sans-serif\" font-size=\"11\" fill=\"currentColor\"><title>{title}</title>\
         <text x=\"{MARGIN}\" y=\"15\" font-size=\"12\" font-weight=\"600\">{title}</text>\
         <path d=\"M{:.1} {MARGIN}V{:.1}M{MARGIN} {:.1}H{:.1}\" stroke=\"currentColor\" stroke-opacity=\".25\"/>",
        px(0.0),
        SIZE - MARGIN,
        py(0.0),
        SIZE - MARGIN
    );
    let at = |k: usize| reach * (2.0 * (k as f64 + 0.5) / ARROWS as f64 - 1.0);
    for (i, j) in (0..ARROWS).flat_map(|i| (0..ARROWS).map(move |j| (i, j))) {
        let (x, y) = (at(i), at(j));
        let (dx, dy) = field(x, y);
        let length = dx.hypot(dy);
        if length < 1e-9 {
            continue;
        }
        // All of one length: how strong a push is the path shows.
        let (dx, dy) = (7.0 * dx / length, -7.0 * dy / length);
        let (x, y) = (px(x), py(y));
        let _ = write!(
            svg,
            "<path d=\"M{:.1} {:.1}l{dx:.1} {dy:.1}\" stroke=\"currentColor\" stroke-opacity=\".3\"/>\
             <circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"1.2\" fill-opacity=\".4\"/>",
            x - dx / 2.0,
            y - dy / 2.0,
            x + dx / 2.0,
            y + dy / 2.0
        );
    }
    // What leaves the square comes back nowhere: the path ends at its edge.
    let inside = path.iter().take_while(|p| p.0.abs() <= reach && p.1.abs() <= reach);
    let points: Vec<String> = inside.map(|p| format!("{:.1},{:.1}", px(p.0), py(p.1))).collect();
    let _ = write!(
        svg,
        "<polyline fill=\"none\" stroke=\"#0072b2\" stroke-width=\"1.2\" points=\"{}\"/>",
        points.join(" ")
    );
    for (point, fill) in [(path.first(), "none"), (path.last(), "#d55e00")] {
        if let Some((x, y)) = point.filter(|p| p.0.abs() <= reach && p.1.abs() <= reach) {
            let (x, y) = (px(*x), py(*y));
            let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{fill}\" stroke=\"#d55e00\"/>");
        }
    }
    svg + "</svg>"
}
