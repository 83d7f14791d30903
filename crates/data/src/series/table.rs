//! Series from a CSV, in columns or in long form.

use super::roles::Roles;
use super::stamp::Stamp;
use super::step::Step;
use super::times::DateOrder;
use crate::InputError;
use crate::text::corpus::{Encoding, read_encoded};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What is done where rows are missing between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gaps {
    /// Nothing: each row is a step after the one before it, as in the trading days of an exchange.
    #[default]
    Skip,
    /// Rows are put in whose values are those before them.
    Carry,
}

/// Which columns of a CSV are what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// The column with the time; if it is not given, one that is called so or holds dates; if there is none, rows are counted.
    pub time: String,
    /// In long form: the column that says which series a row is of.
    pub series: String,
    /// The columns with the values; all others if none is given.
    pub targets: Vec<String>,
    /// Columns that are known in advance, such as prices or holidays: rows at the end that have these alone are the future.
    pub known: Vec<String>,
    /// What is done where rows are missing.
    pub gaps: Gaps,
    /// What comes first in dates such as 1/2/2024.
    pub dates: DateOrder,
}

/// Numbers over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The column; in long form the name, and the column where there are several.
    pub name: String,
    /// What was measured, a value a step.
    pub values: Vec<f64>,
    /// Steps of which nothing was measured, rising: their values are those before them.
    pub missing: Vec<usize>,
    /// When: of the values, and of the rows after them of which only the known columns are there.
    pub stamps: Arc<[Stamp]>,
    /// The known columns, `[stamps, known]`.
    pub known: Arc<[f64]>,
}

impl Series {
    /// That what is known in advance is there for `horizon` rows after the last value: `known` are its columns.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn check_ahead(&self, known: &[&str], horizon: usize) -> Result<(), InputError> {
        let rows = self.stamps.len() - self.values.len();
        if known.is_empty() || rows >= horizon {
            return Ok(());
        }
        let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let expected = format!("{} of {horizon} rows after the last value of `{}`", names.join(", "), self.name);
        let hint = "add rows whose value cells are empty, with what is known in advance";
        Err(InputError::new(expected, rows.to_string(), hint))
    }
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its series.
    pub series: Vec<Series>,
    /// What lies between two rows.
    pub step: Step,
    /// The columns known in advance.
    pub known: Vec<String>,
    /// What was done with what was not as it should be, for a person.
    pub notes: Vec<String>,
}

/// A row of one series.
pub(super) struct Row {
    pub line: usize,
    pub stamp: Stamp,
    pub targets: Vec<Option<f64>>,
    pub known: Vec<Option<f64>>,
}

/// What reading counts.
#[derive(Default)]
struct Counts {
    put_in: usize,
    gaps: usize,
    uneven: usize,
    /// The first two of those that are uneven.
    apart: Option<(Stamp, Stamp)>,
}

impl Table {
    /// Reads a CSV: a header, then a row a line; comma, semicolon or TAB between. The decimal sign is a point; a comma where
    /// columns are divided by semicolons and a number of the file has one.
    ///
    /// # Errors
    /// The first cell or column that can't be used.
    pub fn read(path: &Path, columns: &Columns) -> Result<Self, InputError> {
        let text = read_encoded(path, Encoding::Utf8)
            .map_err(|e| InputError { hint: "give a CSV with a header and a row a step".into(), ..e })?;
        Self::parse(&text, columns).map_err(|e| e.at(path))
    }

