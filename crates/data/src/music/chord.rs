//! Chords and notes as people write them: `C`, `F#m`, `Bb7`, `Am/E`, `C4`, `60 64 67`.

use super::pieces::{key, sorted};
use super::{Frame, KEYS, LOWEST};
use crate::InputError;

/// Names of chords and their notes above the root, in semitones.
const KINDS: [(&str, &[u8]); 19] = [
    ("", &[0, 4, 7]),
    ("maj", &[0, 4, 7]),
    ("m", &[0, 3, 7]),
    ("min", &[0, 3, 7]),
    ("7", &[0, 4, 7, 10]),
    ("maj7", &[0, 4, 7, 11]),
    ("m7", &[0, 3, 7, 10]),
    ("dim", &[0, 3, 6]),
    ("dim7", &[0, 3, 6, 9]),
    ("aug", &[0, 4, 8]),
    ("sus4", &[0, 5, 7]),
    ("sus2", &[0, 2, 7]),
    ("6", &[0, 4, 7, 9]),
    ("m6", &[0, 3, 7, 9]),
    ("m7b5", &[0, 3, 6, 10]),
    ("add9", &[0, 4, 7, 14]),
    ("9", &[0, 4, 7, 10, 14]),
    ("m9", &[0, 3, 7, 10, 14]),
    ("maj9", &[0, 4, 7, 11, 14]),
];

/// The frame of a chord (`Am7`, its root in the octave below middle C, a bass after `/`), of a note with its octave (`C4` is middle
/// C), or of several notes or MIDI numbers between spaces or commas.
///
/// # Errors
/// If it is none of these.
pub fn parse(text: &str) -> Result<Frame, InputError> {
    let bad = |got: &str| {
        let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.0).filter(|kind| !kind.is_empty()).collect();
        let hint = format!(
            "a chord is a root A to G with # or b, then nothing for major or one of {}, then perhaps /BASS: C, F#m, Bb7, Am/E; \
             notes are C4 E4 G4, or MIDI numbers 60 64 67",
            kinds.join(", ")
        );
        InputError::new("a chord or notes", format!("`{got}`"), hint)
    };
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Err(bad(text.trim()));
    }
    let minor = |kind: &str| match kind.to_lowercase().as_str() {
        "major" => Some(""),
        "minor" => Some("m"),
        _ => None,
    };
    if let [root, kind] = words[..]
        && let Some(frame) = minor(kind).and_then(|kind| chord(&format!("{root}{kind}")))
    {
        return Ok(sorted(frame));
    }
    if let [word] = words[..]
        && let Some(frame) = chord(word)
    {
        return Ok(sorted(frame));
    }
    if words.len() > 1 && words.iter().all(|word| chord(word).is_some()) {
        let each: Vec<String> = words.iter().map(|word| format!("--start {word}")).collect();
        let hint = format!("one chord a time: {}", each.join(" "));
        return Err(InputError::new("a chord or notes", format!("{} chords", words.len()), hint));
    }
    let note = |word: &&str| match word.parse::<i64>() {
        Ok(number) => key(number),
        Err(_) => note(word).ok_or_else(|| bad(word)).and_then(key),
    };
    words.iter().map(note).collect::<Result<_, _>>().map(sorted)
}

/// Semitones above C, and what is left of the text.
fn root(text: &str) -> Option<(i64, &str)> {
    let mut letters = text.chars();
    let natural = match letters.next()?.to_ascii_uppercase() {
        'C' => 0,
        'D' => 2,
        'E' => 4,
        'F' => 5,
        'G' => 7,
        'A' => 9,
        'B' => 11,
        _ => return None,
    };
    let rest = letters.as_str();
    for (sign, change) in [("#", 1), ("♯", 1), ("b", -1), ("♭", -1)] {
        if let Some(rest) = rest.strip_prefix(sign) {
            return Some((natural + change, rest));
        }
    }
    Some((natural, rest))
}

fn note(text: &str) -> Option<i64> {
    let (semitones, octave) = root(text)?;
    let octave: i64 = octave.parse().ok().filter(|o| (-1..=9).contains(o))?;
    Some(12 * (octave + 1) + semitones)
}

fn chord(text: &str) -> Option<Frame> {
    let (chord, bass) = text.split_once('/').map_or((text, None), |(chord, bass)| (chord, Some(bass)));
    let (semitones, kind) = root(chord)?;
    // A digit alone after the root is an octave, but for the chords that are written so.
    let notes = KINDS.iter().find(|(name, _)| *name == kind)?.1;
    let low = 48 + semitones;
    let mut frame: Vec<u8> = notes.iter().map(|above| (low + i64::from(*above)) as u8).collect();
    if let Some(bass) = bass {
        let (semitones, "") = root(bass)? else { return None };
        frame.push((36 + semitones) as u8);
    }
    Some(frame)
}

/// A MIDI number as a note's name, `C4`.
pub fn name(note: u8) -> String {
    const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
    debug_assert!((LOWEST..LOWEST + KEYS as u8).contains(&note));
    format!("{}{}", NAMES[usize::from(note % 12)], i16::from(note / 12) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_and_notes_are_read_as_people_write_them() {
        for (text, want) in [
            ("C", &[48, 52, 55][..]),
            ("f#m", &[54, 57, 61]),
            ("Bb7", &[58, 62, 65, 68]),
            ("Am/E", &[40, 57, 60, 64]),
            ("C4", &[60]),
            ("C4 e4, G4", &[60, 64, 67]),
            ("67 60", &[60, 67]),
            ("Ddim7", &[50, 53, 56, 59]),
            ("A7", &[57, 61, 64, 67]),
            ("C9", &[48, 52, 55, 58, 62]),
            ("Bm7b5", &[59, 62, 65, 69]),
            ("F# minor", &[54, 57, 61]),
            ("C Major", &[48, 52, 55]),
        ] {
            assert_eq!(parse(text).unwrap(), want, "{text}");
        }
        let several = parse("Am F").unwrap_err();
        assert_eq!(
            (several.got.as_str(), several.hint.as_str()),
            ("2 chords", "one chord a time: --start Am --start F")
        );
        for text in ["", "H", "Cfoo", "C4 x", "C/", "Am/Q", "200", "C99"] {
            let e = parse(text).unwrap_err();
            assert!(!e.hint.is_empty(), "{text}: {e}");
        }
        assert_eq!((name(60), name(21)), ("C4".into(), "A0".into()));
    }
}
