//! Forecasters: exact resume, what they learn, what their data must be, and their use.

mod interrupt;

use interrupt::StopAt;
use simurgh_data::InputError;
use simurgh_data::series::{Columns, Table};
use simurgh_nn::artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_train::Error;
use simurgh_train::forecasting::{ForecastModel, Forecasting, Recipe, evaluate};
use simurgh_train::recipe::{Override, parse};
use simurgh_train::training::{self, Observer, Options, Outcome, Quiet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Two series of period 6, one of which jumps where a column that is known in advance says so.
fn csv(directory: &Path, rows: usize) -> PathBuf {
    let path = directory.join(format!("waves-{rows}.csv"));
    let mut text = String::from("date,a,b,jump\n");
    for i in 0..rows {
        let (day, month) = (i % 28 + 1, i / 28 % 12 + 1);
        let wave = (i as f64 * std::f64::consts::TAU / 6.0).sin();
        // As good as drawn.
        let jump = f64::from(u8::from((i as u32).wrapping_mul(2_654_435_761) >> 16 & 3 == 0));
        writeln!(
            text,
            "{}-{month:02}-{day:02},{:.3},{:.3},{jump}",
            2000 + i / 336,
            10.0 + 3.0 * wave,
            wave + 5.0 * jump
        )
        .unwrap();
    }
    std::fs::write(&path, text).unwrap();
    path
}

fn try_recipe(file: &Path, set: &[&str]) -> Result<Recipe, InputError> {
    let mut all: Vec<Override> = [
        "model.hidden=16",
        "model.segment=3",
        "model.look_back=12",
        "model.horizon=6",
        "model.dropout=0.1",
        "data.known=[\"jump\"]",
        "train.batch_tokens=120",
        "train.epochs=3",
        "train.learning_rate=0.01",
        "train.warmup=1",
        "train.checkpoint_every=4",
        "train.log_every=3",
    ]
    .iter()
    .chain(set)
    .map(|s| s.parse().unwrap())
    .collect();
    all.push(Override { key: "data.train".into(), value: format!("'{}'", file.display()) });
    parse("task = \"forecasting\"\nname = \"tiny\"\n", &all)
}

fn recipe(file: &Path, set: &[&str]) -> Recipe {
    try_recipe(file, set).unwrap()
}

fn train(recipe: Recipe, out: &Path, observer: &mut dyn Observer) -> Result<Outcome<Forecasting>, Error> {
    let options = Options { out: Some(out.into()), ..Options::default() };
    training::train(recipe, &options, &Device::flex(), observer)
}

#[test]
fn an_interrupted_run_ends_with_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let file = csv(directory.path(), 200);
    for (case, set) in [
        &["model.series_embedding=true", "model.linear=true"][..],
        &["model.decoding=recursive", "teacher_forcing.schedule=linear", "model.quantiles=[]", "bptt.window_steps=2"],
        &["model.decoding=recursive", "teacher_forcing.schedule=linear", "bptt.reset=epoch", "train.batch_tokens=24"],
    ]
    .into_iter()
    .enumerate()
    {
        let recipe = recipe(&file, set);
        let whole = train(recipe.clone(), &directory.path().join(format!("whole-{case}")), &mut Quiet).unwrap();
        let model = std::fs::read(whole.run.model()).unwrap();
        for stop in [1, 7] {
            let cut = directory.path().join(format!("cut-{case}-{stop}"));
            let error = train(recipe.clone(), &cut, &mut StopAt(stop, 0)).unwrap_err();
            assert!(matches!(error, Error::Interrupted { step, .. } if step == stop), "{error}");
            let outcome: Outcome<Forecasting> =
                training::resume(&cut, &Options::default(), &Device::flex(), &mut Quiet).unwrap();
            assert_eq!(std::fs::read(outcome.run.model()).unwrap(), model, "{set:?} stopped at {stop}");
        }
    }
}

