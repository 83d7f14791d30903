//! `simurgh translate`

use super::translator;
use crate::args::TranslateArgs;
use crate::failure::Failure;
use simurgh_data::InputError;
use simurgh_nn::decode::DecodeConfig;
use simurgh_train::report::{alignment_svg, alignment_text};
use simurgh_train::translation::{Translated, Translator};
use std::io::{BufRead, Write};
use std::sync::mpsc;

/// Lines translated together at most; what has arrived is not kept waiting for more.
const BATCH: usize = 64;

/// Runs the command.
pub fn run(args: &TranslateArgs) -> Result<(), Failure> {
    let translator = translator(&args.model)?;
    let mut config = translator.recipe.decode.clone();
    if let Some(beam) = args.beam {
        config.beam = beam;
    }
    // As many hypotheses as are to be printed.
    config.beam = config.beam.max(args.nbest.unwrap_or(1));
    config.distinct |= args.nbest.is_some_and(|n| n > 1);
    let mut session = Session { args, translator, config, out: std::io::stdout().lock(), svg_written: false };
    if !args.text.is_empty() {
        return session.batch(&args.text, Place::Argument(1));
    }
    let (sender, lines) = mpsc::sync_channel(16 * BATCH);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().split(b'\n') {
            let failed = line.is_err();
            if sender.send(line).is_err() || failed {
                break;
            }
        }
    });
    let mut first_line = 1;
    while let Ok(first) = lines.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match lines.try_recv() {
                Ok(line) => batch.push(line),
                Err(_) => break,
            }
        }
        let mut sentences = Vec::with_capacity(batch.len());
        let mut failure = None;
        for (i, line) in batch.into_iter().enumerate() {
            match line
                .map_err(|e| InputError::io("standard input", "lines of text", &e).into())
                .and_then(|bytes| text(bytes, first_line + i))
            {
                Ok(sentence) => sentences.push(sentence),
                Err(e) => {
                    failure = Some(e);
                    break;
                }
            }
        }
        // What came before a bad line is translated before the error.
        session.batch(&sentences, Place::Line(first_line))?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        first_line += sentences.len();
    }
    Ok(())
}

fn text(bytes: Vec<u8>, line: usize) -> Result<String, Failure> {
    let text = String::from_utf8(bytes).map_err(|e| {
        let byte = e.as_bytes()[e.utf8_error().valid_up_to()];
        let hint = "convert the input, e.g. with iconv -t UTF-8";
        InputError::new("UTF-8 text", format!("byte 0x{byte:02x}"), hint).at("standard input").line(line)
    })?;
    Ok(text.trim_end_matches('\r').to_string())
}

/// Where a sentence came from, counted from 1.
#[derive(Clone, Copy)]
enum Place {
    Line(usize),
    Argument(usize),
}

impl Place {
    fn after(self, count: usize) -> Self {
        match self {
            Self::Line(n) => Self::Line(n + count),
            Self::Argument(n) => Self::Argument(n + count),
        }
    }
}

struct Session<'a> {
    args: &'a TranslateArgs,
    translator: Translator,
    config: DecodeConfig,
    out: std::io::StdoutLock<'static>,
    svg_written: bool,
}

impl Session<'_> {
    /// `first` is the place of the first sentence.
    fn batch(&mut self, sentences: &[String], first: Place) -> Result<(), Failure> {
        let results = match self.translator.translate(sentences, &self.config) {
            Ok(results) => results,
            // One by one: the good ones are translated before the error names the bad one's line.
            Err(_) if sentences.len() > 1 => {
                for (i, sentence) in sentences.iter().enumerate() {
                    self.batch(std::slice::from_ref(sentence), first.after(i))?;
                }
                return Ok(());
            }
            Err(simurgh_train::Error::Input(e)) => {
                return Err(match first {
                    Place::Line(line) => e.at("standard input").line(line).into(),
                    Place::Argument(number) => e.field(format!("sentence {number}")).into(),
                });
            }
            Err(e) => return Err(e.into()),
        };
        for (sentence, translations) in sentences.iter().zip(results) {
            self.print(sentence, &translations)?;
        }
        self.out.flush()?;
        Ok(())
    }

    fn print(&mut self, sentence: &str, all: &[Translated]) -> Result<(), Failure> {
        let shown = &all[..all.len().min(self.args.nbest.unwrap_or(1))];
        let Some(best) = shown.first() else { return Ok(()) };
        if self.args.json {
            let row = |t: &Translated| {
                let mut row = serde_json::json!({"text": t.text, "score": t.score});
                if self.args.align {
                    row["source_tokens"] = t.source_tokens.clone().into();
                    row["target_tokens"] = t.target_tokens.clone().into();
                    row["alignment"] = t.alignment.iter().map(|w| w.to_vec()).collect::<Vec<_>>().into();
                }
                row
            };
            let translations: Vec<_> = shown.iter().map(row).collect();
            writeln!(self.out, "{}", serde_json::json!({"source": sentence, "translations": translations}))?;
        } else {
            for translation in shown {
                if self.args.nbest.is_some() {
                    writeln!(self.out, "{:.4}\t{}", translation.score, translation.text)?;
                } else {
                    writeln!(self.out, "{}", translation.text)?;
                }
                if self.args.align {
                    write!(self.out, "{}", alignment_text(translation))?;
                }
            }
        }
        if let (Some(path), false) = (&self.args.align_svg, self.svg_written) {
            simurgh_train::artifact::atomic_write(path, alignment_svg(best).as_bytes())
                .map_err(|e| InputError::io(path, "a file that can be written", &e))?;
            self.svg_written = true;
        }
        Ok(())
    }
}
