//! A translation run's page.

use super::evaluate::Score;
use super::translator::Translator;
use crate::Error;
use crate::report::{alignment_svg, chart, escape, line};
use crate::run::Event;
use crate::scheduled_sampling::exposure::teacher_chart;
use simurgh_data::text::Pair;
use std::fmt::Write;

/// Scores, charts, and some sentences with their alignments.
pub(super) fn sections(
    translator: &Translator,
    events: &[Event],
    (measured_on, test): (&str, &Score),
    samples: &[Pair],
) -> Result<String, Error> {
    let recipe = &translator.recipe;
    let mut body = String::new();
    let _ = write!(body, "<h2>Scores on the {measured_on}, free-running, beam {}</h2>", recipe.decode.beam);
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
    let line = |split: &str, name: &str, label: &str| line(events, split, name, label);
    body += &chart(
        "Loss, nats a token",
        &[
            line("train", "nll", "train"),
            line("dev", "nll_teacher_forced", "dev, teacher-forced"),
            line("dev", "nll_free_running", "dev, free-running"),
        ],
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
        "Token accuracy",
        &[
            line("train", "accuracy", "train"),
            line("dev", "accuracy_teacher_forced", "dev, teacher-forced"),
            line("dev", "accuracy_free_running", "dev, free-running"),
        ],
    );
    body += &chart("Gradient norm before clipping", &[line("train", "gradient_norm", "norm")]);
    body += &chart("Learning rate", &[line("train", "learning_rate", "rate")]);
    body += &teacher_chart(events);
    body += "</div>";
    if let Some(exposure) = &test.exposure {
        body += &exposure.section(measured_on, ("token", "tokens"));
    }
    body += "<h2>Samples</h2>";
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
    Ok(body)
}
