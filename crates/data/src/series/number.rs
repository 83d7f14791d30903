//! A cell's number.

/// Cells that say that there is no number.
const MISSING: [&str; 9] = ["", "na", "n/a", "nan", "null", "none", "-", "?", "."];

/// The number of a cell, none where it is missing; `comma` is the decimal sign.
///
/// # Errors
/// If it is something else.
pub(super) fn number(cell: &str, comma: bool) -> Result<Option<f64>, ()> {
    let cell = cell.trim();
    if MISSING.contains(&cell.to_ascii_lowercase().as_str()) {
        return Ok(None);
    }
    let plain = if comma { cell.replace('.', "").replace(',', ".") } else { cell.to_string() };
    match plain.parse::<f64>() {
        Ok(value) if value.is_finite() && value.abs() < 1e30 => Ok(Some(value)),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_gaps_and_words_are_told_apart() {
        assert_eq!(number(" 1.5e3 ", false), Ok(Some(1500.0)));
        assert_eq!(number("1.234,5", true), Ok(Some(1234.5)));
        for missing in ["", "NA", "NaN", "null", " - "] {
            assert_eq!(number(missing, false), Ok(None));
        }
        for wrong in ["twelve", "1,5", "inf", "1e300", "0x1"] {
            assert_eq!(number(wrong, false), Err(()), "{wrong}");
        }
    }
}
