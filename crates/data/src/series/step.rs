//! What lies between two rows.

use super::month_days::MonthDays;
use super::session::{DAY, Session};
use super::stamp::Stamp;
use jiff::civil::{DateTime, Time};
use jiff::{Span, Unit};
use std::fmt;

/// What lies between two rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// So many seconds.
    Seconds(i64),
    /// So many microseconds, no whole seconds.
    Micros(i64),
    /// To the next time of a week that is not worked through.
    Session(Session),
    /// To the next of some days of a month.
    MonthDays(MonthDays),
    /// So many calendar months, to this day of the month or its last.
    Months(i32, u8),
    /// A plain number.
    Number(f64),
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
            let day = |stamp: &Stamp| stamp.moment().map(|moment| stamp.calendar().parts(moment.date()).2);
            let day = groups.flatten().filter_map(day).max().unwrap_or(1);
            return Self::Months(usual(&months) as i32, day);
        }
        // Steps all alike go on alike.
        let of_month = MonthDays::find(groups.clone()).map(Self::MonthDays);
        let session = || of_month.or_else(|| Session::find(groups, most as i64).map(Self::Session));
        let uneven = distances.iter().any(|distance| *distance != most);
        let alike = match most {
            most if most.fract() == 0.0 => Self::Seconds((most as i64).max(1)),
            most => Self::Micros(((most * MICROS) as i64).max(1)),
        };
        uneven.then(session).flatten().unwrap_or(alike)
    }

    /// Steps from `before` to `after`.
    pub(super) fn between(self, before: &Stamp, after: &Stamp) -> f64 {
        match self {
            Self::Months(months, _) => {
                after.months_since(before).map_or(f64::NAN, |m| f64::from(m) / f64::from(months))
            }
            Self::MonthDays(days) => days.between(before, after),
            Self::Session(session) => match (before.moment(), after.moment()) {
                (Some(before), Some(after)) => session.between(before, after),
                _ => f64::NAN,
            },
            Self::Seconds(seconds) => after.since(before) / seconds as f64,
            Self::Micros(micros) => after.since(before) * MICROS / micros as f64,
            Self::Number(number) => after.since(before) / number,
        }
    }

    /// Whether a later row is whole steps after the one before it.
    pub(super) fn fits(self, before: &Stamp, after: &Stamp) -> bool {
        let count = self.between(before, after);
        count > 0.5 && (count - count.round()).abs() < 1e-4 * count
    }

    /// How many make a season by the calendar: the hours of a day, the days of a week, the months of a year; none where it has none.
    pub fn season(self) -> Option<usize> {
        match self {
            Self::Seconds(3600) => Some(24),
            Self::Seconds(DAY) => Some(7),
            Self::Seconds(s) if s < 3600 && DAY % s == 0 => Some((DAY / s) as usize),
            Self::Session(session) => Some(session.season()),
            Self::MonthDays(days) => Some(days.season()),
            Self::Months(months, _) if months < 12 && 12 % months == 0 => Some((12 / months) as usize),
            _ => None,
        }
    }
}

