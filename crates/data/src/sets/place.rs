//! From a download to the files of a data directory: converted, checked, and put in place whole or not at all.

use super::{Form, Part, Place, digest, file_digest, sentipers};
use crate::InputError;
use flate2::read::GzDecoder;
use std::fmt::Write;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

/// Makes of the `download` what `part` says, in `directory`.
///
/// Everything is made beside its place, compared with its digest, and then renamed: a place holds the whole file or what it held
/// before.
///
/// # Errors
/// When the download is not what it should be, or the directory can't be written.
pub fn place(part: &Part, download: &Path, directory: &Path) -> Result<(), InputError> {
    let made = match part.form {
        Form::AsIs => vec![Made::File(read(download)?)],
        Form::ExchangeRates => vec![Made::File(exchange_rates(&unpacked(download)?)?.into_bytes())],
        Form::SentiPers => sentipers::split(download)?.into_iter().map(|text| Made::File(text.into_bytes())).collect(),
        Form::Folder(name) => vec![Made::Folder(folder(download, name, directory, &part.places[0])?)],
    };
    debug_assert_eq!(made.len(), part.places.len());
    // Everything is compared before anything is moved.
    for (made, place) in made.iter().zip(part.places) {
        let got = match made {
            Made::File(bytes) => digest(bytes),
            Made::Folder(path) => folder_digest(path.path())?,
        };
        if got != place.sha256 {
            let expected = format!("contents with SHA-256 {}", place.sha256);
            let hint = "the set at its address has changed; this version of the program does not know it";
            return Err(InputError::new(expected, got, hint).at(directory.join(place.path)));
        }
    }
    for (made, place) in made.into_iter().zip(part.places) {
        put(made, &directory.join(place.path))?;
    }
    Ok(())
}

enum Made {
    File(Vec<u8>),
    Folder(Beside),
}

/// A folder beside its place, removed unless it is renamed.
struct Beside(PathBuf);

impl Beside {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Nothing can be done about a folder that stays; it is made anew next time.
        let _ = fs_err::remove_dir_all(&self.0);
    }
}

/// `path` with something after its name.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(more);
    path.with_file_name(name)
}

fn put(made: Made, path: &Path) -> Result<(), InputError> {
    let io = |e: std::io::Error| InputError::io(path, "a writable place", &e);
    if let Some(parent) = path.parent() {
        fs_err::create_dir_all(parent).map_err(io)?;
    }
    match made {
        Made::File(bytes) => {
            let new = beside(path, ".fetched");
            let written = fs_err::write(&new, bytes).and_then(|()| File::open(&new)?.sync_all());
            written.and_then(|()| fs_err::rename(&new, path)).map_err(|e| {
                // The error that is told is the first one.
                let _ = fs_err::remove_file(&new);
                io(e)
            })
        }
        Made::Folder(new) => {
            if !path.exists() {
                return fs_err::rename(new.path(), path).map_err(io);
            }
            // A folder can't be renamed onto another: the old one steps aside first, to a name that nothing else has.
            let aside = (0..).map(|n| beside(path, &format!(".replaced-{n}"))).find(|p| !p.exists());
            let aside = aside.expect("one of all numbers is free");
            fs_err::rename(path, &aside).map_err(io)?;
            if let Err(e) = fs_err::rename(new.path(), path) {
                // Back to what was there.
                fs_err::rename(&aside, path).map_err(io)?;
                return Err(io(e));
            }
            if aside.is_dir() { fs_err::remove_dir_all(&aside) } else { fs_err::remove_file(&aside) }.map_err(io)
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    fs_err::read(path).map_err(|e| InputError::io(path, "a readable file", &e))
}

fn unpacked(path: &Path) -> Result<String, InputError> {
    let mut text = String::new();
    GzDecoder::new(read(path)?.as_slice())
        .read_to_string(&mut text)
        .map_err(|e| InputError::new("a whole gzip file of text", e.to_string(), "fetch it again").at(path))?;
    Ok(text)
}

/// Eight columns of daily rates without a date, as published (Lai et al. 2018), as the CSV with which forecasts are compared
/// (Wu et al. 2021): from 1 January 1990 on, the last two columns exchanged.
pub(super) fn exchange_rates(text: &str) -> Result<String, InputError> {
    let mut csv = String::from("date,0,1,2,3,4,5,6,OT");
    let mut day = jiff::civil::date(1990, 1, 1);
    for (i, line) in text.lines().enumerate() {
        let wrong = |got: String| InputError::new("eight numbers", got, "fetch it again").line(i + 1);
        let numbers: Result<Vec<f64>, _> = line.split(',').map(str::parse).collect();
        let [a, b, c, d, e, f, g, h] = numbers.as_deref().unwrap_or_default() else {
            return Err(wrong(format!("`{line}`")));
        };
        let _ = write!(csv, "\n{}/{}/{} 0:00", day.year(), day.month(), day.day());
        for x in [a, b, c, d, e, f, h, g] {
            let _ = write!(csv, ",{x}");
        }
        day = day.tomorrow().map_err(|e| wrong(e.to_string()))?;
    }
    Ok(csv)
}

/// Unpacks the files of the folder `name` of a tar.gz beside where they belong.
fn folder(archive: &Path, name: &str, directory: &Path, place: &Place) -> Result<Beside, InputError> {
    let target = directory.join(place.path);
    let new = Beside(beside(&target, ".fetched"));
    let io = |e: std::io::Error| InputError::io(new.path(), "a writable folder", &e);
    if new.path().exists() {
        fs_err::remove_dir_all(new.path()).map_err(io)?;
    }
    fs_err::create_dir_all(new.path()).map_err(io)?;
    let broken = |e: std::io::Error| InputError::new("a whole tar.gz", e.to_string(), "fetch it again").at(archive);
    let file = File::open(archive).map_err(|e| InputError::io(archive, "a readable file", &e))?;
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        // ROOT/name/file alone: nothing can be written elsewhere.
        let parts: Vec<Component<'_>> = path.components().collect();
        let [Component::Normal(_), Component::Normal(inside), Component::Normal(file)] = parts.as_slice() else {
            continue;
        };
        if *inside != name || !entry.header().entry_type().is_file() {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        fs_err::write(new.path().join(file), bytes).map_err(io)?;
    }
    Ok(new)
}

/// SHA-256 of the lines `DIGEST  NAME` of all files of a folder by name: what `sha256sum * | sha256sum` prints in it.
///
/// # Errors
/// When it can't be read.
pub fn folder_digest(path: &Path) -> Result<String, InputError> {
    let io = |e: std::io::Error| InputError::io(path, "a readable folder", &e);
    let entries: Result<Vec<_>, _> = fs_err::read_dir(path).map_err(io)?.collect();
    let mut names: Vec<_> = entries.map_err(io)?.iter().map(|e| e.file_name()).collect();
    names.sort();
    let mut lines = String::new();
    for name in names {
        let _ = writeln!(lines, "{}  {}", file_digest(&path.join(&name))?, name.to_string_lossy());
    }
    Ok(digest(lines.as_bytes()))
}
