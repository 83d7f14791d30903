//! `simurgh compose`

use super::music_model;
use crate::args::ComposeArgs;
use crate::failure::Failure;
use simurgh_data::InputError;
use simurgh_data::music::{Frame, chord, midi};
use simurgh_nn::decode::Sampling;
use simurgh_train::music::roll_svg;
use std::io::Write;
use std::path::Path;

/// What a file's name says it is.
enum Kind {
    Midi,
    Svg,
}

/// Runs the command.
pub fn run(args: &ComposeArgs) -> Result<(), Failure> {
    let kinds: Vec<Kind> = args
        .out
        .iter()
        .map(|path| match path.extension().map(|e| e.to_string_lossy().to_lowercase()).as_deref() {
            Some("mid" | "midi") => Ok(Kind::Midi),
            Some("svg") => Ok(Kind::Svg),
            other => {
                let got = other.map_or_else(|| "no ending".into(), |e| format!("`.{e}`"));
                Err(InputError::new("a file that ends in .mid or .svg", got, "for example --out piece.mid").at(path))
            }
        })
        .collect::<Result<_, _>>()?;
    let start: Vec<Frame> =
        args.start.iter().map(|text| chord::parse(text).map_err(|e| e.field("--start"))).collect::<Result<_, _>>()?;
    if start.len() > args.length {
        let expected = format!("at least the {} frames that it begins with", start.len());
        let hint = "--length counts all frames, those of --start among them";
        return Err(InputError::new(expected, args.length.to_string(), hint).field("--length").into());
    }
    let model = music_model(&args.model)?;
    let sampling = Sampling { temperature: args.temperature, top_p: args.top_p };
    let frames: Vec<Frame> = model.compose(&start, sampling, args.seed)?.take(args.length).collect();
    let quarter = model.recipe.data.frames_per_quarter;
    let files: Vec<(&Path, Vec<u8>)> = args
        .out
        .iter()
        .zip(kinds)
        .map(|(path, kind)| {
            let bytes = match kind {
                Kind::Midi => midi::to_bytes(&frames, quarter, args.tempo),
                Kind::Svg => roll_svg(&frames, quarter, &format!("seed {}", args.seed)).into_bytes(),
            };
            (path.as_path(), bytes)
        })
        .collect();
    simurgh_train::artifact::atomic_write_all(&files)
        .map_err(|(path, e)| InputError::io(path, "a file that can be written", &e))?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::json!({"seed": args.seed, "frames_per_quarter": quarter, "frames": frames}))?;
    } else if args.out.is_empty() {
        // A frame a line, for who only looks.
        for frame in &frames {
            let names: Vec<String> = frame.iter().map(|note| chord::name(*note)).collect();
            writeln!(out, "{}", names.join(" "))?;
        }
    } else {
        let seconds = frames.len() as f64 / f64::from(quarter) * 60.0 / args.tempo;
        for path in &args.out {
            writeln!(out, "{}: {} frames, {seconds:.0} s", path.display(), frames.len())?;
        }
    }
    Ok(())
}
