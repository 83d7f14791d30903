//! WAV files and raw PCM.

use crate::InputError;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::io::{Chain, Cursor, Read};
use std::path::Path;

/// Samples between -1 and 1, one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Pcm {
    /// Samples a second.
    pub rate: u32,
    /// The mean of all channels.
    pub samples: Vec<f32>,
    /// What was not as it should be, for a person.
    pub notes: Vec<String>,
}

/// Sound as it arrives.
pub enum Reader<R: Read> {
    /// A WAV.
    Wav {
        /// Its header was read.
        reader: Box<WavReader<Chain<Cursor<Vec<u8>>, R>>>,
        /// It was written before its length was known: it goes on until it ends.
        endless: bool,
    },
    /// 16-bit little-endian samples of one channel without a header.
    Raw {
        /// Samples a second.
        rate: u32,
        /// Where they come from.
        input: R,
    },
}

/// Not the system's own error: there is no more.
fn ended(e: &std::io::Error) -> bool {
    e.raw_os_error().is_none()
}

fn broken(e: &hound::Error) -> InputError {
    match e {
        hound::Error::IoError(e) if ended(e) => {
            InputError::new("a WAV file", "a file that ends within its header", "copy or record it again")
        }
        // Numbers of other sizes than it reads are told as errors of form.
        hound::Error::Unsupported
        | hound::Error::FormatError(
            "bits per sample is not 32"
            | "bits per sample is not a multiple of 8"
            | "sample bits exceeds size of sample",
        ) => InputError::new(
            "a WAV file of whole numbers of 8 to 32 bits, or of 32-bit floating-point numbers",
            "another kind",
            "convert it, for example with: ffmpeg -i IN -c:a pcm_s16le OUT.wav",
        ),
        e => InputError::new("a WAV file", e.to_string(), "convert it, for example with: ffmpeg -i IN OUT.wav"),
    }
}

impl<R: Read> Reader<R> {
    /// A WAV's header is read at once.
    ///
    /// # Errors
    /// If it is none.
    pub fn wav(mut input: R) -> Result<Self, InputError> {
        let (header, endless) = header(&mut input).map_err(|e| broken(&e.into()))?;
        let reader = WavReader::new(Cursor::new(header).chain(input)).map_err(|e| broken(&e))?;
        let spec = reader.spec();
        if spec.channels == 0 || spec.sample_rate < 1000 || spec.sample_rate > 1_000_000 {
            let got = format!("{} channels, {} a second", spec.channels, spec.sample_rate);
            return Err(InputError::new("a WAV file of 1,000 to 1,000,000 samples a second", got, "convert it"));
        }
        Ok(Self::Wav { reader: Box::new(reader), endless })
    }

    /// Samples a second.
    pub fn rate(&self) -> u32 {
        match self {
            Self::Wav { reader, .. } => reader.spec().sample_rate,
            Self::Raw { rate, .. } => *rate,
        }
    }

    /// The next samples, at most `most`, appended to `to`; fewer at the end. Says whether it ended before it should.
    ///
    /// # Errors
    /// If the input can't be read.
    pub fn read(&mut self, most: usize, to: &mut Vec<f32>) -> Result<bool, InputError> {
        match self {
            Self::Raw { input, .. } => {
                let mut bytes = Vec::with_capacity(2 * most);
                input.by_ref().take(2 * most as u64).read_to_end(&mut bytes).map_err(|e| broken(&e.into()))?;
                to.extend(bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0));
                Ok(!bytes.len().is_multiple_of(2))
            }
            Self::Wav { reader, endless } => {
                let spec = reader.spec();
                let channels = usize::from(spec.channels);
                let scale = 1.0 / (1u64 << (spec.bits_per_sample - 1)) as f32;
                let mut sum = 0.0;
                let mut count = 0;
                let mut take = |sample: Result<f32, hound::Error>| match sample {
                    Ok(sample) => {
                        sum += sample;
                        count += 1;
                        if count == channels {
                            to.push(sum / channels as f32);
                            (sum, count) = (0.0, 0);
                        }
                        Ok(false)
                    }
                    // It ends earlier than its header says.
                    Err(hound::Error::IoError(e)) if ended(&e) => Ok(true),
                    Err(hound::Error::FormatError(_)) => Ok(true),
                    Err(e) => Err(broken(&e)),
                };
                let most = most * channels;
                let mut short = false;
                match spec.sample_format {
                    SampleFormat::Float => {
                        for sample in reader.samples::<f32>().take(most) {
                            short |= take(sample)?;
                            if short {
                                break;
                            }
                        }
                    }
                    SampleFormat::Int => {
                        for sample in reader.samples::<i32>().take(most) {
                            short |= take(sample.map(|x| x as f32 * scale))?;
                            if short {
                                break;
                            }
                        }
                    }
                }
                Ok(short && !*endless)
            }
        }
    }
}

