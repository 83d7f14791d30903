//! Language models: exact resume of streams with their carried state, and what they write.

mod interrupt;

use interrupt::StopAt;
use simurgh_data::InputError;
use simurgh_nn::artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::decode::Sampling;
use simurgh_train::Error;
use simurgh_train::language_model::{Generator, LanguageModelling, Recipe};
use simurgh_train::recipe::{Override, parse};
use simurgh_train::training::{self, Observer, Options, Outcome, Quiet};
use std::path::Path;

fn try_recipe(directory: &Path, set: &[&str]) -> Result<Recipe, InputError> {
    let file = directory.join("text.txt");
    let lines: String = (0..80).map(|i| format!("{}{}\n", "aab".repeat(2 + i % 3), ["", " c"][i % 2])).collect();
    std::fs::write(&file, lines).unwrap();
    let mut all: Vec<Override> = [
        "model.embedding=8",
        "model.hidden=16",
        "model.dropout=0.1",
        "bptt.window_steps=7",
        "train.batch_tokens=28",
        "train.epochs=6",
        "train.learning_rate=0.01",
        "train.warmup=1",
        "train.checkpoint_every=4",
        "train.log_every=3",
        "train.label_smoothing=0",
    ]
    .iter()
    .chain(set)
    .map(|s| s.parse().unwrap())
    .collect();
    all.push(Override { key: "data.train".into(), value: format!("'{}'", file.display()) });
    parse("task = \"language-model\"\nname = \"tiny\"\n", &all)
}

fn recipe(directory: &Path, set: &[&str]) -> Recipe {
    try_recipe(directory, set).unwrap()
}

fn train(recipe: Recipe, out: &Path, observer: &mut dyn Observer) -> Result<Outcome<LanguageModelling>, Error> {
    let options = Options { out: Some(out.into()), ..Options::default() };
    training::train(recipe, &options, &Device::flex(), observer)
}

#[test]
fn an_interrupted_run_ends_with_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    for (case, set) in [
        &[][..],
        &["text.documents=line", "bptt.window_steps=2", "text.unit=word", "model.tie=false", "train.average=0.9"],
        &["text.documents=line", "model.bidirectional=true"],
        // What a stream carries on is what it read: its own tokens among it.
        &["teacher_forcing.schedule=exponential", "teacher_forcing.floor=0.2"],
        &["text.documents=line", "teacher_forcing.schedule=never", "teacher_forcing.unit=sequence"],
    ]
    .into_iter()
    .enumerate()
    {
        let recipe = recipe(directory.path(), set);
        let whole = train(recipe.clone(), &directory.path().join(format!("whole-{case}")), &mut Quiet).unwrap();
        let model = std::fs::read(whole.run.model()).unwrap();
        for stop in [1, 6, 9] {
            let cut = directory.path().join(format!("cut-{case}-{stop}"));
            let error = train(recipe.clone(), &cut, &mut StopAt(stop, 0)).unwrap_err();
            assert!(matches!(error, Error::Interrupted { step, .. } if step == stop), "{error}");
            let outcome: Outcome<LanguageModelling> =
                training::resume(&cut, &Options::default(), &Device::flex(), &mut Quiet).unwrap();
            assert_eq!(std::fs::read(outcome.run.model()).unwrap(), model, "{set:?} stopped at {stop}");
        }
    }
}

#[test]
fn a_text_is_learnt_and_written() {
    let directory = tempfile::tempdir().unwrap();
    let outcome =
        train(recipe(directory.path(), &["train.epochs=20"]), &directory.path().join("run"), &mut Quiet).unwrap();
    // Six characters would take 2.6 bits without knowing anything; the order of lines alone is a riddle.
    assert!(outcome.test.bits_per_character < 0.8, "{:?}", outcome.test);
    let bits = outcome.test.nll / std::f64::consts::LN_2 * outcome.test.tokens as f64;
    let want = bits / outcome.test.characters as f64;
    assert!((outcome.test.bits_per_character - want).abs() < 1e-9);
    let read = artifact::read(&outcome.run.model()).unwrap();
    let model = Generator::new(read, &Device::flex()).unwrap();
    let text = |sampling: Sampling, seed: u64, start: &str| {
        let mut writing = model.write(start, sampling, seed).unwrap();
        writing.by_ref().take(60).for_each(drop);
        writing.text().to_string()
    };
    let sampling = Sampling { temperature: 0.7, top_p: 0.9 };
    assert_eq!(text(sampling, 3, "ab"), text(sampling, 3, "ab"));
    assert_ne!(text(sampling, 3, "ab"), text(sampling, 4, "ab"));
    let greedy = text(Sampling { temperature: 0.0, top_p: 1.0 }, 1, "aab");
    assert!(greedy.starts_with("aabaab") && greedy.contains('\n'), "{greedy}");
    assert_eq!(greedy, text(Sampling { temperature: 0.0, top_p: 1.0 }, 2, "aab"));
}

#[test]
fn the_carried_state_is_worth_something() {
    let directory = tempfile::tempdir().unwrap();
    let nll = |reset: &str| {
        // Windows of one step: without the state before, a letter is all that is seen.
        let set = ["bptt.window_steps=1", "train.batch_tokens=8", "train.epochs=10", reset];
        train(recipe(directory.path(), &set), &directory.path().join(reset), &mut Quiet).unwrap();
        let events = std::fs::read_to_string(directory.path().join(reset).join("events.jsonl")).unwrap();
        let last = events.lines().rfind(|l| l.contains("\"train\",\"name\":\"nll\"")).unwrap().to_string();
        serde_json::from_str::<serde_json::Value>(&last).unwrap()["value"].as_f64().unwrap()
    };
    let (carried, alone) = (nll("bptt.drop_state=0"), nll("bptt.reset=window"));
    assert!(carried < 0.7 * alone, "{carried}, {alone}");
    // A state that is dropped before every window is none; before some, something between.
    assert_eq!(nll("bptt.drop_state=0.9999999999"), alone);
    let some = nll("bptt.drop_state=0.3");
    assert!(carried < some && some < alone, "{carried}, {some}, {alone}");
}

#[test]
fn what_can_not_be_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let e = try_recipe(directory.path(), &["model.bidirectional=true"]).unwrap_err().to_string();
    assert!(e.starts_with("model.bidirectional: expected false"), "{e}");
    let e = try_recipe(directory.path(), &["bptt.window_steps=0"]).unwrap_err().to_string();
    assert!(e.starts_with("bptt.window_steps: expected 1 to"), "{e}");
    let set = ["model.bidirectional=true", "text.documents=line", "model.layers=2"];
    let e = try_recipe(directory.path(), &set).unwrap_err().to_string();
    assert!(e.contains("layers: expected 1 to 1"), "{e}");
    let set = ["model.bidirectional=true", "text.documents=line", "teacher_forcing.schedule=linear"];
    let e = try_recipe(directory.path(), &set).unwrap_err().to_string();
    assert!(e.starts_with("teacher_forcing.schedule: expected \"always\""), "{e}");
    let e = try_recipe(directory.path(), &["teacher_forcing.floor=1.5"]).unwrap_err().to_string();
    assert!(e.starts_with("teacher_forcing.floor: expected 0 to 1, got 1.5"), "{e}");
    let set = ["model.bidirectional=true", "text.documents=line", "train.epochs=1"];
    let outcome = train(recipe(directory.path(), &set), &directory.path().join("both"), &mut Quiet).unwrap();
    let e = outcome.model.write("a", Sampling::default(), 1).unwrap_err().to_string();
    assert!(e.contains("a model that reads one way"), "{e}");
}
