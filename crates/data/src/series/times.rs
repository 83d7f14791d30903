//! How a file says when its rows were: in one column, or in several, whose texts are read as one.

use super::calendar::Calendar;
use super::stamp::Stamp;
use super::step::Step;
use super::written::{Written, numbers};
use crate::InputError;
use csv::StringRecord;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// Names that a column of times goes by.
const NAMES: [&str; 10] = ["date", "time", "datetime", "timestamp", "ds", "year", "month", "day", "week", "تاریخ"];

/// What comes first in dates such as 1/2/2024, which do not say so themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// The one that fits all dates of the column; of several that in which most rows follow each other, and by one step.
    #[default]
    Auto,
    /// 1/2/2024 is the first of February.
    DayFirst,
    /// 1/2/2024 is the second of January.
    MonthFirst,
    /// 24-01-02 is the second of January.
    YearFirst,
}

impl DateOrder {
    /// The order of a column's dates, and whether one of them proves it.
    fn find<'a>(cells: impl Iterator<Item = &'a str>) -> (Self, bool) {
        // Dates that do not say by themselves what comes first.
        let doubtful = |cell: &String| {
            let date = cell.trim().split(['T', ' ']).next().unwrap_or("");
            let three = numbers(date).is_some_and(|(parts, numbers)| numbers.len() == 3 && parts[0].len() < 4);
            three && !date.contains('.')
        };
        let cells: Vec<String> = cells.map(super::calendar::latin_digits).filter(doubtful).collect();
        let read = |order: Self| cells.iter().map(|cell| Stamp::parse(cell, order)).collect::<Option<Vec<Stamp>>>();
        let mut orders: Vec<(Self, Vec<Stamp>)> = [Self::YearFirst, Self::DayFirst, Self::MonthFirst]
            .into_iter()
            .filter_map(|order| read(order).map(|stamps| (order, stamps)))
            .collect();
        let certain = cells.is_empty() || orders.len() < 2;
        // Rows that stand in the order of time, and those that come a step after another.
        orders.sort_by_cached_key(|(_, stamps)| {
            let mut sorted = stamps.clone();
            sorted.sort_by(Stamp::order);
            sorted.dedup();
            let step = Step::find(std::iter::once(&sorted[..]));
            let rising = stamps.windows(2).filter(|pair| pair[0].order(&pair[1]).is_le()).count();
            let even = sorted.windows(2).filter(|pair| step.between(&pair[0], &pair[1]) == 1.0).count();
            // Of equals the one that spans less time: days rather than months or years.
            let span = sorted.last().map_or(0.0, |last| last.since(&sorted[0]));
            (rising + even, std::cmp::Reverse(span as i64))
        });
        // Where none fits all, the first date that does not fit is named.
        (orders.pop().map_or(Self::MonthFirst, |best| best.0), certain)
    }
}

/// The columns that say when a row was.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Times {
    /// None: rows are counted.
    Counted,
    /// One, of whatever form.
    One(usize),
    /// Its date, and its time of the day.
    Clock(usize, usize),
    /// Its date, and its hour.
    Hour(usize, usize),
    /// Its year and its month, perhaps its day, perhaps its hour.
    Parts(Vec<usize>),
}

impl Times {
    /// By the names of the columns and what they hold.
    pub fn find(header: &[String], records: &[StringRecord]) -> Self {
        let called = |names: &[&str]| header.iter().position(|h| names.contains(&h.to_lowercase().as_str()));
        let all = |column: usize, is: fn(&str) -> bool| records.iter().all(|record| record.get(column).is_some_and(is));
        let number = |column: &usize| all(*column, |cell| cell.parse::<u16>().is_ok());
        let hour = called(&["hour"]).filter(number);
        let dated = || (0..header.len()).find(|&c| records[0].get(c).is_some_and(Stamp::dated));
        let date = called(&["date", "ds", "day", "تاریخ"]).or_else(dated);
        if let Some(date) = date.filter(|date| records[0].get(*date).is_some_and(Stamp::dated)) {
            let day = |cell: &str| !cell.contains(':');
            let clock = called(&["time", "clock", "ساعت"]).filter(|column| all(*column, |cell| cell.contains(':')));
            let again = || records.windows(2).any(|pair| pair[0].get(date) == pair[1].get(date));
            match (clock.filter(|clock| *clock != date && all(date, day)), hour) {
                (Some(clock), _) => return Self::Clock(date, clock),
                (None, Some(hour)) if all(date, day) && again() => return Self::Hour(date, hour),
                _ => {}
            }
        } else if let (Some(year), Some(month)) = (called(&["year"]).filter(number), called(&["month"])) {
            let mut parts = vec![year, month];
            parts.extend(called(&["day"]).filter(number));
            if parts.len() == 3 {
                parts.extend(hour);
            }
            return Self::Parts(parts);
        }
        // `t` may be a temperature.
        let rises = |column: &usize| {
            let cell = |row: &StringRecord| row.get(*column)?.parse::<f64>().ok();
            records.len() > 2
                && records.windows(2).all(|pair| cell(&pair[0]).zip(cell(&pair[1])).is_some_and(|(a, b)| a < b))
        };
        let counter = || called(&["t", "step"]).filter(rises);
        called(&NAMES).or_else(dated).or_else(counter).map_or(Self::Counted, Self::One)
    }

