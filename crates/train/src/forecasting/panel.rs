//! A table's series as a network takes them: scaled, and divided in time.

use super::recipe::{Embedded, Recipe};
use crate::recipe::located;
use serde::{Deserialize, Serialize};
use simurgh_data::InputError;
use simurgh_data::series::{SUNSPOTS, Series, Stamp, Step, Table};
use simurgh_nn::forecaster::Windows;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// What a number is divided by after the mean is subtracted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// The series or the known column.
    pub name: String,
    /// Its mean over the training steps.
    pub mean: f64,
    /// Its standard deviation over them; 0 where it never changes: it is then divided by 1.
    pub deviation: f64,
}

impl Scale {
    fn of(name: &str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let n = values.clone().count().max(1) as f64;
        let mean = values.clone().sum::<f64>() / n;
        let deviation = (values.clone().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        if deviation > 1e-12 * mean.abs().max(1e-12) {
            return Self { name: name.into(), mean, deviation };
        }
        // The value itself, which a mean of many is not to the bit.
        Self { name: name.into(), mean: values.into_iter().next().unwrap_or(0.0), deviation: 0.0 }
    }

    /// Whether there was nothing to learn of it.
    pub(super) fn is_constant(&self) -> bool {
        self.deviation == 0.0
    }

    /// What one scaled is, in the series' own units.
    pub(super) fn unit(&self) -> f64 {
        if self.is_constant() { 1.0 } else { self.deviation }
    }

    pub(super) fn apply(&self, x: f64) -> f32 {
        ((x - self.mean) / self.unit()) as f32
    }

    pub(super) fn undo(&self, x: f32) -> f64 {
        f64::from(x) * self.unit() + self.mean
    }
}

/// What a model keeps of the data it was trained on, besides its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scales {
    /// Of each series, by number.
    pub series: Vec<Scale>,
    /// Of each known column of the file.
    pub known: Vec<Scale>,
    /// Steps of a season.
    pub period: usize,
    /// What a step was, in words.
    #[serde(default)]
    pub step: String,
}

/// A window: a series, and the first step that is forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub series: usize,
    pub step: usize,
}

/// One series, scaled.
#[derive(Clone, Debug)]
pub(super) struct Scaled {
    pub series: Series,
    pub scale: Scale,
    /// Its number among those of the model; none of a series that it has not seen.
    pub number: Option<usize>,
    pub values: Vec<f32>,
    /// What is known in advance, `[steps, known]`: of the file, then of the calendar.
    known: Vec<f32>,
    /// Where dev and test begin, and where test ends.
    borders: [usize; 3],
}

impl Scaled {
    /// How many of so many steps were not measured.
    pub(super) fn missing_in(&self, step: usize, horizon: usize) -> usize {
        let missing = &self.series.missing;
        missing.partition_point(|at| *at < step + horizon) - missing.partition_point(|at| *at < step)
    }
}

/// All series of a table.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub all: Vec<Scaled>,
    pub step: Step,
    pub notes: Vec<String>,
    pub scales: Scales,
    /// Columns known in advance.
    pub known: usize,
}

/// Reads the recipe's table.
pub(super) fn read(recipe: &Recipe, file: &Path, directory: Option<&Path>) -> Result<Table, InputError> {
    match recipe.data.embedded {
        Some(Embedded::Sunspots) if file.as_os_str().is_empty() => Table::parse(SUNSPOTS, &recipe.data.columns()),
        _ => Table::read(&located(file, directory), &recipe.data.columns()),
    }
}

