//! Parallel text from files: TSV, or a pair of files with a sentence a line, plain or .gz.

use crate::InputError;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A sentence and its translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The sentence.
    pub source: String,
    /// Its translation.
    pub target: String,
    /// Third column of a TSV, or empty.
    pub domain: String,
}

/// Where parallel text is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// `source TAB target`, optionally `TAB domain`, a pair a line.
    Tsv(PathBuf),
    /// Two files whose lines correspond.
    Files(Files),
    /// The rows of a TSV whose third column is one of these.
    Domains(Domains),
}

/// Two files whose lines correspond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Sentences.
    pub source: PathBuf,
    /// Their translations.
    pub target: PathBuf,
}

/// Some rows of a TSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domains {
    /// The file.
    pub tsv: PathBuf,
    /// Values of the third column.
    pub domains: Vec<String>,
}

impl Source {
    /// Reads all pairs; relative paths are looked up in `directory`.
    ///
    /// # Errors
    /// If a file is missing, empty, not UTF-8, ragged, or the two files differ in length.
    pub fn read(&self, directory: &Path) -> Result<Vec<Pair>, InputError> {
        match self {
            Self::Tsv(path) => read_tsv(&directory.join(path)),
            Self::Domains(Domains { tsv, domains }) => {
                let path = directory.join(tsv);
                let mut pairs = read_tsv(&path)?;
                pairs.retain(|p| domains.contains(&p.domain));
                if pairs.is_empty() {
                    let hint = "the third column of the TSV names a row's domain";
                    let expected = format!("rows of domain {}", domains.join(" or "));
                    return Err(InputError::new(expected, "none", hint).at(path));
                }
                Ok(pairs)
            }
            Self::Files(Files { source, target }) => {
                let (source, target) = (directory.join(source), directory.join(target));
                let (from, to) = (read_text(&source)?, read_text(&target)?);
                let (from, to): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
                if from.len() != to.len() {
                    let hint = "line n of one file must be the translation of line n of the other";
                    let expected = format!("{} lines, as {} has", from.len(), source.display());
                    return Err(InputError::new(expected, format!("{} lines", to.len()), hint).at(target));
                }
                let pair = |(s, t): (&str, &str)| Pair { source: s.into(), target: t.into(), domain: String::new() };
                Ok(from.into_iter().zip(to).map(pair).collect())
            }
        }
    }
}

/// How a file writes characters as bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As everybody does today.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// ISO 8859-1, as files of the last century are: a byte is a character. A file whose bytes are UTF-8 is read as that: words of
    /// a language make no UTF-8 by chance.
    #[serde(rename = "latin-1")]
    Latin1,
}

/// A whole UTF-8 file, unpacked if its name ends in .gz.
///
/// # Errors
/// If it is missing, empty or not UTF-8 (with the line).
pub fn read_text(path: &Path) -> Result<String, InputError> {
    read_encoded(path, Encoding::Utf8)
}

/// A whole text file, unpacked if its name ends in .gz.
///
/// # Errors
/// As [`read_text`].
pub fn read_encoded(path: &Path, encoding: Encoding) -> Result<String, InputError> {
    let io = |e: std::io::Error| InputError::io(path, "a text file", &e);
    let mut bytes = Vec::new();
    let mut file = fs_err::File::open(path).map_err(io)?;
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).map_err(|e| {
            InputError::new("gzip data", e.to_string(), "the file may be damaged or not compressed").at(path)
        })?;
    } else {
        file.read_to_end(&mut bytes).map_err(io)?;
    }
    bytes = utf16(bytes);
    if encoding == Encoding::Latin1 && std::str::from_utf8(&bytes).is_err() {
        bytes = bytes.into_iter().map(char::from).collect::<String>().into_bytes();
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..valid].iter().filter(|&&b| b == b'\n').count();
        let byte = e.as_bytes()[valid];
        InputError::new("UTF-8 text", format!("byte 0x{byte:02x}"), "convert the file, e.g. with iconv -t UTF-8")
            .at(path)
            .line(line)
    })?;
    if text.trim().is_empty() {
        return Err(InputError::new("text", "an empty file", "give a file with a sentence a line").at(path));
    }
    Ok(text.strip_prefix('\u{FEFF}').map(String::from).unwrap_or(text))
}

