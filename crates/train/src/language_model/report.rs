//! A language model run's page.

use super::evaluate::{SPELT, Score};
use super::generator::Generator;
use crate::Error;
use crate::report::{chart, escape, line};
use crate::run::Event;
use crate::scheduled_sampling::exposure::{Exposure, teacher_chart};
use simurgh_nn::decode::Sampling;
use std::fmt::Write;

/// Tokens of a sample.
const SAMPLE: usize = 300;

/// Scores, charts, and texts drawn at three temperatures.
pub(super) fn sections(
    model: &Generator,
    events: &[Event],
    (measured_on, test): (&str, &Score),
    exposure: Option<&Exposure>,
) -> Result<String, Error> {
    let mut body = format!(
        "<h2>Likelihood of the {measured_on}</h2><table><tr><th>bits a character<th>perplexity of a token<th>nats a token\
         <th>tokens<th>characters<th>unknown</tr><tr><td class=n>{:.4}<td class=n>{:.3}<td class=n>{:.4}<td class=n>{}<td class=n>{}\
         <td class=n>{:.2} %</tr></table><p>Unknown tokens are spelt, at {SPELT:.0} bits a character.</p>",
        test.bits_per_character,
        test.perplexity,
        test.nll,
        test.tokens,
        test.characters,
        100.0 * test.unknown
    );
    body += "<h2>Training</h2><div class=charts>";
    let line = |split: &str, name: &str, label: &str| line(events, split, name, label);
    body +=
        &chart("Negative log-likelihood, nats a token", &[line("train", "nll", "train"), line("dev", "nll", "dev")]);
    body += &chart("Bits a character", &[line("dev", "bits_per_character", "dev")]);
    body += &chart("Gradient norm before clipping", &[line("train", "gradient_norm", "norm")]);
    body += &chart("Learning rate", &[line("train", "learning_rate", "rate")]);
    body += &teacher_chart(events);
    body += "</div>";
    if let Some(exposure) = exposure {
        body += &exposure.section(measured_on, ("token", "tokens"));
    }
    if model.network.config().bidirectional {
        return Ok(body);
    }
    body += "<h2>Texts from nothing</h2>";
    for temperature in [0.5, 0.8, 1.0] {
        let mut writing = model.write("", Sampling { temperature, top_p: 1.0 }, 1)?;
        writing.by_ref().take(SAMPLE).for_each(drop);
        let _ = write!(body, "<p>Temperature {temperature}:</p><pre dir=auto>{}</pre>", escape(writing.text()));
    }
    Ok(body)
}
