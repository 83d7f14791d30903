//! `simurgh data list`

use super::directory;
use crate::args::DataListArgs;
use crate::failure::Failure;
use simurgh_data::InputError;
use simurgh_data::sets::{Found, Origin, SETS, Set};
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

/// Runs the command.
pub fn run(args: &DataListArgs) -> Result<(), Failure> {
    let directory = directory(args.data_dir.as_ref());
    // One that was named; nobody named the default.
    if args.data_dir.is_some() && !directory.is_dir() {
        let hint = "check the path; simurgh data fetch NAME --data-dir DIR makes it";
        return Err(InputError::new("a folder", "none", hint).at(directory).into());
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        for set in SETS {
            let state = State::of(set, &directory, args.verify)?;
            let places = set.places();
            writeln!(
                out,
                "{}",
                serde_json::json!({
                    "name": set.name, "about": set.about, "licence": set.licence, "page": set.page, "recipes": set.recipes,
                    "origin": match set.origin {
                        Origin::Embedded => "embedded",
                        Origin::Public(_) => "public",
                        Origin::Private { .. } => "no public address",
                    },
                    "bytes": places.iter().map(|p| p.bytes).sum::<u64>(),
                    "files": places.iter().map(|p| p.path).collect::<Vec<_>>(),
                    "state": state.word(), "directory": directory,
                })
            )?;
        }
        return Ok(());
    }
    let mut text = String::new();
    for set in SETS {
        let state = State::of(set, &directory, args.verify)?;
        let size = match set.places().iter().map(|p| p.bytes).sum::<u64>() {
            0 => String::new(),
            bytes => format!("{:.1} MB", bytes as f64 / 1e6),
        };
        let _ = writeln!(text, "{:11} {:17} {size:>8}  {}", set.name, state.word(), set.about);
        let _ = writeln!(text, "{:39}{}; recipes: {}", "", set.licence, set.recipes.join(", "));
    }
    let how = if args.verify { "checksums compared" } else { "sizes compared; --verify compares checksums" };
    write!(out, "{text}\nlooked up in {} ({how})\nsimurgh data fetch NAME downloads one\n", directory.display())?;
    Ok(())
}

/// What there is of a set.
struct State {
    set: Origin,
    whole: usize,
    other: usize,
    places: usize,
}

impl State {
    fn of(set: &Set, directory: &Path, verify: bool) -> Result<Self, Failure> {
        let places = set.places();
        let mut state = Self { set: set.origin, whole: 0, other: 0, places: places.len() };
        for place in places {
            match place.found(directory, verify)? {
                Found::Whole => state.whole += 1,
                Found::Other => state.other += 1,
                Found::Nothing => {}
            }
        }
        Ok(state)
    }

    fn word(&self) -> &'static str {
        match self.set {
            Origin::Embedded => "embedded",
            _ if self.whole == self.places => "here",
            _ if self.other > 0 => "here, but differs",
            _ if self.whole > 0 => "in part",
            Origin::Private { .. } => "no public address",
            Origin::Public(_) => "not here",
        }
    }
}
