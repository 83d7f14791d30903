//! Texts with labels: a line each, or a CSV.

use super::corpus::{Encoding, read_encoded};
use crate::InputError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A text and what it is an example of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The label as it is written.
    pub label: String,
    /// The text.
    pub text: String,
    /// Where it stands: the file and the line, from 1.
    pub line: usize,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelledTexts {
    /// In the order of the lines.
    pub examples: Vec<Example>,
    /// Lines of a CSV's rows that have no text, and are left out.
    pub without_text: Vec<usize>,
    /// The first line, which names columns rather than an example, and is left out.
    pub heading: Option<String>,
}

/// What columns of labels, and of texts, are called.
const HEADINGS: [&[&str]; 2] = [
    &["label", "labels", "class", "category", "sentiment", "polarity", "target", "topic", "برچسب"],
    &["text", "texts", "sentence", "review", "comment", "content", "question", "document", "متن"],
];

/// Where labelled texts are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LabelledSource {
    /// `LABEL TAB text`, a line each; where the first line has no TAB, `LABEL SPACE text`; fastText's `__label__` is not part of the
    /// label.
    Lines(PathBuf),
    /// A CSV with a header.
    Csv(CsvColumns),
}

/// Columns of a CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvColumns {
    /// The file.
    pub csv: PathBuf,
    /// Name of the column with the text.
    pub text: String,
    /// Name of the column with the label.
    pub label: String,
}

impl LabelledSource {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Lines(path) => path,
            Self::Csv(columns) => &columns.csv,
        }
    }

    /// The same in another place.
    #[must_use]
    pub fn with_path(&self, path: PathBuf) -> Self {
        match self {
            Self::Lines(_) => Self::Lines(path),
            Self::Csv(columns) => Self::Csv(CsvColumns { csv: path, ..columns.clone() }),
        }
    }

    /// Reads all examples.
    ///
    /// # Errors
    /// If the file is missing, empty or of another encoding, a line has no label or no text, or a column is missing.
    pub fn read(&self, encoding: Encoding) -> Result<LabelledTexts, InputError> {
        let text = read_encoded(self.path(), encoding)?;
        match self {
            Self::Lines(_) => parse_lines(&text),
            Self::Csv(columns) => parse_csv(&text, columns),
        }
        .map_err(|e| e.at(self.path()))
    }
}

/// Examples of `LABEL TAB text` lines; empty lines are skipped, and a first one that says `label TAB text` or the like.
///
/// # Errors
/// If a line has no label, or no text.
pub fn parse_lines(text: &str) -> Result<LabelledTexts, InputError> {
    let (mut examples, mut heading) = (Vec::new(), None);
    // A file says with its first line what stands between label and text.
    let tabs = text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| line.contains('\t'));
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let parts = line.split_once('\t').or_else(|| line.trim_start().split_once(' ').filter(|_| !tabs));
        let (label, text) = parts.map_or(("", ""), |(label, text)| (label.trim(), text.trim()));
        let label = label.strip_prefix("__label__").unwrap_or(label);
        if label.is_empty() || text.is_empty() {
            let hint = "a line is: label TAB text";
            let got = format!("`{}`", line.trim().chars().take(40).collect::<String>());
            return Err(InputError::new("a label and a text", got, hint).line(number + 1));
        }
        let names =
            HEADINGS.iter().zip([label, text]).all(|(names, cell)| names.contains(&cell.to_lowercase().as_str()));
        if names && tabs && examples.is_empty() && heading.is_none() {
            heading = Some(format!("{label}, {text}"));
            continue;
        }
        examples.push(Example { label: label.into(), text: text.into(), line: number + 1 });
    }
    Ok(LabelledTexts { examples, heading, ..LabelledTexts::default() })
}

