//! When a row was: dates, times, or plain numbers such as years.

use super::calendar::{Calendar, latin_digits};
use super::step::Step;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// When a row was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stamp {
    /// A day.
    Day(Date, Calendar),
    /// A day and a time of it.
    Moment(DateTime, Calendar),
    /// A number: a year, a count.
    Number(f64),
}

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
    pub(super) fn find<'a>(cells: impl Iterator<Item = &'a str>) -> (Self, bool) {
        // Dates that do not say by themselves what comes first.
        let doubtful = |cell: &String| {
            let date = cell.trim().split(['T', ' ']).next().unwrap_or("");
            let three = numbers(date).is_some_and(|(parts, numbers)| numbers.len() == 3 && parts[0].len() < 4);
            three && !date.contains('.')
        };
        let cells: Vec<String> = cells.map(latin_digits).filter(doubtful).collect();
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

/// The three (or two) numbers of a date, and how they are written.
fn numbers(date: &str) -> Option<(Vec<&str>, Vec<i16>)> {
    let separator = ['-', '/', '.'].into_iter().find(|c| date.contains(*c))?;
    let parts: Vec<&str> = date.split(separator).collect();
    let numbers = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
    Some((parts, numbers))
}

/// A year of four digits, or of two as POSIX reads them: 69 to 99 are of the last century.
fn century(year: &str) -> Option<i16> {
    match (year.len(), year.parse::<i16>().ok()?) {
        (4, year) => Some(year),
        (2, year) => Some(if year < 69 { 2000 + year } else { 1900 + year }),
        _ => None,
    }
}

impl Stamp {
    /// `2016-07-01 13:00:00`, `2016-07-01T13:00`, `1990/1/2 0:00`, `2.1.1990` (day first), `1/31/1990` or `31-1-1990` (as `order`
    /// says), `31.1.90`, `1990-01`, `1/1990`, `1700`; also in Persian digits, and of the Solar Hijri calendar, `1402/05/17`.
    pub fn parse(text: &str, order: DateOrder) -> Option<Self> {
        let text = latin_digits(text.trim());
        if let Ok(number) = text.parse::<f64>() {
            return number.is_finite().then_some(Self::Number(number));
        }
        let (date, time) = match text.split_once(['T', ' ']) {
            Some((date, time)) => (date, Some(time.trim().trim_end_matches('Z'))),
            None => (text.as_str(), None),
        };
        let (parts, numbers) = numbers(date)?;
        let year_first = parts[0].len() == 4;
        let day_first = order == DateOrder::DayFirst || date.contains('.');
        let (year, month, day) = match (numbers.len(), year_first) {
            (2, true) => (numbers[0], numbers[1], 1),
            (3, true) => (numbers[0], numbers[1], numbers[2]),
            (3, false) if order == DateOrder::YearFirst && !date.contains('.') => {
                (century(parts[0]).filter(|_| parts[2].len() < 3)?, numbers[1], numbers[2])
            }
            (3, false) if day_first => (century(parts[2])?, numbers[1], numbers[0]),
            (3, false) => (century(parts[2])?, numbers[0], numbers[1]),
            (2, false) if parts[1].len() == 4 => (numbers[1], numbers[0], 1),
            _ => return None,
        };
        let (date, calendar) = Calendar::read(year, month, day)?;
        let Some(time) = time else { return Some(Self::Day(date, calendar)) };
        // Seconds have fractions that no step is made of.
        let time = time.split_once('.').map_or(time, |(whole, _)| whole);
        let parts: Vec<i8> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let [hour, minute, second] = match parts[..] {
            [hour, minute] => [hour, minute, 0],
            [hour, minute, second] => [hour, minute, second],
            _ => return None,
        };
        Some(Self::Moment(DateTime::from_parts(date, Time::new(hour, minute, second, 0).ok()?), calendar))
    }

    /// `2023-10-27` of `20231027`.
    pub(super) fn compact(text: &str) -> Option<String> {
        let text = latin_digits(text.trim());
        let date = (text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]))?;
        let year: i16 = text[..4].parse().ok()?;
        Self::parse(&date, DateOrder::Auto).filter(|_| (1200..2200).contains(&year)).map(|_| date)
    }

    /// The same numbers in the Gregorian calendar, if they are a day there.
    pub(super) fn gregorian(&self) -> Option<Self> {
        let same = |date: Date, calendar: Calendar| {
            let (year, month, day) = calendar.parts(date);
            Date::new(year.try_into().ok()?, month as i8, day as i8).ok()
        };
        match *self {
            Self::Number(_) => Some(*self),
            Self::Day(date, calendar) => Some(Self::Day(same(date, calendar)?, Calendar::Gregorian)),
            Self::Moment(moment, calendar) => {
                let date = same(moment.date(), calendar)?;
                Some(Self::Moment(DateTime::from_parts(date, moment.time()), Calendar::Gregorian))
            }
        }
    }

    /// Whether a text is a date, in whatever order.
    pub(super) fn dated(text: &str) -> bool {
        let date = |order| Self::parse(text, order).is_some_and(|stamp| stamp.moment().is_some());
        date(DateOrder::DayFirst) || date(DateOrder::MonthFirst)
    }

    /// As a moment, if it is one.
    pub fn moment(&self) -> Option<DateTime> {
        match self {
            Self::Day(date, _) => Some(DateTime::from_parts(*date, Time::midnight())),
            Self::Moment(moment, _) => Some(*moment),
            Self::Number(_) => None,
        }
    }

    /// The calendar it is written in.
    pub fn calendar(&self) -> Calendar {
        match self {
            Self::Day(_, calendar) | Self::Moment(_, calendar) => *calendar,
            Self::Number(_) => Calendar::Gregorian,
        }
    }

    /// Which of the two was before.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Number(_), _) => Ordering::Less,
            (_, Self::Number(_)) => Ordering::Greater,
            (a, b) => a.moment().cmp(&b.moment()),
        }
    }

    /// Where in the day, the week and the year it is: sine and cosine of each.
    pub fn phases(&self) -> [f64; 6] {
        let Some(m) = self.moment() else { return [0.0; 6] };
        let day = (f64::from(m.hour()) + f64::from(m.minute()) / 60.0) / 24.0;
        let week = f64::from(m.weekday().to_monday_zero_offset()) / 7.0;
        let year = (f64::from(m.day_of_year()) - 1.0) / 365.25;
        let turn = |share: f64| (share * std::f64::consts::TAU).sin_cos();
        let [(a, b), (c, d), (e, f)] = [day, week, year].map(turn);
        [a, b, c, d, e, f]
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Day(date, calendar) => {
                let (year, month, day) = calendar.parts(*date);
                write!(f, "{year:04}-{month:02}-{day:02}")
            }
            Self::Moment(m, calendar) => {
                write!(f, "{} {:02}:{:02}:{:02}", Self::Day(m.date(), *calendar), m.hour(), m.minute(), m.second())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Stamp {
        Stamp::parse(text, DateOrder::Auto).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_world_s_ways_to_write_a_day_are_read() {
        for (text, shown) in [
            ("2016-07-01 13:00:00", "2016-07-01 13:00:00"),
            ("2016-07-01T13:00", "2016-07-01 13:00:00"),
            ("2016-07-01T13:00:05.25Z", "2016-07-01 13:00:05"),
            ("1990/1/2 0:00", "1990-01-02 00:00:00"),
            ("1/31/1990", "1990-01-31"),
            ("31.1.1990", "1990-01-31"),
            ("31.1.90", "1990-01-31"),
            ("1/31/24", "2024-01-31"),
            ("2/1990", "1990-02-01"),
            ("1990-02", "1990-02-01"),
            ("1700.0", "1700"),
            ("۱۴۰۲/۰۵/۱۷", "1402-05-17"),
            ("1402-02-31 13:00", "1402-02-31 13:00:00"),
            ("1403-07", "1403-07-01"),
            ("17.5.1402", "1402-05-17"),
        ] {
            assert_eq!(stamp(text).to_string(), shown);
        }
        for wrong in [
            "",
            "yesterday",
            "31/1/1990",
            "2016-13-01",
            "2016-07-01 25:00",
            "1990-1-2-3",
            "1/2/024",
            "1402/12/30",
            "inf",
        ] {
            assert!(Stamp::parse(wrong, DateOrder::Auto).is_none(), "{wrong}");
        }
        let day_first = Stamp::parse("2/1/1990 12:00", DateOrder::DayFirst).unwrap();
        assert_eq!(day_first.to_string(), "1990-01-02 12:00:00");
        assert!(stamp("2016-02-28").order(&stamp("2016-02-28 00:01")) == Ordering::Less);
    }

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
        assert_eq!(Stamp::compact("20231027").as_deref(), Some("2023-10-27"));
        assert_eq!(Stamp::compact("20231327"), None);
    }

    #[test]
    fn the_calendar_turns() {
        let [a, b, c, d, ..] = stamp("2024-01-01 06:00").phases();
        // A Monday, a quarter into the day.
        assert!((a - 1.0).abs() < 1e-12 && b.abs() < 1e-12 && c.abs() < 1e-12 && (d - 1.0).abs() < 1e-12);
        assert_eq!(stamp("1700").phases(), [0.0; 6]);
    }
}
