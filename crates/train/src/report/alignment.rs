//! Attention weights as a picture: which source tokens a target token looked at.

use super::escape;
use crate::translation::Translated;
use std::fmt::Write;

/// Does the text run right to left?
pub(crate) fn right_to_left(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}'))
}

/// `text` between a first-strong isolate and its pop, so that it does not reorder its surroundings.
pub fn isolate(text: &str) -> String {
    if right_to_left(text) { format!("\u{2068}{text}\u{2069}") } else { text.to_string() }
}

pub(crate) fn shown(token: &str) -> String {
    token.replace('\u{2581}', "·")
}

/// The weights as a matrix for the terminal: target tokens down, source tokens across.
pub fn text(translation: &Translated) -> String {
    const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    /// A weight from which a shade begins.
    const BORDERS: [f32; 4] = [0.08, 0.3, 0.55, 0.8];
    let mut out = String::new();
    if translation.alignment.is_empty() {
        return out;
    }
    let width = translation.target_tokens.iter().map(|t| shown(t).chars().count()).max().unwrap_or(0);
    let columns: Vec<String> = (1..=translation.source_tokens.len()).map(|i| format!("{i:>2}")).collect();
    let _ = writeln!(out, "  {:width$}  {}", "", columns.join(" "));
    for (token, weights) in translation.target_tokens.iter().zip(&translation.alignment) {
        let token = shown(token);
        let pad = " ".repeat(width - token.chars().count());
        let cells: Vec<String> = weights
            .iter()
            .map(|w| {
                let shade = SHADES[BORDERS.iter().filter(|b| w >= b).count()];
                format!("{shade}{shade}")
            })
            .collect();
        let _ = writeln!(out, "  {}{pad}  {}", isolate(&token), cells.join(" ").trim_end());
    }
    let legend: Vec<String> = translation
        .source_tokens
        .iter()
        .enumerate()
        .map(|(i, t)| format!("{} {}", i + 1, isolate(&shown(t))))
        .collect();
    let _ = writeln!(out, "  {}", legend.join("  "));
    out
}

/// The weights as an SVG heat map. A right-to-left source runs from right to left.
pub fn svg(translation: &Translated) -> String {
    const CELL: f64 = 24.0;
    const LEFT: f64 = 130.0;
    const TOP: f64 = 110.0;
    let (columns, rows) = (translation.source_tokens.len(), translation.target_tokens.len());
    let rtl = translation.source_tokens.iter().any(|t| right_to_left(t));
    let (width, height) = (LEFT + CELL * columns as f64 + 70.0, TOP + CELL * rows as f64 + 10.0);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"Vazirmatn,system-ui,sans-serif\" font-size=\"13\" fill=\"currentColor\"><title>Attention</title>"
    );
    let x = |column: usize| LEFT + CELL * (if rtl { columns - 1 - column } else { column }) as f64;
    for (i, token) in translation.source_tokens.iter().enumerate() {
        let direction = if rtl { " direction=\"rtl\" unicode-bidi=\"isolate\"" } else { "" };
        // Right-to-left text starts at its right end, so it is anchored by its end to rise from the column.
        let anchor = if rtl { " text-anchor=\"end\"" } else { "" };
        let (cx, cy) = (x(i) + CELL / 2.0 + 4.0, TOP - 6.0);
        let _ = write!(
            svg,
            "<text x=\"{cx}\" y=\"{cy}\" transform=\"rotate(-60 {cx} {cy})\"{direction}{anchor}>{}</text>",
            escape(&shown(token))
        );
    }
    for (row, (token, weights)) in translation.target_tokens.iter().zip(&translation.alignment).enumerate() {
        let y = TOP + CELL * row as f64;
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + CELL * 0.68,
            escape(&shown(token))
        );
        for (i, weight) in weights.iter().enumerate() {
            let _ = write!(
                svg,
                "<rect x=\"{}\" y=\"{y}\" width=\"{w}\" height=\"{w}\" fill=\"#0072b2\" fill-opacity=\"{weight:.3}\" \
                 stroke=\"currentColor\" stroke-opacity=\".12\"><title>{weight:.3}</title></rect>",
                x(i),
                w = CELL - 1.0
            );
        }
    }
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translation() -> Translated {
        Translated {
            text: "Hello".into(),
            score: -0.1,
            source_tokens: vec!["▁سلام".into(), "</s>".into()],
            target_tokens: vec!["▁Hel".into(), "lo".into()],
            alignment: vec![[0.9, 0.1].into(), [0.3, 0.7].into()],
        }
    }

    #[test]
    fn text_isolates_right_to_left_words_and_svg_runs_from_the_right() {
        let text = text(&translation());
        assert!(text.contains("\u{2068}·سلام\u{2069}") && text.contains('█'), "{text}");
        let svg = svg(&translation());
        assert_eq!(svg.matches("<rect").count(), 4);
        assert!(svg.contains("direction=\"rtl\"") && svg.contains("&lt;/s&gt;"));
        // The first source token stands in the rightmost column.
        assert!(svg.find("x=\"154\"").unwrap() < svg.rfind("x=\"130\"").unwrap());
    }
}