/// Microseconds of a second.
const MICROS: f64 = 1e6;

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
            Step::Micros(micros) => {
                moment.checked_add(Span::new().try_microseconds(micros.checked_mul(count)?).ok()?).ok()
            }
            Step::MonthDays(days) => days.after(self, count),
            Step::Session(session) => (0..count).try_fold(moment, |moment, _| session.next(moment)),
            Step::Months(months, day) => {
                let date = self.calendar().add_months(moment.date(), i64::from(months).checked_mul(count)?, day)?;
                Some(DateTime::from_parts(date, moment.time()))
            }
            Step::Number(_) => None,
        };
        match self {
            Self::Number(number) => match step {
                Step::Number(by) => Self::Number(number + by * count as f64),
                _ => Self::Number(number + count as f64),
            },
            Self::Month(date, calendar) => {
                later(date.to_datetime(Time::midnight())).map_or(*self, |m| match calendar.parts(m.date()).2 {
                    1 => Self::Month(m.date(), *calendar),
                    _ => Self::Day(m.date(), *calendar),
                })
            }
            Self::Day(date, calendar) => later(date.to_datetime(Time::midnight())).map_or(*self, |m| match m.time() {
                time if time == Time::midnight() => Self::Day(m.date(), *calendar),
                _ => Self::Moment(m, *calendar, None),
            }),
            Self::Moment(moment, calendar, offset) => {
                later(*moment).map_or(*self, |m| Self::Moment(m, *calendar, *offset))
            }
        }
    }

    /// Seconds (of numbers: the number) from `before` to this.
    pub(super) fn since(&self, before: &Self) -> f64 {
        match (self, before) {
            (Self::Number(a), Self::Number(b)) => a - b,
            (a, b) => match (a.moment(), b.moment()) {
                (Some(a), Some(b)) => Self::seconds_between(b, a),
                _ => f64::NAN,
            },
        }
    }

    pub(super) fn seconds_between(before: DateTime, after: DateTime) -> f64 {
        let micros = after.since(before).and_then(|span| span.total((Unit::Microsecond, before)));
        micros.map_or(f64::NAN, |micros| micros.round() / MICROS)
    }

    /// Calendar months from `before` to this, if it is the same day of the month, or both are near its end: of the last days, the
    /// last working days, and the thirtieths some are in short months.
    fn months_since(&self, before: &Self) -> Option<i32> {
        let ((a, b), calendar) = ((self.moment()?, before.moment()?), self.calendar());
        let [(year, month, day), (year_before, month_before, day_before)] = [a, b].map(|m| calendar.parts(m.date()));
        let same = a.time() == b.time() && (day == day_before || (day >= 26 && day_before >= 26));
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
            Self::Micros(m) if m % 1000 == 0 => many(f, m / 1000, "millisecond"),
            Self::Micros(m) => many(f, m, "microsecond"),
            Self::Session(session) => write!(f, "{session}"),
            Self::MonthDays(days) => write!(f, "{days}"),
            Self::Months(m, _) if m % 12 == 0 => many(f, i64::from(m / 12), "year"),
            Self::Months(m, _) => many(f, i64::from(m), "month"),
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
        assert_eq!(later("2016-01-31", Step::Months(1, 31), 1), "2016-02-29");
        assert_eq!(later("2016-02-29", Step::Months(1, 31), 2), "2016-04-30");
        assert_eq!(later("2016-02-28", Step::Seconds(DAY), 2), "2016-03-01");
        assert_eq!(later("2016-02-28 23:00", Step::Seconds(3600), 1), "2016-02-29 00:00:00");
        assert_eq!(later("2016-02-28", Step::Seconds(3600), 1), "2016-02-28 01:00:00");
        assert_eq!(later("1399-12-30", Step::Seconds(DAY), 1), "1400-01-01");
        assert_eq!(later("1402-06-31", Step::Months(1, 31), 6), "1402-12-29");
        assert_eq!(later("1999", Step::Number(1.0), 3), "2002");
        assert_eq!(stamp("2016-03-01").since(&stamp("2016-02-28")), 2.0 * 86_400.0);
        assert_eq!(stamp("2016-02-29").months_since(&stamp("2015-12-31")), Some(2));
        assert_eq!(stamp("2016-02-25").months_since(&stamp("2015-12-31")), None);
        // Months stay months.
        assert_eq!(stamp("2024-11").after(Step::Months(1, 1), 3).to_string(), "2025-02");
        assert_eq!(stamp("1403-11").after(Step::Months(3, 1), 1).to_string(), "1404-02");
        for (step, shown) in [
            (Step::Seconds(3600), "an hour"),
            (Step::Seconds(1209600), "2 weeks"),
            (Step::Seconds(90), "90 seconds"),
            (Step::Months(12, 1), "a year"),
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
        assert_eq!(found(&days(&[0, 1, 2, 3, 4], 3)).to_string(), "a day of Mon, Tue, Wed, Thu, Fri");
    }

    #[test]
    fn hours_go_on_the_next_morning() {
        // From nine to four, Monday to Friday; every hour of Monday to Friday; every half an hour of every day from eight to noon.
        for (weekdays, first, count, minutes) in
            [(&[0, 1, 2, 3, 4][..], 9, 8, 60), (&[0, 1, 2, 3, 4], 0, 24, 60), (&[0, 1, 2, 3, 4, 5, 6], 8, 9, 30)]
        {
            let times = |weeks| -> Vec<Stamp> {
                let of = |day: Stamp| (0..count).map(move |k| day.after(Step::Seconds(60), first * 60 + k * minutes));
                days(weekdays, weeks).into_iter().flat_map(of).collect()
            };
            let (stamps, more) = (times(3), times(5));
            let step = found(&stamps);
            assert_eq!(step.season(), Some(count), "{step}");
            for (k, later) in more[stamps.len()..].iter().enumerate() {
                assert_eq!(stamps.last().unwrap().after(step, k + 1).moment(), later.moment(), "{step}");
                assert_eq!(step.between(stamps.last().unwrap(), later), (k + 1) as f64, "{step}");
            }
        }
        let shown = found(
            &days(&[0, 1, 2], 4)
                .iter()
                .flat_map(|day| (9..12).map(|h| day.after(Step::Seconds(3600), h)))
                .collect::<Vec<_>>(),
        );
        assert_eq!(shown.to_string(), "an hour from 09:00 to 11:00 on Mon, Tue, Wed");
    }

    #[test]
    fn some_days_of_a_month_go_on_in_the_next() {
        for (days, shown, calendar_year) in [
            (&[1, 15][..], "days 1, 15 of a month", 2023),
            (&[15, 31], "days 15, the last of a month", 2023),
            (&[15, 30], "days 15, 30 of a month", 2023),
            (&[10, 20, 31], "days 10, 20, the last of a month", 1402),
        ] {
            let month = |k: i32| days.iter().map(move |day| (calendar_year + k / 12, k % 12 + 1, *day));
            let first = stamp(&format!("{calendar_year}-01-01"));
            let all: Vec<Stamp> = (0..18)
                .flat_map(month)
                .map(|(year, month, day)| first.after(Step::Months((year - calendar_year) * 12 + month - 1, day), 1))
                .collect();
            let step = found(&all[..8 * days.len()]);
            assert_eq!((step.to_string().as_str(), step.season()), (shown, Some(12 * days.len())));
            for (k, later) in all[8 * days.len()..].iter().enumerate() {
                assert_eq!(all[8 * days.len() - 1].after(step, k + 1), *later, "{shown}");
                assert_eq!(step.between(&all[8 * days.len() - 1], later), (k + 1) as f64, "{shown}");
            }
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
    fn sensors_are_read_between_seconds() {
        let stamps: Vec<Stamp> =
            (0..20).map(|k| stamp(&format!("2024-01-01 00:00:{:.2}", 0.25 * f64::from(k)))).collect();
        let step = found(&stamps);
        assert_eq!((step, step.to_string().as_str(), step.season()), (Step::Micros(250_000), "250 milliseconds", None));
        assert_eq!(stamps[19].after(step, 1).to_string(), "2024-01-01 00:00:05");
        assert_eq!(stamps[19].after(step, 2).to_string(), "2024-01-01 00:00:05.25");
        assert_eq!(step.between(&stamps[0], &stamps[19]), 19.0);
        assert!(step.fits(&stamps[0], &stamps[2]) && !step.fits(&stamps[0], &stamp("2024-01-01 00:00:00.3")));
    }

    #[test]
    fn a_month_that_is_missing_leaves_months() {
        let months: Vec<Stamp> = [0, 1, 2, 4, 5].map(|k| stamp("2024-01-31").after(Step::Months(1, 31), k)).to_vec();
        assert_eq!(found(&months), Step::Months(1, 31));
        assert_eq!(found(&months).between(&months[2], &months[3]), 2.0);
        let solar: Vec<Stamp> = (1..=12).map(|month| stamp(&format!("1402/{month:02}/01"))).collect();
        assert_eq!(found(&solar), Step::Months(1, 1));
        assert_eq!(Step::Months(3, 1).season(), Some(4));
        let of = |days: &[&str]| found(&days.iter().map(|day| stamp(day)).collect::<Vec<_>>());
        // The last working days; the thirtieths; the twenty-eighths, which are no ends.
        assert_eq!(of(&["2016-01-29", "2016-02-29", "2016-03-31", "2016-04-29"]), Step::Months(1, 31));
        assert_eq!(of(&["2015-01-30", "2015-02-28", "2015-03-30"]), Step::Months(1, 30));
        let step = of(&["2016-12-28", "2017-01-28", "2017-02-28"]);
        assert_eq!(stamp("2017-02-28").after(step, 1), stamp("2017-03-28"));
    }
}
