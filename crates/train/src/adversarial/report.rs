//! A run of adversaries: its page.

use super::evaluate::{Meter, Score};
use crate::Error;
use crate::report::{chart, line};
use crate::run::{Event, RunDirectory};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt::Write;

/// Most pictures of the strip over time.
const STRIP: usize = 8;

/// Scores, a strip of samples over time, charts.
pub(super) fn sections(run: &RunDirectory, meter: &Meter, events: &[Event], score: &Score) -> Result<String, Error> {
    let mut body = format!("<h2>The generator, by {} samples</h2><table>", score.samples);
    let mut row = |name: &str, value: String| {
        let _ = write!(body, "<tr><th>{name}<td class=n>{value}</tr>");
    };
    if let Some(c) = &score.coverage {
        row("modes", format!("{} of {}", c.modes, c.of));
        if let Some(quality) = c.high_quality {
            row("of high quality", format!("{:.2} %", 100.0 * quality));
        }
        row("reverse KL of the modes, nats", format!("{:.4}", c.reverse_kl));
    }
    let beside = |made: f64, real: f64| format!("{made:.4} (of the data {real:.4})");
    row("sliced Wasserstein distance", beside(score.sliced_wasserstein, score.sliced_wasserstein_of_data));
    row("kernel distance", format!("{:.3e}", score.kernel_distance));
    if let Some(n) = &score.neighbourhoods {
        row("precision, recall", format!("{:.3}, {:.3}", n.precision, n.recall));
        row("density, coverage", format!("{:.3}, {:.3}", n.density, n.coverage));
    }
    let [made, real] = score.closest();
    row("the closest two samples", format!("{made} (of the data {real})"));
    let (birthday, pairs) = (&score.birthday, score.birthday.duplicates);
    let support = birthday.support.map_or_else(String::new, |n| format!(": about {n:.0} different samples"));
    row(
        "duplicates (birthday test)",
        format!("{pairs} pairs of {} samples as close as the data's{support}", birthday.samples),
    );
    body += "</table><h2>Samples over time</h2><p>The same noise at every step";
    let real = meter.real_picture();
    body += if real.is_some() { ".</p>" } else { "; real points are grey.</p>" };
    body += "<div style=\"display:flex;flex-wrap:wrap;gap:1rem\">";
    let named = |(name, bytes): (String, Vec<u8>)| {
        (format!("step {}", name.trim_start_matches('0').trim_end_matches(".png")), bytes)
    };
    let real = real.map(|bytes| ("of the data".to_string(), bytes));
    for (name, bytes) in strip(run)?.into_iter().map(named).chain(real) {
        let _ = write!(
            body,
            "<figure style=\"margin:0\"><img alt=\"samples, {name}\" style=\"image-rendering:pixelated\" \
             src=\"data:image/png;base64,{}\"><figcaption>{name}</figcaption></figure>",
            BASE64.encode(&bytes)
        );
    }
    body += "</div><h2>Training</h2><div class=charts>";
    let line = |split: &str, name: &str, label: &str| line(events, split, name, label);
    let train = |name: &str, label: &str| line("train", name, label);
    body += &chart(
        "Losses",
        &[
            train("discriminator_loss", "discriminator"),
            train("generator_loss", "generator"),
            train("penalty", "penalties"),
        ],
    );
    body +=
        &chart("Mean logits", &[train("real_logit", "of real samples"), train("generated_logit", "of generated ones")]);
    body += &chart("Share that the discriminator tells right", &[train("accuracy", "right")]);
    body += &chart(
        "Gradient norms",
        &[train("discriminator_gradient_norm", "discriminator"), train("generator_gradient_norm", "generator")],
    );
    body += &chart("Slope of the discriminator", &[train("slope", "|d logit / d x|")]);
    body += &chart("Modes", &[line("dev", "modes", "found")]);
    body += &chart(
        "Coverage and quality",
        &[
            line("dev", "high_quality", "high quality"),
            line("dev", "precision", "precision"),
            line("dev", "recall", "recall"),
            line("dev", "coverage", "coverage"),
        ],
    );
    body += &chart("Reverse KL, nats", &[line("dev", "reverse_kl", "modes")]);
    body += &chart("Sliced Wasserstein distance", &[line("dev", "sliced_wasserstein", "to real samples")]);
    Ok(body + "</div>")
}

/// Pictures of the run, evenly over time, the first and the last among them.
fn strip(run: &RunDirectory) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let folder = run.samples();
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".png") && !name.starts_with('.'))
        .collect();
    names.sort();
    let count = names.len().min(STRIP);
    let chosen = (0..count).map(|k| if count == 1 { 0 } else { k * (names.len() - 1) / (count - 1) });
    let read = |k: usize| {
        let path = folder.join(&names[k]);
        let io = |e: std::io::Error| simurgh_data::InputError::io(&path, "a picture of the run", &e);
        Ok((names[k].clone(), std::fs::read(&path).map_err(io)?))
    };
    chosen.map(read).collect()
}
