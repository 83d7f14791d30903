//! Forecasts as pictures: history, forecast, the band of its quantiles.

use super::forecast::SeriesForecast;
use crate::report::{axis_number, escape, ticks};
use std::fmt::Write;

/// What came, a value a step.
pub(super) type Truth = Vec<f64>;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 30.0;

/// One series: an SVG picture.
pub(super) fn plot(forecast: &SeriesForecast, quantiles: &[f64], truth: Option<&Truth>, title: &str) -> String {
    let history: Vec<f64> = forecast.history.iter().map(|h| h.1).collect();
    let (past, steps) = (history.len(), forecast.steps.len());
    let all = history.iter().chain(forecast.steps.iter().flat_map(|s| &s.1)).chain(truth.into_iter().flatten());
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
    let ticks = ticks(low, high);
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    let x = |t: usize| LEFT + t as f64 / (past + steps - 1).max(1) as f64 * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| HEIGHT - BOTTOM - (v - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let point = |t: usize, v: f64| format!("{:.1},{:.1}", x(t), y(v));
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"system-ui,sans-serif\" font-size=\"11\" fill=\"currentColor\"><title>{t}</title>\
         <text x=\"{LEFT}\" y=\"14\" font-size=\"13\" font-weight=\"600\">{t}</text>",
        t = escape(title)
    );
    for tick in &ticks {
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{}\" stroke=\"currentColor\" stroke-opacity=\".15\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y(*tick) + 4.0,
            axis_number(*tick),
            y = y(*tick)
        );
    }
    let stamps = [(0, "start"), (past.saturating_sub(1), "middle"), (past + steps - 1, "end")];
    for (t, anchor) in stamps {
        let stamp = forecast.history.get(t).map(|h| h.0).or_else(|| forecast.steps.get(t - past).map(|s| s.0));
        let Some(stamp) = stamp else { continue };
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            x(t),
            HEIGHT - 10.0,
            escape(&stamp.to_string())
        );
    }
    // The forecast goes on from the last value.
    let join = history.last().map(|v| point(past - 1, *v));
    let row = |k: usize| -> Vec<String> {
        let steps = forecast.steps.iter().enumerate().map(|(t, s)| point(past + t, s.1[k]));
        join.clone().into_iter().chain(steps).collect()
    };
    if let [first, .., last] = quantiles {
        let mut band = row(0);
        band.extend(row(quantiles.len() - 1).into_iter().rev());
        let _ = write!(
            svg,
            "<polygon points=\"{}\" fill=\"#d55e00\" fill-opacity=\".2\"><title>{first} to {last}</title></polygon>",
            band.join(" ")
        );
    }
    let mut draw = |points: Vec<String>, colour: &str, dash: &str| {
        let _ = write!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"{dash} points=\"{}\"/>",
            points.join(" ")
        );
    };
    draw(history.iter().enumerate().map(|(t, v)| point(t, *v)).collect(), "#0072b2", "");
    if let Some(truth) = truth {
        let came = truth.iter().enumerate().map(|(t, v)| point(past + t, *v));
        draw(join.clone().into_iter().chain(came).collect(), "#0072b2", " stroke-dasharray=\"3 3\"");
    }
    draw(row(forecast.point), "#d55e00", "");
    let band = match quantiles {
        [first, .., last] => format!("forecast, {:.0} % band", 100.0 * (last - first)),
        _ => "forecast".into(),
    };
    let mut legend = vec![("#0072b2", "what was".to_string()), ("#d55e00", band)];
    if truth.is_some() {
        legend.push(("#0072b2", "- - what came".into()));
    }
    for (i, (colour, label)) in legend.into_iter().enumerate() {
        let _ = write!(svg, "<text x=\"{}\" y=\"28\" fill=\"{colour}\">{label}</text>", LEFT + 140.0 * i as f64);
    }
    svg + "</svg>"
}

