//! A trained forecaster in use.

use super::baseline::Linear;
use super::panel::{Origin, Panel, Scale, Scales};
use super::recipe::Recipe;
use super::streams::each_batch;
use crate::Error;
use crate::saved::{damaged, recipe_of};
use simurgh_data::InputError;
use simurgh_data::series::{Series, Stamp, Table};
use simurgh_nn::artifact::Artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::forecaster::{DecodingKind, Forecaster, ForecasterConfig, Windows};
use simurgh_nn::init::Init;
use simurgh_nn::parameters;
use simurgh_nn::pass::Precision;

/// A network with the scales of its series.
pub struct ForecastModel {
    /// The network.
    pub network: Forecaster,
    /// The recipe that made it.
    pub recipe: Recipe,
    /// What its numbers are scaled by.
    pub scales: Scales,
}

impl std::fmt::Debug for ForecastModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ForecastModel({})", self.recipe.name)
    }
}

/// What was, and what is forecast, of one series, in its own units.
#[derive(Clone, Debug)]
pub struct SeriesForecast {
    /// Its name.
    pub name: String,
    /// When, and what was.
    pub history: Vec<(Stamp, f64)>,
    /// When, and the quantiles of what comes, rising; one number where the mean is forecast.
    pub steps: Vec<(Stamp, Vec<f64>)>,
    /// Which of these numbers is the point forecast.
    pub point: usize,
    /// The linear baseline's forecast, as far as it goes.
    pub linear: Vec<f64>,
    /// The last season, over again.
    pub seasonal: Vec<f64>,
}

/// Moves forecasts `[steps, width]` towards others of as many steps, by a share of the way from the point forecast.
pub(super) fn move_towards(forecast: &mut [f32], others: &[f32], share: f32, config: &ForecasterConfig) {
    for (row, other) in forecast.chunks_exact_mut(config.width()).zip(others) {
        let by = share * (other - row[config.point()]);
        row.iter_mut().for_each(|value| *value += by);
    }
}

impl ForecastModel {
    /// The model of a file.
    ///
    /// # Errors
    /// If it is no forecaster, or its tensors are not those of its configuration.
    pub fn new(artifact: Artifact, device: &Device) -> Result<Self, Error> {
        let header = artifact.header;
        let recipe: Recipe = recipe_of(&header)?;
        let scales: Scales = serde_json::from_str(&header.tokenizer)
            .map_err(|e| damaged("tokenizer", "scales of series", e.to_string()))?;
        // Compared before anything of the recipe's size is made.
        let numbers: usize = artifact.parameters.iter().map(|p| p.data.len()).sum();
        let c = &recipe.model;
        let least = c.hidden.saturating_mul(c.hidden).saturating_add(c.horizon.saturating_mul(c.look_back));
        if least > numbers {
            return Err(damaged("tensors", "those of its configuration", format!("{numbers} numbers, too few")).into());
        }
        let network = Self::network(&recipe, &scales, &Init::zeros(device))?;
        let network = parameters::replace(network, artifact.parameters)
            .map_err(|problems| damaged("tensors", "those of its configuration", problems))?;
        Ok(Self { network, recipe, scales })
    }

    /// The network of a recipe and its series.
    pub(super) fn network(recipe: &Recipe, scales: &Scales, init: &Init) -> Result<Forecaster, simurgh_nn::ShapeError> {
        let calendar = if recipe.data.calendar { Stamp::Number(0.0).phases().len() } else { 0 };
        Forecaster::new(&recipe.model, scales.series.len(), scales.known.len() + calendar, init)
    }

    /// A table as the network takes it.
    ///
    /// # Errors
    /// If it has a series that the network must know and does not.
    pub(super) fn panel(&self, table: Table) -> Result<Panel, InputError> {
        let panel = Panel::new(&self.recipe, table, Some(self.scales.clone()));
        if let Some(s) = panel.all.iter().find(|s| s.number.is_none() && self.recipe.model.series_embedding) {
            let known: Vec<&str> = self.scales.series.iter().map(|s| s.name.as_str()).collect();
            let expected = format!("a series that the model was trained on ({})", known.join(", "));
            let hint = "name the columns with --targets, or train with model.series_embedding = false";
            return Err(InputError::new(expected, format!("`{}`", s.series.name), hint));
        }
        Ok(panel)
    }

    /// The network's forecasts of a batch of windows, `[windows, horizon, width]`, and its share of the linear baseline's in each
    /// (combined forecasts have smaller errors than either where these differ; Bates & Granger 1969).
    pub(super) fn combined(&self, windows: &Windows, horizon: usize) -> Result<Vec<f32>, Error> {
        let (c, network) = (&self.recipe.model, &self.network);
        let mut forecast = network.forecast(windows, horizon, Precision::F32)?;
        let share = network.linear_share();
        if share > 0.0 {
            let linear = Linear::new(c.look_back, c.horizon, network.linear()).forecast(&windows.past);
            let rows = forecast.chunks_exact_mut(horizon * c.width()).zip(linear.chunks_exact(c.horizon));
            rows.for_each(|(forecast, linear)| move_towards(forecast, linear, share, c));
        }
        Ok(forecast)
    }

