//! What lies between two rows.

use super::time::Stamp;
use jiff::civil::{DateTime, Time, Weekday};
use jiff::{Span, Unit};
use std::fmt;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What lies between two rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// So many seconds.
    Seconds(i64),
    /// A day, of those of the week that are worked on.
    Weekdays(Weekdays),
    /// So many calendar months.
    Months(i32),
    /// A plain number.
    Number(f64),
}

/// Days of the week, the lowest bit Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekdays(u8);

impl Weekdays {
    /// How many they are.
    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    fn contains(self, weekday: Weekday) -> bool {
        self.0 >> weekday.to_monday_zero_offset() & 1 == 1
    }

    /// The days that rows are of, if those of a week are always the same: at least two, each there at least twice, and the others
    /// hardly ever.
    fn find<'a>(groups: impl Iterator<Item = &'a [Stamp]> + Clone) -> Option<Self> {
        let mut counts = [0usize; 7];
        for stamp in groups.clone().flatten() {
            counts[stamp.moment()?.weekday().to_monday_zero_offset() as usize] += 1;
        }
        let most = *counts.iter().max()?;
        let worked = |day: &usize| 2 * counts[*day] >= most.max(4);
        let days = Self((0..7).filter(worked).fold(0, |all, day| all | 1 << day));
        let others_are_rare = (0..7).filter(|day| !worked(day)).all(|day| 10 * counts[day] <= most);
        if !(2..7).contains(&days.count()) || !others_are_rare {
            return None;
        }
        // Rows left out at random have no such week: nearly all come a working day after the one before.
        let pairs = groups.flat_map(|group| group.windows(2));
        let next = pairs.clone().filter(|pair| pair[0].after(Step::Weekdays(days), 1) == pair[1]).count();
        (5 * next >= 4 * pairs.count()).then_some(days)
    }
}

impl Step {
    /// What most rows of these series, each in the order of time, are apart.
    pub(super) fn find<'a>(groups: impl Iterator<Item = &'a [Stamp]> + Clone) -> Self {
        let pairs = groups.clone().flat_map(|group| group.windows(2));
        let distances: Vec<f64> = pairs.clone().map(|pair| pair[1].since(&pair[0])).collect();
        let most = usual(&distances);
        if groups.clone().flatten().next().is_none_or(|stamp| stamp.moment().is_none()) {
            return Self::Number(most);
        }
        // A month is 28 days or more.
        let months: Option<Vec<f64>> =
            pairs.map(|pair| pair[1].months_since(&pair[0]).filter(|m| *m > 0).map(f64::from)).collect();
        if let Some(months) = months.filter(|months| !months.is_empty()) {
            return Self::Months(usual(&months) as i32);
        }
        let daily = distances.iter().all(|d| d % DAY as f64 == 0.0) && distances.iter().any(|d| *d != most);
        match Weekdays::find(groups) {
            Some(days) if daily => Self::Weekdays(days),
            _ => Self::Seconds((most as i64).max(1)),
        }
    }

    /// Steps from `before` to `after`.
    pub(super) fn between(self, before: &Stamp, after: &Stamp) -> f64 {
        match self {
            Self::Months(months) => after.months_since(before).map_or(f64::NAN, |m| f64::from(m) / f64::from(months)),
            Self::Weekdays(days) => {
                let whole = (after.since(before) / DAY as f64) as i64;
                // Whole weeks, then the rest day by day; a day that is not worked on is a step too, for it has a row.
                let rest = (whole % 7 * DAY) as f64;
                let mut steps = (whole / 7) as f64 * days.count() as f64;
                let mut stamp = *before;
                while stamp.since(before) < rest {
                    stamp = stamp.after(Self::Seconds(DAY), 1);
                    steps += f64::from(u8::from(stamp.moment().is_some_and(|m| days.contains(m.weekday()))));
                }
                steps.max(1.0)
            }
            Self::Seconds(seconds) => after.since(before) / seconds as f64,
            Self::Number(number) => after.since(before) / number,
        }
    }

    /// How many make a season by the calendar: the hours of a day, the days of a week, the months of a year; none where it has none.
    pub fn season(self) -> Option<usize> {
        match self {
            Self::Seconds(3600) => Some(24),
            Self::Seconds(DAY) => Some(7),
            Self::Seconds(s) if s < 3600 && DAY % s == 0 => Some((DAY / s) as usize),
            Self::Weekdays(days) => Some(days.count()),
            Self::Months(months) if months < 12 && 12 % months == 0 => Some((12 / months) as usize),
            _ => None,
        }
    }
}

