//! Days and times as people write them.

use super::calendar::{Calendar, latin_digits};
use super::stamp::Stamp;
use super::times::DateOrder;
use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use jiff::{Span, ToSpan};

/// The months' names, English and Persian, each in its calendar.
const MONTHS: [[&str; 2]; 12] = [
    ["january", "فروردین"],
    ["february", "اردیبهشت"],
    ["march", "خرداد"],
    ["april", "تیر"],
    ["may", "مرداد"],
    ["june", "شهریور"],
    ["july", "مهر"],
    ["august", "آبان"],
    ["september", "آذر"],
    ["october", "دی"],
    ["november", "بهمن"],
    ["december", "اسفند"],
];

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What a text says: when, and by how many seconds its clock is ahead of UTC, if it says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Written {
    pub stamp: Stamp,
    pub offset: Option<i32>,
}

impl Stamp {
    /// `2016-07-01 13:00:00`, `2016-07-01T13:00Z`, `1990/1/2 1:00 PM`, `2.1.1990` (day first), `1/31/1990` or `31-1-1990` (as `order`
    /// says), `31.1.90`, `1990-01`, `1/1990`, `31-Jan-1990`, `Jan 1990`, `1990Q1`, `1990-W05`, `1700`; also in Persian digits, and of
    /// the Solar Hijri calendar, `1402/05/17`.
    pub fn parse(text: &str, order: DateOrder) -> Option<Self> {
        Written::read(text, order).map(|written| written.stamp)
    }

    /// `2023-10-27` of `20231027`.
    pub(super) fn compact(text: &str) -> Option<String> {
        let text = latin_digits(text.trim());
        let date = (text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]))?;
        let year: i16 = text[..4].parse().ok()?;
        Self::parse(&date, DateOrder::Auto).filter(|_| (1200..2200).contains(&year)).map(|_| date)
    }

    /// Whether a text is a date, in whatever order.
    pub(super) fn dated(text: &str) -> bool {
        let date = |order| Self::parse(text, order).is_some_and(|stamp| stamp.moment().is_some());
        date(DateOrder::DayFirst) || date(DateOrder::MonthFirst)
    }
}

impl Written {
    pub fn read(text: &str, order: DateOrder) -> Option<Self> {
        let text = latin_digits(text.trim());
        if let Ok(number) = text.parse::<f64>() {
            return number.is_finite().then_some(Self { stamp: Stamp::Number(number), offset: None });
        }
        let (Said { date, calendar, month }, time) = match spelled(&text) {
            Some(found) => found,
            None => {
                let (date, time) = text.split_once(['T', ' ']).unwrap_or((&text, ""));
                (day(date, order)?, time)
            }
        };
        if time.trim().is_empty() {
            let stamp = if month { Stamp::Month(date, calendar) } else { Stamp::Day(date, calendar) };
            return Some(Self { stamp, offset: None });
        }
        let (clock, offset) = zone(time)?;
        Some(Self { stamp: Stamp::Moment(moment(date, clock)?, calendar, None), offset })
    }
}

/// A day, or a month by its first.
struct Said {
    date: Date,
    calendar: Calendar,
    month: bool,
}

impl Said {
    fn day((date, calendar): (Date, Calendar)) -> Self {
        Self { date, calendar, month: false }
    }
}

/// The three (or two) numbers of a date, and how they are written.
pub(super) fn numbers(date: &str) -> Option<(Vec<&str>, Vec<i16>)> {
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

/// A day in numbers, or a month.
fn day(date: &str, order: DateOrder) -> Option<Said> {
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
    let said = Said::day(Calendar::read(year, month, day)?);
    Some(Said { month: numbers.len() == 2, ..said })
}

/// Runs of letters and of digits, each with where it ends; without those of a time.
fn words(text: &str) -> Vec<(&str, usize)> {
    let mut words = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        if !first.is_alphanumeric() {
            continue;
        }
        let mut end = start + first.len_utf8();
        while let Some((at, c)) =
            rest.next_if(|(_, c)| c.is_alphanumeric() && c.is_ascii_digit() == first.is_ascii_digit())
        {
            end = at + c.len_utf8();
        }
        if text[end..].starts_with(':') {
            break;
        }
        words.push((&text[start..end], end));
    }
    words
}

