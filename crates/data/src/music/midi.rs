//! Standard MIDI files.

use super::Frame;
use super::pieces::{Piece, key, sorted};
use crate::InputError;
use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};
use std::path::Path;

/// Ticks of a quarter note in files that are written, or a few less.
const TICKS: u16 = 480;
/// Frames that a piece may have.
const MOST: usize = 1_000_000;
/// The drums' channel: its notes have no pitch.
const DRUMS: u8 = 9;

/// The piece of a MIDI file, `steps` frames a quarter note: a note is in every frame at whose beginning it sounds, and one shorter
/// than a frame in the frame in which it begins. Drums are left out.
///
/// # Errors
/// If the file can't be read, is no MIDI file, counts seconds rather than quarters, or has no note.
pub fn read(path: &Path, steps: u32) -> Result<Piece, InputError> {
    let bytes = fs_err::read(path).map_err(|e| InputError::io(path, "a MIDI file", &e))?;
    let frames = parse(&bytes, steps).map_err(|e| e.at(path))?;
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(Piece { name, frames })
}

fn parse(bytes: &[u8], steps: u32) -> Result<Vec<Frame>, InputError> {
    let bad = |got: String| InputError::new("a MIDI file", got, "the file may be damaged, or of another kind");
    let file = Smf::parse(bytes).map_err(|e| bad(e.to_string()))?;
    let Timing::Metrical(ticks) = file.header.timing else {
        return Err(bad("one that counts seconds, not quarter notes".into()));
    };
    if file.header.format == Format::Sequential {
        let hint = "save each of its songs as a file of its own";
        return Err(InputError::new("one song", "several one after the other (format 2)", hint));
    }
    let ticks = u64::from(ticks.as_int());
    if ticks == 0 {
        return Err(bad("one whose quarter notes have no ticks".into()));
    }
    if let Some(chunk) = cut_chunk(bytes) {
        return Err(bad(format!("one that ends within its part {chunk}")));
    }
    let mut drums = false;
    // Notes as (first frame, frame after the last, key).
    let mut notes: Vec<(usize, usize, u8)> = Vec::new();
    for (number, track) in file.tracks.iter().enumerate() {
        let mut now = 0u64;
        let mut held: Vec<(u8, u8, u64)> = Vec::new();
        let frame = |tick: u64| (tick * u64::from(steps)).div_ceil(ticks) as usize;
        for event in track {
            now += u64::from(event.delta.as_int());
            let TrackEventKind::Midi { channel, message } = event.kind else { continue };
            let channel = channel.as_int();
            let (note, on) = match message {
                MidiMessage::NoteOn { key, vel } => (key.as_int(), vel.as_int() > 0),
                MidiMessage::NoteOff { key, .. } => (key.as_int(), false),
                _ => continue,
            };
            if channel == DRUMS {
                drums |= on;
                continue;
            }
            if let Some(at) = held.iter().position(|(c, k, _)| (*c, *k) == (channel, note)) {
                let (_, _, begun) = held.remove(at);
                let first = frame(begun);
                notes.push((first, frame(now).max(first + 1), note));
            }
            if on {
                key(i64::from(note)).map_err(|e| e.field(format!("track {}", number + 1)))?;
                held.push((channel, note, now));
            }
        }
        for (_, note, begun) in held {
            notes.push((frame(begun), frame(now).max(frame(begun) + 1), note));
        }
    }
    let length = notes.iter().map(|note| note.1).max().unwrap_or(0);
    // Silence before the first note is no music.
    let first = notes.iter().map(|note| note.0).min().unwrap_or(0);
    if length == 0 {
        let hint = "drums (channel 10) have no pitch, and are left out";
        let got = if drums { "drums alone" } else { "none" };
        return Err(InputError::new("notes", got, hint));
    }
    if length > MOST {
        let hint = "cut it into pieces, or take fewer frames a quarter note";
        return Err(InputError::new(format!("a piece of at most {MOST} frames"), length.to_string(), hint));
    }
    let mut frames = vec![Frame::new(); length - first];
    for (from, to, note) in notes {
        frames[from - first..to - first].iter_mut().for_each(|frame| frame.push(note));
    }
    Ok(frames.into_iter().map(sorted).collect())
}

/// The number of the first chunk that is longer than what is left of the file: what was read of it is not the whole piece.
fn cut_chunk(mut bytes: &[u8]) -> Option<usize> {
    for number in 1.. {
        let (head, rest) = bytes.split_at_checked(8)?;
        let length = u32::from_be_bytes(head[4..].try_into().expect("four bytes")) as usize;
        let Some((_, after)) = rest.split_at_checked(length) else { return Some(number) };
        bytes = after;
    }
    None
}

