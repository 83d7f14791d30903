//! Some days of every month: pay days, the thirds of a month.

use super::stamp::Stamp;
use jiff::ToSpan;
use jiff::civil::DateTime;
use std::fmt;

/// The days of a month that have rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthDays {
    /// The lowest bit is the first. At most one is beyond the 27th: shorter months have their last in its place.
    days: u32,
}

/// Beyond it a day may be the last of a month.
const SHORTEST: u8 = 28;

impl MonthDays {
    /// The days of these rows, if they are two to four, the same in all months, and at the same time of the day.
    pub(super) fn find<'a>(groups: impl Iterator<Item = &'a [Stamp]> + Clone) -> Option<Self> {
        let time = groups.clone().flatten().next()?.moment()?.time();
        let (mut days, mut late, mut latest) = (0u32, 0u32, true);
        for stamp in groups.clone().flatten() {
            let moment = stamp.moment().filter(|moment| moment.time() == time)?;
            let day_of = |moment: DateTime| stamp.calendar().parts(moment.date()).2;
            let day = day_of(moment);
            if day < SHORTEST {
                days |= 1 << (day - 1);
                continue;
            }
            late |= 1 << (day - 1);
            latest &= day_of(moment.checked_add(1.day()).ok()?) == 1;
        }
        // Where all late ones are the last of their months it is that; else the thirtieth, say, which February has not.
        if late > 0 {
            days |= if latest { 1 << 30 } else { 1 << late.ilog2() };
        }
        let found = Self { days };
        let mut pairs = (0, 0);
        for pair in groups.flat_map(|group| group.windows(2)) {
            pairs = (pairs.0 + usize::from(found.between(&pair[0], &pair[1]) == 1.0), pairs.1 + 1);
        }
        ((2..=4).contains(&days.count_ones()) && pairs.1 > 4 && 5 * pairs.0 >= 4 * pairs.1).then_some(found)
    }

    fn count(self) -> i64 {
        i64::from(self.days.count_ones())
    }

    /// The days, rising.
    fn list(self) -> impl Iterator<Item = u8> {
        (1..=31).filter(move |day| self.days >> (day - 1) & 1 == 1)
    }

    /// How many make a year.
    pub(super) fn season(self) -> usize {
        12 * self.count() as usize
    }

    /// Rows from the year 0 to this one.
    fn place(self, stamp: &Stamp) -> Option<i64> {
        let (year, month, day) = stamp.calendar().parts(stamp.moment()?.date());
        // The days of a month that are beyond its length are its last.
        let before =
            self.list().take_while(|listed| *listed < day && !(day >= SHORTEST && *listed >= SHORTEST)).count();
        Some((i64::from(year) * 12 + i64::from(month) - 1) * self.count() + before as i64)
    }

    /// Rows from one to a later one.
    pub(super) fn between(self, before: &Stamp, after: &Stamp) -> f64 {
        match (self.place(before), self.place(after)) {
            (Some(before), Some(after)) => (after - before) as f64,
            _ => f64::NAN,
        }
    }

    /// The moment so many rows later.
    pub(super) fn after(self, stamp: &Stamp, count: i64) -> Option<DateTime> {
        let (place, moment) = (self.place(stamp)?, stamp.moment()?);
        let later = place.checked_add(count)?;
        let months = later.div_euclid(self.count()) - place.div_euclid(self.count());
        let day = self.list().nth(later.rem_euclid(self.count()) as usize)?;
        Some(DateTime::from_parts(stamp.calendar().add_months(moment.date(), months, day)?, moment.time()))
    }
}

impl fmt::Display for MonthDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |day: u8| if day == 31 { "the last".to_string() } else { day.to_string() };
        let days: Vec<String> = self.list().map(name).collect();
        write!(f, "days {} of a month", days.join(", "))
    }
}
