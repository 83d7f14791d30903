//! Weeks that are not worked through: days without weekends, hours without nights.

use super::stamp::Stamp;
use jiff::civil::{DateTime, Time, Weekday};
use jiff::{Span, ToSpan};
use std::fmt;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// The times of a week that have rows: on these days, from the first time to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Days of the week, the lowest bit Monday.
    days: u8,
    /// The first time of a day and the last, seconds after midnight.
    first: i64,
    last: i64,
    /// Seconds between them; a day where a day has one row.
    by: i64,
}

/// Seconds after midnight.
fn seconds(moment: DateTime) -> i64 {
    i64::from(moment.hour()) * 3600 + i64::from(moment.minute()) * 60 + i64::from(moment.second())
}

/// Of these counts those that are at least half as large as the largest, and at least 2; none if others are more than a tenth.
fn frequent(counts: &[usize]) -> Option<Vec<usize>> {
    let most = *counts.iter().max()?;
    let is_frequent = |place: &usize| 2 * counts[*place] >= most.max(4);
    let (frequent, others) = (0..counts.len()).partition::<Vec<usize>, _>(is_frequent);
    (!frequent.is_empty() && others.iter().all(|&place| 10 * counts[place] <= most)).then_some(frequent)
}

impl Session {
    /// The week of these rows, which mostly are `by` seconds apart, if it is always the same and not worked through.
    pub(super) fn find<'a>(groups: impl Iterator<Item = &'a [Stamp]> + Clone, by: i64) -> Option<Self> {
        if by < 60 || DAY % by.min(DAY) != 0 {
            return None;
        }
        let by = by.min(DAY);
        let (mut of_week, mut of_day) = ([0; 7], vec![0; (DAY / by) as usize]);
        let offset = seconds(groups.clone().flatten().next()?.moment()?) % by;
        for stamp in groups.clone().flatten() {
            let moment = stamp.moment()?;
            if seconds(moment) % by != offset {
                return None;
            }
            of_week[moment.weekday().to_monday_zero_offset() as usize] += 1;
            of_day[(seconds(moment) / by) as usize] += 1;
        }
        let (days, times) = (frequent(&of_week)?, frequent(&of_day)?);
        let (first, last) = (times[0], times[times.len() - 1]);
        let whole = days.len() == 7 && times.len() == of_day.len();
        if whole || days.len() * times.len() < 2 || last - first + 1 != times.len() {
            return None;
        }
        let session = Self {
            days: days.iter().fold(0, |all, day| all | 1 << day),
            first: first as i64 * by + offset,
            last: last as i64 * by + offset,
            by,
        };
        // Rows left out at random have no such week: nearly all come a step after the one before.
        let mut pairs = (0, 0);
        for pair in groups.flat_map(|group| group.windows(2)) {
            let next = session.next(pair[0].moment()?)?;
            pairs = (pairs.0 + usize::from(Some(next) == pair[1].moment()), pairs.1 + 1);
        }
        (5 * pairs.0 >= 4 * pairs.1).then_some(session)
    }

    /// Rows of a day.
    fn times(self) -> i64 {
        (self.last - self.first) / self.by + 1
    }

    /// How many rows make a season: those of a day; where a day has one, those of a week.
    pub(super) fn season(self) -> usize {
        if self.times() > 1 { self.times() as usize } else { self.days.count_ones() as usize }
    }

    fn works_on(self, weekday: Weekday) -> bool {
        self.days >> weekday.to_monday_zero_offset() & 1 == 1
    }

    /// The next time that has a row.
    pub(super) fn next(self, moment: DateTime) -> Option<DateTime> {
        let now = seconds(moment);
        if self.works_on(moment.weekday()) && now < self.last {
            let later = if now < self.first { self.first - now } else { self.by };
            return moment.checked_add(Span::new().try_seconds(later).ok()?).ok();
        }
        let mut date = moment.date();
        loop {
            date = date.checked_add(1.day()).ok()?;
            if self.works_on(date.weekday()) {
                return date.to_datetime(Time::midnight()).checked_add(Span::new().try_seconds(self.first).ok()?).ok();
            }
        }
    }

    /// Rows from one moment to a later one; whatever has a row is at least one after another.
    pub(super) fn between(self, before: DateTime, after: DateTime) -> f64 {
        let place = |m: DateTime| (seconds(m) - self.first).div_euclid(self.by).clamp(0, self.times() - 1);
        let midnight = |m: DateTime| m.date().to_datetime(Time::midnight());
        let days = Stamp::seconds_between(midnight(before), midnight(after)) / DAY as f64;
        // Whole weeks, then the rest day by day.
        let mut worked = (days / 7.0).floor() * f64::from(self.days.count_ones());
        let mut weekday = before.weekday();
        for _ in 0..(days % 7.0) as usize {
            weekday = weekday.next();
            worked += f64::from(u8::from(self.works_on(weekday)));
        }
        (worked * self.times() as f64 + (place(after) - place(before)) as f64).max(1.0)
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let names: Vec<&str> = (0..7).filter(|day| self.days >> day & 1 == 1).map(|day| names[day]).collect();
        let clock = |seconds: i64| format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
        match self.times() {
            1 => write!(f, "a day of {}", names.join(", ")),
            _ => {
                let step = super::step::Step::Seconds(self.by);
                write!(f, "{step} from {} to {} on {}", clock(self.first), clock(self.last), names.join(", "))
            }
        }
    }
}