/// The value that is there most often, if it is every fourth; the median else; 1 where there is none.
fn usual(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let most = sorted.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len());
    let frequent = most.filter(|chunk| 4 * chunk.len() >= values.len()).map(|chunk| chunk[0]);
    frequent.or_else(|| sorted.get(sorted.len() / 2).copied()).unwrap_or(1.0)
}

impl Stamp {
    /// So many steps later.
    pub fn after(&self, step: Step, count: usize) -> Self {
        let count = count as i64;
        let later = |moment: DateTime| match step {
            Step::Seconds(seconds) => {
                moment.checked_add(Span::new().try_seconds(seconds.checked_mul(count)?).ok()?).ok()
            }
            Step::Weekdays(days) => {
                let weeks = count / days.count() as i64;
                let mut moment = moment.checked_add(Span::new().try_weeks(weeks).ok()?).ok()?;
                let mut left = count % days.count() as i64;
                while left > 0 {
                    moment = moment.checked_add(Span::new().days(1)).ok()?;
                    left -= i64::from(days.contains(moment.weekday()));
                }
                Some(moment)
            }
            Step::Months(months) => {
                let date = self.calendar().add_months(moment.date(), i64::from(months).checked_mul(count)?)?;
                Some(DateTime::from_parts(date, moment.time()))
            }
            Step::Number(_) => None,
        };
        match self {
            Self::Number(number) => match step {
                Step::Number(by) => Self::Number(number + by * count as f64),
                _ => Self::Number(number + count as f64),
            },
            Self::Day(date, calendar) => later(date.to_datetime(Time::midnight())).map_or(*self, |m| match m.time() {
                time if time == Time::midnight() => Self::Day(m.date(), *calendar),
                _ => Self::Moment(m, *calendar),
            }),
            Self::Moment(moment, calendar) => later(*moment).map_or(*self, |m| Self::Moment(m, *calendar)),
        }
    }