impl Panel {
    /// The series of `table`, as a model of these scales takes them; scaled by their training steps where there are none yet.
    pub(super) fn new(recipe: &Recipe, table: Table, scales: Option<Scales>) -> Self {
        let borders: Vec<[usize; 3]> = table.series.iter().map(|s| borders(recipe, s.values.len())).collect();
        let columns = table.known.len();
        let scales = scales.unwrap_or_else(|| {
            let series =
                table.series.iter().zip(&borders).map(|(s, b)| Scale::of(&s.name, s.values[..b[0]].iter().copied()));
            let known = table.known.iter().enumerate().map(|(k, name)| {
                let of =
                    |(s, b): (&Series, &[usize; 3])| (0..b[0]).map(|t| s.known[t * columns + k]).collect::<Vec<f64>>();
                let all: Vec<f64> = table.series.iter().zip(&borders).flat_map(of).collect();
                Scale::of(name, all.iter().copied())
            });
            let (series, known) = (series.collect(), known.collect());
            let period = if recipe.data.period > 0 { recipe.data.period } else { period(&table, &borders) };
            Scales { series, known, period, step: table.step.to_string() }
        });
        let calendar = if recipe.data.calendar { Stamp::Number(0.0).phases().len() } else { 0 };
        let scaled = |(series, borders): (Series, [usize; 3])| {
            let number = scales.series.iter().position(|scale| scale.name == series.name);
            let scale = match number {
                Some(number) => scales.series[number].clone(),
                // Never seen: by itself.
                None => Scale::of(&series.name, series.values.iter().copied()),
            };
            let values = series.values.iter().map(|x| scale.apply(*x)).collect();
            let mut known = Vec::with_capacity(series.stamps.len() * (columns + calendar));
            for (t, stamp) in series.stamps.iter().enumerate() {
                known.extend(scales.known.iter().zip(&series.known[t * columns..]).map(|(scale, x)| scale.apply(*x)));
                known.extend(stamp.phases()[..calendar].iter().map(|x| *x as f32));
            }
            Scaled { series, scale, number, values, known, borders }
        };
        let (step, notes) = (table.step, table.notes);
        let all = table.series.into_iter().zip(borders).map(scaled).collect();
        Self { all, step, notes, scales, known: columns + calendar }
    }

    /// `reach` rows come after the last value; known columns are those of the file, which must have `horizon` such rows (in those
    /// after them the last one's are repeated). The calendar goes on by itself.
    pub(super) fn extend(&mut self, recipe: &Recipe, horizon: usize, reach: usize) -> Result<(), InputError> {
        let (known, step) = (self.known, self.step);
        let columns = self.scales.known.len();
        for s in &mut self.all {
            let names: Vec<&str> = self.scales.known.iter().map(|k| k.name.as_str()).collect();
            s.series.check_ahead(&names, horizon)?;
            let mut stamps = s.series.stamps.to_vec();
            while stamps.len() < s.values.len() + reach {
                let last = *stamps.last().expect("a series has rows");
                let next = last.after(step, 1);
                if columns > 0 {
                    let row = s.known.len() - known;
                    s.known.extend_from_within(row..row + columns);
                }
                if known > columns && recipe.data.calendar {
                    s.known.extend(next.phases().iter().map(|x| *x as f32));
                }
                stamps.push(next);
            }
            s.series.stamps = stamps.into();
        }
        Ok(())
    }

    /// The windows of a part (0: to learn from, 1: to choose by, 2: to measure on): what is forecast lies in it; what is read may lie
    /// before it, but for the first part. Nothing is learnt from series that never change, nor from windows of which less than half
    /// was measured; nor are these measured on.
    pub(super) fn origins(&self, recipe: &Recipe, part: usize) -> Vec<Origin> {
        let model = &recipe.model;
        let of = |(series, s): (usize, &Scaled)| {
            let from = if part == 0 { 0 } else { s.borders[part - 1] };
            let changes = |values: &[f32]| values.iter().any(|x| *x != values[0]);
            let part_of_it = if part == 2 { changes(&s.values) } else { !s.scale.is_constant() };
            let steps: Range<usize> =
                from.max(model.look_back)..(s.borders[part] + 1).saturating_sub(model.horizon).max(from);
            let measured = |step: &usize| 2 * s.missing_in(*step, model.horizon) <= model.horizon;
            let wanted = steps.filter(|step| part_of_it && measured(step));
            wanted.map(|step| Origin { series, step }).collect::<Vec<_>>()
        };
        self.all.iter().enumerate().flat_map(of).collect()
    }

