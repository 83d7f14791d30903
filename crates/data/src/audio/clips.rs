//! Recordings with labels.

use super::resample::Resampler;
use super::wav::{Pcm, read_wav};
use crate::InputError;
use std::path::{Path, PathBuf};

/// A part of a recording with a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// First sample.
    pub begin: usize,
    /// The one after its last sample.
    pub end: usize,
    /// The label.
    pub label: String,
}

/// A recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// The file.
    pub path: PathBuf,
    /// Who speaks, if the file's name says so (`label_speaker_number.wav`).
    pub speaker: String,
    /// Its number, if the file's name says so.
    pub number: Option<u32>,
    /// Samples.
    pub samples: Vec<f32>,
    /// Its parts with labels; one, the whole, where the file's or the folder's name is the label.
    pub spans: Vec<Span>,
    /// Whether the parts were written beside it: then it stands for itself.
    pub labelled: bool,
}

/// All WAV files of a folder and its folders, in the order of their names, brought to `rate`. A file's label is what its name
/// begins with up to the first `_`, or, without one, its folder's name; a file with a label track of its own beside it
/// (`NAME.txt`: begin TAB end TAB label, seconds, a line each, as Audacity writes it) has those.
///
/// # Errors
/// If there is none, or one can't be used. Notes on what was not as it should be are appended to `notes`.
pub fn read_clips(folder: &Path, rate: u32, notes: &mut Vec<String>) -> Result<Vec<Clip>, InputError> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    if files.is_empty() {
        let hint = "a folder of files label_speaker_number.wav, or of folders LABEL of WAV files";
        return Err(InputError::new("WAV files", "none", hint).at(folder));
    }
    // One folder's files have names or tracks that say a label, or none of them has: then the folder's name does.
    for own in files.chunk_by(|a, b| a.parent() == b.parent()) {
        let without: Vec<&PathBuf> = own.iter().filter(|path| !says_its_label(path)).collect();
        if let Some(path) = without.first().filter(|_| without.len() < own.len()) {
            let hint = "name it label_speaker_number.wav, put NAME.txt beside it, or put it into a folder LABEL";
            return Err(InputError::new("a label, as others of its folder have", "none", hint).at(path));
        }
    }
    files.into_iter().map(|path| clip(&path, rate, notes)).collect()
}

fn says_its_label(path: &Path) -> bool {
    path.with_extension("txt").exists() || path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains('_'))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let entries = fs_err::read_dir(folder).map_err(|e| InputError::io(folder, "a folder of WAV files", &e))?;
    for entry in entries {
        let path = entry.map_err(|e| InputError::io(folder, "a folder that can be read", &e))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav")) {
            files.push(path);
        }
    }
    Ok(())
}

fn clip(path: &Path, rate: u32, notes: &mut Vec<String>) -> Result<Clip, InputError> {
    let Pcm { rate: own, samples, notes: own_notes } = read_wav(path)?;
    notes.extend(own_notes);
    let mut brought = Vec::with_capacity(samples.len());
    let mut resampler = Resampler::new(own, rate);
    resampler.push(&samples, &mut brought);
    resampler.finish(&mut brought);
    let samples = brought;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let track = path.with_extension("txt");
    let labelled = track.exists();
    let spans = if labelled {
        spans(&track, rate, samples.len())?
    } else {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let label = stem.split_once('_').map_or_else(|| folder.into_owned(), |(label, _)| label.to_string());
        vec![Span { begin: 0, end: samples.len(), label }]
    };
    let mut parts = stem.split('_').skip(1);
    let speaker = parts.next().unwrap_or("").to_string();
    let number = parts.next().and_then(|n| n.parse().ok());
    Ok(Clip { path: path.into(), speaker, number, samples, spans, labelled })
}