/// Examples of a CSV with a header.
///
/// # Errors
/// If a column is missing, a row has other columns than the header, or no label.
pub fn parse_csv(text: &str, columns: &CsvColumns) -> Result<LabelledTexts, InputError> {
    let delimiter = crate::series::delimiter(text.lines().next().unwrap_or("")) as u8;
    let mut reader = csv::ReaderBuilder::new().flexible(false).delimiter(delimiter).from_reader(text.as_bytes());
    let bad = |e: csv::Error| {
        let line = e.position().map(|p| p.line() as usize);
        let got = match e.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} columns, not {expected_len}"),
            other => format!("{other:?}"),
        };
        let error = InputError::new("a CSV of as many columns as its header", got, "put texts with commas in quotes");
        match line {
            Some(line) => error.line(line),
            None => error,
        }
    };
    let header = reader.headers().map_err(bad)?.clone();
    let find = |name: &str| {
        header.iter().position(|column| column.trim() == name).ok_or_else(|| {
            let got = header.iter().map(str::trim).collect::<Vec<_>>().join(", ");
            let hint = "name the columns, e.g. { csv = \"mine.csv\", text = \"review\", label = \"stars\" }";
            InputError::new(format!("a column `{name}`"), format!("columns {got}"), hint).line(1)
        })
    };
    let (text_column, label_column) = (find(&columns.text)?, find(&columns.label)?);
    let (mut examples, mut without_text) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let line = record.position().map_or(0, |p| p.line() as usize);
        let field = |column: usize| record.get(column).unwrap_or_default().trim();
        if field(text_column).is_empty() {
            without_text.push(line);
            continue;
        }
        if field(label_column).is_empty() {
            let hint = "give every row a label, or remove it";
            return Err(InputError::new("a label", "an empty field", hint).line(line).field(columns.label.clone()));
        }
        // A text of several lines is one text.
        let text = field(text_column).split_whitespace().collect::<Vec<_>>().join(" ");
        examples.push(Example { label: field(label_column).into(), text, line });
    }
    Ok(LabelledTexts { examples, without_text, heading: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_may_have_tabs_spaces_or_fasttexts_prefix() {
        let examples = parse_lines("pos a b\n\n1 c d\n__label__x\te\n").unwrap().examples;
        let all: Vec<(&str, &str, usize)> =
            examples.iter().map(|e| (e.label.as_str(), e.text.as_str(), e.line)).collect();
        assert_eq!(all, [("pos", "a b", 1), ("1", "c d", 3), ("x", "e", 4)]);
        let e = parse_lines("a b\nword\n").unwrap_err();
        assert_eq!(e.to_string(), "line 2: expected a label and a text, got `word`");
        let e = parse_lines("pos\ta b\nThe film\n").unwrap_err();
        assert_eq!(e.to_string(), "line 2: expected a label and a text, got `The film`");
        let headed = parse_lines("Label\tText\npos\ta b\nlabel\ttext\n").unwrap();
        assert_eq!((headed.heading.as_deref(), headed.examples.len()), (Some("Label, Text"), 2));
        assert_eq!(parse_lines("label text\npos a b\n").unwrap().examples.len(), 2);
        assert!(parse_lines("\ttext\n").is_err() && parse_lines("label\t \n").is_err());
    }

    #[test]
    fn a_file_of_the_last_century_is_read_if_it_is_named_so() {
        let directory = tempfile::tempdir().unwrap();
        let source = LabelledSource::Lines(directory.path().join("a.txt"));
        std::fs::write(source.path(), b"0 caf\xe9\n").unwrap();
        assert_eq!(source.read(Encoding::Latin1).unwrap().examples[0].text, "café");
        assert!(
            source
                .read(Encoding::Utf8)
                .unwrap_err()
                .to_string()
                .ends_with("a.txt:1: expected UTF-8 text, got byte 0xe9")
        );
        std::fs::write(source.path(), "ENTY:animal\tخوب café\n").unwrap();
        assert_eq!(source.read(Encoding::Latin1).unwrap().examples[0].text, "خوب café");
    }

    #[test]
    fn csv_columns_are_found_by_name() {
        let columns = CsvColumns { csv: "x.csv".into(), text: "review".into(), label: "stars".into() };
        let text = "id,stars,review\n1,5,\"good, very\ngood\"\n2,1,\n3,2,bad\n";
        let LabelledTexts { examples, without_text, .. } = parse_csv(text, &columns).unwrap();
        assert_eq!((examples.len(), &without_text[..]), (2, &[4][..]));
        assert_eq!((examples[0].text.as_str(), examples[1].label.as_str()), ("good, very good", "2"));
        let missing = CsvColumns { text: "body".into(), ..columns.clone() };
        let e = parse_csv(text, &missing).unwrap_err();
        assert_eq!(e.to_string(), "line 1: expected a column `body`, got columns id, stars, review");
        let e = parse_csv("stars,review\n1,a\n2,b,c\n", &columns).unwrap_err();
        assert_eq!(e.line, Some(3), "{e}");
        let semicolons = parse_csv("id;stars;review\n1;5;good, very\n", &columns).unwrap();
        assert_eq!(semicolons.examples[0].text, "good, very");
        let e = parse_csv("stars,review\n,a\n", &columns).unwrap_err();
        assert_eq!(e.to_string(), "line 2: stars: expected a label, got an empty field");
    }
}
