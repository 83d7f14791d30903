//! One spelling for what is the same text.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Rules of one side of a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Script {
    /// Unicode NFC and single spaces alone.
    Plain,
    /// Persian: Arabic letters and digits where Persian ones are meant, among others.
    Persian,
}

/// How a text is normalised before it is cut into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normaliser {
    /// Rules of the script.
    pub script: Script,
    /// Lower case.
    pub lowercase: bool,
    /// Drop short vowels and other combining signs of Arabic script.
    pub strip_diacritics: bool,
}

impl Normaliser {
    /// The normalised text: NFC, no control characters, single spaces, then the script's rules.
    ///
    /// Persian rules: Arabic yeh and kaf, heh with yeh above and the presentation forms become the
    /// Persian letters; Arabic-Indic and Persian digits become 0 to 9, since a number is copied, not
    /// translated; tatweel, soft hyphens and direction marks go; the zero-width non-joiner stays, once,
    /// between letters.
    pub fn apply(&self, text: &str) -> String {
        let persian = self.script == Script::Persian;
        let mut out = String::with_capacity(text.len());
        let composed: String = if persian {
            // Presentation forms (U+FB50.., U+FE70..) have compatibility decompositions only.
            text.chars().flat_map(presentation).nfc().collect()
        } else {
            text.nfc().collect()
        };
        for c in composed.chars() {
            let c = match c {
                '\u{2581}' => '_', // the tokenizer's word mark
                '\u{AD}' | '\u{FEFF}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                    continue;
                }
                c if c.is_whitespace() => ' ',
                c if c.is_control() => continue,
                c if !persian => c,
                'ي' | 'ى' => 'ی',
                'ك' => 'ک',
                'ۀ' => {
                    out.push('ه');
                    'ٔ'
                }
                'ـ' => continue,
                '٠'..='٩' => ascii_digit(c, '٠'),
                '۰'..='۹' => ascii_digit(c, '۰'),
                '٪' => '%',
                '\u{200B}' | '\u{200D}' | '\u{200C}' => '\u{200C}',
                c => c,
            };
            if self.strip_diacritics && matches!(c, '\u{64B}'..='\u{652}' | '\u{670}') {
                continue;
            }
            match c {
                ' ' if out.is_empty() || out.ends_with(' ') => {}
                '\u{200C}' if out.is_empty() || out.ends_with([' ', '\u{200C}']) => {}
                ' ' if out.ends_with('\u{200C}') => {
                    out.pop();
                    out.push(' ');
                }
                c => out.push(c),
            }
        }
        let kept = out.trim_end_matches([' ', '\u{200C}']).len();
        out.truncate(kept);
        if self.lowercase { out.to_lowercase() } else { out }
    }
}

fn ascii_digit(c: char, zero: char) -> char {
    char::from(b'0' + (c as u32 - zero as u32) as u8)
}

/// A presentation form's letters; any other character itself.
fn presentation(c: char) -> impl Iterator<Item = char> {
    let form = matches!(c, '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}');
    let letters: Vec<char> = if form { std::iter::once(c).nfkc().collect() } else { vec![c] };
    letters.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSIAN: Normaliser = Normaliser { script: Script::Persian, lowercase: false, strip_diacritics: false };

    #[test]
    fn persian_spellings_become_one() {
        for (from, to) in [
            ("كتاب علي", "کتاب علی"),
            ("  سلام\t دنیا ", "سلام دنیا"),
            ("٣ و ۴ ٪", "3 و 4 %"),
            ("می‌خواهم", "می‌خواهم"),
            ("می‌‌ خواهم‌", "می خواهم"),
            ("ســلام", "سلام"),
            ("ﺳﻼم", "سلام"),
            ("خانۀ", "خانهٔ"),
            ("", ""),
        ] {
            assert_eq!(PERSIAN.apply(from), to);
        }
        let bare = Normaliser { strip_diacritics: true, ..PERSIAN };
        assert_eq!(bare.apply("مُحَمَّد"), "محمد");
    }

    #[test]
    fn normalising_twice_changes_nothing_more() {
        let plain = Normaliser { script: Script::Plain, lowercase: true, strip_diacritics: false };
        for text in ["Cafe\u{301}  ÀB", "a\u{200B}b ▁", "‌‌x‌ ‌y", "ﺳﻼم ۀ ۀ"] {
            for n in [PERSIAN, plain] {
                let once = n.apply(text);
                assert_eq!(n.apply(&once), once, "{text:?}");
            }
        }
        assert_eq!(plain.apply("Cafe\u{301}"), "café");
    }
}