/// UTF-16 that says so by its byte order mark, as spreadsheets' "Unicode text" does, in UTF-8; other bytes as they are, and damaged
/// ones, too.
fn utf16(bytes: Vec<u8>) -> Vec<u8> {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2) {
        Some([0xff, 0xfe]) => u16::from_le_bytes,
        Some([0xfe, 0xff]) => u16::from_be_bytes,
        _ => return bytes,
    };
    let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    let whole = bytes.len().is_multiple_of(2);
    String::from_utf16(&units).ok().filter(|_| whole).map_or(bytes, String::into_bytes)
}

fn read_tsv(path: &Path) -> Result<Vec<Pair>, InputError> {
    parse_tsv(&read_text(path)?).map_err(|e| e.at(path))
}

/// Pairs of `source TAB target [TAB domain]` lines; empty lines are skipped.
///
/// # Errors
/// If a line has fewer than two or more than three columns.
pub fn parse_tsv(text: &str) -> Result<Vec<Pair>, InputError> {
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let columns: Vec<&str> = line.split('\t').collect();
        let (source, target, domain) = match columns[..] {
            [source, target] => (source, target, ""),
            [source, target, domain] => (source, target, domain),
            _ => {
                let hint = "a line is: sentence TAB translation, optionally TAB domain";
                let got = format!("{} column{}", columns.len(), if columns.len() == 1 { "" } else { "s" });
                return Err(InputError::new("2 or 3 columns", got, hint).line(number + 1));
            }
        };
        pairs.push(Pair { source: source.into(), target: target.into(), domain: domain.trim().into() });
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (directory, path)
    }

    #[test]
    fn utf_16_is_read_where_it_says_so() {
        let text = "نام\tسلام\n";
        let (little, big): (Vec<u8>, Vec<u8>) = (
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        );
        for marked in [[&[0xff, 0xfe][..], &little].concat(), [&[0xfe, 0xff][..], &big].concat()] {
            assert_eq!(utf16(marked.clone()), text.as_bytes());
            // Cut within a character it is no text.
            assert!(String::from_utf8(utf16(marked[..marked.len() - 1].to_vec())).is_err());
        }
        assert_eq!(utf16(text.into()), text.as_bytes());
    }

    #[test]
    fn errors_name_file_line_and_field() {
        let (d, _) = file("a.tsv", b"x\ty\n\nz\n");
        let e = Source::Tsv("a.tsv".into()).read(d.path()).unwrap_err();
        assert!(e.to_string().ends_with("a.tsv:3: expected 2 or 3 columns, got 1 column"), "{e}");
        let (d, _) = file("a.tsv", b"x\ty\nz\xff\tw\n");
        let e = Source::Tsv("a.tsv".into()).read(d.path()).unwrap_err();
        assert!(e.to_string().ends_with("a.tsv:2: expected UTF-8 text, got byte 0xff"), "{e}");
        let (d, _) = file("a.tsv", b" \n");
        assert!(Source::Tsv("a.tsv".into()).read(d.path()).unwrap_err().to_string().contains("an empty file"));
        let e = Source::Tsv("none.tsv".into()).read(d.path()).unwrap_err();
        assert!(e.to_string().contains("no such file"), "{e}");
        let (d, _) = file("a", b"1\n2\n");
        std::fs::write(d.path().join("b"), b"1\n").unwrap();
        let e = Source::Files(Files { source: "a".into(), target: "b".into() }).read(d.path()).unwrap_err();
        assert!(e.to_string().contains("expected 2 lines"), "{e}");
    }

    #[test]
    fn reads_gzip_and_domains() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all("الف\ta\tx\nب\tb\ty\n".as_bytes()).unwrap();
        let (d, _) = file("a.tsv.gz", &gz.finish().unwrap());
        let all = Source::Tsv("a.tsv.gz".into()).read(d.path()).unwrap();
        assert_eq!(all.len(), 2);
        let some = Source::Domains(Domains { tsv: "a.tsv.gz".into(), domains: vec!["y".into()] });
        assert_eq!(some.read(d.path()).unwrap(), all[1..]);
        let (d, _) = file("a.tsv.gz", b"not gzip");
        assert!(Source::Tsv("a.tsv.gz".into()).read(d.path()).is_err());
    }
}
