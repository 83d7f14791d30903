//! `report.html`: one page, everything inline, nothing from the network.

mod alignment;
mod chart;

pub use alignment::{isolate, svg as alignment_svg, text as alignment_text};

use crate::Error;
use crate::recipe::Recipe;
use crate::run::{Event, Events, RunDirectory};
use crate::translation::{Score, Translator};
use chart::{Line, chart};
use simurgh_data::text::Pair;
use std::fmt::Write;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
h1,h2{line-height:1.2}table{border-collapse:collapse}td,th{padding:.3rem .7rem;border-bottom:1px solid #ddd;text-align:start;vertical-align:top}\
td.n{text-align:end;font-variant-numeric:tabular-nums}pre{background:#f5f5f5;padding:1rem;overflow:auto}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(27rem,1fr));gap:1rem}svg{max-width:100%;height:auto}\
@media(prefers-color-scheme:dark){body{background:#15181c;color:#e6e6e6}td,th{border-color:#333}pre{background:#20242a}}";

/// Text for HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The page of a translation run.
///
/// # Errors
/// If the run's events can't be read.
pub fn translation(
    run: &RunDirectory,
    recipe: &Recipe,
    translator: &Translator,
    (measured_on, test): (&str, &Score),
    samples: &[Pair],
) -> Result<String, Error> {
    let events = Events::read(run)?;
    let mut body = String::new();
    let _ = write!(
        body,
        "<h1>{}</h1><h2>Scores on the {measured_on}, free-running, beam {}</h2>",
        escape(&recipe.name),
        recipe.decode.beam
    );
    body += "<table><tr><th>domain<th>pairs<th>BLEU<th>chrF<th>exact</tr>";
    let row = |name: &str, s: &Score| {
        format!(
            "<tr><td>{}<td class=n>{}<td class=n>{:.2}<td class=n>{:.2}<td class=n>{:.1} %</tr>",
            escape(name),
            s.pairs,
            s.bleu,
            s.chrf,
            100.0 * s.exact
        )
    };
    body += &row("all", test);
    for (name, score) in &test.domains {
        body += &row(name, score);
    }
    let _ = write!(body, "</table><p><small>BLEU {}; chrF {}</small></p>", test.bleu_signature, test.chrf_signature);
    body += "<h2>Training</h2><div class=charts>";
    let line =
        |split: &str, name: &str, label: &str| Line { label: label.into(), points: points(&events, split, name) };
    body += &chart(
        "Loss, nats a token",
        &[line("train", "nll", "train"), line("dev", "nll_teacher_forced", "dev, teacher-forced")],
    );
    let beam = recipe.train.eval_beam;
    body += &chart(
        "Dev scores, free-running",
        &[
            line("dev", "bleu", "BLEU, greedy"),
            line("dev", "bleu_beam", &format!("BLEU, beam {beam}")),
            line("dev", "chrf", "chrF, greedy"),
        ],
    );
    body += &chart(
        "Token accuracy, teacher-forced",
        &[line("train", "accuracy", "train"), line("dev", "accuracy_teacher_forced", "dev")],
    );
    body += &chart("Gradient norm before clipping", &[line("train", "gradient_norm", "norm")]);
    body += &chart("Learning rate", &[line("train", "learning_rate", "rate")]);
    body += "</div><h2>Samples</h2>";
    let sentences: Vec<String> = samples.iter().map(|p| p.source.clone()).collect();
    for (pair, best) in samples.iter().zip(translator.translate(&sentences, &recipe.decode)?) {
        let Some(best) = best.into_iter().next() else { continue };
        let _ = write!(
            body,
            "<table><tr><th>source<td dir=auto>{}</tr><tr><th>model<td dir=auto>{}</tr><tr><th>reference<td dir=auto>{}</tr></table>",
            escape(&pair.source),
            escape(&best.text),
            escape(&pair.target)
        );
        if !best.alignment.is_empty() {
            body += &alignment_svg(&best);
        }
    }
    let _ = write!(body, "<h2>Recipe</h2><pre>{}</pre>", escape(&recipe.to_toml()));
    let title = escape(&recipe.name);
    Ok(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><body>{body}</body></html>\n"
    ))
}

fn points(events: &[Event], split: &str, name: &str) -> Vec<(f64, f64)> {
    events
        .iter()
        .filter(|e| e.split == split && e.name == name)
        .filter_map(|e| Some((e.step as f64, e.value?)))
        .collect()
}
