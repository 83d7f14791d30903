//! What a forecaster reads.

use crate::recurrent::State;

/// Windows to forecast from.
#[derive(Clone, Debug, Default)]
pub struct Windows {
    /// What was, `[windows, look_back]`.
    pub past: Vec<f32>,
    /// What is known in advance, `[windows, look_back + horizon, known]`.
    pub known: Vec<f32>,
    /// The number of each window's series.
    pub series: Vec<u32>,
    /// What is remembered from before each window, a state a layer ([`Forecaster::remember`]); nothing if it is the first.
    pub memory: Option<Vec<State>>,
}