/// A WAV's bytes up to its samples, and whether their length is unknown: programs that write to a pipe say 0 or the largest number,
/// in whose place the largest possible length then stands.
fn header(input: &mut impl Read) -> std::io::Result<(Vec<u8>, bool)> {
    let mut header = Vec::new();
    let mut block = 1;
    // As far as it looks like a WAV: what does not is told by the reader that follows. A header is no megabyte.
    let mut next = |count: u32, header: &mut Vec<u8>| -> std::io::Result<bool> {
        let want = u64::from(count.min(1 << 20));
        Ok(input.by_ref().take(want).read_to_end(header)? as u64 == want)
    };
    if !next(12, &mut header)? || !header.starts_with(b"RIFF") {
        return Ok((header, false));
    }
    loop {
        let begin = header.len();
        if !next(8, &mut header)? || begin > 1 << 22 {
            return Ok((header, false));
        }
        let name = header[begin..begin + 4].to_vec();
        let size = u32::from_le_bytes(header[begin + 4..].try_into().expect("four bytes"));
        if name == b"data" {
            let endless = size == 0 || size == u32::MAX;
            if endless {
                let most = u32::MAX - u32::MAX % block;
                header[begin + 4..].copy_from_slice(&most.to_le_bytes());
            }
            return Ok((header, endless));
        }
        // Chunks have an even number of bytes.
        if !next(size.saturating_add(size % 2), &mut header)? {
            return Ok((header, false));
        }
        if name != b"fmt " {
            // The decoder need not know of it.
            header.truncate(begin);
        } else if size >= 14 {
            block = u32::from(u16::from_le_bytes([header[begin + 20], header[begin + 21]])).max(1);
        }
    }
}

/// The whole of a WAV file; one that ends before its header says so is taken as far as it goes, with a note.
///
/// # Errors
/// If it is no WAV file, or has no samples.
pub fn read_wav(path: &Path) -> Result<Pcm, InputError> {
    let file = fs_err::File::open(path).map_err(|e| InputError::io(path, "a WAV file", &e))?;
    let mut reader = Reader::wav(std::io::BufReader::new(file)).map_err(|e| e.at(path))?;
    let (rate, mut samples, mut short) = (reader.rate(), Vec::new(), false);
    loop {
        let before = samples.len();
        short |= reader.read(1 << 16, &mut samples).map_err(|e| e.at(path))?;
        if short || samples.len() == before {
            break;
        }
    }
    if samples.is_empty() {
        return Err(InputError::new("a WAV file with samples", "none", "record it again").at(path));
    }
    if let Some(at) = samples.iter().position(|x| !x.is_finite()) {
        let got = format!("{} as sample {}", samples[at], at + 1);
        return Err(InputError::new("samples that are numbers", got, "convert or record it again").at(path));
    }
    let short = short.then(|| {
        let seconds = samples.len() as f64 / f64::from(rate);
        format!("ends before its header says so; taken as far as it goes ({seconds:.2} s)")
    });
    let loud = beyond_full_scale(samples.iter().fold(0.0, |most, x| x.abs().max(most)));
    let notes = short.into_iter().chain(loud).map(|note| format!("{}: {note}", path.display())).collect();
    Ok(Pcm { rate, samples, notes })
}

/// What a person should know of samples whose largest is this, if it is far beyond full scale: whole numbers that were stored as
/// floating-point ones.
pub fn beyond_full_scale(most: f32) -> Option<String> {
    // Recordings of floating-point numbers pass it a little.
    (most > 4.0)
        .then(|| format!("samples reach {most:.0}, and full scale is 1: taken as they are, {most:.0} times as loud"))
}

