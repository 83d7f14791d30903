//! The network.

use super::{DecodingKind, ForecasterConfig, Windows};
use crate::affine::Affine;
use crate::init::Init;
use crate::ops::{Activation, Loss, quantile_errors};
use crate::pass::{Pass, Precision};
use crate::recurrent::{Recurrent, RecurrentConfig, State};
use crate::scheduled_sampling::Teacher;
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::ops::Range;
use std::sync::Arc;

/// Segments, recurrent layers, read-out.
#[derive(Module, Debug)]
pub struct Forecaster {
    /// A segment's values, and what is known of it, to the network's input.
    segment: Affine,
    encoder: Recurrent,
    /// What tells the segments of the horizon apart, `[segments, hidden]`; of direct decoding.
    positions: Option<Param<Tensor<2>>>,
    /// What is known of a segment of the horizon; of direct decoding.
    ahead: Option<Affine>,
    /// What is known of a step, straight to its forecast: a price's or a holiday's own effect.
    effect: Option<Affine>,
    /// `[series, hidden]`
    series: Option<Param<Tensor<2>>>,
    readout: Affine,
    /// The linear baseline that the network is measured against, `[horizon, look_back + 1]`: solved by whoever has the data, never
    /// trained.
    linear: Param<Tensor<2>>,
    /// How much of a forecast is the linear baseline's, from 0 to 1: found by whoever has the data, never trained.
    linear_share: Param<Tensor<1>>,
    /// What is added to every step's quantiles in use, `[horizon, width]`, so that as many values lie below them as should: found
    /// by whoever has the data, never trained.
    shift: Param<Tensor<2>>,
    /// Columns that are known in advance.
    known: usize,
    #[module(skip)]
    config: ForecasterConfig,
}