    /// The columns.
    pub fn columns(&self) -> Vec<usize> {
        match self {
            Self::Counted => Vec::new(),
            Self::One(column) => vec![*column],
            Self::Clock(a, b) | Self::Hour(a, b) => vec![*a, *b],
            Self::Parts(parts) => parts.clone(),
        }
    }

    /// What a row says of its time.
    fn text(&self, row: &StringRecord) -> String {
        match self {
            Self::Counted => String::new(),
            Self::One(column) => row[*column].to_string(),
            Self::Clock(date, clock) => format!("{} {}", &row[*date], &row[*clock]),
            Self::Hour(date, hour) => format!("{} {}:00", &row[*date], &row[*hour]),
            Self::Parts(parts) => {
                let date: Vec<&str> = parts.iter().take(3).map(|part| &row[*part]).collect();
                let hour = parts.get(3).map_or_else(String::new, |hour| format!(" {}:00", &row[*hour]));
                format!("{}{hour}", date.join("-"))
            }
        }
    }

    /// When every row was, and for a person what is not certain of it.
    ///
    /// # Errors
    /// The first that is no time, or not of the same kind as the others.
    pub fn read(
        &self,
        header: &[String],
        records: &[StringRecord],
        order: DateOrder,
    ) -> Result<(Vec<Stamp>, Vec<String>), InputError> {
        if *self == Self::Counted {
            return Ok(((1..=records.len()).map(|row| Stamp::Number(row as f64)).collect(), Vec::new()));
        }
        let names: Vec<&str> = self.columns().into_iter().map(|column| header[column].as_str()).collect();
        let wrong = |index: usize, e: InputError| {
            let line = records[index].position().map_or(index + 2, |p| p.line() as usize);
            e.line(line).field(names.join(", "))
        };
        let mut notes = Vec::new();
        let mut cells: Vec<String> = records.iter().map(|record| self.text(record)).collect();
        let compact = cells.iter().map(|cell| Stamp::compact(cell)).collect::<Option<Vec<_>>>();
        if let Some(dates) = compact.filter(|_| matches!(self, Self::One(_))) {
            cells = dates;
            notes.push("numbers such as 20240131 are read as dates".into());
        }
        let (order, proven) = match order {
            DateOrder::Auto => DateOrder::find(cells.iter().map(String::as_str)),
            order => (order, true),
        };
        let mut written = Vec::with_capacity(cells.len());
        for (index, cell) in cells.iter().enumerate() {
            let none = || {
                let hint = "dates are read as 2024-01-31, 31.1.2024, 1/31/2024, 31-Jan-2024, 1402/11/11, with or without 13:00";
                wrong(index, InputError::new("a date, a time or a number", format!("`{cell}`"), hint))
            };
            written.push(Written::read(cell, order).ok_or_else(none)?);
        }
        if names.len() > 1 {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            notes.push(format!("{} together are the time of a row (--time COLUMN takes one alone)", quoted.join(", ")));
        }
        let doubt = (!proven).then(|| doubt(&cells[0], order));
        notes.extend(one_clock(&mut written).map_err(|(index, e)| wrong(index, e))?);
        let mut stamps: Vec<Stamp> = written.into_iter().map(|written| written.stamp).collect();
        one_calendar(&mut stamps).map_err(|(index, e)| wrong(index, e))?;
        if stamps[0].calendar() == Calendar::SolarHijri {
            notes.push("dates are of the Solar Hijri calendar".into());
        }
        notes.extend(doubt);
        Ok((stamps, notes))
    }
}

