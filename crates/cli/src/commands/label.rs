//! `simurgh label`

use super::labeller;
use crate::args::LabelArgs;
use crate::failure::{Failure, note, tell};
use simurgh_data::InputError;
use simurgh_data::audio::{Reader, beyond_full_scale};
use simurgh_train::labelling::{Heard, Segment, SoundLabeller};
use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

/// Runs the command.
pub fn run(args: &LabelArgs) -> Result<(), Failure> {
    let model = labeller(&args.model, args.data_dir.as_ref())?;
    let named = |e: InputError| e.at(if args.file == "-" { "standard input" } else { &args.file });
    let mut input: Box<dyn BufRead> = if args.file == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(&args.file).map_err(|e| InputError::io(&args.file, "a WAV file", &e))?;
        Box::new(BufReader::new(file))
    };
    if args.rate.is_some() && input.fill_buf().is_ok_and(|begin| begin.starts_with(b"RIFF")) {
        let hint = "leave out --rate: a WAV file says its own";
        return Err(named(InputError::new("raw samples, as --rate says", "a WAV file", hint)).into());
    }
    let reader = match args.rate {
        Some(rate) => Reader::Raw { rate, input },
        None => Reader::wav(input).map_err(|mut e| {
            if args.file == "-" {
                e.hint = "raw samples need --rate HZ".into();
            }
            named(e)
        })?,
    };
    listen(args, &model, reader, named)
}

fn listen(
    args: &LabelArgs,
    model: &SoundLabeller,
    mut reader: Reader<Box<dyn BufRead>>,
    named: impl Fn(InputError) -> InputError,
) -> Result<(), Failure> {
    let rate = reader.rate();
    let mut listening = model.listen(rate)?;
    let mut out = std::io::stdout().lock();
    // A millisecond: what can be said is said at once.
    let some = (rate / 1000).max(1) as usize;
    let (mut samples, mut heard, mut frame) = (Vec::new(), Vec::new(), 0);
    let (mut count, mut busy, mut slowest) = (0usize, Duration::ZERO, Duration::ZERO);
    let mut most = 0.0f32;
    let heard_up_to = model.recipe.features.rate / 2;
    if rate / 2 < heard_up_to && !args.quiet {
        note(&format!(
            "{rate} samples a second hold nothing above {} Hz: the model hears up to {heard_up_to} Hz",
            rate / 2
        ));
    }
    loop {
        samples.clear();
        let short = reader.read(some, &mut samples).map_err(&named)?;
        count += samples.len();
        if let Some(at) = samples.iter().position(|x| !x.is_finite()) {
            let got = format!("{} in sample {}", samples[at], count - samples.len() + at + 1);
            return Err(named(InputError::new("samples that are numbers", got, "convert or record it again")).into());
        }
        most = samples.iter().fold(most, |most, x| x.abs().max(most));
        let begin = Instant::now();
        listening.push(&samples, &mut heard)?;
        let ended = samples.len() < some || short;
        let last = if ended { listening.finish(&mut heard)? } else { None };
        let took = begin.elapsed();
        busy += took;
        slowest = slowest.max(took);
        for h in heard.drain(..) {
            say(args, model, &mut out, frame, &h)?;
            frame += 1;
        }
        if let Some(segment) = last.filter(|_| !args.frames) {
            part(args, model, &mut out, &segment)?;
        }
        if ended {
            if short && !args.quiet {
                note(match args.rate {
                    Some(_) => "the last sample has one byte: left out",
                    None => "the sound ends before its header says so: taken as far as it goes",
                });
            }
            break;
        }
    }
    if count == 0 {
        return Err(named(InputError::new("samples", "none", "record it again")).into());
    }
    if !args.quiet {
        if let Some(text) = beyond_full_scale(most) {
            note(&text);
        }
        let seconds = count as f64 / f64::from(rate);
        tell(&format!(
            "{seconds:.2} s of sound heard in {:.3} s, {:.0} times as fast as it is said; a frame's label comes {:.1} ms after its \
             middle (at most {:.2} ms of computing), a part {:.1} ms after its end",
            busy.as_secs_f64(),
            seconds / busy.as_secs_f64().max(1e-9),
            model.latency_ms() + listening.resampling_ms(),
            1000.0 * slowest.as_secs_f64(),
            model.told_ms() + listening.resampling_ms()
        ));
    }
    Ok(())
}

fn say(
    args: &LabelArgs,
    model: &SoundLabeller,
    out: &mut impl Write,
    frame: usize,
    heard: &Heard,
) -> Result<(), Failure> {
    if args.frames {
        let best = (0..heard.probabilities.len())
            .max_by(|a, b| heard.probabilities[*a].total_cmp(&heard.probabilities[*b]))
            .unwrap_or(0);
        let f = &model.recipe.features;
        let time = (frame as f64 * f.hop_ms + f.frame_ms / 2.0) / 1000.0;
        let (label, probability) = (&model.kept.classes[best], heard.probabilities[best]);
        if args.json {
            writeln!(out, "{}", serde_json::json!({"time": time, "label": label, "probability": probability}))?;
        } else {
            writeln!(out, "{time:.4}\t{label}\t{probability:.3}")?;
        }
        out.flush()?;
    } else if let Some(segment) = &heard.ended {
        part(args, model, out, segment)?;
    }
    Ok(())
}

fn part(args: &LabelArgs, model: &SoundLabeller, out: &mut impl Write, segment: &Segment) -> Result<(), Failure> {
    let f = &model.recipe.features;
    // From the middle of a frame to the middle of the first that is no longer part of it.
    let time = |frame: usize| (frame as f64 * f.hop_ms + f.frame_ms / 2.0) / 1000.0;
    let (begin, end, label) = (time(segment.begin), time(segment.end), &model.kept.classes[segment.class]);
    if args.json {
        let row = serde_json::json!({"begin": begin, "end": end, "label": label, "probability": segment.probability});
        writeln!(out, "{row}")?;
    } else {
        writeln!(out, "{begin:.3}\t{end:.3}\t{label}\t{:.3}", segment.probability)?;
    }
    out.flush()?;
    Ok(())
}
