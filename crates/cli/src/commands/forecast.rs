//! `simurgh forecast`

use super::eval::forecasting::scores;
use super::{device, forecaster, svg_can_be_written};
use crate::args::ForecastArgs;
use crate::failure::{Failure, note, tell};
use crate::printer::TrainingBar;
use simurgh_data::InputError;
use simurgh_data::series::{Columns, Table};
use simurgh_train::forecasting::{ForecastModel, Forecasting, Recipe, Score, forecast_svg, forecast_text};
use simurgh_train::training::{self, Options};
use std::io::Write;

/// Windows of each series that a model which was trained before is measured on.
const RECENT: usize = 200;

/// Series that are drawn in the terminal.
const DRAWN: usize = 3;

/// Runs the command.
pub fn run(args: &ForecastArgs) -> Result<(), Failure> {
    if args.file.as_os_str() != "-" {
        return forecast(args);
    }
    if args.out.is_some() {
        let hint = "save it first: a run reads its data again when it is resumed or measured";
        return Err(Failure::input("--out: expected a file, got standard input", hint));
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("standard-input.csv");
    std::io::copy(&mut std::io::stdin().lock(), &mut std::fs::File::create(&file)?)?;
    let named = file.display().to_string();
    forecast(&ForecastArgs { file, ..args.clone() }).map_err(|e| e.renamed(&named, "standard input"))
}

fn forecast(args: &ForecastArgs) -> Result<(), Failure> {
    // Told before a training, not after it.
    if let Some(path) = &args.plot {
        svg_can_be_written(path, "--plot")?;
    }
    let (model, tested) = match &args.model {
        Some(name) => (forecaster(name, args.data_dir.as_ref())?, None),
        None => train(args).map(|(model, score)| (model, Some(score)))?,
    };
    let mut columns = model.recipe.data.columns();
    columns.dates = args.dates.map_or(columns.dates, Into::into);
    let table = Table::read(&args.file, &columns)?;
    // A training has said it.
    if !args.quiet && args.model.is_some() {
        table.notes.iter().for_each(|text| note(text));
    }
    if let Some(text) = model.other_step(&table) {
        note(&text);
    }
    for short in table.series.iter().filter_map(|s| model.too_short(s)) {
        note(&format!("left out: {short}"));
    }
    let named = |e: simurgh_train::Error| match e {
        simurgh_train::Error::Input(e) if e.path.is_none() => simurgh_train::Error::Input(e.at(&args.file)),
        e => e,
    };
    let horizon = args.horizon.unwrap_or(model.recipe.model.horizon);
    let (look_back, quantiles) = (model.recipe.model.look_back, &model.recipe.model.quantiles);
    let forecasts = model.forecast(table.clone(), horizon, look_back.max(2 * horizon)).map_err(named)?;
    let (of, score) = match tested {
        Some(score) => ("the last part of the file", Some(score)),
        // Nobody would see it.
        None if args.quiet && !args.json => ("", None),
        None => {
            let score = simurgh_train::forecasting::recent(&model, &table, RECENT).map_err(named)?;
            ("the end of the file (what the model has learnt of it flatters)", score)
        }
    };
    if let Some(score) = score.as_ref().filter(|_| !args.quiet) {
        tell(&format!("measured on {of}, {} windows, scaled:", score.windows));
        scores(score).iter().for_each(|line| tell(&format!("  {line}")));
    }
    if let Some(path) = &args.plot {
        simurgh_train::artifact::atomic_write(path, forecast_svg(&forecasts, quantiles).as_bytes())
            .map_err(|e| InputError::io(path, "a file that can be written", &e))?;
    }
    if !args.quiet && !args.json {
        for forecast in forecasts.iter().take(DRAWN) {
            tell(forecast_text(forecast, 64, 12).trim_end());
        }
        if forecasts.len() > DRAWN {
            tell(&format!("and {} series more (--plot FILE.svg draws all)", forecasts.len() - DRAWN));
        }
    }
    let mut out = std::io::stdout().lock();
    let names: Vec<String> = match quantiles[..] {
        [] => vec!["mean".into()],
        _ => quantiles.iter().map(|q| format!("q{q}")).collect(),
    };
    if args.json {
        for f in &forecasts {
            let steps: Vec<_> = f
                .steps
                .iter()
                .map(|(stamp, row)| {
                    let mut step = serde_json::json!({"time": stamp.to_string()});
                    names.iter().zip(row).for_each(|(name, value)| step[name] = (*value).into());
                    step
                })
                .collect();
            let last = f.history.last().map(|(_, value)| *value);
            let row = serde_json::json!({
                "series": f.name,
                "steps": steps,
                "baselines": {"linear": f.linear, "seasonal_naive": f.seasonal, "last": last},
                "measured": score.as_ref().and_then(|score| score.series.get(&f.name)),
            });
            writeln!(out, "{row}")?;
        }
        return Ok(());
    }
    let mut csv = csv::Writer::from_writer(&mut out);
    let broken = |e: csv::Error| Failure::from(std::io::Error::other(e));
    csv.write_record(["time", "series"].into_iter().chain(names.iter().map(String::as_str))).map_err(broken)?;
    for f in &forecasts {
        let most = f.steps.iter().flat_map(|(_, row)| row).fold(0.0, |most: f64, value| most.max(value.abs()));
        let decimals = decimals(most);
        for (stamp, row) in &f.steps {
            let cells = row.iter().map(|value| format!("{value:.decimals$}"));
            csv.write_record([stamp.to_string(), f.name.clone()].into_iter().chain(cells)).map_err(broken)?;
        }
    }
    csv.flush()?;
    Ok(())
}

/// Decimals of numbers up to `most`: six, and as many more as there are zeros before their first digit.
pub fn decimals(most: f64) -> usize {
    let zeros = if most > 0.0 { -most.log10().floor() - 1.0 } else { 0.0 };
    6 + zeros.clamp(0.0, 30.0) as usize
}

/// A small network, trained on the file.
fn train(args: &ForecastArgs) -> Result<(ForecastModel, Score), Failure> {
    let columns = Columns {
        time: args.time.clone().unwrap_or_default(),
        series: args.series.clone().unwrap_or_default(),
        targets: args.targets.clone(),
        known: args.known.clone(),
        dates: args.dates.map_or_else(Default::default, Into::into),
        ..Columns::default()
    };
    let horizon = args.horizon.unwrap_or(24);
    if !args.known.is_empty() {
        let known: Vec<&str> = args.known.iter().map(String::as_str).collect();
        let series = Table::read(&args.file, &columns)?.series;
        series.iter().try_for_each(|s| s.check_ahead(&known, horizon)).map_err(|e| e.at(&args.file))?;
    }
    let recipe = Recipe::automatic(&args.file, columns, horizon, args.seed)?;
    let temporary = tempfile::tempdir()?;
    let out = args.out.clone().unwrap_or_else(|| temporary.path().join("run"));
    let options = Options { out: Some(out), command: "simurgh forecast".into(), ..Options::default() };
    let mut observer = TrainingBar::new(args.quiet, false);
    let outcome = training::train::<Forecasting>(recipe, &options, &device(), &mut observer);
    observer.finish();
    let outcome = outcome?;
    Ok((outcome.model, outcome.test))
}