    /// The forecasts of a batch of windows, `[windows, horizon, width]`, quantiles rising. A series that never changed, in training or in all of what is
    /// there, goes on as it is.
    pub(super) fn ahead(
        &self,
        panel: &Panel,
        origins: &[Origin],
        windows: &Windows,
        horizon: usize,
    ) -> Result<Vec<f32>, Error> {
        let mut forecast = self.combined(windows, horizon)?;
        let pasts = windows.past.chunks_exact(self.recipe.model.look_back);
        let rows = forecast.chunks_exact_mut(horizon * self.recipe.model.width());
        for ((past, row), origin) in pasts.zip(rows).zip(origins) {
            let s = &panel.all[origin.series];
            // The window first: it is short, and nearly always changes.
            let constant = |values: &[f32]| values.iter().all(|x| *x == values[0]);
            if constant(past) && (s.scale.is_constant() || constant(&s.values)) {
                row.fill(past[0]);
            }
        }
        // Quantiles learnt by themselves may cross; in order they are at least as good (Chernozhukov et al. 2010).
        forecast.chunks_exact_mut(self.recipe.model.width()).for_each(|row| row.sort_by(f32::total_cmp));
        Ok(forecast)
    }

    /// The forecasts from these origins, `[origins, horizon, width]`.
    pub(super) fn from(&self, panel: &Panel, origins: &[Origin], horizon: usize) -> Result<Vec<f32>, Error> {
        let size = horizon * self.recipe.model.width();
        let mut all = vec![0.0; origins.len() * size];
        each_batch(&self.network, panel, self.recipe.bptt.reset, origins, horizon, &mut |places, windows| {
            let some =
                self.ahead(panel, &places.iter().map(|&place| origins[place]).collect::<Vec<_>>(), windows, horizon)?;
            for (&place, forecast) in places.iter().zip(some.chunks_exact(size)) {
                all[place * size..][..size].copy_from_slice(forecast);
            }
            Ok(true)
        })?;
        Ok(all)
    }

    /// What a person should know of a table whose steps are not those that the model was trained on.
    pub fn other_step(&self, table: &Table) -> Option<String> {
        let (learnt, step) = (&self.scales.step, table.step.to_string());
        let other = !learnt.is_empty() && *learnt != step;
        other.then(|| format!("a step of this file is {step}, one of those that the model was trained on {learnt}"))
    }

    /// Why a series is not forecast: the model reads more of it than there is.
    pub fn too_short(&self, series: &Series) -> Option<InputError> {
        let (least, got) = (self.recipe.model.look_back, series.values.len());
        (got < least).then(|| {
            let expected = format!("at least {least} values of `{}`, which the model reads", series.name);
            InputError::new(expected, got.to_string(), "give more history, or train with a smaller model.look_back")
        })
    }

    /// Forecasts `horizon` steps after the last value of every series of `table` that is not [`ForecastModel::too_short`]; of each
    /// series `history` steps are kept.
    ///
    /// # Errors
    /// If all series are too short, one is unknown, the horizon too far, or what is known in advance not there.
    pub fn forecast(&self, mut table: Table, horizon: usize, history: usize) -> Result<Vec<SeriesForecast>, Error> {
        let c = &self.recipe.model;
        if c.decoding == DecodingKind::Direct && horizon > c.horizon {
            let expected = format!("a horizon of at most {} steps, for which the model was trained", c.horizon);
            let hint = "train with a larger model.horizon, or with model.decoding = \"recursive\"";
            return Err(InputError::new(expected, horizon.to_string(), hint).field("horizon").into());
        }
        let short = table.series.iter().find_map(|s| self.too_short(s));
        table.series.retain(|s| self.too_short(s).is_none());
        if let Some(e) = short.filter(|_| table.series.is_empty()) {
            return Err(e.into());
        }
        let mut panel = self.panel(table)?;
        // Segments are forecast whole, as they were learnt: what a step is forecast to be does not hang on how many follow.
        let reach = match c.decoding {
            DecodingKind::Direct => horizon.next_multiple_of(c.segment).min(c.horizon),
            DecodingKind::Recursive => horizon.next_multiple_of(c.segment),
        };
        panel.extend(&self.recipe, horizon, reach)?;
        let origins: Vec<Origin> =
            panel.all.iter().enumerate().map(|(series, s)| Origin { series, step: s.values.len() }).collect();
        let windows: Windows = panel.windows(&origins, c.look_back, horizon);
        let forecast = self.from(&panel, &origins, reach)?;
        let linear = Linear::new(c.look_back, c.horizon, self.network.linear()).forecast(&windows.past);
        let width = c.width();
        let one = |(k, s): (usize, &super::panel::Scaled)| {
            let n = s.values.len();
            let undo = |scale: &Scale, x: &f32| scale.undo(*x);
            let mut seasonal = Vec::new();
            super::baseline::seasonal(&s.values, panel.scales.period, horizon, &mut seasonal);
            let rows = forecast[k * reach * width..][..horizon * width].chunks_exact(width);
            let steps = rows.enumerate().map(|(t, row)| {
                let row = row.iter().map(|x| undo(&s.scale, x)).collect();
                (s.series.stamps[n + t], row)
            });
            let from = n - history.clamp(1, n);
            SeriesForecast {
                name: s.series.name.clone(),
                history: (from..n).map(|t| (s.series.stamps[t], s.series.values[t])).collect(),
                steps: steps.collect(),
                point: c.point(),
                linear: linear[k * c.horizon..][..horizon.min(c.horizon)].iter().map(|x| undo(&s.scale, x)).collect(),
                seasonal: seasonal.iter().map(|x| undo(&s.scale, x)).collect(),
            }
        };
        Ok(panel.all.iter().enumerate().map(one).collect())
    }
}
