//! A forecaster's run: its page.

use super::evaluate::Score;
use super::forecast::{ForecastModel, SeriesForecast};
use super::panel::{Origin, Panel};
use super::plot::{Truth, plot};
use crate::Error;
use crate::report::{Line, chart, escape, line};
use crate::run::Event;
use crate::scheduled_sampling::exposure::teacher_chart;
use std::fmt::Write;

/// Series that are drawn.
const DRAWN: usize = 4;

/// Scores beside the baselines', charts, and forecasts drawn with what came.
pub(super) fn sections(
    model: &ForecastModel,
    events: &[Event],
    (measured_on, test): (&str, &Score),
    panel: &Panel,
    origins: &[Origin],
) -> Result<String, Error> {
    let mut body = format!(
        "<h2>Errors on the {measured_on}</h2><p>{} windows, {} steps ahead; every series scaled by its training steps.</p>\
         <table><tr><th><th>MSE<th>MAE</tr><tr><th>this model<td class=n>{:.4}<td class=n>{:.4}</tr>",
        test.windows, model.recipe.model.horizon, test.mse, test.mae
    );
    for b in &test.baselines {
        let _ = write!(body, "<tr><td>{}<td class=n>{:.4}<td class=n>{:.4}</tr>", escape(&b.name), b.mse, b.mae);
    }
    body += "</table>";
    if test.linear_share > 0.0 {
        let share = 100.0 * test.linear_share;
        let _ = write!(body, "<p>{share:.0} % of each forecast is DLinear's, as was best on the dev part.</p>");
    }
    if let Some(c) = &test.coverage {
        let below: Vec<String> =
            test.below.iter().map(|b| format!("{:.1} % below {}", 100.0 * b.share, b.quantile)).collect();
        let _ = write!(
            body,
            "<p>{:.1} % of the values lie in the band that should hold {:.0} %; {}.</p>",
            100.0 * c.share,
            100.0 * c.nominal,
            below.join(", ")
        );
    }
    body += "<table><tr><th>series, in its own units<th>mean absolute error<th>best baseline<th></tr>";
    for (name, s) in test.series.iter().take(30) {
        let _ = write!(
            body,
            "<tr><td>{}<td class=n>{:.5}<td class=n>{:.5}<td>{}</tr>",
            escape(name),
            s.mae,
            s.baseline_mae,
            escape(&s.baseline)
        );
    }
    body += "</table><h2>Training</h2><div class=charts>";
    let line = |split: &str, name: &str, label: &str| line(events, split, name, label);
    body += &chart("Loss", &[line("train", "loss", "train, with noise"), line("dev", "loss", "dev")]);
    body += &chart(
        "Mean squared error",
        &[
            line("train", "mse", "train, with noise"),
            line("dev", "mse", "dev"),
            line("dev", "mse_teacher_forced", "dev, teacher-forced"),
        ],
    );
    let by_step = |label: &str, all: &[f64]| Line {
        label: label.into(),
        points: all.iter().enumerate().map(|(t, error)| ((t + 1) as f64, *error)).collect(),
    };
    body += &chart(
        "Mean squared error by step of the horizon",
        &[by_step("forecast", &test.by_step[0]), by_step("reading the truth", &test.by_step[1])],
    );
    body += &teacher_chart(events);
    body += &chart("Gradient norm before clipping", &[line("train", "gradient_norm", "norm")]);
    body += &chart("Learning rate", &[line("train", "learning_rate", "rate")]);
    body += "</div><h2>Forecasts from the middle and the end of it</h2>";
    for (series, s) in panel.all.iter().enumerate().take(DRAWN) {
        let own: Vec<Origin> = origins.iter().filter(|o| o.series == series).copied().collect();
        let Some(last) = own.last() else { continue };
        for origin in [own[own.len() / 2], *last] {
            let (forecast, truth) = at(model, panel, origin)?;
            body += &plot(&forecast, &model.recipe.model.quantiles, Some(&truth), &s.series.name);
        }
    }
    Ok(body)
}

/// The forecast from an origin, and what came.
fn at(model: &ForecastModel, panel: &Panel, origin: Origin) -> Result<(SeriesForecast, Truth), Error> {
    let c = &model.recipe.model;
    let forecast = model.from(panel, &[origin], c.horizon)?;
    let s = &panel.all[origin.series];
    let values = |t: usize| (s.series.stamps[t], s.series.values[t]);
    let row = |(t, row): (usize, &[f32])| {
        let mut row: Vec<f64> = row.iter().map(|x| s.scale.undo(*x)).collect();
        row.sort_by(f64::total_cmp);
        (s.series.stamps[origin.step + t], row)
    };
    let forecast = SeriesForecast {
        name: s.series.name.clone(),
        history: (origin.step - c.look_back..origin.step).map(values).collect(),
        steps: forecast.chunks_exact(c.width()).enumerate().map(row).collect(),
        point: c.point(),
        linear: Vec::new(),
        seasonal: Vec::new(),
    };
    Ok((forecast, (origin.step..origin.step + c.horizon).map(|t| s.series.values[t]).collect()))
}
