//! Texts from arguments, or a line each from standard input, in batches as they arrive.

use crate::failure::Failure;
use simurgh_data::InputError;
use std::io::BufRead;
use std::sync::mpsc;

/// Lines taken together at most; what has arrived is not kept waiting for more.
const BATCH: usize = 64;

/// Where a text came from, counted from 1.
#[derive(Clone, Copy)]
pub enum Place {
    /// A line of standard input.
    Line(usize),
    /// An argument.
    Argument(usize),
}

impl Place {
    fn after(self, count: usize) -> Self {
        match self {
            Self::Line(n) => Self::Line(n + count),
            Self::Argument(n) => Self::Argument(n + count),
        }
    }

    /// The failure, where it stands.
    fn name(self, e: simurgh_train::Error) -> Failure {
        match (e, self) {
            (simurgh_train::Error::Input(e), Self::Line(line)) => e.at("standard input").line(line).into(),
            (simurgh_train::Error::Input(e), Self::Argument(n)) => e.field(format!("text {n}")).into(),
            (e, _) => e.into(),
        }
    }
}

/// Gives the arguments, or without any the lines of standard input, to `work`, then each with its result to `show`. A text that
/// fails is named by its place, after all before it were shown.
pub fn each<R>(
    arguments: &[String],
    mut work: impl FnMut(&[String]) -> Result<Vec<R>, simurgh_train::Error>,
    mut show: impl FnMut(&[String], Vec<R>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut batch = |texts: &[String], first: Place| -> Result<(), Failure> {
        match work(texts) {
            Ok(results) => show(texts, results),
            Err(e) if texts.len() < 2 => Err(first.name(e)),
            // One by one: the good ones are shown before the error names the bad one.
            Err(_) => texts.iter().enumerate().try_for_each(|(i, text)| {
                let text = std::slice::from_ref(text);
                let results = work(text).map_err(|e| first.after(i).name(e))?;
                show(text, results)
            }),
        }
    };
    if !arguments.is_empty() {
        return batch(arguments, Place::Argument(1));
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
        let mut arrived = vec![first];
        while arrived.len() < BATCH {
            match lines.try_recv() {
                Ok(line) => arrived.push(line),
                Err(_) => break,
            }
        }
        let mut texts = Vec::with_capacity(arrived.len());
        let mut failure = None;
        for (i, line) in arrived.into_iter().enumerate() {
            match line
                .map_err(|e| InputError::io("standard input", "lines of text", &e).into())
                .and_then(|bytes| text(bytes, first_line + i))
            {
                Ok(text) => texts.push(text),
                Err(e) => {
                    failure = Some(e);
                    break;
                }
            }
        }
        // What came before a bad line is shown before the error.
        batch(&texts, Place::Line(first_line))?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        first_line += texts.len();
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
