//! Many-to-many in step: forecasts of numbers over time. Their data, their evaluation, their use.

mod baseline;
mod evaluate;
mod forecast;
mod panel;
mod plot;
mod recipe;
mod report;
mod streams;
mod task;

pub use evaluate::{Score, evaluate, recent};
pub use forecast::{ForecastModel, SeriesForecast};
pub use plot::{forecast_svg, forecast_text};
pub use recipe::{Data, Embedded, Recipe, Unfolding};
pub use task::Forecasting;
