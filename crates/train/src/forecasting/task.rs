//! What forecasting brings to the training loop.

use super::baseline::Linear;
use super::evaluate::{Score, calibrate, linear_share, measure};
use super::forecast::ForecastModel;
use super::panel::{Origin, Panel, Scales, read};
use super::recipe::Recipe;
use super::{report, streams};
use crate::Error;
use crate::recipe::Reset;
use crate::run::{Event, RunDirectory};
use crate::scheduled_sampling::Select;
use crate::training::{self, Evaluation, Moment, Step};
use serde_json::json;
use simurgh_data::InputError;
use simurgh_nn::ShapeError;
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::forecaster::{DecodingKind, Forecaster, Windows};
use simurgh_nn::init::Init;
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::{Noise, Pass};
use simurgh_nn::recurrent::State;
use simurgh_random::{Random, mix, stream};
use std::path::Path;
use std::sync::Arc;

/// A forecaster with its series.
#[derive(Debug)]
pub struct Forecasting {
    recipe: Recipe,
    panel: Panel,
    train: Vec<Origin>,
    dev: Vec<Origin>,
    test: Vec<Origin>,
    test_is_dev: bool,
}

impl Forecasting {
    /// Turns about half of the windows upside down, about the last value that is read; what came then is returned. A series whose
    /// state is carried on is turned as a whole.
    fn mirrored(&self, batch: &[usize], windows: &mut Windows, truth: &[f32], epoch: u64) -> Arc<[f32]> {
        let (m, mut truth) = (&self.recipe.model, truth.to_vec());
        let rows = windows.past.chunks_exact_mut(m.look_back).zip(truth.chunks_exact_mut(m.horizon));
        for ((past, truth), &index) in rows.zip(batch) {
            let which = if self.recipe.bptt.reset == Reset::Epoch { self.train[index].series } else { index };
            let seed = stream(self.recipe.seed, "mirror") ^ mix(epoch) ^ mix(mix(which as u64));
            if Random::new(seed).uniform() < 0.5 {
                let last = past[m.look_back - 1];
                past.iter_mut().chain(truth).for_each(|x| *x = 2.0 * last - *x);
            }
        }
        truth.into()
    }
}

impl training::Task for Forecasting {
    type Recipe = Recipe;
    type Network = Forecaster;
    type Model = ForecastModel;
    type Score = Score;
    const UNIT: &'static str = "values";
    const SUMS: [&'static str; 3] = ["loss", "mse", "mae"];

    fn read(recipe: Recipe, directory: Option<&Path>, begun: Option<&RunDirectory>) -> Result<Self, Error> {
        let table = read(&recipe, &recipe.data.train, directory)?;
        let scales: Option<Scales> = match begun {
            Some(run) => {
                let saved = run.read(&run.tokenizer())?;
                let damaged = |e: serde_json::Error| {
                    InputError::new("the scales of the run's series", e.to_string(), "begin a new run")
                        .at(run.tokenizer())
                };
                Some(serde_json::from_str(&saved).map_err(damaged)?)
            }
            None => None,
        };
        let panel = Panel::new(&recipe, table, scales);
        panel.check(&recipe)?;
        let [train, dev, mut test] = [0, 1, 2].map(|part| panel.origins(&recipe, part));
        let test_is_dev = test.is_empty();
        if test_is_dev {
            test.clone_from(&dev);
        }
        Ok(Self { recipe, panel, train, dev, test, test_is_dev })
    }

    fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    fn network_config(&self) -> serde_json::Value {
        json!(self.recipe.model)
    }

    fn vocabulary(&self) -> String {
        serde_json::to_string(&self.panel.scales).expect("scales are JSON")
    }

    fn introduction(&self) -> String {
        let p = &self.panel;
        let test = if self.test_is_dev { "no test part".into() } else { format!("{} test", self.test.len()) };
        format!(
            "{} series, a step is {}, a season {} steps; {} windows to learn from, {} dev, {test}",
            p.all.len(),
            p.step,
            p.scales.period,
            self.train.len(),
            self.dev.len()
        )
    }

    fn notes(&self) -> &[String] {
        &self.panel.notes
    }

    fn fingerprint(&self) -> u64 {
        let values = self.panel.all.iter().flat_map(|s| s.values.iter().map(|x| x.to_bits()).chain([u32::MAX]));
        values.fold(0, |hash, bits| mix(hash ^ u64::from(bits)))
    }

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        if self.recipe.bptt.reset == Reset::Epoch {
            return streams::batches(&self.recipe, &self.train, epoch);
        }
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        Random::new(stream(self.recipe.seed, "batches") ^ mix(epoch)).shuffle(&mut order);
        let windows = (self.recipe.train.batch_tokens / self.recipe.model.horizon).max(1);
        order.chunks(windows).map(<[usize]>::to_vec).collect()
    }

    fn network(&self, init: &Init) -> Result<Forecaster, ShapeError> {
        ForecastModel::network(&self.recipe, &self.panel.scales, init)
    }

    fn noise(&self, seed: u64) -> Option<Noise> {
        self.recipe.model.noise(seed)
    }

