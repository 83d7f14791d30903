//! `simurgh eval` of a forecaster: a rolling-origin backtest.

use super::{json, missing, other_flags};
use crate::args::EvalArgs;
use crate::commands::forecast::decimals;
use crate::commands::{data_directory, forecaster};
use crate::failure::Failure;
use simurgh_train::Error;
use simurgh_train::forecasting;
use std::io::Write;

pub(super) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let model = forecaster(&args.model, args.data_dir.as_ref())?;
    other_flags(args, "a forecaster", args.output.is_some())?;
    let directory = data_directory(args.data_dir.as_ref());
    let score = forecasting::evaluate(&model, args.data.as_deref(), directory.as_deref(), || true);
    let score = score.map_err(|e| match e {
        Error::Input(e) => missing(args)(e).into(),
        e => e,
    })?;
    let score = score.ok_or_else(|| Failure::defect("an evaluation stopped that nobody stopped"))?;
    score.notes.iter().for_each(|text| crate::failure::note(text));
    if args.json {
        return json(&score);
    }
    writeln!(std::io::stdout(), "{} windows, {} steps ahead", score.windows, model.recipe.model.horizon)?;
    print_forecasting(&score)
}

/// A forecaster's errors with the baselines' beside them, and how its band holds.
pub fn scores(score: &forecasting::Score) -> Vec<String> {
    let row = |name: &str, mse: f64, mae: f64| format!("MSE {mse:.4}   MAE {mae:.4}   {name}");
    let mut lines = vec![row("this model", score.mse, score.mae)];
    lines.extend(score.baselines.iter().map(|b| row(&b.name, b.mse, b.mae)));
    if let Some(c) = &score.coverage {
        let (share, nominal, pinball) = (100.0 * c.share, 100.0 * c.nominal, score.loss / 2.0);
        lines.push(format!(
            "{share:.1} % of the values in the band that should hold {nominal:.0} %; pinball loss {pinball:.4}"
        ));
    }
    if score.linear_share > 0.0 {
        let share = 100.0 * score.linear_share;
        lines.push(format!("{share:.0} % of each forecast is DLinear's, as was best on the dev part (model.linear)"));
    }
    lines
}

/// A forecaster's scores, the baselines beside them, for a person.
pub fn print_forecasting(score: &forecasting::Score) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    for line in scores(score) {
        writeln!(out, "  {line}")?;
    }
    let width = score.series.keys().map(|name| name.chars().count()).max().unwrap_or(0).clamp(6, 30);
    writeln!(out, "\n  {:width$}  mean absolute error, in its own units", "series")?;
    for (name, s) in score.series.iter().take(12) {
        let decimals = decimals(s.mae.max(s.baseline_mae));
        let mae = format!("{:.decimals$}", s.mae);
        writeln!(out, "  {name:width$}  {mae:<12} {:.decimals$} ({})", s.baseline_mae, s.baseline)?;
    }
    if score.series.len() > 12 {
        writeln!(out, "  and {} series more (--json)", score.series.len() - 12)?;
    }
    Ok(())
}
