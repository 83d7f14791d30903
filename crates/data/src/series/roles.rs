//! What a CSV's columns are.

use super::number::number;
use super::stamp::Stamp;
use super::table::{Columns, Row};
use super::times::Times;
use crate::InputError;
use csv::StringRecord;

/// Whether a column holds no measurements: one without a name, or with a spreadsheet's or a data frame's name for rows, that counts
/// them or is empty.
fn counts_rows(column: usize, header: &[String], records: &[StringRecord]) -> bool {
    let name = header[column].to_lowercase();
    if !(name.is_empty() || ["index", "id", "#", "no", "row"].contains(&name.as_str()) || name.starts_with("unnamed: "))
    {
        return false;
    }
    let cells = || records.iter().map(|record| record.get(column).unwrap_or(""));
    let first = cells().next().and_then(|cell| cell.parse::<usize>().ok());
    let counts = first
        .is_some_and(|first| first < 2 && cells().enumerate().all(|(row, cell)| cell == (first + row).to_string()));
    counts || cells().all(str::is_empty)
}

/// Which column plays which part.
pub(super) struct Roles {
    pub times: Times,
    pub series: Option<usize>,
    pub targets: Vec<usize>,
    pub known: Vec<usize>,
    /// Columns that were taken for no measurements.
    pub left_out: Vec<usize>,
}

impl Roles {
    /// The columns of numbers.
    pub fn values(&self) -> impl Iterator<Item = usize> + '_ {
        self.targets.iter().chain(&self.known).copied()
    }

    /// From the header and what was asked for.
    pub fn find(header: &[String], records: &[StringRecord], columns: &Columns) -> Result<Self, InputError> {
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
        let times = match columns.time.as_str() {
            "" => Times::find(header, records),
            name => Times::One(named("time", name)?),
        };
        let series = if columns.series.is_empty() { None } else { Some(named("series", &columns.series)?) };
        let all = |field, names: &[String]| names.iter().map(|name| named(field, name)).collect::<Result<Vec<_>, _>>();
        let known = all("known", &columns.known)?;
        let (mut targets, mut left_out) = (all("targets", &columns.targets)?, Vec::new());
        if targets.is_empty() {
            let taken = |c: &usize| times.columns().contains(c) || Some(*c) == series || known.contains(c);
            let counts = |c: &usize| counts_rows(*c, header, records);
            (left_out, targets) = (0..header.len()).filter(|c| !taken(c)).partition(counts);
        }
        if targets.is_empty() {
            return Err(InputError::new(
                "a column with values",
                "none but time, series and known ones",
                "name one: --targets COLUMN",
            )
            .line(1));
        }
        if let Some(column) = targets.iter().find(|column| header[**column].is_empty()) {
            let expected = format!("a name of column {}", column + 1);
            return Err(InputError::new(expected, "none", "the first line names the columns").line(1));
        }
        let roles = Self { times, series, targets, known, left_out };
        // A name that stands for two things would not say which is forecast.
        let used: Vec<usize> = roles.times.columns().into_iter().chain(roles.series).chain(roles.values()).collect();
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
        record: &StringRecord,
        header: &[String],
        line: usize,
        stamp: Stamp,
        comma: bool,
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
        let cells = |columns: &[usize]| columns.iter().map(|c| cell(*c)).collect::<Result<Vec<_>, _>>();
        Ok(Row { line, stamp, targets: cells(&self.targets)?, known: cells(&self.known)? })
    }
}