    /// The same of a CSV's text.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(text: &str, columns: &Columns) -> Result<Self, InputError> {
        let text = text.trim_start_matches('\u{feff}');
        // A spreadsheet's own line, which says what stands between cells. An empty one stays in its place: lines are counted.
        let (said, text) = match text.split_once('\n') {
            Some((first, _)) if first.to_lowercase().starts_with("sep=") => {
                (first["sep=".len()..].chars().next(), &text[first.len()..])
            }
            _ => (None, text),
        };
        let head = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        let delimiter = said.filter(char::is_ascii).unwrap_or_else(|| delimiter(head));
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter as u8).trim(csv::Trim::All).from_reader(text.as_bytes());
        let broken = |e: &csv::Error| {
            let line = e.position().map_or(1, |p| p.line() as usize);
            InputError::new("a CSV with as many cells in every row", e.to_string(), "check the quotes").line(line)
        };
        let header: Vec<String> = reader.headers().map_err(|e| broken(&e))?.iter().map(String::from).collect();
        let is_value = |name: &String| name.parse::<f64>().is_ok() || Stamp::dated(name);
        if header.iter().all(is_value) {
            let hint = "the first line names the columns, for example: date,sales";
            return Err(InputError::new("a header", format!("`{head}`"), hint).line(1));
        }
        let mut records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().map_err(|e| broken(&e))?;
        // Spreadsheets leave rows of separators alone.
        records.retain(|record| record.iter().any(|cell| !cell.is_empty()));
        if records.is_empty() {
            return Err(InputError::new("rows after the header", "none", "give a CSV with a row a step"));
        }
        let roles = Roles::find(&header, &records, columns)?;
        let (stamps, told) = roles.times.read(&header, &records, columns.dates)?;
        let commas = |record: &csv::StringRecord| roles.values().any(|c| record[c].contains(','));
        let comma = delimiter == ';' && records.iter().any(commas);
        let mut groups: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for (index, (record, stamp)) in records.iter().zip(stamps).enumerate() {
            let line = record.position().map_or(index + 2, |p| p.line() as usize);
            let group = roles.series.map_or("", |column| &record[column]);
            if let Some(column) = roles.series.filter(|_| group.is_empty()) {
                let hint = "say of which series the row is, or take it out";
                return Err(InputError::new("the name of a series", "nothing", hint).line(line).field(&header[column]));
            }
            let row = roles.row(record, &header, line, stamp, comma)?;
            if !groups.contains_key(group) {
                order.push(group.to_string());
            }
            groups.entry(group.to_string()).or_default().push(row);
        }
        let targets: Vec<&str> = roles.targets.iter().map(|&column| header[column].as_str()).collect();
        let known: Vec<&str> = roles.known.iter().map(|&column| header[column].as_str()).collect();
        let mut unsorted = false;
        for (name, rows) in &mut groups {
            unsorted |= sort(name, rows)?;
        }
        let stamps: Vec<Vec<Stamp>> = groups.values().map(|rows| rows.iter().map(|row| row.stamp).collect()).collect();
        let step = Step::find(stamps.iter().map(Vec::as_slice));
        let apart = |rows: &[Stamp]| rows.windows(2).all(|w| step.between(&w[0], &w[1]) >= 1.5);
        let names = groups.keys().zip(&stamps).filter(|(_, rows)| rows.len() > 2 && apart(rows)).map(|(name, _)| name);
        let other_step: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        let (mut series, mut counts) = (Vec::new(), Counts::default());
        for name in order {
            let rows = groups.remove(&name).expect("its name was kept");
            let rows = fill(rows, step, columns.gaps, &mut counts)?;
            series.extend(group(&name, &rows, &targets, &known)?);
        }
        let mut notes = Vec::new();
        let mut note = |count: usize, text: &str| {
            if count > 0 {
                notes.push(format!("{count} {text}"));
            }
        };
        note(counts.put_in, "rows put in where time went on without them, with the values before them");
        note(
            counts.gaps,
            "places where time goes on by more than a step: rows are taken one after the other (data.gaps = \"carry\" in a recipe puts rows in)",
        );
        if let Some((before, after)) = counts.apart {
            notes.push(format!(
                "{} rows are not whole steps of {step} after the one before, the first {after} after {before}: each is taken as the next",
                counts.uneven
            ));
        }
        if unsorted {
            notes.push("rows were not in the order of time: sorted".into());
        }
        if let [name, more @ ..] = &other_step[..] {
            let more = if more.is_empty() { String::new() } else { format!(" (and of {} more)", more.len()) };
            notes.push(format!(
                "of {name}{more} no two rows are a step apart: its forecast has this step too; give it a file of its own"
            ));
        }
        notes.extend(missing(&series));
        notes.extend(told_ahead(&series).filter(|_| known.is_empty()));
        notes.extend(told);
        for &column in &roles.left_out {
            let name = if header[column].is_empty() { "without a name" } else { header[column].as_str() };
            notes.push(format!("column {} ({name}) counts the rows or is empty: left out", column + 1));
        }
        for s in series.iter().filter(|s| s.values.iter().all(|v| *v == s.values[0])) {
            notes.push(format!("`{}` never changes from {}", s.name, s.values[0]));
        }
        Ok(Self { series, step, known: known.into_iter().map(String::from).collect(), notes })
    }
}

