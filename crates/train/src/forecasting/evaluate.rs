//! How good forecasts are, from every origin: a rolling-origin backtest.

use super::baseline::{Linear, repeat_last, seasonal};
use super::forecast::{ForecastModel, move_towards};
use super::panel::{Origin, Panel, read};
use super::streams::each_batch;
use crate::Error;
use crate::training;
use serde::Serialize;
use simurgh_data::InputError;
use simurgh_data::series::Table;
use simurgh_nn::forecaster::DecodingKind;
use simurgh_nn::pass::{Pass, Precision};
use std::collections::BTreeMap;
use std::path::Path;

/// Scores of forecasts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Score {
    /// Windows, of all series together.
    pub windows: usize,
    /// Mean squared error of the point forecast, every series scaled by mean and deviation of its training steps.
    pub mse: f64,
    /// Mean absolute error, scaled the same.
    pub mae: f64,
    /// What is minimised, a value: twice the mean pinball loss of the quantiles, or the squared error.
    pub loss: f64,
    /// Of each quantile the share of values below it.
    pub below: Vec<Below>,
    /// Share of values between the outermost quantiles, and what it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// What must be beaten.
    pub baselines: Vec<Baseline>,
    /// How much of each forecast is the linear baseline's, from 0 to 1.
    pub linear_share: f32,
    /// By series, in its own units.
    pub series: BTreeMap<String, SeriesScore>,
    /// Of a file that the model was not trained on: what is to be said of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The squared error by step of the horizon: of the forecasts, and of those that read the truth on their way where decoding is
    /// recursive.
    #[serde(skip)]
    pub by_step: [Vec<f64>; 2],
}

/// How many values fell below a quantile.
#[derive(Clone, Debug, Serialize)]
pub struct Below {
    /// The quantile.
    pub quantile: f64,
    /// The share of values below its forecast.
    pub share: f64,
}

/// How many values fell between the outermost quantiles.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// The share that should.
    pub nominal: f64,
    /// The share that did.
    pub share: f64,
}

/// Scores of a baseline.
#[derive(Clone, Debug, Serialize)]
pub struct Baseline {
    /// What it does.
    pub name: String,
    /// As of the forecasts.
    pub mse: f64,
    /// As of the forecasts.
    pub mae: f64,
}

/// Errors in a series' own units.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SeriesScore {
    /// Mean absolute error.
    pub mae: f64,
    /// That of the best baseline of the series, and its name.
    pub baseline_mae: f64,
    /// Which baseline.
    pub baseline: String,
}

impl training::Score for Score {
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        let mut all = vec![("mse", self.mse), ("mae", self.mae), ("loss", self.loss)];
        all.extend(self.coverage.as_ref().map(|c| ("coverage", c.share)));
        all
    }

    fn line(&self) -> String {
        // The loss decides which is the best.
        format!("MSE {:.4}  MAE {:.4}  loss {:.4}", self.mse, self.mae, self.loss)
    }
}

/// Sums of a forecaster's errors.
#[derive(Clone, Default)]
struct Sums {
    squared: f64,
    absolute: f64,
    /// Absolute errors by series, and windows.
    series: Vec<f64>,
}

impl Sums {
    fn add(&mut self, forecast: impl Iterator<Item = f32>, truth: &[f32], origins: &[Origin], horizon: usize) {
        for (i, (forecast, truth)) in forecast.zip(truth).enumerate() {
            let error = f64::from(*truth) - f64::from(forecast);
            self.squared += error * error;
            self.absolute += error.abs();
            self.series[origins[i / horizon].series] += error.abs();
        }
    }
}