#[test]
fn waves_are_learnt_with_what_is_known_of_the_future() {
    let directory = tempfile::tempdir().unwrap();
    let file = csv(directory.path(), 300);
    for decoding in ["direct", "recursive"] {
        let decoding = format!("model.decoding={decoding}");
        let set = [decoding.as_str(), "train.epochs=40", "model.dropout=0", "data.targets=[\"b\"]"];
        let outcome = train(recipe(&file, &set), &directory.path().join(&decoding), &mut Quiet).unwrap();
        let score = &outcome.test;
        // A season repeats the wave exactly, but knows nothing of the jumps; nor does a linear map.
        let best = score.baselines.iter().map(|b| b.mse).fold(f64::INFINITY, f64::min);
        assert!(score.mse < 0.3 * best, "{decoding}: {} against {best}", score.mse);
        assert_eq!(score.baselines.len(), 3);
        let coverage = score.coverage.as_ref().unwrap();
        assert!((coverage.nominal - 0.8).abs() < 1e-9 && (0.0..=1.0).contains(&coverage.share));

        let model = ForecastModel::new(artifact::read(&outcome.run.model()).unwrap(), &Device::flex()).unwrap();
        let again = evaluate(&model, None, None, || true).unwrap().unwrap();
        assert_eq!((again.mse, again.windows), (score.mse, score.windows));
        let whole = evaluate(&model, Some(&file), None, || true).unwrap().unwrap();
        assert_eq!(whole.windows, 300 - 12 - 6 + 1);

        // The future that is known: four rows without values.
        let mut text = std::fs::read_to_string(&file).unwrap();
        (1..=4).for_each(|day| writeln!(text, "2001-01-{day:02},,,{}", u8::from(day == 3)).unwrap());
        let columns = &model.recipe.data.columns();
        let table = Table::parse(&text, columns).unwrap();
        let forecasts = model.forecast(table.clone(), 4, 20).unwrap();
        let b = &forecasts[0];
        assert_eq!((b.name.as_str(), b.history.len(), b.steps.len()), ("b", 20, 4));
        assert_eq!(b.steps[3].0.to_string(), "2001-01-04");
        assert!(b.steps.iter().all(|(_, q)| q.len() == 3 && q[0] <= q[1] && q[1] <= q[2]));
        let low = Table::parse(&text.replace(",,,1", ",,,0"), columns).unwrap();
        let low = &model.forecast(low, 4, 20).unwrap()[0];
        // The third day's jump, and that day's alone.
        let difference: Vec<f64> = b.steps.iter().zip(&low.steps).map(|(high, low)| high.1[1] - low.1[1]).collect();
        assert!(difference[2] > 3.0 && difference[0].abs() < 2.0 && difference[3].abs() < 2.0, "{difference:?}");
        // A nearer end changes nothing before it, also where it lies within a segment.
        for steps in 1..4 {
            assert_eq!(model.forecast(table.clone(), steps, 20).unwrap()[0].steps[..], b.steps[..steps], "{decoding}");
        }
        let e = model.forecast(table, 5, 20).unwrap_err().to_string();
        assert!(e.contains("`jump` of 5 rows after the last value of `b`, got 4"), "{e}");
    }
}

