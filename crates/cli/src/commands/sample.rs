//! `simurgh sample`

use super::sampler;
use crate::args::SampleArgs;
use crate::failure::Failure;
use simurgh_data::InputError;
use simurgh_data::images::{Pictures, grid, to_png};
use simurgh_train::adversarial::{Sampler, scatter};
use simurgh_train::artifact::atomic_write;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

/// Ways of `--interpolate`.
const WAYS: usize = 8;

/// Where samples go.
enum To<'a> {
    Stdout,
    Png(&'a Path),
    Csv(&'a Path),
    Folder(&'a Path),
}

/// Runs the command.
pub fn run(args: &SampleArgs) -> Result<(), Failure> {
    let ending = |path: &Path| path.extension().map(|e| e.to_string_lossy().to_lowercase());
    let to = match args.output.as_deref() {
        None => To::Stdout,
        Some(path) => match ending(path).as_deref() {
            Some("png") => To::Png(path),
            Some("csv") => To::Csv(path),
            None => To::Folder(path),
            Some(other) => {
                let got = format!("`.{other}`");
                let hint = "for example -o samples.png, -o numbers.csv, or -o folder";
                return Err(InputError::new("a .png, a .csv or a folder", got, hint).at(path).field("--output").into());
            }
        },
    };
    let model = sampler(&args.model)?;
    let width = model.shape.len();
    let samples = match args.interpolate {
        true => model.interpolated(WAYS, args.n.unwrap_or(8), args.seed)?,
        false => model.samples(args.n.unwrap_or(64), args.seed)?,
    };
    let count = samples.len() / width;
    let pictures = model.pictures(&samples);
    match (&to, &pictures) {
        (To::Stdout, Some(_)) if !args.json => {
            let hint = "for example -o samples.png";
            return Err(InputError::new("a file for the pictures", "none", hint).field("--output").into());
        }
        (To::Stdout, _) if !args.json => {
            let lines = csv(&samples, width);
            return Ok(std::io::stdout().write_all(lines.as_bytes())?);
        }
        (To::Stdout, _) => {}
        (To::Csv(path), _) => write(path, csv(&samples, width).as_bytes())?,
        (To::Png(path), Some(pictures)) => {
            let columns = if args.interpolate { count / WAYS } else { (count as f64).sqrt().ceil() as usize };
            write(path, &to_png(&grid(pictures, columns, scale(pictures))))?;
        }
        (To::Png(path), None) => write(path, &to_png(&plane(&model, &samples)))?,
        (To::Folder(folder), Some(pictures)) => files(folder, pictures)?,
        (To::Folder(path), None) => {
            let hint = "for example -o points.png or -o points.csv";
            return Err(InputError::new("a .png or a .csv for points", "a folder", hint)
                .at(path)
                .field("--output")
                .into());
        }
    }
    let mut out = std::io::stdout();
    if args.json {
        let rows: Vec<&[f32]> = samples.chunks_exact(width).collect();
        // Of pictures the numbers are many: where they are is said, unless they are nowhere else.
        let numbers = if args.output.is_none() { serde_json::json!(rows) } else { serde_json::Value::Null };
        let row = serde_json::json!({"samples": count, "seed": args.seed, "shape": model.shape, "output": args.output, "numbers": numbers});
        writeln!(out, "{row}")?;
    } else if let Some(path) = &args.output {
        writeln!(out, "{}: {count} samples, seed {}", path.display(), args.seed)?;
    }
    Ok(())
}

/// A row a sample.
fn csv(samples: &[f32], width: usize) -> String {
    let mut text = String::new();
    for row in samples.chunks_exact(width) {
        for (k, x) in row.iter().enumerate() {
            let _ = write!(text, "{}{x}", if k > 0 { "," } else { "" });
        }
        text.push('\n');
    }
    text
}

/// Small pictures are shown larger.
fn scale(pictures: &Pictures) -> usize {
    (64 / pictures.width.max(pictures.height).max(1)).clamp(1, 4)
}

/// Points in the plane, in the square of the data that they imitate.
fn plane(model: &Sampler, points: &[f32]) -> Pictures {
    let centres = model.recipe.data.mixture.map(|m| m.mixture().centres).unwrap_or_default();
    let most = centres.iter().flatten().fold(0.0f64, |most, x| most.max(x.abs()));
    scatter(&[], points, if most > 0.0 { 1.3 * most } else { 1.0 })
}

fn files(folder: &Path, pictures: &Pictures) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| InputError::io(folder, "a folder that can be written", &e))?;
    for k in 0..pictures.len() {
        let one = Pictures { data: pictures.picture(k).to_vec(), ..*pictures };
        write(&folder.join(format!("{k:06}.png")), &to_png(&one))?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Ok(atomic_write(path, bytes).map_err(|e| InputError::io(path, "a file that can be written", &e))?)
}