fn spans(track: &Path, rate: u32, samples: usize) -> Result<Vec<Span>, InputError> {
    let text = fs_err::read_to_string(track).map_err(|e| InputError::io(track, "a label track", &e))?;
    let mut all: Vec<Span> = Vec::new();
    let text = text.trim_start_matches('\u{feff}');
    // A line that begins with a backslash has the frequencies of the label before it.
    let is_label = |line: &str| !line.trim().is_empty() && !line.starts_with('\\');
    for (index, line) in text.lines().enumerate().filter(|(_, line)| is_label(line)) {
        let mut cells = line.split('\t');
        let mut seconds = || cells.next().and_then(|c| c.trim().parse::<f64>().ok()).filter(|s| *s >= 0.0 && *s < 1e7);
        let (begin, end) = (seconds(), seconds());
        let label = cells.next().map(str::trim).filter(|label| !label.is_empty());
        let (Some(begin), Some(end), Some(label)) = (begin, end, label) else {
            let hint = "for example 0.52 TAB 0.98 TAB seven";
            return Err(InputError::new("begin TAB end TAB label", format!("`{line}`"), hint)
                .at(track)
                .line(index + 1));
        };
        let length = samples as f64 / f64::from(rate);
        // Times are rounded; the recording may have lost its last moments.
        if end > length + 0.1 {
            let got = format!("{end} s");
            let hint = "is it the track of another recording?";
            return Err(InputError::new(format!("parts within the recording's {length:.2} s"), got, hint)
                .at(track)
                .line(index + 1));
        }
        let at = |s: f64| ((s * f64::from(rate)).round() as usize).min(samples);
        let span = Span { begin: at(begin), end: at(end), label: label.into() };
        let before = all.last().map_or(0, |s| s.end);
        if span.begin >= span.end || span.begin < before {
            let expected = "parts one after the other, within the recording, each with an end after its beginning";
            return Err(InputError::new(expected, format!("`{line}`"), "check the times").at(track).line(index + 1));
        }
        all.push(span);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::write_wav;
    use super::*;

    #[test]
    fn labels_come_from_names_folders_and_tracks() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir_all(root.join("yes")).unwrap();
        let write = |name: &str| write_wav(&root.join(name), 8000, &[0.1; 800]).unwrap();
        ["7_anna_12.wav", "yes/a.wav", "long.wav"].into_iter().for_each(write);
        std::fs::write(root.join("long.txt"), "0.01\t0.03\tno\n0.05\t0.09\tyes\n").unwrap();
        let mut notes = Vec::new();
        let clips = read_clips(root, 16_000, &mut notes).unwrap();
        assert_eq!(clips.len(), 3);
        assert_eq!(
            (clips[0].spans[0].label.as_str(), clips[0].speaker.as_str(), clips[0].number),
            ("7", "anna", Some(12))
        );
        assert_eq!(clips[0].samples.len(), 1600);
        let of = |k: usize| clips[k].spans.iter().map(|s| (s.begin, s.end, s.label.as_str())).collect::<Vec<_>>();
        assert_eq!(of(1), [(160, 480, "no"), (800, 1440, "yes")]);
        assert_eq!((of(2), clips[1].labelled, clips[2].labelled), (vec![(0, 1600, "yes")], true, false));
        std::fs::write(root.join("long.txt"), "\u{feff}0.01\t0.03\tno\n\\\t100\t200\n").unwrap();
        assert_eq!(read_clips(root, 8000, &mut notes).unwrap()[1].spans.len(), 1);
        for (track, want) in [
            ("0.01 0.03 no", "begin TAB end"),
            ("0.03\t0.01\tno", "one after the other"),
            ("0.01\t99\tno", "within the recording's 0.10 s, got 99 s"),
        ] {
            std::fs::write(root.join("long.txt"), track).unwrap();
            let e = read_clips(root, 8000, &mut notes).unwrap_err();
            assert!(e.to_string().contains("long.txt:1") && e.to_string().contains(want), "{e}");
        }
        std::fs::remove_file(root.join("long.txt")).unwrap();
        let e = read_clips(root, 8000, &mut notes).unwrap_err().to_string();
        assert!(e.contains("long.wav: expected a label, as others of its folder have"), "{e}");
        let empty = tempfile::tempdir().unwrap();
        assert!(read_clips(empty.path(), 8000, &mut notes).unwrap_err().to_string().contains("WAV files, got none"));
    }
}
