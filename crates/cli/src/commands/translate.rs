//! `simurgh translate`

use super::{texts, translator};
use crate::args::TranslateArgs;
use crate::failure::Failure;
use simurgh_data::InputError;
use simurgh_train::report::{alignment_svg, alignment_text};
use simurgh_train::translation::Translated;
use std::io::Write;

/// Runs the command.
pub fn run(args: &TranslateArgs) -> Result<(), Failure> {
    let translator = translator(&args.model, args.data_dir.as_ref())?;
    let mut config = translator.recipe.decode.clone();
    if let Some(beam) = args.beam {
        config.beam = beam;
    }
    // As many hypotheses as are to be printed.
    config.beam = config.beam.max(args.nbest.unwrap_or(1));
    config.distinct |= args.nbest.is_some_and(|n| n > 1);
    let mut session = Session { args, out: std::io::stdout().lock(), svg_written: false };
    texts::each(
        &args.text,
        |sentences| translator.translate(sentences, &config),
        |sentences, results| {
            for (sentence, translations) in sentences.iter().zip(results) {
                session.print(sentence, &translations)?;
            }
            session.out.flush()?;
            Ok(())
        },
    )?;
    match &args.align_svg {
        Some(path) if !session.svg_written => {
            let hint = "give a sentence, as an argument or on standard input";
            Err(InputError::new("a sentence to draw", "none", hint).at(path).into())
        }
        _ => Ok(()),
    }
}

struct Session<'a> {
    args: &'a TranslateArgs,
    out: std::io::StdoutLock<'static>,
    svg_written: bool,
}

impl Session<'_> {
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
