//! Line charts as SVG.

use super::escape;
use std::fmt::Write;

/// One line of a chart.
pub struct Line {
    /// What it shows.
    pub label: String,
    /// (step, value), steps rising.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
/// Half of a tick's number is beyond it.
const RIGHT: f64 = 24.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 30.0;
/// Colours that the colour-blind tell apart (Okabe & Ito 2008).
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// The chart of `lines` over steps.
pub fn chart(title: &str, lines: &[Line]) -> String {
    let all: Vec<(f64, f64)> = lines.iter().flat_map(|l| l.points.iter().copied()).collect();
    if all.is_empty() {
        return String::new();
    }
    let fold = |f: fn(f64, f64) -> f64, pick: fn(&(f64, f64)) -> f64| all.iter().map(pick).reduce(f).unwrap_or(0.0);
    let (x1, y0, y1) = (fold(f64::max, |p| p.0).max(1.0), fold(f64::min, |p| p.1), fold(f64::max, |p| p.1));
    let ticks = ticks(y0, y1);
    let (y0, y1) = (ticks[0], ticks[ticks.len() - 1]);
    let px = |x: f64| LEFT + x / x1 * (WIDTH - LEFT - RIGHT);
    let py = |y: f64| HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"system-ui,sans-serif\" font-size=\"11\" fill=\"currentColor\">\
         <title>{t}</title><text x=\"{LEFT}\" y=\"14\" font-size=\"13\" font-weight=\"600\">{t}</text>",
        t = escape(title)
    );
    for tick in &ticks {
        let y = py(*tick);
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{}\" stroke=\"currentColor\" stroke-opacity=\".15\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            axis_number(*tick)
        );
    }
    for x in self::ticks(0.0, x1).into_iter().filter(|x| *x <= x1) {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            px(x),
            HEIGHT - 10.0,
            axis_number(x)
        );
    }
    for (i, line) in lines.iter().filter(|l| !l.points.is_empty()).enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let path: Vec<String> = line.points.iter().map(|p| format!("{:.1},{:.1}", px(p.0), py(p.1))).collect();
        let _ = write!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" points=\"{}\"/>",
            path.join(" ")
        );
        if let [(x, y)] = line.points[..] {
            let _ = write!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", px(x), py(y));
        }
        let last = line.points.last().map_or(0.0, |p| p.1);
        let x = LEFT + 150.0 * i as f64;
        let _ = write!(
            svg,
            "<text x=\"{x}\" y=\"28\" fill=\"{colour}\">{}: {}</text>",
            escape(&line.label),
            axis_number(last)
        );
    }
    svg + "</svg>"
}

/// About five round numbers that enclose `low ..= high`.
pub(crate) fn ticks(low: f64, high: f64) -> Vec<f64> {
    let span = if high > low { high - low } else { high.abs().max(1e-6) };
    let raw = span / 4.0;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * 0.999).unwrap_or(raw);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last.max(first + 1)).map(|i| i as f64 * step).collect()
}

pub(crate) fn axis_number(x: f64) -> String {
    if x == 0.0 {
        "0".into()
    } else if x.abs() >= 10_000.0 {
        format!("{}k", (x / 100.0).round() / 10.0)
    } else if x.abs() < 0.01 {
        format!("{x:.1e}")
    } else {
        format!("{}", (x * 1000.0).round() / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_enclose_the_data() {
        for (low, high) in [(0.0, 1.0), (3.0, 3.0), (-2.5, 17.0), (1e-5, 2e-3), (0.0, 0.0)] {
            let t = ticks(low, high);
            assert!(t.len() >= 2 && t[0] <= low && t[t.len() - 1] >= high, "{t:?}");
        }
    }

    #[test]
    fn a_chart_shows_every_line_and_escapes_labels() {
        let line = |label: &str| Line { label: label.into(), points: vec![(0.0, 1.0), (10.0, 2.0)] };
        let svg = chart("a < b", &[line("x"), line("y & z")]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("a &lt; b") && svg.contains("y &amp; z"));
        assert_eq!(chart("none", &[]), "");
    }
}
