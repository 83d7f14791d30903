//! Words as tokens, and word vectors from files.

use super::normalise::Normaliser;
use super::tokenizer::{END, UNKNOWN};
use crate::InputError;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::LazyLock;

/// Tokens with a meaning of their own, at the places where the subword tokenizer has them.
const SPECIAL: [&str; 4] = ["<pad>", "<s>", "</s>", "<unk>"];

/// A word with its hyphens, apostrophes and non-joiners, or a sign.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\w+(?:[-'’\u{200C}]\w+)*|[^\w\s]").expect("the pattern is valid"));

/// Endings that English writes together with a word and corpora write apart (Penn Treebank).
static ENDING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(?:n['’]t|['’](?:s|m|re|ve|ll|d))$").expect("the pattern is valid"));

/// The words and signs of a text: `It's don't` is `It 's do n't`, as treebanks cut it.
pub fn cut(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    // An ending that is written apart already is one word, though it begins with a sign.
    for part in text.split_whitespace() {
        if ENDING.find(part).is_some_and(|m| m.start() == 0) {
            words.push(part);
            continue;
        }
        for word in WORD.find_iter(part) {
            let word = word.as_str();
            match ENDING.find(word) {
                Some(ending) if ending.start() > 0 => words.extend([&word[..ending.start()], ending.as_str()]),
                _ => words.push(word),
            }
        }
    }
    words
}

/// A vocabulary of words.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    normaliser: Normaliser,
    words: Vec<String>,
    ids: HashMap<String, u32>,
}

/// What a vocabulary is saved as.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    normaliser: Normaliser,
    words: Vec<String>,
}

impl Words {
    /// The words that stand at least `least` times in the texts, the most frequent `most` of them, then `more`.
    pub fn learn<'a>(
        texts: impl Iterator<Item = &'a str>,
        normaliser: Normaliser,
        (least, most): (usize, usize),
        more: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for text in texts {
            for word in cut(&normaliser.apply(text)) {
                *counts.entry(word.to_string()).or_default() += 1;
            }
        }
        let mut known: Vec<(String, usize)> = counts.into_iter().filter(|(_, n)| *n >= least).collect();
        known.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        known.truncate(most);
        let mut words: Vec<String> = known.into_iter().map(|(word, _)| word).collect();
        let held: std::collections::HashSet<String> = words.iter().cloned().collect();
        words.extend(more.into_iter().filter(|word| !held.contains(word)));
        Self::of(normaliser, words)
    }

    fn of(normaliser: Normaliser, words: Vec<String>) -> Self {
        let first = SPECIAL.len() as u32;
        let ids = words.iter().zip(first..).map(|(word, id)| (word.clone(), id)).collect();
        Self { normaliser, words, ids }
    }

    /// The vocabulary that [`Words::save`] wrote.
    ///
    /// # Errors
    /// If `json` is none of ours.
    pub fn load(json: &str) -> Result<Self, InputError> {
        let bad = |got: String| InputError::new("a vocabulary", got, "the model file may be damaged: train it again");
        let saved: Saved = serde_json::from_str(json).map_err(|e| bad(e.to_string()))?;
        let words = Self::of(saved.normaliser, saved.words);
        if words.ids.len() != words.words.len() {
            return Err(bad("a word twice".into()));
        }
        Ok(words)
    }

    /// As JSON.
    pub fn save(&self) -> String {
        let saved = Saved { normaliser: self.normaliser, words: self.words.clone() };
        serde_json::to_string(&saved).expect("words are JSON")
    }

    /// Number of tokens.
    pub fn vocab(&self) -> usize {
        SPECIAL.len() + self.words.len()
    }

    /// The text's tokens, END last; a word that is not known is UNKNOWN.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        let text = self.normaliser.apply(text);
        let ids = cut(&text).into_iter().map(|word| self.id(word));
        ids.chain([END]).collect()
    }

    /// A normalised word's token.
    pub fn id(&self, word: &str) -> u32 {
        self.ids.get(word).copied().unwrap_or(UNKNOWN)
    }

    /// A word as a text has it, normalised.
    pub fn normalise(&self, text: &str) -> String {
        self.normaliser.apply(text)
    }

    /// A token as it is written.
    pub fn token(&self, id: u32) -> &str {
        match SPECIAL.get(id as usize) {
            Some(special) => special,
            None => self.words.get(id as usize - SPECIAL.len()).map_or("", String::as_str),
        }
    }
}

/// Word vectors of a file in the text format of GloVe, word2vec and fastText: a word and its numbers a line, perhaps after a
/// line with the two counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    /// Numbers of each word.
    pub width: usize,
    /// In the file's order.
    pub words: Vec<(String, Vec<f32>)>,
}