/// Writes samples of one channel as a 16-bit WAV.
///
/// # Errors
/// If the file can't be written.
pub fn write_wav(path: &Path, rate: u32, samples: &[f32]) -> Result<(), InputError> {
    let spec = WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let write = || -> Result<(), hound::Error> {
        let mut writer = WavWriter::create(path, spec)?;
        for x in samples {
            writer.write_sample((x * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16)?;
        }
        writer.finalize()
    };
    write().map_err(|e| {
        InputError::new("a file that can be written", e.to_string(), "check the path and the disk").at(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn bytes(spec: WavSpec, samples: &[i32]) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut out, spec).unwrap();
        samples.iter().for_each(|s| writer.write_sample(*s).unwrap());
        writer.finalize().unwrap();
        out.into_inner()
    }

    #[test]
    fn stereo_is_mixed_and_bits_are_scaled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wav");
        for (bits, full) in [(8, 127), (16, 1 << 15), (24, 1 << 23), (32, 1 << 30)] {
            let spec =
                WavSpec { channels: 2, sample_rate: 44_100, bits_per_sample: bits, sample_format: SampleFormat::Int };
            std::fs::write(&path, bytes(spec, &[full / 2, 0, -full / 2, -full / 2])).unwrap();
            let pcm = read_wav(&path).unwrap();
            let want = [full as f32 / 4.0, -full as f32 / 2.0].map(|x| x / (1u64 << (bits - 1)) as f32);
            assert_eq!((pcm.rate, pcm.samples.len(), pcm.notes.len()), (44_100, 2, 0));
            assert!(pcm.samples.iter().zip(want).all(|(a, b)| (a - b).abs() < 0.01), "{bits}: {:?}", pcm.samples);
        }
    }

    #[test]
    fn broken_files_are_named_or_taken_as_far_as_they_go() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wav");
        let spec = WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let whole = bytes(spec, &[1, 2, 3, 4, 5, 6]);
        let error = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_wav(&path).map_err(|e| e.to_string())
        };
        let cut = error(&whole[..whole.len() - 5]).unwrap();
        assert_eq!(cut.samples.len(), 3);
        assert!(cut.notes[0].contains("ends before its header says so"));
        for (bytes, want) in [
            (&b""[..], "ends within its header"),
            (b"ID3\x04not a wav file at all, but long enough for a header of it", "a WAV file, got"),
            (&whole[..20], "a WAV file, got"),
            (&bytes(spec, &[]), "with samples, got none"),
        ] {
            let e = error(bytes).unwrap_err();
            assert!(e.contains(want), "{want}: {e}");
        }
        // Written to a pipe, before its length was known.
        for size in [0, u32::MAX] {
            let mut streamed = whole.clone();
            let data = streamed.windows(4).position(|w| w == b"data").unwrap();
            streamed[data + 4..data + 8].copy_from_slice(&size.to_le_bytes());
            let pcm = error(&streamed).unwrap();
            assert_eq!((pcm.samples.len(), pcm.notes.len()), (6, 0), "{size}");
        }
        // Chunks of an odd size, before the data and before the format.
        for at in [whole.windows(4).position(|w| w == b"data").unwrap(), 12] {
            let odd = [&whole[..at], b"LIST\x05\0\0\0INFOx\0", &whole[at..]].concat();
            let pcm = error(&odd).unwrap();
            assert_eq!((pcm.samples.len(), pcm.notes.len()), (6, 0), "{at}");
        }
        // Numbers of 64 bits, and of 12; whole numbers stored as floating-point ones.
        let written = |format: u16, bits: u16, data: &[u8]| {
            let size = bits.div_ceil(8);
            let (rate, length) = (8000u32, data.len() as u32);
            let mut wav = [b"RIFF", &(36 + length).to_le_bytes()[..], b"WAVEfmt \x10\0\0\0"].concat();
            [format, 1].iter().for_each(|x| wav.extend(x.to_le_bytes()));
            [rate, rate * u32::from(size)].iter().for_each(|x| wav.extend(x.to_le_bytes()));
            [size, bits].iter().for_each(|x| wav.extend(x.to_le_bytes()));
            [&wav[..], b"data", &length.to_le_bytes(), data].concat()
        };
        for (format, bits, data) in [(3, 64, &[0; 16][..]), (1, 12, &[0; 4])] {
            let e = error(&written(format, bits, data)).unwrap_err();
            assert!(e.contains("whole numbers of 8 to 32 bits, or of 32-bit floating-point numbers"), "{bits}: {e}");
        }
        let loud = error(&written(3, 32, &[1.5f32, -32_000.0].map(f32::to_le_bytes).concat())).unwrap();
        assert!(loud.samples[1] == -32_000.0 && loud.notes[0].contains("samples reach 32000"), "{:?}", loud.notes);
        assert!(error(&written(3, 32, &1.5f32.to_le_bytes())).unwrap().notes.is_empty());
        assert!(read_wav(&directory.path().join("none.wav")).unwrap_err().got.contains("no such file"));
        let mut raw = Reader::Raw { rate: 8000, input: Cursor::new([0, 64, 0, 192, 9]) };
        let mut samples = Vec::new();
        assert!(raw.read(10, &mut samples).unwrap());
        assert_eq!(samples, [0.5, -0.5]);
    }
}