    /// Whole seconds (of numbers: the number) from `before` to this.
    fn since(&self, before: &Self) -> f64 {
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
    fn months_since(&self, before: &Self) -> Option<i32> {
        let ((a, b), calendar) = ((self.moment()?, before.moment()?), self.calendar());
        let [(year, month, day), (year_before, month_before, day_before)] = [a, b].map(|m| calendar.parts(m.date()));
        let last = |m: DateTime| calendar.is_last_of_month(m.date());
        let same = a.time() == b.time() && (day == day_before || (last(a) && last(b)));
        same.then(|| (year - year_before) * 12 + i32::from(month) - i32::from(month_before))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = |f: &mut fmt::Formatter<'_>, n: i64, unit: &str| match n {
            1 => write!(f, "a {unit}"),
            n => write!(f, "{n} {unit}s"),
        };
        match *self {
            Self::Seconds(s) if s % (7 * DAY) == 0 => many(f, s / (7 * DAY), "week"),
            Self::Seconds(s) if s % DAY == 0 => many(f, s / DAY, "day"),
            Self::Seconds(s) if s % 3600 == 0 => match s / 3600 {
                1 => write!(f, "an hour"),
                n => write!(f, "{n} hours"),
            },
            Self::Seconds(s) if s % 60 == 0 => many(f, s / 60, "minute"),
            Self::Seconds(s) => many(f, s, "second"),
            Self::Weekdays(days) => {
                let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
                let names: Vec<&str> = (0..7).filter(|day| days.0 >> day & 1 == 1).map(|day| names[day]).collect();
                write!(f, "a day of {}", names.join(", "))
            }
            Self::Months(m) if m % 12 == 0 => many(f, i64::from(m / 12), "year"),
            Self::Months(m) => many(f, i64::from(m), "month"),
            Self::Number(n) => write!(f, "{n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::DateOrder;

    fn stamp(text: &str) -> Stamp {
        Stamp::parse(text, DateOrder::Auto).unwrap_or_else(|| panic!("{text}"))
    }

    fn found(stamps: &[Stamp]) -> Step {
        Step::find(std::iter::once(stamps))
    }

    /// The days of these weekdays (0 is Monday) from a Monday on.
    fn days(weekdays: &[u8], weeks: usize) -> Vec<Stamp> {
        let all = (0..7 * weeks).filter(|day| weekdays.contains(&((day % 7) as u8)));
        all.map(|day| stamp("2024-01-01").after(Step::Seconds(DAY), day)).collect()
    }

    #[test]
    fn steps_go_over_months_and_leap_years() {
        let later = |text: &str, step, count| stamp(text).after(step, count).to_string();
        assert_eq!(later("2016-01-31", Step::Months(1), 1), "2016-02-29");
        assert_eq!(later("2016-02-29", Step::Months(1), 2), "2016-04-30");
        assert_eq!(later("2016-02-28", Step::Seconds(DAY), 2), "2016-03-01");
        assert_eq!(later("2016-02-28 23:00", Step::Seconds(3600), 1), "2016-02-29 00:00:00");
        assert_eq!(later("2016-02-28", Step::Seconds(3600), 1), "2016-02-28 01:00:00");
        assert_eq!(later("1399-12-30", Step::Seconds(DAY), 1), "1400-01-01");
        assert_eq!(later("1402-06-31", Step::Months(1), 6), "1402-12-29");
        assert_eq!(later("1999", Step::Number(1.0), 3), "2002");
        assert_eq!(stamp("2016-03-01").since(&stamp("2016-02-28")), 2.0 * 86_400.0);
        assert_eq!(stamp("2016-02-29").months_since(&stamp("2015-12-31")), Some(2));
        assert_eq!(stamp("2016-02-28").months_since(&stamp("2015-12-31")), None);
        for (step, shown) in [
            (Step::Seconds(3600), "an hour"),
            (Step::Seconds(1209600), "2 weeks"),
            (Step::Seconds(90), "90 seconds"),
            (Step::Months(12), "a year"),
            (Step::Weekdays(Weekdays(0b11111)), "a day of Mon, Tue, Wed, Thu, Fri"),
        ] {
            assert_eq!(step.to_string(), shown);
        }
    }

    #[test]
    fn a_working_week_goes_on_without_its_weekends() {
        for weekdays in [&[0, 1, 2, 3, 4][..], &[0, 1, 2, 5, 6], &[0, 2, 4], &[0, 1, 2, 3, 4, 5], &[1, 3]] {
            let mut stamps = days(weekdays, 4);
            let step = found(&stamps);
            assert_eq!(step.season(), Some(weekdays.len()), "{weekdays:?}: {step}");
            // What comes is what the next weeks have; holidays change nothing.
            let more = days(weekdays, 7);
            for (k, later) in more[stamps.len()..].iter().enumerate() {
                assert_eq!(stamps.last().unwrap().after(step, k + 1), *later, "{weekdays:?}");
                assert_eq!(step.between(stamps.last().unwrap(), later), (k + 1) as f64, "{weekdays:?}");
            }
            stamps.remove(3);
            assert_eq!(found(&stamps), step);
        }
    }

    #[test]
    fn what_is_no_working_week_is_none() {
        let every = |by: i64, count: usize| -> Vec<Stamp> {
            (0..count).map(|k| stamp("2024-01-01").after(Step::Seconds(by * DAY), k)).collect()
        };
        for by in 1..=8 {
            assert_eq!(found(&every(by, 40)), Step::Seconds(by * DAY));
        }
        // A shop's days with rows missing here and there; one week; a day more often than the others.
        let holes = |k: &usize| k % 5 != 1 && k % 7 != 3;
        let shop: Vec<Stamp> =
            (0..60).filter(holes).map(|k| stamp("2024-01-01").after(Step::Seconds(DAY), k)).collect();
        assert_eq!(found(&shop), Step::Seconds(DAY));
        assert_eq!(found(&days(&[0, 1, 2, 3, 4], 1)), Step::Seconds(DAY));
        assert_eq!(found(&[]), Step::Number(1.0));
        assert_eq!(found(&[stamp("2024-01-01")]), Step::Seconds(1));
    }

    #[test]
    fn a_month_that_is_missing_leaves_months() {
        let months: Vec<Stamp> = [0, 1, 2, 4, 5].map(|k| stamp("2024-01-31").after(Step::Months(1), k)).to_vec();
        assert_eq!(found(&months), Step::Months(1));
        assert_eq!(found(&months).between(&months[2], &months[3]), 2.0);
        let solar: Vec<Stamp> = (1..=12).map(|month| stamp(&format!("1402/{month:02}/01"))).collect();
        assert_eq!(found(&solar), Step::Months(1));
        assert_eq!(Step::Months(3).season(), Some(4));
    }
}