impl Vectors {
    /// Reads the vectors of the words that `wanted` wants, given each word and its place in the file, from 0.
    ///
    /// # Errors
    /// If the file can't be read, a line has another number of numbers, or one that is none.
    pub fn read(path: &Path, wanted: impl FnMut(&str, usize) -> bool) -> Result<Self, InputError> {
        let file = fs_err::File::open(path).map_err(|e| InputError::io(path, "a text file", &e))?;
        // A line at a time: such files have gigabytes.
        let file: Box<dyn BufRead> = match path.extension().is_some_and(|e| e == "gz") {
            true => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file))),
            false => Box::new(BufReader::new(file)),
        };
        Self::parse(file.lines(), wanted).map_err(|e| e.at(path))
    }

    fn parse(
        lines: impl Iterator<Item = std::io::Result<String>>,
        mut wanted: impl FnMut(&str, usize) -> bool,
    ) -> Result<Self, InputError> {
        let hint = "vectors are text: a word and its numbers a line, as GloVe, word2vec and fastText write them";
        let mut width = 0;
        let mut words = Vec::new();
        let mut place = 0;
        for (number, line) in lines.enumerate() {
            let line = line.map_err(|e| {
                let hint = "the file may be damaged, or in another encoding: iconv -t UTF-8 converts it";
                InputError::new("a line of UTF-8 text", e.to_string(), hint).line(number + 1)
            })?;
            let mut fields = line.trim_end().split(' ');
            let word = fields.next().unwrap_or_default();
            let rest: Vec<&str> = fields.collect();
            let header = number == 0 && rest.len() == 1 && word.parse::<usize>().is_ok();
            if header || line.trim().is_empty() {
                continue;
            }
            if width == 0 {
                width = rest.len();
            }
            if rest.is_empty() || rest.len() != width {
                let got = format!("{} numbers", rest.len());
                return Err(InputError::new(format!("{} numbers", width.max(1)), got, hint).line(number + 1));
            }
            place += 1;
            if !wanted(word, place - 1) {
                continue;
            }
            let mut vector = Vec::with_capacity(width);
            for field in rest {
                match field.parse::<f32>() {
                    Ok(x) if x.is_finite() => vector.push(x),
                    _ => {
                        let got = format!("`{field}`");
                        return Err(InputError::new("a number", got, hint).line(number + 1).field(word));
                    }
                }
            }
            words.push((word.to_string(), vector));
        }
        Ok(Self { width, words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Script;

    const PLAIN: Normaliser = Normaliser { script: Script::Plain, lowercase: true, strip_diacritics: false };

    #[test]
    fn text_written_together_and_apart_gives_the_same_words() {
        assert_eq!(cut("It's good, don't go!"), ["It", "'s", "good", ",", "do", "n't", "go", "!"]);
        assert_eq!(cut("it 's good , do n't go !"), ["it", "'s", "good", ",", "do", "n't", "go", "!"]);
        assert_eq!(
            cut("re-imagining (won't) می‌خواهم، نه"),
            ["re-imagining", "(", "wo", "n't", ")", "می‌خواهم", "،", "نه"]
        );
        assert_eq!(cut("  "), [""; 0]);
    }

    #[test]
    fn words_are_numbered_by_frequency_and_read_back() {
        let texts = ["b a a", "a c B"];
        let words = Words::learn(texts.into_iter(), PLAIN, (1, 2), ["z".to_string(), "a".to_string()]);
        assert_eq!(words.vocab(), 4 + 3);
        assert_eq!(words.ids("A b c z"), [4, 5, UNKNOWN, 6, END]);
        assert_eq!((words.token(4), words.token(END), words.token(99)), ("a", "</s>", ""));
        assert_eq!(Words::load(&words.save()).unwrap(), words);
        assert!(Words::load("{}").is_err());
        let twice = words.save().replace("\"z\"", "\"a\"");
        assert!(Words::load(&twice).unwrap_err().got.contains("twice"));
    }

    #[test]
    fn vectors_of_wanted_words_are_read() {
        let text = "3 2\na 1 2.5\nb x y\nc -1e-1 0\n";
        let lines = |text: &'static str| text.lines().map(|line| Ok(line.to_string()));
        let vectors = Vectors::parse(lines(text), |word, _| word != "b").unwrap();
        assert_eq!(vectors.width, 2);
        assert_eq!(vectors.words, [("a".to_string(), vec![1.0, 2.5]), ("c".to_string(), vec![-0.1, 0.0])]);
        let e = Vectors::parse(lines(text), |_, _| true).unwrap_err();
        assert_eq!(e.to_string(), "line 3: b: expected a number, got `x`");
        let e = Vectors::parse(lines("a 1 2\nb 1\n"), |_, _| true).unwrap_err();
        assert_eq!(e.to_string(), "line 2: expected 2 numbers, got 1 numbers");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("v.txt");
        std::fs::write(&path, b"a 1\nb\xff 2\n").unwrap();
        let e = Vectors::read(&path, |_, _| true).unwrap_err();
        assert_eq!((e.path.as_deref(), e.line), (Some(path.as_path()), Some(2)), "{e}");
        std::fs::write(&path, b"a 1\nb 2\n").unwrap();
        assert_eq!(Vectors::read(&path, |word, _| word == "b").unwrap().words, [("b".to_string(), vec![2.0])]);
    }
}