impl Forecaster {
    /// A network for `series` series of which `known` columns are known in advance.
    ///
    /// # Errors
    /// If the configuration has a [`ForecasterConfig::problem`], or there are no series.
    pub fn new(config: &ForecasterConfig, series: usize, known: usize, init: &Init) -> Result<Self, ShapeError> {
        let (c, check) = (config.clone(), Check("forecaster"));
        if let Some((name, expected, got)) = c.problem() {
            return Err(ShapeError::Value { operation: check.0, name, expected, got });
        }
        check.some("the number of series", series)?;
        check.count("a segment", &[("steps", c.segment), ("columns", known + 1), ("hidden", c.hidden)])?;
        let encoder =
            RecurrentConfig { cell: c.cell, input: c.hidden, hidden: c.hidden, layers: c.layers, bidirectional: false };
        let direct = c.decoding == DecodingKind::Direct;
        let table = |name: &str, rows: usize| init.normal(name, [rows, c.hidden], 1.0 / (c.hidden as f64).sqrt());
        Ok(Self {
            segment: Affine::new(init, "segment", c.segment * (1 + known), c.hidden, true),
            encoder: encoder.init(init, "encoder")?,
            positions: direct.then(|| table("positions", c.segments_ahead(c.horizon))),
            ahead: (direct && known > 0).then(|| Affine::new(init, "ahead", c.segment * known, c.hidden, false)),
            effect: (known > 0).then(|| Affine::new(init, "effect", known, c.width(), false)),
            series: c.series_embedding.then(|| table("series", series)),
            readout: Affine::new(init, "readout", c.hidden, c.segment * c.width(), true),
            linear: init.constant([c.horizon, c.look_back + 1], 0.0),
            linear_share: init.constant([1], 0.0),
            shift: init.constant([c.horizon, c.width()], 0.0),
            known,
            config: c,
        })
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &ForecasterConfig {
        &self.config
    }

    /// The linear baseline, `[horizon, look_back + 1]`.
    pub fn linear(&self) -> Vec<f32> {
        self.linear.val().into_data().iter::<f32>().collect()
    }

    /// How much of a forecast is to be the linear baseline's, from 0 to 1.
    pub fn linear_share(&self) -> f32 {
        self.linear_share.val().into_data().iter::<f32>().next().unwrap_or(0.0)
    }

    /// Columns that are known in advance.
    pub fn known(&self) -> usize {
        self.known
    }

    /// The errors of the forecasts of `truth[windows, horizon]`, summed ([`quantile_errors`]). A network that decodes recursively
    /// reads `read[windows, horizon]` on its way, such as `truth` itself or what [`Forecaster::walk`] returns. Nothing is learnt from
    /// the places of `truth` that are `absent`: nobody measured it there. Also what is remembered after each window's past.
    ///
    /// # Errors
    /// If the sizes do not fit.
    pub fn loss(
        &self,
        windows: &Windows,
        read: &[f32],
        truth: &Arc<[f32]>,
        absent: &[usize],
        pass: &mut Pass,
    ) -> Result<(Loss, Vec<State>), ShapeError> {
        let (mut forecast, memory) = self.forward(windows, read, self.config.horizon, pass)?;
        if !absent.is_empty() {
            let (dims, width) = (forecast.dims(), self.config.width());
            Check("forecaster").elements("truth", truth.len(), &[("values", dims[0] * dims[1] / width)])?;
            let (mut heard, mut told) = (vec![1.0; dims[0] * dims[1]], vec![0.0; dims[0] * dims[1]]);
            for &at in absent {
                heard[at * width..][..width].fill(0.0);
                told[at * width..][..width].fill(truth[at]);
            }
            forecast = forecast * self.tensor(heard, dims) + self.tensor(told, dims);
        }
        Ok((quantile_errors(forecast, truth, &self.config.quantiles.clone().into())?, memory))
    }

    /// What is remembered after each window's past, for the windows that begin there. `windows` hold at least a segment of what is
    /// known in advance beyond it.
    ///
    /// # Errors
    /// If the sizes do not fit.
    pub fn remember(&self, windows: &Windows, horizon: usize, precision: Precision) -> Result<Vec<State>, ShapeError> {
        let scales = self.check(windows, horizon)?;
        let pass = &mut Pass { precision, ..Pass::default() };
        Ok(self.read_past(windows, &scales, horizon, pass)?.1)
    }

    /// Forecasts of `horizon` steps, `[windows, horizon, width]`; at most the configuration's horizon where all steps are reached
    /// at once.
    ///
    /// # Errors
    /// If the sizes do not fit, or the horizon is too far.
    pub fn forecast(&self, windows: &Windows, horizon: usize, precision: Precision) -> Result<Vec<f32>, ShapeError> {
        let pass = &mut Pass { precision, ..Pass::default() };
        let read = match self.config.decoding {
            DecodingKind::Direct => Vec::new(),
            DecodingKind::Recursive => {
                let nothing = vec![0.0; windows.series.len() * horizon];
                self.walk(windows, &nothing, horizon, &Teacher::NEVER, precision)?
            }
        };
        let mut all: Vec<f32> = self.forward(windows, &read, horizon, pass)?.0.into_data().iter::<f32>().collect();
        let shift: Vec<f32> = self.shift.val().into_data().iter::<f32>().collect();
        let width = self.config.width();
        for (i, row) in all.chunks_exact_mut(width).enumerate() {
            // Beyond the horizon that was learnt, as at its end.
            let t = (i % horizon).min(self.config.horizon - 1);
            row.iter_mut().zip(&shift[t * width..]).for_each(|(value, shift)| *value += shift);
        }
        Ok(all)
    }

    /// Forecasts of the configuration's horizon by a network that reads `read[windows, horizon]` on its way, `[windows, horizon,
    /// width]`.
    ///
    /// # Errors
    /// If the sizes do not fit.
    pub fn told(&self, windows: &Windows, read: &[f32], pass: &mut Pass) -> Result<Vec<f32>, ShapeError> {
        Ok(self.forward(windows, read, self.config.horizon, pass)?.0.into_data().iter::<f32>().collect())
    }

    /// What a network that decodes recursively, without noise and off the tape, reads of the horizon where `teacher` is heard that
    /// often: segments of `truth[windows, horizon]` and of its own point forecasts. The first segment is forecast from the past
    /// alone.
    ///
    /// # Errors
    /// If the sizes do not fit.
    pub fn walk(
        &self,
        windows: &Windows,
        truth: &[f32],
        horizon: usize,
        teacher: &Teacher,
        precision: Precision,
    ) -> Result<Vec<f32>, ShapeError> {
        let (segment, count) = (self.config.segment, windows.series.len());
        Check("forecaster").elements("truth", truth.len(), &[("windows", count), ("horizon", horizon)])?;
        let scales = self.check(windows, horizon)?;
        let mut read = truth.to_vec();
        let pass = &mut Pass { precision, ..Pass::default() };
        let (at, width, before) = (self.config.point(), self.config.width(), self.config.segments());
        let mut state: Option<Vec<State>> = windows.memory.clone();
        // The last segment is read by none.
        for k in 1..self.config.segments_ahead(horizon) {
            let new = if k == 1 { 0..before } else { before + k - 2..before + k - 1 };
            let x = self.read(windows, &scales, &read, horizon, new.clone(), pass)?;
            let layout = Arc::new(Ragged::new(&vec![new.len(); count])?);
            let (states, last) = self.encoder.forward(x, &layout, state.as_deref(), pass)?;
            let [rows, hidden] = states.dims();
            let states = states.slice([rows - count..rows, 0..hidden]);
            let forecast = self.answer(states, windows, &scales, horizon, k - 1..k, pass)?.into_data();
            let forecast: Vec<f32> = forecast.iter::<f32>().collect();
            for window in (0..count).filter(|&window| !teacher.is_heard(window, k)) {
                for t in 0..segment {
                    read[window * horizon + (k - 1) * segment + t] = forecast[(window * segment + t) * width + at];
                }
            }
            state = Some(last);
        }
        Ok(read)
    }

    /// What is subtracted from each window, and what it is then divided by, if all sizes fit.
    fn check(&self, windows: &Windows, horizon: usize) -> Result<Vec<(f32, f32)>, ShapeError> {
        let (c, check, count) = (&self.config, Check("forecaster"), windows.series.len());
        check.some("the number of windows", count)?;
        check.some("the horizon", horizon)?;
        check.elements("past", windows.past.len(), &[("windows", count), ("look_back", c.look_back)])?;
        let steps = [("windows", count), ("steps", c.look_back + horizon), ("known", self.known)];
        check.elements("known", windows.known.len(), &steps)?;
        if let Some(positions) = &self.positions {
            let most = positions.val().dims()[0] * c.segment;
            if horizon > most {
                let (name, expected) = ("horizon", format!("at most {most}"));
                return Err(ShapeError::Value { operation: check.0, name, expected, got: horizon.to_string() });
            }
        }
        Ok(windows.past.chunks_exact(c.look_back).map(|past| c.normalise.scale(past)).collect())
    }

    /// The last layer's state after the past, `[windows, hidden]`, and every layer's.
    fn read_past(
        &self,
        windows: &Windows,
        scales: &[(f32, f32)],
        horizon: usize,
        pass: &mut Pass,
    ) -> Result<(Tensor<2>, Vec<State>), ShapeError> {
        let (count, before) = (windows.series.len(), self.config.segments());
        let layout = Arc::new(Ragged::new(&vec![before; count])?);
        let x = self.read(windows, scales, &[], horizon, 0..before, pass)?;
        let (states, last) = self.encoder.forward(x, &layout, windows.memory.as_deref(), pass)?;
        let [rows, hidden] = states.dims();
        Ok((states.slice([rows - count..rows, 0..hidden]), last))
    }

    /// `[windows, horizon x width]`, and every layer's state after the past.
    fn forward(
        &self,
        windows: &Windows,
        read: &[f32],
        horizon: usize,
        pass: &mut Pass,
    ) -> Result<(Tensor<2>, Vec<State>), ShapeError> {
        let scales = self.check(windows, horizon)?;
        let (c, count, before) = (&self.config, windows.series.len(), self.config.segments());
        let ahead = c.segments_ahead(horizon);
        let (end, last) = self.read_past(windows, &scales, horizon, pass)?;
        let states = match &self.positions {
            None => {
                Check("forecaster").elements("read", read.len(), &[("windows", count), ("horizon", horizon)])?;
                if ahead == 1 {
                    end
                } else {
                    let layout = Arc::new(Ragged::new(&vec![ahead - 1; count])?);
                    let x = self.read(windows, &scales, read, horizon, before..before + ahead - 1, pass)?;
                    Tensor::cat(vec![end, self.encoder.forward(x, &layout, Some(&last), pass)?.0], 0)
                }
            }
            Some(positions) => {
                let ids: Arc<[u32]> = (0..ahead as u32).flat_map(|k| std::iter::repeat_n(k, count)).collect();
                let mut x = pass.embed(positions, ids)?;
                if let Some(own) = self.own(windows, ahead, pass)? {
                    x = x + own;
                }
                if let Some(map) = &self.ahead {
                    let columns = self.columns(windows, horizon, before..before + ahead, None);
                    x = x + map.parameters().forward(columns, Activation::Identity, pass.precision)?;
                }
                let repeat = |state: &Tensor<2>| Tensor::cat(vec![state.clone(); ahead], 0);
                let state = |s: &State| State { hidden: repeat(&s.hidden), cell: s.cell.as_ref().map(repeat) };
                let initial: Vec<State> = last.iter().map(state).collect();
                let once = Arc::new(Ragged::new(&vec![1; ahead * count])?);
                self.encoder.forward(x, &once, Some(&initial), pass)?.0
            }
        };
        let states = pass.drop_out(states, &Ragged::new(&vec![ahead; count])?)?;
        let out = self.answer(states, windows, &scales, horizon, 0..ahead, pass)?;
        Ok((out.slice([0..count, 0..horizon * c.width()]), last))
    }

    /// The network's input at these segments, time-major, `[segments x windows, hidden]`.
    fn read(
        &self,
        windows: &Windows,
        scales: &[(f32, f32)],
        read: &[f32],
        horizon: usize,
        segments: Range<usize>,
        pass: &mut Pass,
    ) -> Result<Tensor<2>, ShapeError> {
        let look_back = self.config.look_back;
        let value = |window: usize, t: usize| {
            let (shift, scale) = scales[window];
            let value = match t.checked_sub(look_back) {
                None => windows.past[window * look_back + t],
                Some(t) => read[window * horizon + t],
            };
            (value - shift) / scale
        };
        let count = segments.len();
        let x = self.columns(windows, horizon, segments, Some(&value));
        let mut x = self.segment.parameters().forward(x, Activation::Relu, pass.precision)?;
        // Where nothing is asked later, the series is told here.
        if self.positions.is_none()
            && let Some(own) = self.own(windows, count, pass)?
        {
            x = x + own;
        }
        Ok(x)
    }

    /// The values of these segments, if they are wanted, and what is known of them, a row a segment and window.
    fn columns(
        &self,
        windows: &Windows,
        horizon: usize,
        segments: Range<usize>,
        value: Option<&dyn Fn(usize, usize) -> f32>,
    ) -> Tensor<2> {
        let (segment, count, known) = (self.config.segment, windows.series.len(), self.known);
        let steps = self.config.look_back + horizon;
        // A segment that is read has beside it what is known of the one that is forecast from it, where nothing is asked later.
        let shift = usize::from(value.is_some() && self.positions.is_none());
        let width = segment * (known + usize::from(value.is_some()));
        let rows = segments.len() * count;
        let mut x = Vec::with_capacity(rows * width);
        for (k, window) in segments.flat_map(|k| (0..count).map(move |window| (k, window))) {
            if let Some(value) = value {
                x.extend((k * segment..(k + 1) * segment).map(|t| value(window, t)));
            }
            for t in (k + shift) * segment..(k + shift + 1) * segment {
                // A last segment may reach beyond the horizon.
                let t = t.min(steps - 1);
                x.extend_from_slice(&windows.known[(window * steps + t) * known..][..known]);
            }
        }
        self.tensor(x, [rows, width])
    }

    /// The vectors of the windows' series, `times` over.
    fn own(&self, windows: &Windows, times: usize, pass: &Pass) -> Result<Option<Tensor<2>>, ShapeError> {
        let Some(table) = &self.series else { return Ok(None) };
        let ids: Arc<[u32]> = (0..times).flat_map(|_| windows.series.iter().copied()).collect();
        pass.embed(table, ids).map(Some)
    }

    /// The forecasts from the states of these segments of the horizon, `[windows, segments x segment x width]`.
    fn answer(
        &self,
        states: Tensor<2>,
        windows: &Windows,
        scales: &[(f32, f32)],
        horizon: usize,
        segments: Range<usize>,
        pass: &Pass,
    ) -> Result<Tensor<2>, ShapeError> {
        let out = self.readout.parameters().forward(states, Activation::Identity, pass.precision)?;
        let (count, ahead) = (scales.len(), segments.len());
        let width = self.config.segment * self.config.width();
        // Segment by segment to window by window.
        let out: Tensor<3> = out.reshape([ahead, count, width]).swap_dims(0, 1);
        let mut out: Tensor<2> = out.reshape([count, ahead * width]);
        if let Some(effect) = &self.effect {
            let (steps, known, segment) = (self.config.look_back + horizon, self.known, self.config.segment);
            let mut x = Vec::with_capacity(count * ahead * segment * known);
            for window in 0..count {
                for t in segments.start * segment..segments.end * segment {
                    let t = (self.config.look_back + t).min(steps - 1);
                    x.extend_from_slice(&windows.known[(window * steps + t) * known..][..known]);
                }
            }
            let x = self.tensor(x, [count * ahead * segment, known]);
            let own = effect.parameters().forward(x, Activation::Identity, pass.precision)?;
            out = out + own.reshape([count, ahead * width]);
        }
        let column = |pick: fn(&(f32, f32)) -> f32| self.tensor(scales.iter().map(pick).collect(), [count, 1]);
        Ok(out * column(|s| s.1) + column(|s| s.0))
    }

    fn tensor(&self, data: Vec<f32>, shape: [usize; 2]) -> Tensor<2> {
        let (device, dtype) = (self.encoder.device().inner(), self.encoder.dtype());
        Tensor::from_data(TensorData::new(data, shape), (&device, dtype))
    }
}
