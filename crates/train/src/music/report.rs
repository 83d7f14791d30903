//! A run of a model of music: its page.

use super::composition::MusicModel;
use super::evaluate::Score;
use super::roll::roll_svg;
use crate::Error;
use crate::report::{chart, line};
use crate::run::Event;
use crate::scheduled_sampling::exposure::{Exposure, teacher_chart};
use simurgh_data::music::{Frame, Piece};
use simurgh_nn::decode::Sampling;

/// Frames of a picture.
const SHOWN: usize = 64;

/// Scores, charts, a piece of the data and pieces of the model's.
pub(super) fn sections(
    model: &MusicModel,
    events: &[Event],
    (measured_on, test): (&str, &Score),
    exposure: Option<&Exposure>,
    example: Option<&Piece>,
) -> Result<String, Error> {
    let mut body = format!(
        "<h2>Likelihood of the {measured_on}</h2><table><tr><th>nats a frame<th>with the first of each piece<th>pieces<th>frames</tr>\
         <tr><td class=n>{:.4}<td class=n>{:.4}<td class=n>{}<td class=n>{}</tr></table>",
        test.nll, test.nll_with_first, test.pieces, test.frames
    );
    body += "<h2>Training</h2><div class=charts>";
    let line = |split: &str, name: &str, label: &str| line(events, split, name, label);
    body += &chart(
        "Negative log-likelihood, nats a frame",
        &[line("train", "nll", "train, with noise"), line("dev", "nll_with_first", "dev")],
    );
    body += &chart("Gradient norm before clipping", &[line("train", "gradient_norm", "norm")]);
    body += &chart("Learning rate", &[line("train", "learning_rate", "rate")]);
    body += &teacher_chart(events);
    body += "</div>";
    if let Some(exposure) = exposure {
        body += &exposure.section(measured_on, ("frame", "frames"));
    }
    body += "<h2>Pieces</h2>";
    let quarter = model.recipe.data.frames_per_quarter;
    if let Some(piece) = example {
        let frames = &piece.frames[..piece.frames.len().min(SHOWN)];
        body += &roll_svg(frames, quarter, &format!("of the data: {}", piece.name));
    }
    for temperature in [1.0, 0.7] {
        let frames: Vec<Frame> = model.compose(&[], Sampling { temperature, top_p: 1.0 }, 1)?.take(SHOWN).collect();
        body += &roll_svg(&frames, quarter, &format!("from nothing, temperature {temperature}"));
    }
    Ok(body)
}