/// That dates may be meant otherwise.
fn doubt(first: &str, order: DateOrder) -> String {
    let (name, other) = match order {
        DateOrder::DayFirst => ("day", "month-first"),
        DateOrder::YearFirst => ("year", "day-first"),
        _ => ("month", "day-first"),
    };
    let shown = Stamp::parse(first, order).map_or_else(String::new, |stamp| stamp.to_string());
    format!("dates are read {name} first, `{first}` as {shown} (--dates {other}, in recipes data.dates, turns them)")
}

/// Times that say how far from UTC they are: as they are written where all say the same, or where each is at the same time of its
/// day; else on the clock of the first.
fn one_clock(written: &mut [Written]) -> Result<Option<String>, (usize, InputError)> {
    let Some(some) = written.iter().find_map(|written| written.offset) else { return Ok(None) };
    if let Some(index) = written.iter().position(|written| written.offset.is_none()) {
        let hint = "write +03:30, +00:00 or Z after every time or after none";
        let got = format!("`{}`", written[index].stamp);
        return Err((index, InputError::new("an offset from UTC, as other rows have", got, hint)));
    }
    let time = |written: &Written| written.stamp.moment().map(|moment| moment.time());
    let put = written.iter().any(|written| written.offset != Some(some));
    if put && written.iter().all(|row| time(row) == time(&written[0])) {
        return Ok(None);
    }
    let first = written[0].offset.unwrap_or(some);
    let clock = Offset::from_seconds(first).ok();
    for row in written.iter_mut() {
        if let Stamp::Moment(moment, calendar, _) = row.stamp {
            let later = i64::from(first - row.offset.unwrap_or(first));
            // Only the very ends of time have no later.
            let moment = moment.saturating_add(jiff::SignedDuration::from_secs(later));
            row.stamp = Stamp::Moment(moment, calendar, clock);
        }
    }
    let note = |row: &Written| {
        format!("clocks were put forward or back: all times, those of forecasts too, are as in `{}`", row.stamp)
    };
    Ok(put.then(|| note(&written[0])))
}

