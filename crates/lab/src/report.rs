//! What an experiment found.

use serde::Serialize;
use simurgh_train::report::{document, escape};
use std::fmt::Write;

/// What the theory says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// It is this, within so much.
    Value {
        /// The number.
        value: f64,
        /// How far a measurement may be away.
        within: f64,
    },
    /// It is no more.
    AtMost(f64),
    /// It is no less.
    AtLeast(f64),
}

impl Expected {
    /// A number to so many significant digits.
    pub fn digits(value: f64, digits: i32) -> Self {
        let finite = value != 0.0 && value.is_finite();
        let unit = if finite { 10f64.powi(value.abs().log10().floor() as i32 + 1 - digits) } else { 0.0 };
        Self::Value { value, within: 0.5 * unit * (1.0 + 1e-9) }
    }

    /// Whether a measurement is as the theory says; what is no number is not.
    pub fn holds(self, measured: f64) -> bool {
        match self {
            Self::Value { value, within } => value == measured || (measured - value).abs() <= within,
            Self::AtMost(most) => measured <= most,
            Self::AtLeast(least) => measured >= least,
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Value { value, .. } => number(value),
            Self::AtMost(most) => format!("at most {}", number(most)),
            Self::AtLeast(least) => format!("at least {}", number(least)),
        }
    }
}

/// A number of the theory beside the one that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Of what.
    pub what: String,
    /// What the theory says.
    pub theory: Expected,
    /// What was found.
    pub measured: f64,
}

impl Comparison {
    /// One of them.
    pub fn new(what: impl Into<String>, theory: Expected, measured: f64) -> Self {
        Self { what: what.into(), theory, measured }
    }

    /// Whether both agree.
    pub fn holds(&self) -> bool {
        self.theory.holds(self.measured)
    }
}

/// A part of a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A paragraph.
    Text(String),
    /// Theory beside measurement, with a heading.
    Comparisons(String, Vec<Comparison>),
    /// Measurements without a theory of their size: a heading, the names of the columns, and rows.
    Table(String, Vec<&'static str>, Vec<Vec<String>>),
    /// A drawing: its name, and SVG.
    Figure(String, #[serde(skip)] String),
}

/// What an experiment found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The experiment.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Its parts.
    pub parts: Vec<Part>,
}

impl Report {
    /// All comparisons.
    pub fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        self.parts.iter().flat_map(|part| match part {
            Part::Comparisons(_, all) => all.as_slice(),
            _ => &[],
        })
    }

    /// Whether the theory holds in all of them.
    pub fn holds(&self) -> bool {
        self.comparisons().all(Comparison::holds)
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n", self.title);
        for part in &self.parts {
            match part {
                Part::Text(text) => out += &format!("\n{}\n", wrapped(text, 100)),
                Part::Comparisons(heading, all) => {
                    let width =
                        all.iter().map(|c| c.what.chars().count()).max().unwrap_or(0).max(heading.chars().count());
                    let _ = writeln!(out, "\n{heading:width$}  {:>16}  {:>14}", "theory", "measured");
                    for c in all {
                        let (theory, measured) = (c.theory.shown(), number(c.measured));
                        let verdict = if c.holds() { "" } else { "   does not hold" };
                        let _ = writeln!(out, "{:width$}  {theory:>16}  {measured:>14}{verdict}", c.what);
                    }
                }
                Part::Table(heading, columns, rows) => out += &aligned(heading, columns, rows),
                Part::Figure(..) => {}
            }
        }
        let (all, held) = (self.comparisons().count(), self.comparisons().filter(|c| c.holds()).count());
        let _ = writeln!(out, "\n{held} of {all} hold");
        out
    }

    /// As a page of its own.
    pub fn html(&self) -> String {
        let mut body = String::new();
        for part in &self.parts {
            let _ = match part {
                Part::Text(text) => write!(body, "<p>{}</p>", escape(text)),
                Part::Comparisons(heading, all) => {
                    let _ = write!(body, "<h2>{}</h2><table><tr><th><th>theory<th>measured<th></tr>", escape(heading));
                    for c in all {
                        let _ = write!(
                            body,
                            "<tr><td>{}<td class=n>{}<td class=n>{}<td>{}</tr>",
                            escape(&c.what),
                            c.theory.shown(),
                            number(c.measured),
                            if c.holds() { "holds" } else { "does not hold" }
                        );
                    }
                    write!(body, "</table>")
                }
                Part::Table(heading, columns, rows) => {
                    let columns: String = columns.iter().map(|name| format!("<th>{}", escape(name))).collect();
                    let _ = write!(body, "<h2>{}</h2><table><tr>{columns}</tr>", escape(heading));
                    for row in rows {
                        let row: String = row.iter().map(|cell| format!("<td class=n>{}", escape(cell))).collect();
                        let _ = write!(body, "<tr>{row}</tr>");
                    }
                    write!(body, "</table>")
                }
                Part::Figure(name, svg) => {
                    let name = escape(name);
                    // A drawing that bears its name needs no second one.
                    let named = svg.contains(&format!("<title>{name}</title>"));
                    let heading = if named { String::new() } else { format!("<figcaption>{name}</figcaption>") };
                    write!(body, "<figure>{heading}{svg}</figure>")
                }
            };
        }
        document(self.title, &body)
    }
}

/// A table in columns as wide as they need to be.
fn aligned(heading: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    let width = |k: usize| rows.iter().map(|row| row[k].chars().count()).fold(columns[k].chars().count(), usize::max);
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<String> = cells.enumerate().map(|(k, cell)| format!("{cell:>0$}", width(k))).collect();
        format!("{}\n", cells.join("  "))
    };
    let body: String = rows.iter().map(|row| line(&mut row.iter().map(String::as_str))).collect();
    format!("\n{heading}\n{}{body}", line(&mut columns.iter().copied()))
}

/// A number in a table: six digits, or by powers of ten where it is very small or large.
pub(crate) fn number(x: f64) -> String {
    match x.abs() {
        size if size == 0.0 || !size.is_finite() => format!("{x}"),
        size if !(1e-3..1e6).contains(&size) => format!("{x:.3e}"),
        size => format!("{x:.*}", (5 - size.log10().floor() as i32).clamp(0, 8) as usize),
    }
}

/// A paragraph in lines of at most so many characters.
fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        match used {
            0 => {}
            _ if used + 1 + length > width => {
                out.push('\n');
                used = 0;
            }
            _ => {
                out.push(' ');
                used += 1;
            }
        }
        out += word;
        used += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_does_not_hold() {
        for expected in [Expected::digits(1.0, 3), Expected::AtMost(1.0), Expected::AtLeast(0.0)] {
            assert!(!expected.holds(f64::NAN));
        }
        let three = Expected::digits(2.64e-6, 3);
        assert!(three.holds(2.644e-6) && !three.holds(2.646e-6) && Expected::digits(0.0, 3).holds(0.0));
        assert!(Expected::digits(f64::INFINITY, 3).holds(f64::INFINITY));
    }

    #[test]
    fn numbers_have_six_digits() {
        let all = [0.0, 0.336830921, 2.64e-6, 12.3456789, 1e9, f64::INFINITY].map(number);
        assert_eq!(all, ["0", "0.336831", "2.640e-6", "12.3457", "1.000e9", "inf"]);
        assert_eq!(aligned("H", &["a", "bcd"], &[vec!["12".into(), "3".into()]]), "\nH\n a  bcd\n12    3\n");
        assert_eq!(wrapped("aa bb  cc", 5), "aa bb\ncc");
    }
}
