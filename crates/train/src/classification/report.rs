//! A classification run's page, and the words that decided.

use super::classifier::{TextClassifier, Verdict, Why};
use super::evaluate::Score;
use super::examples::Labelled;
use crate::Error;
use crate::report::{chart, escape, isolate, line, right_to_left, shown};
use crate::run::Event;
use std::fmt::Write;

/// Examples shown.
const SAMPLES: usize = 12;

/// Scores, confusion, charts, and some texts with what decided.
pub(super) fn sections(
    model: &TextClassifier,
    events: &[Event],
    (measured_on, test): (&str, &Score),
    examples: &[Labelled],
) -> Result<String, Error> {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let mut body = format!(
        "<h2>Scores on the {measured_on}, {} texts</h2><table><tr><th><th>accuracy<th>macro F1</tr>\
         <tr><td>this model<td class=n>{}<td class=n>{}</tr>",
        test.examples,
        percent(test.accuracy),
        percent(test.macro_f1)
    );
    for b in &test.baselines {
        let (accuracy, f1) = (percent(b.accuracy), percent(b.macro_f1));
        let _ = write!(body, "<tr><td>{}<td class=n>{accuracy}<td class=n>{f1}</tr>", escape(&b.name));
    }
    let _ = write!(
        body,
        "</table><p>Negative log-likelihood {:.4} nats; expected calibration error {} (before the temperature {:.3}: {}).</p>",
        test.nll,
        percent(test.calibration_error),
        test.temperature,
        percent(test.calibration_error_before)
    );
    body += "<h2>Classes</h2><table><tr><th>class<th>precision<th>recall<th>F1<th>texts</tr>";
    for name in &model.classes {
        let Some(c) = test.classes.get(name) else { continue };
        let _ = write!(
            body,
            "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}</tr>",
            escape(name),
            percent(c.precision),
            percent(c.recall),
            percent(c.f1),
            c.examples
        );
    }
    body += "</table><h2>Answers (columns) to texts of each class (rows)</h2><table><tr><th>";
    for name in &model.classes {
        let _ = write!(body, "<th>{}", escape(name));
    }
    body += "</tr>";
    for (name, row) in model.classes.iter().zip(test.confusion.counts()) {
        let _ = write!(body, "<tr><th>{}", escape(name));
        let all: usize = row.iter().sum();
        for count in row {
            let share = *count as f64 / all.max(1) as f64;
            let _ = write!(body, "<td class=n style=\"background:rgba(0,114,178,{:.3})\">{count}", 0.7 * share);
        }
        body += "</tr>";
    }
    body += "</table><h2>Training</h2><div class=charts>";
    let line = |split: &str, name: &str, label: &str| line(events, split, name, label);
    body += &chart("Negative log-likelihood, nats", &[line("train", "nll", "train"), line("dev", "nll", "dev")]);
    body += &chart(
        "Accuracy",
        &[
            line("train", "accuracy", "train, with noise"),
            line("dev", "accuracy", "dev"),
            line("dev", "macro_f1", "dev F1"),
        ],
    );
    body += &chart("Gradient norm before clipping", &[line("train", "gradient_norm", "norm")]);
    body += &chart("Learning rate", &[line("train", "learning_rate", "rate")]);
    body += "</div><h2>Samples</h2><p>Orange words speak for the answer, blue ones against it: without them it would be less, or more, \
             probable.</p><table><tr><th>text<th>class<th>answer</tr>";
    let count = SAMPLES.min(examples.len());
    let samples: Vec<&Labelled> = (0..count).map(|i| &examples[i * examples.len() / count]).collect();
    let texts: Vec<String> = samples.iter().map(|example| example.text.clone()).collect();
    for (example, verdict) in samples.into_iter().zip(model.classify(&texts)?) {
        let Some(verdict) = verdict else { continue };
        let _ = write!(
            body,
            "<tr><td dir=auto>{}<td>{}<td>{} {}</tr>",
            coloured_html(&verdict, &model.why(&example.text, &verdict, Why::Hiding)?),
            escape(&model.classes[example.class]),
            escape(&model.classes[verdict.class]),
            percent(verdict.probabilities[verdict.class])
        );
    }
    body += "</table>";
    Ok(body)
}

