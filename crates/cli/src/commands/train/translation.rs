//! What a trained translation shows.

use super::Shown;
use crate::failure::Failure;
use simurgh_train::report::{alignment_text, isolate};
use simurgh_train::training::{Outcome, Task};
use simurgh_train::translation::Translation;
use std::io::Write;

impl Shown for Translation {
    const NEXT: [&'static str; 2] = ["simurgh translate", "\"...\""];

    fn print(outcome: &Outcome<Self>) -> Result<(), Failure> {
        let Outcome { task, test, model, .. } = outcome;
        let (config, samples) = (&model.recipe.decode, task.samples(10));
        let sentences: Vec<String> = samples.iter().map(|p| p.source.clone()).collect();
        let mut out = std::io::stdout();
        for (pair, translations) in samples.iter().zip(model.translate(&sentences, config)?) {
            let Some(best) = translations.first() else { continue };
            writeln!(out, "\nsource     {}", isolate(&pair.source))?;
            writeln!(out, "model      {}", isolate(&best.text))?;
            writeln!(out, "reference  {}", isolate(&pair.target))?;
            write!(out, "{}", alignment_text(best))?;
        }
        let measured_on = task.measured_on();
        writeln!(out, "\n{measured_on}, free-running, beam {}, {} pairs:", config.beam, test.pairs)?;
        let percent = 100.0 * test.exact;
        writeln!(out, "  BLEU {:.2}   chrF {:.2}   exact match {percent:.1} %", test.bleu, test.chrf)?;
        for (name, score) in &test.domains {
            writeln!(out, "    {name:14} BLEU {:.2}   chrF {:.2}   ({} pairs)", score.bleu, score.chrf, score.pairs)?;
        }
        for line in test.exposure.iter().flat_map(|exposure| exposure.lines()) {
            writeln!(out, "  {line}")?;
        }
        Ok(())
    }
}
