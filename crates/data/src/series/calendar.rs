//! The calendars that dates are written in.

use calendrical_calculations::persian::{fast_persian_from_fixed, fixed_from_fast_persian};
use calendrical_calculations::rata_die::RataDie;
use jiff::civil::Date;
use jiff::{Span, Unit};
use std::ops::RangeInclusive;

/// Years that are of the Solar Hijri calendar: 1821 to 2121. Nobody has measured by the day in Gregorian years of these numbers.
const SOLAR_YEARS: RangeInclusive<i16> = 1200..=1499;

/// Which calendar a date is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calendar {
    /// 2024-05-17
    Gregorian,
    /// 1403-02-28: Iran's and Afghanistan's, whose leap years follow the 33-year rule.
    SolarHijri,
}

/// Days from the first of January of the year 1, which is day 1.
fn number(date: Date) -> Option<i64> {
    let first = Date::new(1, 1, 1).ok()?;
    let span = date.since((Unit::Day, first)).ok()?;
    Some(i64::from(span.get_days()) + 1)
}

fn date(number: RataDie) -> Option<Date> {
    Date::new(1, 1, 1).ok()?.checked_add(Span::new().try_days(number.to_i64_date() - 1).ok()?).ok()
}

impl Calendar {
    /// The day of these numbers, if there is one, and its calendar, which the year tells.
    pub(super) fn read(year: i16, month: i16, day: i16) -> Option<(Date, Self)> {
        let (short_month, short_day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        if !SOLAR_YEARS.contains(&year) {
            return Some((Date::new(year, short_month, short_day).ok()?, Self::Gregorian));
        }
        let exists = (1..=12).contains(&month)
            && (1..=i16::from(Self::SolarHijri.days_in_month(year.into(), month as u8))).contains(&day);
        let day = exists.then(|| fixed_from_fast_persian(year.into(), month as u8, day as u8))?;
        Some((date(day)?, Self::SolarHijri))
    }

    /// Year, month and day of a date.
    pub(super) fn parts(self, of: Date) -> (i32, u8, u8) {
        let gregorian = (of.year().into(), of.month() as u8, of.day() as u8);
        match self {
            Self::Gregorian => gregorian,
            Self::SolarHijri => {
                let solar = number(of).and_then(|day| fast_persian_from_fixed(RataDie::new(day)).ok());
                solar.unwrap_or(gregorian)
            }
        }
    }

    /// This day of another month, or its last.
    pub(super) fn add_months(self, to: Date, months: i64, day: u8) -> Option<Date> {
        let (year, month, _) = self.parts(to);
        let all = (i64::from(year) * 12 + i64::from(month) - 1).checked_add(months)?;
        let (later_year, later_month) = (i32::try_from(all.div_euclid(12)).ok()?, (all.rem_euclid(12) + 1) as u8);
        let last = match self {
            Self::Gregorian => Date::new(later_year.try_into().ok()?, later_month as i8, 1).ok()?.days_in_month() as u8,
            Self::SolarHijri => self.days_in_month(later_year, later_month),
        };
        let day = day.min(last);
        match self {
            Self::Gregorian => Date::new(later_year.try_into().ok()?, later_month as i8, day as i8).ok(),
            Self::SolarHijri => date(fixed_from_fast_persian(later_year, later_month, day)),
        }
    }

    /// Of the Solar Hijri calendar.
    fn days_in_month(self, year: i32, month: u8) -> u8 {
        let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        (fixed_from_fast_persian(next.0, next.1, 1) - fixed_from_fast_persian(year, month, 1)) as u8
    }
}

/// The digits 0 to 9 in place of Persian and Arabic ones, and their signs between whole and fraction, and between thousands.
pub(super) fn latin_digits(text: &str) -> String {
    let latin = |c: char| match c {
        '۰'..='۹' => Some((b'0' + (c as u32 - '۰' as u32) as u8).into()),
        '٠'..='٩' => Some((b'0' + (c as u32 - '٠' as u32) as u8).into()),
        '٫' => Some('.'),
        '٬' => None,
        c => Some(c),
    };
    text.chars().filter_map(latin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solar_days_are_those_of_the_almanac() {
        // The first day of these years, and a leap day.
        for ((year, month, day), gregorian) in [
            ((1357, 11, 22), "1979-02-11"),
            ((1399, 12, 30), "2021-03-20"),
            ((1400, 1, 1), "2021-03-21"),
            ((1402, 2, 31), "2023-05-21"),
            ((1403, 1, 1), "2024-03-20"),
            ((1403, 12, 30), "2025-03-20"),
            ((1404, 7, 1), "2025-09-23"),
        ] {
            let (date, calendar) = Calendar::read(year, month, day).unwrap();
            assert_eq!((date.to_string().as_str(), calendar), (gregorian, Calendar::SolarHijri));
            assert_eq!(calendar.parts(date), (year.into(), month as u8, day as u8));
        }
        for none in [(1402, 12, 30), (1402, 7, 31), (1402, 13, 1), (1402, 0, 1), (1402, 1, 0), (2024, 2, 30)] {
            assert_eq!(Calendar::read(none.0, none.1, none.2), None, "{none:?}");
        }
        assert_eq!(Calendar::read(1970, 1, 31).unwrap().1, Calendar::Gregorian);
    }

    #[test]
    fn months_are_added_in_their_calendar() {
        let later = |(year, month, date_day), months, day| {
            let (date, calendar) = Calendar::read(year, month, date_day).unwrap();
            calendar.add_months(date, months, day).map(|date| calendar.parts(date)).unwrap()
        };
        assert_eq!(later((1402, 11, 5), 3, 5), (1403, 2, 5));
        assert_eq!(later((1402, 6, 31), 1, 31), (1402, 7, 30));
        assert_eq!(later((1402, 12, 29), 12, 31), (1403, 12, 30));
        assert_eq!(later((1402, 1, 31), 6, 31), (1402, 7, 30));
        assert_eq!(later((2016, 1, 31), 1, 31), (2016, 2, 29));
        assert_eq!(later((2016, 2, 29), 2, 30), (2016, 4, 30));
        assert_eq!(later((2016, 1, 30), 13, 28), (2017, 2, 28));
    }

    #[test]
    fn digits_become_latin() {
        assert_eq!(latin_digits("۱۴۰۲/۰۵/٣١ ۱٬۲۳۴٫۵ x"), "1402/05/31 1234.5 x");
    }
}
