//! When a row was: dates, times, or plain numbers such as years.

use super::calendar::Calendar;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use std::cmp::Ordering;
use std::fmt;

/// When a row was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stamp {
    /// A month, by its first day.
    Month(Date, Calendar),
    /// A day.
    Day(Date, Calendar),
    /// A day and a time of it, on a clock that is so far ahead of UTC, if it was said.
    Moment(DateTime, Calendar, Option<Offset>),
    /// A number: a year, a count.
    Number(f64),
}

impl Stamp {
    /// The same numbers in the Gregorian calendar, if they are a day there.
    pub(super) fn gregorian(&self) -> Option<Self> {
        let same = |date: Date, calendar: Calendar| {
            let (year, month, day) = calendar.parts(date);
            Date::new(year.try_into().ok()?, month as i8, day as i8).ok()
        };
        match *self {
            Self::Number(_) => Some(*self),
            Self::Month(date, calendar) => Some(Self::Month(same(date, calendar)?, Calendar::Gregorian)),
            Self::Day(date, calendar) => Some(Self::Day(same(date, calendar)?, Calendar::Gregorian)),
            Self::Moment(moment, calendar, offset) => {
                let date = same(moment.date(), calendar)?;
                Some(Self::Moment(DateTime::from_parts(date, moment.time()), Calendar::Gregorian, offset))
            }
        }
    }

    /// As a moment, if it is one.
    pub fn moment(&self) -> Option<DateTime> {
        match self {
            Self::Month(date, _) | Self::Day(date, _) => Some(DateTime::from_parts(*date, Time::midnight())),
            Self::Moment(moment, ..) => Some(*moment),
            Self::Number(_) => None,
        }
    }

    /// The calendar it is written in.
    pub fn calendar(&self) -> Calendar {
        match self {
            Self::Month(_, calendar) | Self::Day(_, calendar) | Self::Moment(_, calendar, _) => *calendar,
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
            Self::Month(date, calendar) => {
                let (year, month, _) = calendar.parts(*date);
                write!(f, "{year:04}-{month:02}")
            }
            Self::Day(date, calendar) => {
                let (year, month, day) = calendar.parts(*date);
                write!(f, "{year:04}-{month:02}-{day:02}")
            }
            Self::Moment(m, calendar, offset) => {
                write!(f, "{} {:02}:{:02}:{:02}", Self::Day(m.date(), *calendar), m.hour(), m.minute(), m.second())?;
                let micros = m.subsec_nanosecond() / 1000;
                if micros > 0 {
                    write!(f, ".{}", format!("{micros:06}").trim_end_matches('0'))?;
                }
                offset.map_or(Ok(()), |offset| {
                    let (sign, size) = (if offset.is_negative() { '-' } else { '+' }, offset.seconds().abs());
                    write!(f, "{sign}{:02}:{:02}", size / 3600, size / 60 % 60)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::times::DateOrder;
    use super::*;

    #[test]
    fn the_calendar_turns() {
        let stamp = |text: &str| Stamp::parse(text, DateOrder::Auto).unwrap_or_else(|| panic!("{text}"));
        let [a, b, c, d, ..] = stamp("2024-01-01 06:00").phases();
        // A Monday, a quarter into the day.
        assert!((a - 1.0).abs() < 1e-12 && b.abs() < 1e-12 && c.abs() < 1e-12 && (d - 1.0).abs() < 1e-12);
        assert_eq!(stamp("1700").phases(), [0.0; 6]);
        assert!(stamp("2016-02-28").order(&stamp("2016-02-28 00:01")) == Ordering::Less);
    }
}