/// A day or a month with the month's name, a quarter's or a week's first day; and what comes after it.
fn spelled(text: &str) -> Option<(Said, &str)> {
    let short = |word: &str, name: &str| word.chars().count() > 2 && name.starts_with(word);
    let month = |word: &str| {
        let word = word.to_lowercase();
        let is = |[english, persian]: &[&str; 2]| {
            short(&word, english) || word == *persian || word == "sept" && *english == "september"
        };
        MONTHS.iter().position(is).map(|month| month as i16 + 1)
    };
    let all = words(text);
    let named = |word: &str| WEEKDAYS.iter().any(|name| short(&word.to_lowercase(), name));
    let skipped = usize::from(all.first().is_some_and(|(word, _)| named(word)));
    let parts: Vec<&str> = all[skipped..].iter().take(4).map(|(word, _)| *word).collect();
    let after = |count: usize| &text[all[skipped + count - 1].1..];
    let number = |word: &str| word.parse::<i16>().ok();
    let year = |word: &str| (word.len() == 4).then(|| number(word)).flatten();
    let quarter = |of: &str, quarter: &str| {
        let quarter = number(quarter).filter(|q| (1..=4).contains(q))?;
        Calendar::read(year(of)?, 3 * quarter - 2, 1).map(Said::day)
    };
    match parts[..] {
        [y, "Q" | "q", q, ..] => return Some((quarter(y, q)?, after(3))),
        ["Q" | "q", q, y, ..] => return Some((quarter(y, q)?, after(3))),
        [y, "W" | "w", week, ..] => {
            let week = week.parse().ok()?;
            let of = |weekday| ISOWeekDate::new(year(y)?, week, weekday).ok().map(|day| day.date());
            let weekday = parts.get(3).and_then(|day| Weekday::from_monday_one_offset(day.parse().ok()?).ok());
            let (weekday, count) = weekday.map_or((Weekday::Monday, 3), |weekday| (weekday, 4));
            return Some((Said::day((of(weekday)?, Calendar::Gregorian)), after(count)));
        }
        _ => {}
    }
    let (y, m, d, count) = match parts[..] {
        [m, d, y, ..] if month(m).is_some() && d.len() < 3 && number(d).is_some() => {
            (century(y)?, month(m)?, number(d)?, 3)
        }
        [y, m, d, ..] if year(y).is_some() && month(m).is_some() => (year(y)?, month(m)?, number(d)?, 3),
        [d, m, y, ..] if month(m).is_some() => (century(y)?, month(m)?, number(d)?, 3),
        [y, m] if month(m).is_some() => (year(y)?, month(m)?, 1, 2),
        [m, y] if month(m).is_some() => (century(y)?, month(m)?, 1, 2),
        _ => return None,
    };
    let said = Said::day(Calendar::read(y, m, d)?);
    Some((Said { month: count == 2, ..said }, after(count)))
}

/// A time without what it says of its zone, and how many seconds that is ahead of UTC.
fn zone(time: &str) -> Option<(&str, Option<i32>)> {
    let time = time.trim_start_matches('T').trim();
    if let Some(clock) = ["Z", "UTC", "GMT"].iter().find_map(|zone| time.strip_suffix(zone)) {
        return Some((clock.trim_end(), Some(0)));
    }
    let Some(at) = time.find(['+', '-']) else { return Some((time, None)) };
    let digits: String = time[at + 1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits[..2].parse::<i32>().ok()?, digits.get(2..)?.parse::<i32>().ok()?),
        _ => return None,
    };
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    Some((time[..at].trim_end(), Some(if time[at..].starts_with('-') { -seconds } else { seconds })))
}

