//! `simurgh lab`

use super::data_directory;
use crate::args::LabArgs;
use crate::failure::{Failure, tell};
use simurgh_data::InputError;
use simurgh_lab::{EXPERIMENTS, Experiment, Settings, by_id};
use std::io::Write;

/// Runs the command.
pub fn run(args: &LabArgs) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let chosen: Vec<&Experiment> = match args.experiment.as_str() {
        "list" => {
            for Experiment { id, about, .. } in &EXPERIMENTS {
                match args.json {
                    true => writeln!(out, "{}", serde_json::json!({"id": id, "about": about}))?,
                    false => writeln!(out, "{id:22} {about}")?,
                }
            }
            return Ok(());
        }
        "all" => EXPERIMENTS.iter().collect(),
        id => vec![by_id(id).ok_or_else(|| {
            let names: Vec<&str> = EXPERIMENTS.iter().map(|e| e.id).collect();
            let hint = format!("experiments: {}; all, or list", names.join(", "));
            Failure::input(format!("expected the name of an experiment, got `{id}`"), hint)
        })?],
    };
    std::fs::create_dir_all(&args.out).map_err(|e| InputError::io(&args.out, "a folder that can be written", &e))?;
    let settings = Settings { quick: args.quick, seed: args.seed, data: data_directory(args.data_dir.as_ref()) };
    let mut wrong = Vec::new();
    for (k, experiment) in chosen.iter().enumerate() {
        let report = (experiment.run)(&settings)?;
        match args.json {
            true => writeln!(out, "{}", serde_json::to_string(&report).map_err(|e| Failure::defect(e.to_string()))?)?,
            false => write!(out, "{}{}", if k > 0 { "\n\n" } else { "" }, report.text())?,
        }
        let page = args.out.join(format!("{}.html", report.id));
        simurgh_train::artifact::atomic_write(&page, report.html().as_bytes())
            .map_err(|e| InputError::io(&page, "a file that can be written", &e))?;
        tell(&format!("page: {}", page.display()));
        if !report.holds() {
            wrong.push(report.id);
        }
    }
    match wrong[..] {
        [] => Ok(()),
        _ => Err(Failure::defect(format!("measured otherwise than the theory says: {}", wrong.join(", ")))),
    }
}