/// What stands between the cells of a CSV with this header.
pub(crate) fn delimiter(head: &str) -> char {
    let count = |c: char| head.matches(c).count();
    [',', ';', '\t'].into_iter().max_by_key(|c| (count(*c), *c == ',')).unwrap_or(',')
}

/// Which series lack how much.
fn missing(series: &[Series]) -> Option<String> {
    let share = |s: &Series| 100.0 * s.missing.len() as f64 / s.values.len() as f64;
    let mut lacking: Vec<&Series> = series.iter().filter(|s| !s.missing.is_empty()).collect();
    lacking.sort_by(|a, b| share(b).total_cmp(&share(a)));
    let of = |s: &&Series| format!("`{}` {} ({:.0} %)", s.name, s.missing.len(), share(s).max(1.0));
    let named: Vec<String> = lacking.iter().take(3).map(of).collect();
    let more = lacking.len().saturating_sub(3);
    let more = if more > 0 { format!(" and of {more} series more") } else { String::new() };
    let treatment = "each is taken to be the one before it (before the first: the first), and not measured on";
    (!lacking.is_empty()).then(|| format!("missing values of {}{more}: {treatment}", named.join(", ")))
}

/// That the last rows have values of some columns alone: these are perhaps known in advance.
fn told_ahead(series: &[Series]) -> Option<String> {
    let last =
        |s: &Series| s.missing.iter().rev().zip((0..s.values.len()).rev()).take_while(|(a, b)| **a == *b).count();
    let (open, whole): (Vec<&Series>, Vec<&Series>) = series.iter().partition(|s| last(s) > 0);
    let rows = open.iter().map(|s| last(s)).min().filter(|rows| *rows > 1)?;
    // In long form a series ends where it ends.
    let names: Vec<&str> = whole.iter().filter(|s| s.stamps == open[0].stamps).map(|s| s.name.as_str()).collect();
    let of = |name: &&str| format!("`{name}`");
    (!names.is_empty()).then(|| {
        format!(
            "the last {rows} rows have values of {} alone: if they are known in advance, say --known {} (in recipes data.known)",
            names.iter().map(of).collect::<Vec<_>>().join(", "),
            names.join(",")
        )
    })
}

/// Puts the rows of a series in the order of time; whether they were not.
fn sort(name: &str, rows: &mut [Row]) -> Result<bool, InputError> {
    let unsorted = rows.windows(2).any(|w| w[1].stamp.order(&w[0].stamp).is_lt());
    rows.sort_by(|a, b| a.stamp.order(&b.stamp).then(a.line.cmp(&b.line)));
    let Some(w) = rows.windows(2).find(|w| w[1].stamp.order(&w[0].stamp).is_eq()) else { return Ok(unsorted) };
    let of = if name.is_empty() { String::new() } else { format!(" of `{name}`") };
    let got = format!("{} again (line {} has it)", w[1].stamp, w[0].line);
    let clock = matches!(w[1].stamp, Stamp::Moment(..));
    let hint = match name {
        _ if clock => {
            "where clocks were put back, write how far from UTC a time is: 02:00+02:00, 02:00+01:00; rows of several series need --series COLUMN (in recipes data.series)"
        }
        "" => {
            "if the rows are of several series, say which column names them: --series COLUMN (in recipes data.series)"
        }
        _ => "take one of the rows out, or add them up",
    };
    Err(InputError::new(format!("one row a time{of}"), got, hint).line(w[1].line))
}