#[test]
fn where_there_is_little_to_learn_from_the_linear_baseline_has_its_share() {
    let directory = tempfile::tempdir().unwrap();
    // What comes is the mean of three weeks' same days, a linear map of 21 values.
    let mut values: Vec<f64> = (0..21).map(|i| f64::from((i * 37 + 11) % 29)).collect();
    for t in 21..240 {
        let drawn = f64::from((t as u32).pow(2).wrapping_mul(2_654_435_761) >> 20 & 255) / 128.0 - 1.0;
        values.push((values[t - 7] + values[t - 14] + values[t - 21]) / 3.0 + 2.0 * drawn);
    }
    let mut text = String::from("t,x\n");
    values.iter().enumerate().for_each(|(t, x)| writeln!(text, "{t},{x:.3}").unwrap());
    let file = directory.path().join("weeks.csv");
    std::fs::write(&file, text).unwrap();
    let score = |name: &str, set: &[&str]| {
        let all = ["data.time=t", "model.look_back=21", "data.known=[]", "train.steps=12", "train.learning_rate=0.002"];
        let set: Vec<&str> = all.into_iter().chain(set.iter().copied()).collect();
        train(recipe(&file, &set), &directory.path().join(name), &mut Quiet).unwrap()
    };
    let (with, without) = (score("with", &["model.linear=true"]), score("without", &[]));
    let solved = with.test.baselines.iter().find(|b| b.name.contains("DLinear")).unwrap().mse;
    assert!(with.test.linear_share > 0.5 && without.test.linear_share == 0.0, "{}", with.test.linear_share);
    assert!(
        with.test.mse < 1.2 * solved && with.test.mse < 0.5 * without.test.mse,
        "{:?}",
        [&with.test, &without.test]
    );
    // The model that was saved forecasts the same; one that reads its own forecasts is not averaged.
    let model = ForecastModel::new(artifact::read(&with.run.model()).unwrap(), &Device::flex()).unwrap();
    assert_eq!(evaluate(&model, None, None, || true).unwrap().unwrap().mse, with.test.mse);
    let recursive = score("recursive", &["model.linear=true", "model.decoding=recursive"]);
    assert_eq!(recursive.test.linear_share, 0.0);
}

#[test]
fn what_was_not_measured_is_not_measured_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = csv(directory.path(), 150);
    let outcome = train(recipe(&file, &[]), &directory.path().join("run"), &mut Quiet).unwrap();
    // One window of each series; of `a` its last step is missing.
    let text = std::fs::read_to_string(&file).unwrap();
    let mut rows: Vec<Vec<&str>> = text.lines().take(1 + 12 + 6).map(|line| line.split(',').collect()).collect();
    let truth: Vec<f64> = rows[13..18].iter().map(|row| row[1].parse().unwrap()).collect();
    rows[18][1] = "";
    let write = |rows: &[Vec<&str>]| -> String { rows.iter().map(|row| row.join(",") + "\n").collect() };
    let short = directory.path().join("short.csv");
    std::fs::write(&short, write(&rows)).unwrap();
    let score = evaluate(&outcome.model, Some(&short), None, || true).unwrap().unwrap();
    rows[13..].iter_mut().for_each(|row| (row[1], row[2]) = ("", ""));
    let table = Table::parse(&write(&rows), &outcome.model.recipe.data.columns()).unwrap();
    let forecast = &outcome.model.forecast(table, 6, 1).unwrap()[0];
    let errors = truth.iter().zip(&forecast.steps).map(|(truth, (_, row))| (truth - row[1]).abs());
    let mae = errors.sum::<f64>() / 5.0;
    assert!((score.series["a"].mae - mae).abs() < 1e-5 * mae, "{mae} {:?}", score.series["a"]);
    assert!(score.notes[0].starts_with("missing values of `a` 1 (6 %)"), "{:?}", score.notes);
}

#[test]
fn a_series_that_never_changes_goes_on_and_disturbs_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let plain = csv(directory.path(), 150);
    let text = std::fs::read_to_string(&plain).unwrap();
    let more = |(i, line): (usize, &str)| format!("{line},{}\n", if i == 0 { "flat" } else { "0.1" });
    let flat = directory.path().join("flat.csv");
    std::fs::write(&flat, text.lines().enumerate().map(more).collect::<String>()).unwrap();
    let run = |file: &Path, name: &str| train(recipe(file, &[]), &directory.path().join(name), &mut Quiet);
    let (with, without) = (run(&flat, "with").unwrap(), run(&plain, "without").unwrap());
    assert_eq!(with.test.series["a"].mae, without.test.series["a"].mae);
    // It would make every score better.
    assert!(!with.test.series.contains_key("flat") && with.test.windows == without.test.windows);
    let mut columns = with.model.recipe.data.columns();
    columns.targets = vec!["flat".into()];
    let mut rows: String = text.lines().enumerate().map(more).collect();
    (1..=3).for_each(|day| writeln!(rows, "2001-01-{day:02},,,0,").unwrap());
    let forecast = with.model.forecast(Table::parse(&rows, &columns).unwrap(), 3, 1).unwrap();
    assert!(forecast[0].steps.iter().all(|(_, q)| q[..] == [0.1; 3]), "{forecast:?}");

    let days: String = (1..29).map(|day| format!("2024-01-{day:02},5,0\n")).collect();
    let only = directory.path().join("only.csv");
    std::fs::write(&only, format!("date,v,jump\n{days}")).unwrap();
    let e = run(&only, "only").unwrap_err().to_string();
    assert!(e.contains("a series that changes over its training part, got 1 that never change"), "{e}");
}

