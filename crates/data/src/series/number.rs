//! A cell's number.

use super::calendar::latin_digits;
use crate::InputError;

/// Cells that say that there is no number.
const MISSING: [&str; 14] =
    ["", "na", "n/a", "nan", "null", "none", "-", "?", ".", "#n/a", "#na", "#value!", "#ref!", "#div/0!"];

/// Larger numbers are no measurements.
const MOST: f64 = 1e30;

/// Why a cell has no number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wrong {
    /// It says something else.
    Word,
    /// It is a number with another decimal sign, or with signs between its thousands.
    Format,
    /// It is a number with a unit.
    Unit,
    /// It is [`MOST`] or more, or infinite.
    Large,
}

/// The number of a cell, none where it is missing; `comma` is the decimal sign: then points stand between thousands alone.
///
/// # Errors
/// If it is something else.
pub(super) fn number(cell: &str, comma: bool) -> Result<Option<f64>, Wrong> {
    // The minus sign of typography, as spreadsheets of some languages write it.
    let cell = latin_digits(cell.trim()).replace('\u{2212}', "-");
    let cell = cell.as_str();
    if MISSING.contains(&cell.to_ascii_lowercase().as_str()) {
        return Ok(None);
    }
    let plain = if !comma {
        cell.to_string()
    } else if cell.contains('.') && !grouped(cell.split(',').next().unwrap_or("")) {
        return Err(Wrong::Format);
    } else {
        cell.replace('.', "").replace(',', ".")
    };
    match plain.parse::<f64>() {
        Ok(value) if value.abs() < MOST => Ok(Some(value)),
        Ok(_) => Err(Wrong::Large),
        Err(_) if cell.chars().all(|c| c.is_numeric() || "+-.,' \u{a0}\u{202f}".contains(c)) => Err(Wrong::Format),
        Err(_) if cell.chars().any(char::is_numeric) && !cell.chars().any(|c| c.is_alphabetic()) => Err(Wrong::Unit),
        Err(_) => Err(Wrong::Word),
    }
}

/// `1.234.567`: three digits after every point.
fn grouped(whole: &str) -> bool {
    let mut parts = whole.trim_start_matches(['+', '-']).split('.');
    let first = parts.next().is_some_and(|first| (1..=3).contains(&first.len()));
    first && parts.all(|part| part.len() == 3)
}

impl Wrong {
    /// What is told of it: the number expected, and a hint in place of `otherwise`.
    pub(super) fn error(self, cell: &str, comma: bool, otherwise: &str) -> InputError {
        let (expected, hint) = match self {
            Self::Word => ("a number".to_string(), otherwise.to_string()),
            Self::Unit => {
                ("a number alone".to_string(), "take signs of currency and per cent out of the column".to_string())
            }
            Self::Large => (format!("a number below {MOST:e}"), "write it in a larger unit".into()),
            Self::Format if comma => (
                "a number with a decimal comma, as others of this file".into(),
                "write all numbers alike: 1234,5 or 1.234,5".into(),
            ),
            Self::Format => (
                "a number with a decimal point".into(),
                "write 1234.5; decimal commas need semicolons between the columns".into(),
            ),
        };
        InputError::new(expected, format!("`{cell}`"), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::{Wrong, number};

    #[test]
    fn numbers_gaps_and_words_are_told_apart() {
        assert_eq!(number(" 1.5e3 ", false), Ok(Some(1500.0)));
        assert_eq!(number("-1.234,5", true), Ok(Some(-1234.5)));
        assert_eq!(number("\u{2212}2.5", false), Ok(Some(-2.5)));
        assert_eq!(number("2,5", true), Ok(Some(2.5)));
        assert_eq!(number("۱٬۲۳۴٫۵", false), Ok(Some(1234.5)));
        for missing in ["", "NA", "NaN", "null", " - "] {
            assert_eq!(number(missing, false), Ok(None));
        }
        for (cell, comma, wrong) in [
            ("twelve", false, Wrong::Word),
            ("0x1", false, Wrong::Word),
            ("$5.00", false, Wrong::Unit),
            ("12 %", true, Wrong::Unit),
            ("1,5", false, Wrong::Format),
            ("1,100.50", false, Wrong::Format),
            ("2.5", true, Wrong::Format),
            ("1.2345,6", true, Wrong::Format),
            ("inf", false, Wrong::Large),
            ("1e300", false, Wrong::Large),
        ] {
            assert_eq!(number(cell, comma), Err(wrong), "{cell}");
        }
    }
}