/// Years of both calendars in one column are all of the Gregorian one, which is older.
fn one_calendar(stamps: &mut [Stamp]) -> Result<(), (usize, InputError)> {
    if stamps.iter().all(|stamp| stamp.calendar() == Calendar::SolarHijri) {
        return Ok(());
    }
    for (index, stamp) in stamps.iter_mut().enumerate().filter(|(_, stamp)| stamp.calendar() == Calendar::SolarHijri) {
        let none = || {
            let hint = "years from 1200 to 1499 are of the Solar Hijri calendar only where all of a column are";
            (index, InputError::new("a date of one calendar", stamp.to_string(), hint))
        };
        *stamp = stamp.gregorian().ok_or_else(none)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Columns, Table};
    use super::*;

    #[test]
    fn the_order_of_day_and_month_is_found_in_the_column() {
        let find = |cells: &[&str]| DateOrder::find(cells.iter().copied());
        use DateOrder::{DayFirst, MonthFirst};
        assert_eq!(find(&["1/2/2024", "31/1/2024"]), (DayFirst, true));
        assert_eq!(find(&["1/2/2024", "1/31/2024"]), (MonthFirst, true));
        assert_eq!(find(&["2024-02-01", "2024-02-02"]), (MonthFirst, true));
        // With points the day is first whatever is found.
        assert_eq!(find(&["1.2.2024 10:00", "2.2.2024 10:00"]), (MonthFirst, true));
        assert_eq!(Stamp::parse("1.2.2024", MonthFirst), Stamp::parse("2024-02-01", MonthFirst));
        // Months, which read month first would be days with leaps.
        let months: Vec<String> = (0..30).map(|k| format!("01/{:02}/{}", k % 12 + 1, 2020 + k / 12)).collect();
        let months: Vec<&str> = months.iter().map(String::as_str).collect();
        assert_eq!(find(&months), (DayFirst, false));
        assert_eq!(find(&["1/1/2024", "1/2/2024", "1/3/2024"]), (MonthFirst, false));
        assert_eq!(find(&["1700", "x", ""]), (MonthFirst, true));
        // Days up to 12 alone, in order.
        let days: Vec<String> = (0..24).map(|k| format!("{:02}/{:02}/2024", k % 12 + 1, k / 12 + 3)).collect();
        assert_eq!(find(&days.iter().map(String::as_str).collect::<Vec<_>>()), (DayFirst, false));
        let short: Vec<String> = (1..=27).map(|day| format!("23-01-{day:02}")).collect();
        let short: Vec<&str> = short.iter().map(String::as_str).collect();
        assert_eq!(find(&short), (DateOrder::YearFirst, false));
        assert_eq!(Stamp::parse(short[1], DateOrder::YearFirst).unwrap().to_string(), "2023-01-02");
        assert_eq!(find(&["95-01-31"]), (DateOrder::YearFirst, true));
    }

    /// The times of a table with one value a row, and its notes.
    fn times(text: &str) -> (Vec<String>, String) {
        let table = Table::parse(text, &Columns::default()).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(table.series.len(), 1, "{text}");
        (table.series[0].stamps.iter().map(Stamp::to_string).collect(), table.notes.join("; "))
    }

    #[test]
    fn columns_that_are_one_time_together() {
        let (shown, notes) = times("Date,Time,v\n31/01/2024,9:30 AM,1\n31/01/2024,1:30 PM,2\n");
        assert_eq!(shown, ["2024-01-31 09:30:00", "2024-01-31 13:30:00"]);
        assert_eq!(notes, "`Date`, `Time` together are the time of a row (--time COLUMN takes one alone)");
        assert_eq!(
            times("date,hour,v\n2024-01-31,23,1\n2024-01-31,24,2\n2024-02-01,1,2\n").0[1],
            "2024-02-01 00:00:00"
        );
        assert_eq!(times("year,month,v\n2024,1,1\n2024,2,2\n").0, ["2024-01", "2024-02"]);
        assert_eq!(times("Year,Month,Day,v\n2024,Jan,1\n".replace("1\n", "31,5\n").as_str()).0, ["2024-01-31"]);
        let (shown, _) = times("v,year,month,day,hour\n1,2024,1,31,0\n1,2024,1,31,1\n");
        assert_eq!(shown[1], "2024-01-31 01:00:00");
        // A time beside a date that has one, and hours that are measured, are values.
        let two = |text: &str| Table::parse(text, &Columns::default()).unwrap().series.len();
        assert_eq!(two("date,hour,v\n2024-01-30,8,1\n2024-01-31,8,2\n"), 2);
        assert_eq!(two("year,v,w\n1990,8,1\n1991,8,2\n"), 2);
        assert_eq!((two("t,v\n1,8\n2,9\n4,9\n"), two("t,v\n1,8\n2,9\n1.5,9\n")), (1, 2));
    }

    #[test]
    fn offsets_from_utc_are_kept_or_become_one() {
        let (shown, notes) =
            times("t,v\n2024-01-31T09:00+03:30,1\n2024-01-31T10:00+03:30,2\n".replace("t,", "time,").as_str());
        assert_eq!((shown[0].as_str(), notes.as_str()), ("2024-01-31 09:00:00+03:30", ""));
        assert_eq!(times("time,v\n2024-01-31T09:00Z,1\n2024-01-31T10:00Z,2\n").0[1], "2024-01-31 10:00:00+00:00");
        // The hour that is twice in autumn; midnights, which are days.
        let autumn = "time,v\n2024-10-27T01:00+02:00,1\n2024-10-27T02:00+02:00,1\n2024-10-27T02:00+01:00,2\n2024-10-27T03:00+01:00,2\n";
        let (shown, notes) = times(autumn);
        let expected = [1, 2, 3, 4].map(|hour| format!("2024-10-27 {hour:02}:00:00+02:00"));
        assert_eq!(shown, expected);
        assert!(notes.ends_with("those of forecasts too, are as in `2024-10-27 01:00:00+02:00`"), "{notes}");
        let days = "time,v\n2024-10-26T00:00+02:00,1\n2024-10-27T00:00+02:00,1\n2024-10-28T00:00+01:00,2\n";
        assert_eq!((times(days).0[2].as_str(), times(days).1.as_str()), ("2024-10-28 00:00:00", ""));
        let e = Table::parse("time,v\n2024-01-31T09:00Z,1\n2024-01-31T10:00,2\n", &Columns::default()).unwrap_err();
        let expected = "line 3: time: expected an offset from UTC, as other rows have, got `2024-01-31 10:00:00`";
        assert_eq!(e.to_string(), expected);
    }
}