/// Counts the places where time goes on without rows, or puts rows in.
fn fill(rows: Vec<Row>, step: Step, gaps: Gaps, counts: &mut Counts) -> Result<Vec<Row>, InputError> {
    let mut filled: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(before) = filled.last() {
            let missing = step.between(&before.stamp, &row.stamp).round() - 1.0;
            if !step.fits(&before.stamp, &row.stamp) {
                counts.uneven += 1;
                counts.apart.get_or_insert((before.stamp, row.stamp));
            }
            if missing >= 1.0 && gaps == Gaps::Skip {
                counts.gaps += 1;
            } else if missing > 1e6 {
                let hint = "check the times around this row, or use data.gaps = \"skip\"";
                let got = format!("a gap of {missing} rows");
                return Err(InputError::new("steps of one size", got, hint).line(row.line));
            } else if missing >= 1.0 {
                counts.put_in += missing as usize;
                let (stamp, line, known, targets) =
                    (before.stamp, before.line, before.known.clone(), row.targets.len());
                let later = std::iter::successors(Some(stamp), |stamp| Some(stamp.after(step, 1)));
                let row = |stamp| Row { line, stamp, targets: vec![None; targets], known: known.clone() };
                filled.extend(later.skip(1).take(missing as usize).map(row));
            }
        }
        filled.push(row);
    }
    Ok(filled)
}

/// The series of a group of rows, one a target.
fn group(name: &str, rows: &[Row], targets: &[&str], known: &[&str]) -> Result<Vec<Series>, InputError> {
    let stamps: Arc<[Stamp]> = rows.iter().map(|row| row.stamp).collect();
    let mut all_known = Vec::with_capacity(rows.len() * known.len());
    for row in rows {
        for (value, column) in row.known.iter().zip(known) {
            let missing = || {
                let hint = "what is known in advance is there in every row";
                InputError::new("a number", "nothing", hint).line(row.line).field(*column)
            };
            all_known.push(value.ok_or_else(missing)?);
        }
    }
    let all_known: Arc<[f64]> = all_known.into();
    // Rows at the end without any value are the future, if something is known of it.
    let last = rows.iter().rposition(|row| row.targets.iter().any(Option::is_some));
    let length = match last {
        Some(last) if known.is_empty() => rows.len().max(last + 1),
        Some(last) => last + 1,
        None => 0,
    };
    let mut all = Vec::with_capacity(targets.len());
    for (k, target) in targets.iter().enumerate() {
        let name = match (name, targets.len()) {
            ("", _) => (*target).to_string(),
            (name, 1) => name.to_string(),
            (name, _) => format!("{name} {target}"),
        };
        let cells = rows[..length].iter().map(|row| row.targets[k]);
        let Some(first) = cells.clone().flatten().next() else {
            let hint = "leave the column out: --targets COLUMN, for each of the others";
            return Err(InputError::new("values", "none", hint).field(name));
        };
        let mut before = first;
        let mut values = Vec::with_capacity(length);
        let mut missing = Vec::new();
        for (step, cell) in cells.enumerate() {
            missing.extend(cell.is_none().then_some(step));
            before = cell.unwrap_or(before);
            values.push(before);
        }
        all.push(Series { name, values, missing, stamps: stamps.clone(), known: all_known.clone() });
    }
    Ok(all)
}