#[test]
fn as_many_rows_as_are_asked_for_are_enough() {
    let directory = tempfile::tempdir().unwrap();
    for horizon in [1, 2, 7, 24] {
        let automatic = |rows| Recipe::automatic(&csv(directory.path(), rows), Columns::default(), horizon, 1);
        let least = (3..).find(|rows| automatic(*rows).is_ok()).unwrap();
        let e = automatic(least - 1).unwrap_err().to_string();
        assert!(
            e.ends_with(&format!("expected {least} rows or more to forecast {horizon} steps, got {}", least - 1)),
            "{e}"
        );
        let mut recipe = automatic(least).unwrap();
        recipe.train.steps = 1;
        train(recipe, &directory.path().join(format!("run-{horizon}")), &mut Quiet).unwrap();
    }
}

#[test]
fn a_series_too_short_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let set = ["train.steps=1", "data.known=[]", "data.targets=[\"a\"]"];
    let model =
        train(recipe(&csv(directory.path(), 120), &set), &directory.path().join("run"), &mut Quiet).unwrap().model;
    let rows =
        |name: &str, days: usize| (1..=days).map(|day| format!("2024-01-{day:02},{name},{day}\n")).collect::<String>();
    let columns = Columns { series: "shop".into(), targets: vec!["a".into()], ..Columns::default() };
    let table = |text: String| Table::parse(&format!("date,shop,a\n{text}"), &columns).unwrap();
    let forecasts = model.forecast(table(rows("x", 20) + &rows("y", 11) + &rows("z", 12)), 2, 1).unwrap();
    assert_eq!(forecasts.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["x", "z"]);
    let e = model.forecast(table(rows("y", 11)), 2, 1).unwrap_err().to_string();
    assert_eq!(e, "expected at least 12 values of `y`, which the model reads, got 11");
}

#[test]
fn what_can_not_be_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = csv(directory.path(), 40);
    let e = train(recipe(&file, &["model.look_back=36"]), &directory.path().join("short"), &mut Quiet).unwrap_err();
    let text = e.to_string();
    assert!(text.starts_with("data.split: expected a part to learn from of at least 42 steps"), "{text}");
    assert!(text.contains("got 40 rows"), "{text}");
    let e = |set: &[&str]| try_recipe(&file, set).unwrap_err().to_string();
    assert!(e(&["model.segment=5"]).starts_with("model.look_back: expected a multiple of model.segment (5), got 12"));
    assert!(e(&["teacher_forcing.schedule=linear"]).contains("model.decoding = \"recursive\""));
    assert!(e(&["data.split=[0.9,0.2,0.1]"]).starts_with("data.split: expected three numbers"));
    assert!(e(&["data.embedded=sunspots"]).starts_with("data.embedded"));
    let set = ["model.series_embedding=true", "train.steps=1"];
    let file = csv(directory.path(), 120);
    let outcome = train(recipe(&file, &set), &directory.path().join("known"), &mut Quiet).unwrap();
    let renamed = std::fs::read_to_string(&file).unwrap().replacen("date,a,b", "date,a,c", 1);
    let table = Table::parse(&renamed, &outcome.model.recipe.data.columns()).unwrap();
    let e = outcome.model.forecast(table, 2, 2).unwrap_err().to_string();
    assert!(e.contains("a series that the model was trained on (a, b), got `c`"), "{e}");
    let e = Recipe::automatic(&csv(directory.path(), 10), outcome.model.recipe.data.columns(), 9, 1).unwrap_err();
    assert!(e.to_string().contains("rows or more to forecast 9 steps, got 10"), "{e}");
}