/// The forecasts from these origins; none if `go_on` said no.
pub(super) fn measure(
    model: &ForecastModel,
    panel: &Panel,
    origins: &[Origin],
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Score>, Error> {
    let (network, reset) = (&model.network, model.recipe.bptt.reset);
    let config = network.config();
    let (look_back, horizon, width) = (config.look_back, config.horizon, config.width());
    let median = config.point();
    let empty = Sums { series: vec![0.0; panel.all.len()], ..Sums::default() };
    let mut own = empty.clone();
    let linear = Linear::new(look_back, horizon, network.linear());
    let period = panel.scales.period;
    let solved = linear.weight.iter().any(|w| *w != 0.0);
    let mut baselines = vec![("repeat the last value".to_string(), empty.clone())];
    if period > 1 {
        baselines.push((format!("repeat the last season of {period}"), empty.clone()));
    }
    if solved {
        baselines.push(("DLinear (solved)".to_string(), empty));
    }
    let mut score = Score { windows: origins.len(), linear_share: network.linear_share(), ..Score::default() };
    let mut below = vec![0usize; config.quantiles.len()];
    let mut between = 0usize;
    let mut by_step = [vec![0.0; horizon], Vec::new()];
    if config.decoding == DecodingKind::Recursive {
        by_step[1] = vec![0.0; horizon];
    }
    let mut windows_of = vec![0usize; panel.all.len()];
    let (mut values, mut unmeasured) = (origins.len() * horizon, vec![0usize; panel.all.len()]);
    let done = each_batch(network, panel, reset, origins, horizon, &mut |places, windows| {
        let chunk: Vec<Origin> = places.iter().map(|&place| origins[place]).collect();
        let (chunk, truth) = (chunk.as_slice(), panel.truth(&chunk, horizon));
        chunk.iter().for_each(|o| windows_of[o.series] += 1);
        let mut forecast = model.ahead(panel, chunk, windows, horizon)?;
        // Where nothing was measured nothing is wrong, and nothing is counted.
        let missing = panel.missing(chunk, horizon);
        let as_measured = |values: &mut [f32], width: usize| {
            missing.iter().for_each(|&at| values[at * width..][..width].fill(truth[at]));
        };
        as_measured(&mut forecast, width);
        values -= missing.len();
        missing.iter().for_each(|at| unmeasured[chunk[at / horizon].series] += 1);
        own.add(forecast.iter().copied().skip(median).step_by(width), &truth, chunk, horizon);
        let mut absent = missing.iter().peekable();
        for (i, (row, truth)) in forecast.chunks_exact(width).zip(truth.iter()).enumerate() {
            if absent.next_if_eq(&&i).is_some() {
                continue;
            }
            by_step[0][i % horizon] += f64::from(truth - row[median]).powi(2);
            for (count, value) in below.iter_mut().zip(row) {
                *count += usize::from(truth < value);
            }
            between += usize::from(row[0] <= *truth && *truth <= row[width - 1]);
        }
        score.loss += loss(&forecast, &truth, &config.quantiles);
        if !by_step[1].is_empty() {
            let mut forced = network.told(windows, &truth, &mut Pass::default())?;
            as_measured(&mut forced, width);
            for (i, (row, truth)) in forced.chunks_exact(width).zip(truth.iter()).enumerate() {
                by_step[1][i % horizon] += f64::from(truth - row[median]).powi(2);
            }
        }
        let mut naive = Vec::with_capacity(truth.len());
        windows.past.chunks_exact(look_back).for_each(|past| repeat_last(past, horizon, &mut naive));
        as_measured(&mut naive, 1);
        baselines[0].1.add(naive.iter().copied(), &truth, chunk, horizon);
        if period > 1 {
            naive.clear();
            // A season may be longer than what the network reads.
            let past = |o: &Origin| &panel.all[o.series].values[..o.step];
            chunk.iter().for_each(|o| seasonal(past(o), period, horizon, &mut naive));
            as_measured(&mut naive, 1);
            baselines[1].1.add(naive.iter().copied(), &truth, chunk, horizon);
        }
        if solved && let Some((_, sums)) = baselines.last_mut() {
            let mut solved = linear.forecast(&windows.past);
            as_measured(&mut solved, 1);
            sums.add(solved.into_iter(), &truth, chunk, horizon);
        }
        Ok(go_on())
    })?;
    if !done {
        return Ok(None);
    }
    let values = values.max(1) as f64;
    (score.mse, score.mae, score.loss) = (own.squared / values, own.absolute / values, score.loss / values);
    score.below = config
        .quantiles
        .iter()
        .zip(below)
        .map(|(&quantile, count)| Below { quantile, share: count as f64 / values })
        .collect();
    if let [first, .., last] = config.quantiles[..] {
        score.coverage = Some(Coverage { nominal: last - first, share: between as f64 / values });
    }
    for (k, s) in panel.all.iter().enumerate().filter(|(k, _)| windows_of[*k] > 0) {
        let unit = s.scale.unit() / (windows_of[k] * horizon - unmeasured[k]).max(1) as f64;
        let best =
            baselines.iter().min_by(|a, b| a.1.series[k].total_cmp(&b.1.series[k])).expect("there are baselines");
        let (baseline_mae, baseline) = (best.1.series[k] * unit, best.0.clone());
        score.series.insert(s.series.name.clone(), SeriesScore { mae: own.series[k] * unit, baseline_mae, baseline });
    }
    score.baselines = baselines
        .into_iter()
        .map(|(name, sums)| Baseline { name, mse: sums.squared / values, mae: sums.absolute / values })
        .collect();
    let count = origins.len() as f64;
    score.by_step = by_step.map(|all| all.into_iter().map(|sum| sum / count).collect());
    Ok(Some(score))
}

/// Dev windows that quantiles are calibrated on, at most.
const CALIBRATED: usize = 2000;

/// How much of a forecast is best the linear baseline's on the dev windows, by the network's own loss.
pub(super) fn linear_share(model: &ForecastModel, panel: &Panel, dev: &[Origin]) -> Result<f32, Error> {
    let (network, c) = (&model.network, model.network.config());
    let dev: Vec<Origin> = dev.iter().step_by(dev.len().div_ceil(CALIBRATED)).copied().collect();
    let linear = Linear::new(c.look_back, c.horizon, network.linear());
    let mut losses = [0.0f64; SHARES + 1];
    each_batch(network, panel, model.recipe.bptt.reset, &dev, c.horizon, &mut |places, windows| {
        let origins: Vec<Origin> = places.iter().map(|&place| dev[place]).collect();
        let (own, linear) = (network.forecast(windows, c.horizon, Precision::F32)?, linear.forecast(&windows.past));
        let (truth, missing) = (panel.truth(&origins, c.horizon), panel.missing(&origins, c.horizon));
        for (k, sum) in losses.iter_mut().enumerate() {
            let mut mixed = own.clone();
            move_towards(&mut mixed, &linear, k as f32 / SHARES as f32, c);
            missing.iter().for_each(|&at| mixed[at * c.width()..][..c.width()].fill(truth[at]));
            *sum += loss(&mixed, &truth, &c.quantiles);
        }
        Ok(true)
    })?;
    let best = (0..=SHARES).min_by(|a, b| losses[*a].total_cmp(&losses[*b])).expect("there are shares");
    Ok(best as f32 / SHARES as f32)
}

/// Shares that are tried, beside none.
const SHARES: usize = 20;

/// What must be added to each step's quantiles, `[horizon, width]`, for the share of dev values below them to be theirs: that
/// quantile of the errors (as conformalised quantile regression, Romano et al. 2019, but a side at a time). The median stays.
pub(super) fn calibrate(model: &ForecastModel, panel: &Panel, dev: &[Origin]) -> Result<Vec<f32>, Error> {
    let (network, reset) = (&model.network, model.recipe.bptt.reset);
    let c = network.config();
    let (horizon, width) = (c.horizon, c.width());
    let mut errors: Vec<Vec<f32>> = vec![Vec::new(); horizon * width];
    let dev: Vec<Origin> = dev.iter().step_by(dev.len().div_ceil(CALIBRATED)).copied().collect();
    each_batch(network, panel, reset, &dev, horizon, &mut |places, windows| {
        let origins: Vec<Origin> = places.iter().map(|&place| dev[place]).collect();
        let forecast = model.combined(windows, horizon)?;
        for (i, (row, truth)) in forecast.chunks_exact(width).zip(panel.truth(&origins, horizon).iter()).enumerate() {
            for (k, value) in row.iter().enumerate() {
                errors[i % horizon * width + k].push(truth - value);
            }
        }
        Ok(true)
    })?;
    let shift = |(i, mut errors): (usize, Vec<f32>)| {
        let Some(quantile) = c.quantiles.get(i % width).filter(|q| **q != 0.5) else { return 0.0 };
        errors.sort_by(f32::total_cmp);
        let n = errors.len() as f64;
        // Of n + 1 places between and beside the errors: outwards where one is between two.
        let place = if *quantile > 0.5 { ((n + 1.0) * quantile).ceil() } else { ((n + 1.0) * quantile).floor() };
        errors[(place as usize).clamp(1, errors.len()) - 1]
    };
    Ok(errors.into_iter().enumerate().map(shift).collect())
}

/// The loss of forecasts, summed.
fn loss(forecast: &[f32], truth: &[f32], quantiles: &[f64]) -> f64 {
    simurgh_nn::forecaster::errors(forecast, truth, quantiles).expect("forecasts of these values").loss
}

/// A backtest on the last windows of a table, at most `most` of each series; none if it has none.
///
/// # Errors
/// If it has a series that the model must know and does not.
pub fn recent(model: &ForecastModel, table: &Table, most: usize) -> Result<Option<Score>, Error> {
    let panel = model.panel(table.clone())?;
    let origins: Vec<Origin> = whole(model, &panel, most);
    if origins.is_empty() { Ok(None) } else { measure(model, &panel, &origins, || true) }
}

/// The last windows of every series, at most `most` of each.
fn whole(model: &ForecastModel, panel: &Panel, most: usize) -> Vec<Origin> {
    let m = &model.recipe.model;
    let of = |(series, s): (usize, &super::panel::Scaled)| {
        let steps = m.look_back..(s.values.len() + 1).saturating_sub(m.horizon);
        let measured = |step: &usize| s.missing_in(*step, m.horizon) < m.horizon;
        steps.rev().filter(measured).take(most).map(|step| Origin { series, step }).collect::<Vec<_>>()
    };
    panel.all.iter().enumerate().flat_map(of).collect()
}

/// A backtest of a model: from every origin of the test part of its own data, or of the whole of `file`.
///
/// # Errors
/// If the file can't be used, or is too short.
pub fn evaluate(
    model: &ForecastModel,
    file: Option<&Path>,
    directory: Option<&Path>,
    go_on: impl FnMut() -> bool,
) -> Result<Option<Score>, Error> {
    let recipe = &model.recipe;
    let path = file.unwrap_or(&recipe.data.train);
    let table = read(recipe, path, directory)?;
    let mut notes = Vec::new();
    if file.is_some() {
        notes.clone_from(&table.notes);
        notes.extend(model.other_step(&table));
    }
    let panel = model.panel(table)?;
    let m = &recipe.model;
    let origins = match file {
        None => panel.origins(recipe, 2),
        Some(_) => whole(model, &panel, usize::MAX),
    };
    if origins.is_empty() {
        let longest = panel.all.iter().map(|s| s.values.len()).max().unwrap_or(0);
        let expected = format!("at least {} rows to measure on", m.look_back + m.horizon);
        let hint = "the model reads model.look_back steps and forecasts model.horizon";
        return Err(InputError::new(expected, longest.to_string(), hint).at(path).into());
    }
    let score = measure(model, &panel, &origins, go_on)?;
    Ok(score.map(|score| Score { notes, ..score }))
}