/// The day at this time: `13:00`, `13:00:05.25`, `1:00 PM`, `24:00`.
fn moment(date: Date, clock: &str) -> Option<DateTime> {
    let clock = clock.to_ascii_lowercase().replace("a.m.", "am").replace("p.m.", "pm");
    let half = |name: &str| clock.strip_suffix(name).map(|clock| clock.trim_end().to_string());
    let (clock, afternoon) = match (half("am"), half("pm")) {
        (Some(clock), _) => (clock, Some(false)),
        (_, Some(clock)) => (clock, Some(true)),
        _ => (clock, None),
    };
    let (whole, fraction) = clock.split_once(['.', ',']).unwrap_or((&clock, "0"));
    let micros: i64 = match fraction.bytes().all(|b| b.is_ascii_digit()) {
        // As many digits as microseconds have; those after them are dropped.
        true => format!("{fraction:0<6}")[..6].parse().ok()?,
        false => return None,
    };
    let parts: Vec<i8> = whole.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (hour, minute, second) = match parts[..] {
        [hour] if afternoon.is_some() => (hour, 0, 0),
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let hour = match afternoon {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
        None => hour,
    };
    if (hour, minute, second, micros) == (24, 0, 0, 0) {
        return Some(date.checked_add(1.day()).ok()?.to_datetime(Time::midnight()));
    }
    let time = Time::new(hour, minute, second, 0).ok()?;
    DateTime::from_parts(date, time).checked_add(Span::new().try_microseconds(micros).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_s_ways_to_write_a_day_are_read() {
        for (text, shown) in [
            ("2016-07-01 13:00:00", "2016-07-01 13:00:00"),
            ("2016-07-01T13:00", "2016-07-01 13:00:00"),
            ("2016-07-01T13:00:05.25Z", "2016-07-01 13:00:05.25"),
            ("2016-07-01T13:00:05+03:30", "2016-07-01 13:00:05"),
            ("1990/1/2 0:00", "1990-01-02 00:00:00"),
            ("1/31/1990", "1990-01-31"),
            ("31.1.1990", "1990-01-31"),
            ("31.1.90", "1990-01-31"),
            ("1/31/24", "2024-01-31"),
            ("2/1990", "1990-02"),
            ("1990-02", "1990-02"),
            ("1700.0", "1700"),
            ("۱۴۰۲/۰۵/۱۷", "1402-05-17"),
            ("1402-02-31 13:00", "1402-02-31 13:00:00"),
            ("1403-07", "1403-07"),
            ("17.5.1402", "1402-05-17"),
            ("1/31/2024 1:05 PM", "2024-01-31 13:05:00"),
            ("1/31/2024 12:05:10 a.m.", "2024-01-31 00:05:10"),
            ("2024-01-31 24:00", "2024-02-01 00:00:00"),
            ("31-Jan-2024", "2024-01-31"),
            ("31 January 24 13:00", "2024-01-31 13:00:00"),
            ("Jan 31, 2024 1:00 PM", "2024-01-31 13:00:00"),
            ("Wed, 31 Jan 2024", "2024-01-31"),
            ("2024-JAN-31T13:00", "2024-01-31 13:00:00"),
            ("OCT 2024", "2024-10"),
            ("Sept 2024", "2024-09"),
            ("Jan-24", "2024-01"),
            ("2024-May", "2024-05"),
            ("2024Q3", "2024-07-01"),
            ("2024-Q1", "2024-01-01"),
            ("Q4 2024", "2024-10-01"),
            ("2024-W05", "2024-01-29"),
            ("2024-W05-3", "2024-01-31"),
            ("۱۷ مرداد ۱۴۰۲", "1402-05-17"),
        ] {
            let read = Stamp::parse(text, DateOrder::Auto).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.to_string(), shown, "{text}");
        }
        for wrong in [
            "",
            "yesterday",
            "31/1/1990",
            "2016-13-01",
            "2016-07-01 25:00",
            "2016-07-01 24:01",
            "2016-07-01 13:00 PM",
            "2016-07-01 13:00+3",
            "2016-07-01 13:00+99:00",
            "2016-07-01 13:00:00.5x",
            "1990-1-2-3",
            "1/2/024",
            "1402/12/30",
            "inf",
            "31 Jan",
            "31 Feb 2024",
            "2024Q5",
            "2024-W60",
            "2024-W05-9",
            "May",
            "Mon",
            "Q 2024",
            "March",
            "Jan Feb",
        ] {
            assert!(Stamp::parse(wrong, DateOrder::Auto).is_none(), "{wrong}");
        }
        let day_first = Stamp::parse("2/1/1990 12:00", DateOrder::DayFirst).unwrap();
        assert_eq!(day_first.to_string(), "1990-01-02 12:00:00");
        assert_eq!(Stamp::compact("20231027").as_deref(), Some("2023-10-27"));
        assert_eq!(Stamp::compact("20231327"), None);
    }

    #[test]
    fn offsets_are_told() {
        for (time, offset) in [
            ("13:00", None),
            ("13:00Z", Some(0)),
            ("13:00:00 UTC", Some(0)),
            ("13:00+03:30", Some(12_600)),
            ("13:00:00.5-0500", Some(-18_000)),
            ("13:00 +01", Some(3_600)),
        ] {
            let written = Written::read(&format!("2024-01-31T{time}"), DateOrder::Auto).unwrap();
            assert_eq!(written.offset, offset, "{time}");
            assert_eq!(written.stamp.moment().unwrap().hour(), 13, "{time}");
        }
    }
}