/// Words with how much each weighs against the heaviest, -1 to 1, END left out.
fn weighed<'a>(verdict: &'a Verdict, weights: &[f64]) -> impl Iterator<Item = (&'a str, f64)> {
    let words = verdict.words.len() - 1;
    let most = weights[..words].iter().fold(f64::MIN_POSITIVE, |most, w| most.max(w.abs()));
    verdict.words[..words].iter().zip(weights).map(move |(word, weight)| (word.as_str(), weight / most))
}

/// Orange for the verdict, blue against it (Okabe & Ito 2008).
fn colour(share: f64) -> &'static str {
    if share < 0.0 { "0,114,178" } else { "213,94,0" }
}

fn coloured_html(verdict: &Verdict, weights: &[f64]) -> String {
    let mut html = String::new();
    for (word, share) in weighed(verdict, weights) {
        let (rgb, depth, word) = (colour(share), 0.6 * share.abs(), escape(word));
        let _ = write!(html, "<span style=\"background:rgba({rgb},{depth:.3})\"> {word}</span>");
    }
    html
}

/// The text with the words that decided behind colours of the terminal, orange for the verdict and blue against it; or without
/// `colour` in brackets: `[[much]] [some]` for it, `{{much}} {some}` against it.
pub fn why_text(verdict: &Verdict, weights: &[f64], colour: bool) -> String {
    let mut out = String::new();
    for (word, share) in weighed(verdict, weights) {
        out += " ";
        // Shades of the 256 colours, dark text on them.
        let shades = [(0.75, [208, 39], 2), (0.45, [215, 117], 1), (0.2, [223, 153], 0)];
        let _ = match shades.into_iter().find(|(least, _, _)| share.abs() >= *least) {
            Some((_, [for_it, against], _)) if colour => {
                let shade = if share < 0.0 { against } else { for_it };
                write!(out, "\u{1b}[48;5;{shade}m\u{1b}[38;5;16m{word}\u{1b}[0m")
            }
            Some((_, _, brackets)) => {
                let [open, close] = if share < 0.0 { ["{", "}"] } else { ["[", "]"] };
                write!(out, "{}{word}{}", open.repeat(brackets), close.repeat(brackets))
            }
            None => write!(out, "{word}"),
        };
    }
    let text = out.trim_start();
    if colour { text.to_string() } else { isolate(text) }
}

/// The same as SVG, a word behind the darker a colour the more it weighed, in lines; right-to-left text runs from the right.
pub fn why_svg(verdict: &Verdict, weights: &[f64], title: &str) -> String {
    const WIDTH: f64 = 720.0;
    const LINE: f64 = 30.0;
    // Glyphs are not measured: a guess of their width that is rather too wide.
    let width_of = |word: &str| 9.0 * word.chars().count() as f64 + 8.0;
    let rtl = right_to_left(&verdict.words.concat());
    let (mut x, mut y) = (10.0, 44.0);
    let mut words = String::new();
    for (word, share) in weighed(verdict, weights) {
        let word = shown(word);
        let width = width_of(&word);
        x += 6.0;
        if x + width > WIDTH - 10.0 && x > 16.0 {
            (x, y) = (16.0, y + LINE);
        }
        let left = if rtl { WIDTH - x - width } else { x };
        let direction = if rtl { " direction=\"rtl\" unicode-bidi=\"isolate\"" } else { "" };
        let _ = write!(
            words,
            "<rect x=\"{left}\" y=\"{}\" width=\"{width}\" height=\"24\" rx=\"4\" fill=\"rgb({})\" \
             fill-opacity=\"{:.3}\"><title>{share:.3}</title></rect><text x=\"{}\" y=\"{y}\" text-anchor=\"middle\"{direction}>{}</text>",
            y - 17.0,
            colour(share),
            0.7 * share.abs(),
            left + width / 2.0,
            escape(&word)
        );
        x += width;
    }
    let height = y + 18.0;
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"Vazirmatn,system-ui,sans-serif\" font-size=\"15\" fill=\"currentColor\"><title>{title}</title>\
         <text x=\"10\" y=\"18\" font-weight=\"600\">{title}</text>{words}</svg>\n",
        title = escape(title)
    )
}