/// All series below each other, one SVG picture.
pub fn forecast_svg(forecasts: &[SeriesForecast], quantiles: &[f64]) -> String {
    let height = HEIGHT * forecasts.len() as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" xmlns=\"http://www.w3.org/2000/svg\" \
         color=\"#1b1f24\"><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    );
    for (i, forecast) in forecasts.iter().enumerate() {
        let one = plot(forecast, quantiles, None, &forecast.name);
        let one = one.replacen("<svg ", &format!("<svg y=\"{}\" height=\"{HEIGHT}\" ", HEIGHT * i as f64), 1);
        svg += &one;
    }
    svg + "</svg>\n"
}

/// One series for the terminal: dots of `width` by `height` characters, the band shaded.
pub fn forecast_text(forecast: &SeriesForecast, width: usize, height: usize) -> String {
    let steps = forecast.steps.len();
    // A column stands for as many steps as all fit.
    let (width, rows) = (width.max(20), height.max(4));
    let shown = forecast.history.len().min((2 * steps).max(20));
    let history = &forecast.history[forecast.history.len() - shown..];
    let total = shown + steps;
    let columns = total.min(width);
    let values = history.iter().map(|h| h.1).chain(forecast.steps.iter().flat_map(|s| s.1.iter().copied()));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let span = if high > low { high - low } else { 1.0 };
    let row_of = |v: f64| (((high - v) / span) * (rows - 1) as f64).round().clamp(0.0, (rows - 1) as f64) as usize;
    let mut cells = vec![vec![' '; columns]; rows];
    for column in 0..columns {
        let at = column * total / columns..((column + 1) * total / columns).max(column * total / columns + 1);
        for t in at {
            if let Some((_, value)) = history.get(t) {
                cells[row_of(*value)][column] = '•';
            } else if let Some((_, row)) = forecast.steps.get(t - shown) {
                let (top, bottom) = (row_of(row[row.len() - 1]), row_of(row[0]));
                for line in &mut cells[top..=bottom] {
                    if line[column] == ' ' {
                        line[column] = '░';
                    }
                }
                cells[row_of(row[forecast.point])][column] = '█';
            }
        }
    }
    let number = |v: f64| format!("{v:>10.4}");
    let mut text = format!("{}\n", forecast.name);
    for (i, line) in cells.iter().enumerate() {
        let label = match i {
            0 => number(high),
            i if i == rows - 1 => number(low),
            _ => " ".repeat(10),
        };
        let _ = writeln!(text, "{label} │{}", line.iter().collect::<String>().trim_end());
    }
    let (first, last) = (history.first().map(|h| h.0), forecast.steps.last().map(|s| s.0));
    if let (Some(first), Some(last)) = (first, last) {
        let (first, last) = (first.to_string(), last.to_string());
        let gap = columns.saturating_sub(first.chars().count() + last.chars().count()).max(1);
        let _ = writeln!(text, "{}{first}{}{last}", " ".repeat(12), " ".repeat(gap));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use simurgh_data::series::Stamp;

    fn forecast() -> SeriesForecast {
        let steps = |n: usize| (0..n).map(|t| Stamp::Number(t as f64));
        SeriesForecast {
            name: "a < b".into(),
            history: steps(30).map(|s| (s, 1.0)).collect(),
            steps: steps(5).map(|s| (s, vec![0.5, 1.0, 2.0])).collect(),
            point: 1,
            linear: Vec::new(),
            seasonal: Vec::new(),
        }
    }

    #[test]
    fn pictures_show_history_band_and_forecast() {
        let svg = forecast_svg(&[forecast(), forecast()], &[0.1, 0.5, 0.9]);
        assert_eq!((svg.matches("<polygon").count(), svg.matches("<polyline").count()), (2, 4));
        assert!(svg.contains("a &lt; b") && svg.contains("80 % band") && !svg.contains("NaN"));
        let text = forecast_text(&forecast(), 60, 8);
        assert!(text.contains('•') && text.contains('█') && text.contains('░'), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 72), "{text}");
        let flat = SeriesForecast { steps: vec![(Stamp::Number(1.0), vec![1.0])], point: 0, ..forecast() };
        assert!(!plot(&flat, &[], None, "flat").contains("NaN") && forecast_text(&flat, 10, 1).contains('█'));
    }
}
