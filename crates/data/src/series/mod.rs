//! Numbers over time: tables read strictly, every treatment of what is not there stated.

mod calendar;
mod month_days;
mod number;
mod roles;
mod session;
mod stamp;
mod step;
mod table;
mod times;
mod written;

pub use calendar::Calendar;
pub use month_days::MonthDays;
pub use session::Session;
pub use stamp::Stamp;
pub use step::Step;
pub(crate) use table::delimiter;
pub use table::{Columns, Gaps, Series, Table};
pub use times::DateOrder;

/// Yearly numbers of sunspots, 1700 to 2008 (World Data Center SILSO; public domain as distributed with statsmodels), as CSV.
pub const SUNSPOTS: &str = include_str!("sunspots.csv");

#[cfg(test)]
mod tests;
