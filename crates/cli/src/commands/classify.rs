//! `simurgh classify`

use super::{classifier, svg_can_be_written, texts};
use crate::args::ClassifyArgs;
use crate::failure::Failure;
use simurgh_data::InputError;
use simurgh_train::classification::{TextClassifier, Verdict, Why, why_svg, why_text};
use std::io::{IsTerminal, Write};

/// Runs the command.
pub fn run(args: &ClassifyArgs) -> Result<(), Failure> {
    if let Some(path) = &args.why_svg {
        svg_can_be_written(path, "--why-svg")?;
    }
    let model = classifier(&args.model, args.data_dir.as_ref())?;
    let why = match args.why.as_deref() {
        Some("attention") => Some(Why::Attention),
        Some(_) => Some(Why::Hiding),
        None => args.why_svg.as_ref().map(|_| Why::Hiding),
    };
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let mut session = Session { args, why, model: &model, out: std::io::stdout().lock(), colour, svg_written: false };
    texts::each(
        &args.text,
        |texts| model.classify(texts),
        |texts, verdicts| {
            for (text, verdict) in texts.iter().zip(verdicts) {
                session.print(text, verdict.as_ref())?;
            }
            session.out.flush()?;
            Ok(())
        },
    )?;
    match &args.why_svg {
        Some(path) if !session.svg_written => {
            let hint = "of a text without a word nothing can be drawn";
            Err(InputError::new("a text to draw", "none with a word", hint).at(path).into())
        }
        _ => Ok(()),
    }
}

/// A text on one line, in one column.
fn in_a_line(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

struct Session<'a> {
    args: &'a ClassifyArgs,
    why: Option<Why>,
    model: &'a TextClassifier,
    out: std::io::StdoutLock<'static>,
    colour: bool,
    svg_written: bool,
}

impl Session<'_> {
    fn print(&mut self, text: &str, verdict: Option<&Verdict>) -> Result<(), Failure> {
        let classes = &self.model.classes;
        let Some(verdict) = verdict else {
            return match self.args.json {
                true => Ok(writeln!(self.out, "{}", serde_json::json!({"text": text, "class": null}))?),
                false => Ok(writeln!(self.out, "\t\t{}", in_a_line(text))?),
            };
        };
        let weights = match self.why {
            Some(why) => self.model.why(text, verdict, why)?,
            None => Vec::new(),
        };
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|&a, &b| verdict.probabilities[b].total_cmp(&verdict.probabilities[a]));
        if self.args.json {
            let probabilities: serde_json::Map<String, serde_json::Value> =
                order.iter().map(|&k| (classes[k].clone(), verdict.probabilities[k].into())).collect();
            let mut row = serde_json::json!({
                "text": text,
                "class": classes[verdict.class],
                "probability": verdict.probabilities[verdict.class],
                "probabilities": probabilities,
            });
            if self.args.why.is_some() {
                row["words"] = verdict.words.clone().into();
                row["weights"] = weights.clone().into();
            }
            writeln!(self.out, "{row}")?;
        } else {
            let shown = match self.args.why {
                Some(_) => why_text(verdict, &weights, self.colour),
                None => in_a_line(text),
            };
            let count = if self.args.all { classes.len() } else { 1 };
            let line = |k: usize| format!("{}\t{:.3}", classes[k], verdict.probabilities[k]);
            writeln!(self.out, "{}\t{shown}", line(verdict.class))?;
            for k in order.into_iter().filter(|k| *k != verdict.class).take(count - 1) {
                writeln!(self.out, "{}", line(k))?;
            }
        }
        if let (Some(path), false) = (&self.args.why_svg, self.svg_written) {
            let share = 100.0 * verdict.probabilities[verdict.class];
            let svg = why_svg(verdict, &weights, &format!("{}, {share:.1} %", classes[verdict.class]));
            simurgh_train::artifact::atomic_write(path, svg.as_bytes())
                .map_err(|e| InputError::io(path, "a file that can be written", &e))?;
            self.svg_written = true;
        }
        Ok(())
    }
}
