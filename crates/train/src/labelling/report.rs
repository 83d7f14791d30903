//! A labeller's run: its page.

use super::evaluate::Score;
use super::labeller::SoundLabeller;
use super::utterances::Utterance;
use crate::Error;
use crate::report::{chart, escape, line};
use crate::run::Event;
use simurgh_data::metrics::classification::probabilities;
use simurgh_nn::pass::Precision;
use std::fmt::Write;

/// Scores, charts, and some recordings with what was said and what was heard.
pub(super) fn sections(
    model: &SoundLabeller,
    events: &[Event],
    (measured_on, test): (&str, &Score),
    shown: impl Iterator<Item = Utterance>,
) -> Result<String, Error> {
    let mut body = format!(
        "<h2>Scores on the {measured_on}</h2><table><tr><th>frames right<th>by the most frequent label<th>label error rate\
         <th>nats a frame<th>recordings<th>frames<th>labels</tr><tr><td class=n>{:.2} %<td class=n>{:.2} %<td class=n>{:.2} %\
         <td class=n>{:.4}<td class=n>{}<td class=n>{}<td class=n>{}</tr></table><p>A frame's label is said {:.0} ms after the \
         middle of its sound, a part is told {:.0} ms after its end; computing, which comes on top, is what <code>simurgh eval</code> measures.</p>",
        100.0 * test.accuracy,
        100.0 * test.most_frequent,
        100.0 * test.label_error_rate,
        test.nll,
        test.utterances,
        test.frames,
        test.said,
        model.latency_ms(),
        model.told_ms()
    );
    body += "<h2>Training</h2><div class=charts>";
    let line = |split: &str, name: &str, label: &str| line(events, split, name, label);
    body += &chart(
        "Negative log-likelihood, nats a frame",
        &[line("train", "nll", "train, with noise"), line("dev", "nll", "dev")],
    );
    body += &chart("Share of frames right", &[line("train", "accuracy", "train"), line("dev", "accuracy", "dev")]);
    body += &chart("Label error rate", &[line("dev", "label_error_rate", "dev")]);
    body += &chart("Gradient norm before clipping", &[line("train", "gradient_norm", "norm")]);
    body += "</div><h2>Recordings</h2><p>Above what was said, below what was heard, darker where it was surer.</p>";
    for Utterance { mut features, labels, .. } in shown {
        model.kept.scale(&mut features);
        let logits = model.network.logits(&features, Precision::F32)?;
        body += &strip(&model.kept.classes, &labels, &logits);
    }
    Ok(body)
}

/// Labels over time, said and heard.
fn strip(classes: &[String], said: &[u32], logits: &[f32]) -> String {
    const WIDTH: f64 = 760.0;
    let step = WIDTH / said.len() as f64;
    let hue = |class: usize| class * 360 / classes.len();
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} 64\" width=\"{WIDTH}\" xmlns=\"http://www.w3.org/2000/svg\" font-size=\"12\" \
         font-family=\"system-ui,sans-serif\" fill=\"currentColor\"><title>labels over time</title>"
    );
    let mut part = |y: usize, from: usize, to: usize, class: usize, opacity: f64| {
        let (x, width) = (from as f64 * step, (to - from) as f64 * step);
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"24\" fill=\"hsl({},70%,50%)\" fill-opacity=\"{opacity:.2}\"/>",
            hue(class)
        );
        if width > 12.0 {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                x + width / 2.0,
                y + 16,
                escape(&classes[class])
            );
        }
    };
    let mut from = 0;
    for to in 1..=said.len() {
        if to == said.len() || said[to] != said[from] {
            if said[from] != 0 {
                part(4, from, to, said[from] as usize, 0.6);
            }
            from = to;
        }
    }
    let heard: Vec<(usize, f64)> = logits
        .chunks_exact(classes.len())
        .map(|row| {
            probabilities(row, 1.0).into_iter().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 1.0))
        })
        .collect();
    from = 0;
    for to in 1..=heard.len() {
        if to == heard.len() || heard[to].0 != heard[from].0 {
            if heard[from].0 != 0 {
                let sure = heard[from..to].iter().map(|h| h.1).sum::<f64>() / (to - from) as f64;
                part(34, from, to, heard[from].0, 0.15 + 0.6 * sure);
            }
            from = to;
        }
    }
    svg + "</svg>"
}
