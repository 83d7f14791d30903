//! Pieces from files: JSON as the JSB chorales are published, or MIDI.

use super::{Frame, KEYS, LOWEST, midi};
use crate::InputError;
use serde::Deserialize;
use std::path::Path;

/// A piece of music.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it comes from.
    pub name: String,
    /// Frame by frame.
    pub frames: Vec<Frame>,
}

/// Pieces of a file: of a `.json` with `train`, `valid` and `test` (or `dev`) those of `split`, each piece a list of frames, a
/// frame a list of MIDI numbers; of a `.mid` the piece, `steps` frames a quarter note; of a folder all of its MIDI files in the
/// order of their names, without those that can't be used, of which `notes` tells.
///
/// # Errors
/// If the file can't be read, is neither, or has a note that is none of a piano's; of a folder if no file can be used.
pub fn read_pieces(path: &Path, split: &str, steps: u32, notes: &mut Vec<String>) -> Result<Vec<Piece>, InputError> {
    if path.is_dir() {
        let io = |e: std::io::Error| InputError::io(path, "a folder of MIDI files", &e);
        let mut files = Vec::new();
        for entry in fs_err::read_dir(path).map_err(io)? {
            let file = entry.map_err(io)?.path();
            if is_midi(&file) {
                files.push(file);
            }
        }
        files.sort();
        if files.is_empty() {
            let hint = "put .mid files into it, or name one file";
            return Err(InputError::new("a folder of MIDI files", "none that ends in .mid", hint).at(path));
        }
        let (mut pieces, mut wrong) = (Vec::with_capacity(files.len()), Vec::new());
        for file in &files {
            midi::read(file, steps).map_or_else(|e| wrong.push(e), |piece| pieces.push(piece));
        }
        let count = wrong.len();
        if let Some(first) = wrong.into_iter().next() {
            if pieces.is_empty() {
                return Err(first);
            }
            notes.push(format!("{count} of {} files left out, the first: {first}", files.len()));
        }
        return Ok(pieces);
    }
    if is_midi(path) {
        return Ok(vec![midi::read(path, steps)?]);
    }
    let text = crate::text::corpus::read_text(path)
        .map_err(|e| InputError { hint: "pieces are JSON files, .mid files or folders of these".into(), ..e })?;
    parse_json(&text, split).map_err(|e| e.at(path))
}

fn is_midi(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mid") || e.eq_ignore_ascii_case("midi"))
}

fn parse_json(text: &str, split: &str) -> Result<Vec<Piece>, InputError> {
    #[derive(Deserialize)]
    struct Splits {
        train: Vec<Vec<Vec<f64>>>,
        #[serde(alias = "dev")]
        valid: Vec<Vec<Vec<f64>>>,
        test: Vec<Vec<Vec<f64>>>,
    }
    let hint = "the file is {\"train\": [piece, ...], \"valid\": ..., \"test\": ...}; a piece is a list of frames, a frame a list \
                of MIDI numbers, e.g. [60, 64, 67]";
    let splits: Splits =
        serde_json::from_str(text).map_err(|e| InputError::new("pieces as JSON", e.to_string(), hint))?;
    let pieces = match split {
        "train" => splits.train,
        "test" => splits.test,
        _ => splits.valid,
    };
    let mut all = Vec::with_capacity(pieces.len());
    for (number, frames) in pieces.into_iter().enumerate() {
        let place = |frame: usize| format!("{split}, piece {}, frame {}", number + 1, frame + 1);
        let mut piece = Vec::with_capacity(frames.len());
        for (k, frame) in frames.into_iter().enumerate() {
            let notes: Result<Vec<u8>, InputError> =
                frame.into_iter().map(|n| whole_key(n).map_err(|e| e.field(place(k)))).collect();
            piece.push(sorted(notes?));
        }
        if piece.is_empty() {
            return Err(InputError::new("at least one frame", "none", hint).field(place(0)));
        }
        all.push(Piece { name: format!("{split} {}", number + 1), frames: piece });
    }
    Ok(all)
}

/// A MIDI number as a key of a piano.
pub(super) fn key(note: i64) -> Result<u8, InputError> {
    let highest = i64::from(LOWEST) + KEYS as i64 - 1;
    if i64::from(LOWEST) <= note && note <= highest {
        return Ok(note as u8);
    }
    let hint = "notes are MIDI numbers of a piano's keys: middle C is 60";
    Err(InputError::new(format!("{LOWEST} to {highest}"), note.to_string(), hint))
}

/// The same of a number of JSON: some sets write 60.0.
fn whole_key(note: f64) -> Result<u8, InputError> {
    key(note as i64)
        .and_then(|found| if f64::from(found) == note { Ok(found) } else { key(-1) })
        .map_err(|e| InputError { got: note.to_string(), ..e })
}

/// Rising, each note once.
pub(super) fn sorted(mut frame: Frame) -> Frame {
    frame.sort_unstable();
    frame.dedup();
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_pieces_are_read_and_wrong_notes_named() {
        let text = "{\"train\": [[[67, 60.0, 60], []]], \"valid\": [[[21]]], \"test\": [[[1]]]}";
        let train = parse_json(text, "train").unwrap();
        assert_eq!(train[0].frames, [vec![60, 67], vec![]]);
        assert_eq!(parse_json(text, "dev").unwrap()[0].frames, [[21]]);
        let e = parse_json(text, "test").unwrap_err();
        assert_eq!(e.to_string(), "test, piece 1, frame 1: expected 21 to 108, got 1");
        let half = parse_json("{\"train\": [[[60.5]]], \"valid\": [], \"test\": []}", "train").unwrap_err();
        assert_eq!(half.to_string(), "train, piece 1, frame 1: expected 21 to 108, got 60.5");
        assert!(parse_json("{}", "train").is_err());
        assert!(parse_json("{\"train\": [[]], \"valid\": [], \"test\": []}", "train").is_err());
    }

    #[test]
    fn a_folder_is_read_in_the_order_of_its_names() {
        let directory = tempfile::tempdir().unwrap();
        let mut notes = Vec::new();
        let mut read = || read_pieces(directory.path(), "train", 4, &mut notes);
        assert!(read().unwrap_err().to_string().contains("none that ends in .mid"));
        for (name, note) in [("b.mid", 64), ("a.MID", 60)] {
            std::fs::write(directory.path().join(name), midi::to_bytes(&[vec![note], vec![note]], 4, 90.0)).unwrap();
        }
        let all = read().unwrap();
        assert_eq!((all[0].name.as_str(), all[1].frames.as_slice()), ("a", &[vec![64], vec![64]][..]));
        // One that is none stops nothing, unless there is no other.
        std::fs::write(directory.path().join("c.mid"), "no music").unwrap();
        assert_eq!(read().unwrap(), all);
        for name in ["a.MID", "b.mid"] {
            std::fs::remove_file(directory.path().join(name)).unwrap();
        }
        assert!(read().unwrap_err().to_string().contains("c.mid"));
        let [note] = &notes[..] else { panic!("{notes:?}") };
        assert!(note.starts_with("1 of 3 files left out, the first: ") && note.contains("c.mid"), "{note}");
    }
}
