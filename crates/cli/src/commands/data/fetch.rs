//! `simurgh data fetch`

use super::{directory, download};
use crate::args::DataFetchArgs;
use crate::builtin::RECIPES;
use crate::failure::{Failure, tell};
use indicatif::{ProgressBar, ProgressStyle};
use simurgh_data::InputError;
use simurgh_data::sets::{self, Found, Origin, Part, Set};
use std::io::Write;
use std::path::Path;

/// Runs the command.
pub fn run(args: &DataFetchArgs) -> Result<(), Failure> {
    let directory = directory(args.data_dir.as_ref());
    // A name that is wrong is said before anything is downloaded.
    let sets: Vec<Set> = args.names.iter().map(|name| set(name)).collect::<Result<_, _>>()?;
    sets.iter().try_for_each(|set| parts(set).map(|_| ()))?;
    for set in sets {
        let fetched = one(&set, &directory, args)?;
        if args.json {
            let files: Vec<_> = set.places().iter().map(|p| directory.join(p.path)).collect();
            let row = serde_json::json!({"name": set.name, "fetched": fetched, "directory": directory, "files": files});
            writeln!(std::io::stdout(), "{row}")?;
        } else if !args.quiet {
            let done = if fetched == 0 { "is there already" } else { "fetched, checksums as expected" };
            tell(&format!("{}: {done}; licence: {}; {}", set.name, set.licence, set.page));
            let told = args.data_dir.as_ref().map_or_else(String::new, |d| format!(" --data-dir {}", d.display()));
            for recipe in set.recipes {
                tell(&format!("  simurgh train {recipe}{told}"));
            }
        }
    }
    Ok(())
}

fn set(name: &str) -> Result<Set, Failure> {
    sets::by_name(name).map_err(|e| match RECIPES.iter().find(|recipe| recipe.name == name) {
        Some(_) => {
            let hint = format!("simurgh train {name} --set data.train=FILE");
            Failure::input(format!("the recipe `{name}` has no data set: it trains on a file of your own"), hint)
        }
        None => e.into(),
    })
}

/// What is downloaded of a set, if anything can be.
fn parts(set: &Set) -> Result<&'static [Part], Failure> {
    match set.origin {
        Origin::Public(parts) => Ok(parts),
        Origin::Embedded => Err(Failure::input(format!("{}: is part of the program", set.name), first_recipe(set))),
        Origin::Private { why, .. } => Err(Failure::input(format!("{}: has no public address", set.name), why)),
    }
}

/// Fetches what is missing of a set: how many downloads that took.
pub(super) fn one(set: &Set, directory: &Path, args: &DataFetchArgs) -> Result<usize, Failure> {
    let parts = parts(set)?;
    // What is to be replaced is asked for before anything is downloaded.
    let mut missing = Vec::new();
    for part in parts {
        let found: Vec<Found> = part.places.iter().map(|p| p.found(directory, true)).collect::<Result<_, _>>()?;
        if let Some(at) = found.iter().position(|f| *f == Found::Other)
            && !args.force
        {
            let path = directory.join(part.places[at].path);
            let message =
                format!("{}: expected nothing, or the file with the known checksum, got another", path.display());
            return Err(Failure::input(message, "move it away, or add --force to replace it"));
        }
        if found.iter().any(|f| *f != Found::Whole) {
            missing.push(part);
        }
    }
    for part in &missing {
        fetch(set, part, directory, args)?;
    }
    Ok(missing.len())
}

fn fetch(set: &Set, part: &Part, directory: &Path, args: &DataFetchArgs) -> Result<(), Failure> {
    let folder = directory.join(".fetch");
    make(&folder)?;
    let name = part.url.rsplit('/').next().unwrap_or("download");
    let file = folder.join(format!("{}-{name}.part", set.name));
    let url = match &args.mirror {
        Some(mirror) => format!("{}/{}", mirror.trim_end_matches('/'), part.url.trim_start_matches("https://")),
        None => part.url.to_string(),
    };
    let bar = bar(set, part, args.quiet);
    let outcome = download::download(&url, part.sum, &file, &|done, all| {
        if let Some(all) = all {
            bar.set_length(all);
        }
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let by_hand = || {
        let paths: Vec<String> = part.places.iter().map(|p| directory.join(p.path).display().to_string()).collect();
        match part.form {
            sets::Form::AsIs => format!("; or put the file of {} at {} yourself", part.url, paths.join(", ")),
            _ => String::new(),
        }
    };
    let _held = outcome.map_err(|mut e: InputError| {
        // Nothing arrived that could be gone on with.
        if std::fs::metadata(&file).is_ok_and(|about| about.len() == 0) {
            let _ = std::fs::remove_file(&file);
            let _ = std::fs::remove_dir(&folder);
        }
        e.hint += &by_hand();
        e
    })?;
    sets::place(part, &file, directory)?;
    // A download that stays does no harm: it is known by its checksum next time.
    let _ = std::fs::remove_file(&file);
    let _ = std::fs::remove_dir(&folder);
    Ok(())
}

fn first_recipe(set: &Set) -> String {
    format!("simurgh train {} uses it as it is", set.recipes[0])
}

fn make(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| InputError::io(folder, "a folder that can be made", &e).into())
}

fn bar(set: &Set, part: &Part, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let name = part.url.rsplit('/').next().unwrap_or_default();
    let style = "{msg}  {bar:28} {bytes}/{total_bytes}  {binary_bytes_per_sec}";
    ProgressBar::new(part.sum.map_or(0, |s| s.0))
        .with_style(ProgressStyle::with_template(style).expect("a valid template"))
        .with_message(format!("{} {name}", set.name))
}
