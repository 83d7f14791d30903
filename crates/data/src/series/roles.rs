//! What a CSV's columns are.

use super::number::number;
use super::table::{Columns, Row};
use super::time::{DateOrder, Stamp};
use crate::InputError;

/// Names that a column of times goes by.
const TIME_NAMES: [&str; 10] = ["date", "time", "datetime", "timestamp", "ds", "year", "month", "day", "week", "تاریخ"];

/// How a file's cells are written.
#[derive(Clone, Copy)]
pub(super) struct Format {
    /// What comes first in a date.
    pub dates: DateOrder,
    /// Dates are eight digits.
    pub compact: bool,
    /// The decimal sign is a comma.
    pub comma: bool,
}

/// Which column plays which part.
pub(super) struct Roles {
    pub time: Option<usize>,
    pub series: Option<usize>,
    pub targets: Vec<usize>,
    pub known: Vec<usize>,
}

impl Roles {
    /// The columns of numbers.
    pub fn values(&self) -> impl Iterator<Item = usize> + '_ {
        self.targets.iter().chain(&self.known).copied()
    }

    /// From the header and what was asked for.
    pub fn find(header: &[String], records: &[csv::StringRecord], columns: &Columns) -> Result<Self, InputError> {
        let named = |field: &str, name: &str| {
            header.iter().position(|h| h == name).ok_or_else(|| {
                let all: Vec<String> = header.iter().map(|h| format!("`{h}`")).collect();
                InputError::new(
                    format!("a column `{name}` (data.{field})"),
                    "no such column",
                    format!("the columns are {}", all.join(", ")),
                )
                .line(1)
            })
        };
        let time = if columns.time.is_empty() {
            let called = header.iter().position(|h| TIME_NAMES.contains(&h.to_lowercase().as_str()));
            let dated = || (0..header.len()).find(|&c| records[0].get(c).is_some_and(Stamp::dated));
            called.or_else(dated)
        } else {
            Some(named("time", &columns.time)?)
        };
        let series = if columns.series.is_empty() { None } else { Some(named("series", &columns.series)?) };
        let all = |field, names: &[String]| names.iter().map(|name| named(field, name)).collect::<Result<Vec<_>, _>>();
        let known = all("known", &columns.known)?;
        let mut targets = all("targets", &columns.targets)?;
        if targets.is_empty() {
            let taken = |c: &usize| Some(*c) == time || Some(*c) == series || known.contains(c);
            targets = (0..header.len()).filter(|c| !taken(c)).collect();
        }
        if targets.is_empty() {
            return Err(InputError::new(
                "a column with values",
                "none but time, series and known ones",
                "name one: --targets COLUMN",
            )
            .line(1));
        }
        let roles = Self { time, series, targets, known };
        // A name that stands for two things would not say which is forecast.
        let used: Vec<usize> = roles.time.into_iter().chain(roles.series).chain(roles.values()).collect();
        for (k, &column) in used.iter().enumerate() {
            if used[..k].contains(&column) {
                let hint = "a column is time, series, target or known in advance";
                return Err(InputError::new("columns of one use each", "two uses", hint)
                    .line(1)
                    .field(&header[column]));
            }
            if header.iter().filter(|name| **name == header[column]).count() > 1 {
                let hint = "give every column a name of its own";
                return Err(InputError::new("one column of that name", "two", hint).line(1).field(&header[column]));
            }
        }
        Ok(roles)
    }

    /// A record's cells, each in its part.
    pub fn row(
        &self,
        record: &csv::StringRecord,
        header: &[String],
        (line, index): (usize, usize),
        Format { dates, compact, comma }: Format,
    ) -> Result<Row, InputError> {
        let cell = |c: usize| {
            number(&record[c], comma).map_err(|wrong| {
                let hint = match self.series {
                    Some(_) => "name the columns with values: --targets COLUMN (in recipes data.targets)",
                    None => "name the columns with values: --targets COLUMN; if it names series: --series COLUMN (in recipes data.targets, data.series)",
                };
                wrong.error(&record[c], comma, hint).line(line).field(&header[c])
            })
        };
        let stamp = match self.time {
            None => Stamp::Number((index + 1) as f64),
            Some(c) if compact => {
                let date = Stamp::compact(&record[c]).and_then(|date| Stamp::parse(&date, dates));
                date.expect("all of the column are dates")
            }
            Some(c) => Stamp::parse(&record[c], dates).ok_or_else(|| {
                let hint = "dates are read as 2024-01-31, 31.1.2024, 1/31/2024, 1402/11/11, with or without 13:00";
                InputError::new("a date, a time or a number", format!("`{}`", &record[c]), hint)
                    .line(line)
                    .field(&header[c])
            })?,
        };
        let cells = |columns: &[usize]| columns.iter().map(|c| cell(*c)).collect::<Result<Vec<_>, _>>();
        Ok(Row { line, stamp, targets: cells(&self.targets)?, known: cells(&self.known)? })
    }
}