/// The frames as a MIDI file of one track, `steps` frames a quarter note, `tempo` quarter notes a minute; a note that sounds in
/// neighbouring frames is held.
///
/// # Panics
/// If `steps` is 0 or a note is none of a piano's.
pub fn to_bytes(frames: &[Frame], steps: u32, tempo: f64) -> Vec<u8> {
    // A quarter of as many ticks as its frames divide.
    let ticks = (u32::from(TICKS) / steps).max(1);
    let (channel, mut track) = (u4::new(0), Vec::new());
    let mut wait = 0;
    let mut push = |wait: &mut u32, kind| {
        track.push(TrackEvent { delta: u28::new(std::mem::take(wait)), kind });
    };
    let micros = (60e6 / tempo).clamp(1.0, 16e6) as u32;
    push(&mut wait, TrackEventKind::Meta(MetaMessage::Tempo(u24::new(micros))));
    let mut before: &[u8] = &[];
    let end: &[u8] = &[];
    for frame in frames.iter().map(Vec::as_slice).chain([end]) {
        for note in before.iter().filter(|note| !frame.contains(note)) {
            let message = MidiMessage::NoteOff { key: u7::new(*note), vel: u7::new(0) };
            push(&mut wait, TrackEventKind::Midi { channel, message });
        }
        for note in frame.iter().filter(|note| !before.contains(note)) {
            assert!(key(i64::from(*note)).is_ok(), "to_bytes: note {note}");
            let message = MidiMessage::NoteOn { key: u7::new(*note), vel: u7::new(80) };
            push(&mut wait, TrackEventKind::Midi { channel, message });
        }
        before = frame;
        wait += ticks;
    }
    // Nothing sounds after the last frame.
    wait -= ticks;
    push(&mut wait, TrackEventKind::Meta(MetaMessage::EndOfTrack));
    let timing = Timing::Metrical(u15::new((ticks * steps) as u16));
    let header = Header { format: Format::SingleTrack, timing };
    let mut bytes = Vec::new();
    Smf { header, tracks: vec![track] }.write_std(&mut bytes).expect("memory can be written");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_round_trip() {
        let frames = vec![vec![60, 64, 67], vec![60, 65, 69], vec![], vec![60], vec![60], vec![72]];
        for steps in [1, 4, 7] {
            assert_eq!(parse(&to_bytes(&frames, steps, 90.0), steps).unwrap(), frames, "{steps}");
        }
        // Twice as fine a grid: every frame twice.
        let twice: Vec<Frame> = frames.iter().flat_map(|f| [f.clone(), f.clone()]).collect();
        assert_eq!(parse(&to_bytes(&frames, 2, 90.0), 4).unwrap(), twice);
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let bytes = to_bytes(&[vec![60], vec![62, 65]], 4, 120.0);
        for length in 0..bytes.len() {
            // What was read of it would not be the whole piece.
            assert!(parse(&bytes[..length], 4).is_err(), "{length} bytes");
        }
        let mut timeless = bytes.clone();
        timeless[12..14].copy_from_slice(&[0, 0]);
        assert!(parse(&timeless, 4).unwrap_err().to_string().contains("quarter notes have no ticks"));
        assert!(parse(b"no music", 4).unwrap_err().to_string().starts_with("expected a MIDI file, got"));
        assert_eq!(parse(&to_bytes(&[vec![]], 4, 90.0), 4).unwrap_err().to_string(), "expected notes, got none");
        let mut drums = bytes.clone();
        for at in 1..drums.len() {
            if matches!(drums[at], 0x80 | 0x90) && drums[at - 1] <= 120 {
                drums[at] |= DRUMS;
            }
        }
        assert_eq!(parse(&drums, 4).unwrap_err().to_string(), "expected notes, got drums alone");
        let mut songs = bytes.clone();
        songs[9] = 2;
        assert!(parse(&songs, 4).unwrap_err().to_string().contains("format 2"));
        let mut low = to_bytes(&[vec![60]], 4, 90.0);
        let at = low.windows(3).position(|w| w == [0x90, 60, 80]).unwrap();
        low[at + 1] = 5;
        assert_eq!(parse(&low, 4).unwrap_err().to_string(), "track 1: expected 21 to 108, got 5");
    }
}