    fn loss(
        &self,
        network: &Forecaster,
        batch: &[usize],
        moment: &mut Moment<'_>,
        pass: &mut Pass,
    ) -> Result<Step, Error> {
        let m = &self.recipe.model;
        let origins: Vec<Origin> = batch.iter().map(|&i| self.train[i]).collect();
        let mut windows = self.panel.windows(&origins, m.look_back, m.horizon);
        let mut truth = self.panel.truth(&origins, m.horizon);
        if self.recipe.data.mirror {
            truth = self.mirrored(batch, &mut windows, &truth, moment.epoch);
        }
        let remembers = self.recipe.bptt.reset == Reset::Epoch;
        let goes_on = remembers && !streams::begins(&self.recipe, origins[0]);
        let device = network.devices().into_iter().next().expect("a network is on a device");
        let memory = |device: &Device| match goes_on {
            true => streams::carried(moment.carried, origins.len(), device),
            false => Ok(None),
        };
        let read = if moment.teacher.share < 1.0 {
            windows.memory = memory(&device.clone().inner())?;
            Some(network.valid().walk(&windows, &truth, m.horizon, &moment.teacher, pass.precision)?)
        } else {
            None
        };
        windows.memory = memory(&device)?;
        let absent = self.panel.missing(&origins, m.horizon);
        let (loss, last) = network.loss(&windows, read.as_deref().unwrap_or(&truth), &truth, &absent, pass)?;
        if remembers {
            *moment.carried = State::write(&last);
        }
        Ok(Step::sum(&[loss], truth.len() - absent.len()))
    }

    fn model(&self, parameters: Vec<Parameter>, device: &Device) -> Result<ForecastModel, Error> {
        let network = self.network(&Init::zeros(device))?;
        let network = parameters::replace(network, parameters).expect("the same network");
        Ok(ForecastModel { network, recipe: self.recipe.clone(), scales: self.panel.scales.clone() })
    }

    /// The linear baseline goes with the network, how much of it is best in a forecast, and what makes its quantiles true on the dev
    /// windows.
    fn complete(&self, mut parameters: Vec<Parameter>, device: &Device) -> Result<Vec<Parameter>, Error> {
        let mut set = |name: &str, data: Vec<f32>| -> Result<ForecastModel, Error> {
            parameters.iter_mut().find(|p| p.name == name).expect("a forecaster has it").data = data;
            self.model(parameters.clone(), device)
        };
        let m = &self.recipe.model;
        let mut model = set("linear", Linear::fit(&self.panel, &self.train, &self.dev, m.look_back, m.horizon).weight)?;
        if m.linear && m.decoding == DecodingKind::Direct {
            model = set("linear_share", vec![linear_share(&model, &self.panel, &self.dev)?])?;
        }
        set("shift", calibrate(&model, &self.panel, &self.dev)?)?;
        Ok(parameters)
    }

    fn evaluate(
        &self,
        model: &ForecastModel,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Evaluation<Score>>, Error> {
        // Evenly spread.
        let stride = self.dev.len().div_ceil(self.recipe.train.eval_pairs);
        let origins: Vec<Origin> = self.dev.iter().step_by(stride).copied().collect();
        let Some(score) = measure(model, &self.panel, &origins, go_on)? else { return Ok(None) };
        let mut events = training::Score::events(&score);
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        let mut value = -score.loss;
        if !score.by_step[1].is_empty() {
            let forced = mean(&score.by_step[1]);
            events.push(("mse_teacher_forced".into(), forced));
            if self.recipe.teacher_forcing.select == Select::TeacherForced {
                value = -forced;
            }
        }
        Ok(Some(Evaluation { value, score, events }))
    }

    fn test(&self, model: &ForecastModel, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Score>, Error> {
        measure(model, &self.panel, &self.test, go_on)
    }

    fn measured_on(&self) -> &'static str {
        if self.test_is_dev { "dev part (data.split leaves no test part)" } else { "test part" }
    }

    fn provenance(&self) -> Vec<(&'static str, serde_json::Value)> {
        vec![("training_windows", json!(self.train.len())), ("licences", json!(self.recipe.data.licences))]
    }

    fn report(&self, model: &ForecastModel, events: &[Event], test: &Score) -> Result<String, Error> {
        report::sections(model, events, (self.measured_on(), test), &self.panel, &self.test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::Task as _;

    #[test]
    fn half_of_the_windows_are_mirrored_about_their_last_value() {
        let text = "task = \"forecasting\"\n[data]\nembedded = \"sunspots\"\n[model]\nlook_back = 24\nsegment = 4\nhorizon = 5\n";
        let task = Forecasting::read(crate::recipe::parse(text, &[]).unwrap(), None, None).unwrap();
        let batch: Vec<usize> = (0..100).collect();
        let origins: Vec<Origin> = batch.iter().map(|&i| task.train[i]).collect();
        let (windows, truth) = (task.panel.windows(&origins, 24, 5), task.panel.truth(&origins, 5));
        let mirrored = |epoch: u64| {
            let mut windows = windows.clone();
            let truth = task.mirrored(&batch, &mut windows, &truth, epoch);
            (windows.past, truth)
        };
        let (past, ahead) = mirrored(3);
        let mut turned = Vec::new();
        for i in 0..100 {
            let all = |past: &[f32], truth: &[f32]| [&past[i * 24..][..24], &truth[i * 5..][..5]].concat();
            let (old, new) = (all(&windows.past, &truth), all(&past, &ahead));
            let whole = old.iter().zip(&new).all(|(old, new)| *new == 2.0 * windows.past[i * 24 + 23] - old);
            assert!(whole || old == new, "{i}");
            turned.push(whole);
        }
        let count = turned.iter().filter(|turned| **turned).count();
        assert!((30..70).contains(&count), "{count}");
        assert_eq!(mirrored(3), (past.clone(), ahead));
        assert_ne!(mirrored(4).0, past);
    }
}