    /// What a network reads of these windows, `horizon` steps ahead.
    pub(super) fn windows(&self, origins: &[Origin], look_back: usize, horizon: usize) -> Windows {
        let mut windows = Windows::default();
        for &Origin { series, step } in origins {
            let s = &self.all[series];
            windows.past.extend_from_slice(&s.values[step - look_back..step]);
            windows.known.extend_from_slice(&s.known[(step - look_back) * self.known..(step + horizon) * self.known]);
            windows.series.push(s.number.unwrap_or(0) as u32);
        }
        windows
    }

    /// What came then.
    pub(super) fn truth(&self, origins: &[Origin], horizon: usize) -> Arc<[f32]> {
        origins.iter().flat_map(|o| &self.all[o.series].values[o.step..o.step + horizon]).copied().collect()
    }

    /// Where in [`Panel::truth`] nothing was measured.
    pub(super) fn missing(&self, origins: &[Origin], horizon: usize) -> Vec<usize> {
        let of = |(k, o): (usize, &Origin)| {
            let missing = &self.all[o.series].series.missing;
            let range =
                missing.partition_point(|at| *at < o.step)..missing.partition_point(|at| *at < o.step + horizon);
            missing[range].iter().map(|at| k * horizon + at - o.step).collect::<Vec<_>>()
        };
        origins.iter().enumerate().flat_map(of).collect()
    }

    /// What learning needs is there.
    pub(super) fn check(&self, recipe: &Recipe) -> Result<(), InputError> {
        let m = &recipe.model;
        if self.all.iter().all(|s| s.scale.is_constant()) {
            let hint = "a series that never changes needs no network: its forecast is its value";
            let got = format!("{} that never change over it", self.all.len());
            return Err(InputError::new("a series that changes over its training part", got, hint));
        }
        for (part, name) in ["learn from", "choose by"].into_iter().enumerate() {
            if self.origins(recipe, part).is_empty() {
                let longest = self.all.iter().map(|s| s.values.len()).max().unwrap_or(0);
                let needed = if part == 0 { m.look_back + m.horizon } else { m.horizon };
                let got = format!("{longest} rows in the longest series, split {:?}", recipe.data.split);
                let hint = "give more rows, or smaller model.look_back and model.horizon, or another data.split";
                let expected = format!(
                    "a part to {name} of at least {needed} steps (model.look_back {}, model.horizon {})",
                    m.look_back, m.horizon
                );
                return Err(InputError::new(expected, got, hint).field("data.split"));
            }
        }
        Ok(())
    }
}

/// Where dev and test begin, and where test ends, in a series of `length` steps.
fn borders(recipe: &Recipe, length: usize) -> [usize; 3] {
    let split = recipe.data.split;
    let shares = split.iter().sum::<f64>() <= 1.0 + 1e-9;
    let mut end = 0.0;
    split.map(|part| {
        end += if shares { part * length as f64 } else { part };
        (end.round() as usize).min(length)
    })
}

/// The season of a step; or that of the strongest autocorrelation.
fn period(table: &Table, borders: &[[usize; 3]]) -> usize {
    if let Some(season) = table.step.season() {
        return season;
    }
    let of = |lag: usize| {
        let correlation = |(s, b): (&Series, &[usize; 3])| {
            let x = &s.values[..b[0]];
            let mean = x.iter().sum::<f64>() / x.len().max(1) as f64;
            let at = |lag: usize| x.iter().zip(&x[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
            if x.len() > 2 * lag && at(0) > 0.0 { at(lag) / at(0) } else { 0.0 }
        };
        table.series.iter().zip(borders).map(correlation).sum::<f64>()
    };
    let most = borders.iter().map(|b| b[0] / 3).max().unwrap_or(0).min(400);
    let all: Vec<f64> = (0..=most).map(of).collect();
    // A peak, not the slope down from lag 0.
    let peaks = (2..most).filter(|&k| all[k] > all[k - 1] && all[k] >= all[k + 1] && all[k] > 0.0);
    peaks.max_by(|a, b| all[*a].total_cmp(&all[*b])).unwrap_or(1)
}
