//! When a row was: dates, times, or plain numbers such as years.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Unit};
use std::cmp::Ordering;
use std::fmt;

/// When a row was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stamp {
    /// A day.
    Day(Date),
    /// A day and a time of it.
    Moment(DateTime),
    /// A number: a year, a count.
    Number(f64),
}

/// What lies between two rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// So many seconds.
    Seconds(i64),
    /// So many calendar months.
    Months(i32),
    /// A plain number.
    Number(f64),
}

impl Stamp {
    /// `2016-07-01 13:00:00`, `2016-07-01T13:00`, `1990/1/2 0:00`, `2.1.1990` (day first), `1/31/1990` (month first), `1700`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(number) = text.parse::<f64>() {
            return number.is_finite().then_some(Self::Number(number));
        }
        let (date, time) = match text.split_once(['T', ' ']) {
            Some((date, time)) => (date, Some(time.trim().trim_end_matches('Z'))),
            None => (text, None),
        };
        let separator = ['-', '/', '.'].into_iter().find(|c| date.contains(*c))?;
        let parts: Vec<&str> = date.split(separator).collect();
        let numbers: Vec<i16> = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let year_first = parts[0].len() == 4;
        let (year, month, day) = match (numbers[..].len(), year_first, separator) {
            (2, true, _) => (numbers[0], numbers[1], 1),
            (3, true, _) => (numbers[0], numbers[1], numbers[2]),
            (3, false, '.') => (numbers[2], numbers[1], numbers[0]),
            (3, false, '/') => (numbers[2], numbers[0], numbers[1]),
            _ => return None,
        };
        let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        let Some(time) = time else { return Some(Self::Day(date)) };
        // Seconds have fractions that no step is made of.
        let time = time.split_once('.').map_or(time, |(whole, _)| whole);
        let parts: Vec<i8> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let [hour, minute, second] = match parts[..] {
            [hour, minute] => [hour, minute, 0],
            [hour, minute, second] => [hour, minute, second],
            _ => return None,
        };
        Some(Self::Moment(DateTime::from_parts(date, Time::new(hour, minute, second, 0).ok()?)))
    }

    /// As a moment, if it is one.
    pub fn moment(&self) -> Option<DateTime> {
        match self {
            Self::Day(date) => Some(DateTime::from_parts(*date, Time::midnight())),
            Self::Moment(moment) => Some(*moment),
            Self::Number(_) => None,
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

    /// Whole seconds (of numbers: the number) from `before` to this.
    pub(super) fn since(&self, before: &Self) -> f64 {
        match (self, before) {
            (Self::Number(a), Self::Number(b)) => a - b,
            (a, b) => match (a.moment(), b.moment()) {
                (Some(a), Some(b)) => {
                    a.since(b).and_then(|span| span.total((Unit::Second, b))).unwrap_or(f64::NAN).round()
                }
                _ => f64::NAN,
            },
        }
    }

    /// Calendar months from `before` to this, if it is the same day of the month.
    pub(super) fn months_since(&self, before: &Self) -> Option<i32> {
        let (a, b) = (self.moment()?, before.moment()?);
        let last = |d: DateTime| d.day() == d.days_in_month();
        let same = a.time() == b.time() && (a.day() == b.day() || (last(a) && last(b)));
        let month = |d: DateTime| i32::from(d.year()) * 12 + i32::from(d.month());
        same.then(|| month(a) - month(b))
    }

    /// So many steps later.
    pub fn after(&self, step: Step, count: usize) -> Self {
        let count = count as i64;
        let later = |moment: DateTime| match step {
            Step::Seconds(seconds) => {
                moment.checked_add(Span::new().try_seconds(seconds.checked_mul(count)?).ok()?).ok()
            }
            Step::Months(months) => {
                let months = i64::from(months).checked_mul(count)?;
                let end = moment.day() == moment.days_in_month();
                let later = moment.checked_add(Span::new().try_months(months).ok()?).ok()?;
                // Ends of months stay ends of months.
                if end { later.with().day(later.days_in_month()).build().ok() } else { Some(later) }
            }
            Step::Number(_) => None,
        };
        match self {
            Self::Number(number) => match step {
                Step::Number(by) => Self::Number(number + by * count as f64),
                _ => Self::Number(number + count as f64),
            },
            Self::Day(date) => later(date.to_datetime(Time::midnight())).map_or(*self, |m| match m.time() {
                time if time == Time::midnight() => Self::Day(m.date()),
                _ => Self::Moment(m),
            }),
            Self::Moment(moment) => later(*moment).map_or(*self, Self::Moment),
        }
    }

    /// Where in the day, the week and the year it is: sine and cosine of each.
    pub fn calendar(&self) -> [f64; 6] {
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
            Self::Day(date) => write!(f, "{date}"),
            Self::Moment(m) => write!(f, "{} {:02}:{:02}:{:02}", m.date(), m.hour(), m.minute(), m.second()),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = |f: &mut fmt::Formatter<'_>, n: i64, unit: &str| match n {
            1 => write!(f, "a {unit}"),
            n => write!(f, "{n} {unit}s"),
        };
        match *self {
            Self::Seconds(s) if s % 604_800 == 0 => many(f, s / 604_800, "week"),
            Self::Seconds(s) if s % 86_400 == 0 => many(f, s / 86_400, "day"),
            Self::Seconds(s) if s % 3600 == 0 => match s / 3600 {
                1 => write!(f, "an hour"),
                n => write!(f, "{n} hours"),
            },
            Self::Seconds(s) if s % 60 == 0 => many(f, s / 60, "minute"),
            Self::Seconds(s) => many(f, s, "second"),
            Self::Months(m) if m % 12 == 0 => many(f, i64::from(m / 12), "year"),
            Self::Months(m) => many(f, i64::from(m), "month"),
            Self::Number(n) => write!(f, "{n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Stamp {
        Stamp::parse(text).unwrap_or_else(|| panic!("{text}"))
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
            ("1990-02", "1990-02-01"),
            ("1700.0", "1700"),
        ] {
            assert_eq!(stamp(text).to_string(), shown);
        }
        for wrong in ["", "yesterday", "31/1/1990", "2016-13-01", "2016-07-01 25:00", "1990-1-2-3", "inf"] {
            assert!(Stamp::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn steps_go_over_months_and_leap_years() {
        let later = |text: &str, step, count| stamp(text).after(step, count).to_string();
        assert_eq!(later("2016-01-31", Step::Months(1), 1), "2016-02-29");
        assert_eq!(later("2016-02-29", Step::Months(1), 2), "2016-04-30");
        assert_eq!(later("2016-02-28", Step::Seconds(86_400), 2), "2016-03-01");
        assert_eq!(later("2016-02-28 23:00", Step::Seconds(3600), 1), "2016-02-29 00:00:00");
        assert_eq!(later("2016-02-28", Step::Seconds(3600), 1), "2016-02-28 01:00:00");
        assert_eq!(later("1999", Step::Number(1.0), 3), "2002");
        assert_eq!(stamp("2016-03-01").since(&stamp("2016-02-28")), 2.0 * 86_400.0);
        assert_eq!(stamp("2016-02-29").months_since(&stamp("2015-12-31")), Some(2));
        assert_eq!(stamp("2016-02-28").months_since(&stamp("2015-12-31")), None);
        assert!(stamp("2016-02-28").order(&stamp("2016-02-28 00:01")) == Ordering::Less);
        for (step, shown) in [
            (Step::Seconds(3600), "an hour"),
            (Step::Seconds(1209600), "2 weeks"),
            (Step::Seconds(90), "90 seconds"),
            (Step::Months(12), "a year"),
        ] {
            assert_eq!(step.to_string(), shown);
        }
    }

    #[test]
    fn the_calendar_turns() {
        let [a, b, c, d, ..] = stamp("2024-01-01 06:00").calendar();
        // A Monday, a quarter into the day.
        assert!((a - 1.0).abs() < 1e-12 && b.abs() < 1e-12 && c.abs() < 1e-12 && (d - 1.0).abs() < 1e-12);
        assert_eq!(stamp("1700").calendar(), [0.0; 6]);
    }
}
