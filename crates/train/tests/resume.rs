//! Kill a run at any moment, resume it, and get the same bytes.

mod interrupt;

use interrupt::StopAt;
use simurgh_nn::burn::tensor::Device;
use simurgh_train::Error;
use simurgh_train::recipe::{Override, parse};
use simurgh_train::training::{self, Observer, Options, Outcome, Quiet};
use simurgh_train::translation::{Recipe, Translation};
use std::path::Path;

fn train(
    recipe: Recipe,
    options: &Options,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome<Translation>, Error> {
    training::train(recipe, options, device, observer)
}

fn resume(
    run: &Path,
    options: &Options,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome<Translation>, Error> {
    training::resume(run, options, device, observer)
}

fn recipe(directory: &Path, set: &[&str]) -> Recipe {
    let pairs: String = (0..120)
        .map(|i| {
            let (a, b, c) = (["سلام", "کتاب", "خانه"][i % 3], ["من", "تو"][i % 2], i % 7);
            format!("{a} {b} {c}\t{} {} {c}\n", ["hello", "book", "house"][i % 3], ["me", "you"][i % 2])
        })
        .collect();
    let file = directory.join("pairs.tsv");
    std::fs::write(&file, pairs).unwrap();
    let mut overrides: Vec<Override> = [
        "model.embedding=12",
        "model.encoder_hidden=8",
        "model.decoder_hidden=16",
        "model.readout=12",
        "text.vocab=100",
        "train.batch_tokens=60",
        "train.epochs=3",
        "train.checkpoint_every=4",
        "train.log_every=3",
        "train.average=0.9",
        "train.eval_every=7",
        "train.plateau_patience=1",
        "train.eval_beam=2",
        "text.bpe_dropout=0.1",
        "cleaning.duplicates=false",
        "decode.beam=2",
    ]
    .iter()
    .chain(set)
    .map(|s| s.parse().unwrap())
    .collect();
    overrides.push(Override { key: "data.train".into(), value: format!("'{}'", file.display()) });
    parse("task = \"translation\"\nname = \"tiny\"\n[text]\nsource = \"persian\"\n", &overrides).unwrap()
}

fn options(out: &Path) -> Options {
    Options { out: Some(out.into()), ..Options::default() }
}

#[test]
fn an_interrupted_run_ends_with_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    for (case, set) in [
        &[][..],
        &[
            "train.accumulate=2",
            "train.epochs=9",
            "train.steps=21",
            "model.attention=additive",
            "model.input_feeding=true",
            "teacher_forcing.schedule=linear",
        ],
        &[
            "train.optimizer=sgd",
            "train.learning_rate=0.5",
            "bptt.window_steps=2",
            "bptt.checkpoint=true",
            "teacher_forcing.schedule=inverse-sigmoid",
            "teacher_forcing.unit=sequence",
            "teacher_forcing.choice=likeliest",
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let recipe = recipe(directory.path(), set);
        let whole = directory.path().join(format!("whole-{case}"));
        let outcome = train(recipe.clone(), &options(&whole), &Device::flex(), &mut Quiet).unwrap();
        let model = std::fs::read(outcome.run.model()).unwrap();
        let events = |run: &Path| -> Vec<String> {
            let text = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
            // All but the time.
            text.lines().map(|l| l.split(",\"wall\"").next().unwrap().to_string()).collect()
        };
        for stop in [1, 5, 7, 13] {
            let cut = directory.path().join(format!("cut-{case}-{stop}"));
            let error = train(recipe.clone(), &options(&cut), &Device::flex(), &mut StopAt(stop, 0)).unwrap_err();
            assert!(matches!(error, Error::Interrupted { step, .. } if step == stop), "{error}");
            // Stopped a second time while going on.
            let error = resume(&cut, &options(&cut), &Device::flex(), &mut StopAt(stop + 2, stop)).unwrap_err();
            assert!(matches!(error, Error::Interrupted { .. }), "{error}");
            let outcome = resume(&cut, &options(&cut), &Device::flex(), &mut Quiet).unwrap();
            assert_eq!(std::fs::read(outcome.run.model()).unwrap(), model, "stopped at {stop}");
            assert_eq!(events(&cut), events(&whole), "stopped at {stop}");
            // A run that has ended ends again, with nothing added.
            let outcome = resume(&cut, &options(&cut), &Device::flex(), &mut Quiet).unwrap();
            assert_eq!(std::fs::read(outcome.run.model()).unwrap(), model);
            assert_eq!(events(&cut), events(&whole));
        }
    }
}

/// As after `kill -9`: the run goes on from an older checkpoint, with newer events on disk.
#[test]
fn a_killed_run_goes_on_from_its_last_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let recipe = recipe(directory.path(), &[]);
    let whole = directory.path().join("whole");
    let model =
        std::fs::read(train(recipe.clone(), &options(&whole), &Device::flex(), &mut Quiet).unwrap().run.model())
            .unwrap();
    let cut = directory.path().join("cut");
    train(recipe.clone(), &options(&cut), &Device::flex(), &mut StopAt(5, 0)).unwrap_err();
    let old = std::fs::read(cut.join("checkpoints/last.safetensors")).unwrap();
    let bests: Vec<_> = std::fs::read_dir(cut.join("checkpoints")).unwrap().map(|e| e.unwrap().path()).collect();
    let kept: Vec<_> = bests.iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect();
    resume(&cut, &options(&cut), &Device::flex(), &mut StopAt(9, 5)).unwrap_err();
    // The disk as it was at step 5, but for the events, which are of step 9; the last one cut short.
    for (path, bytes) in kept {
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::write(cut.join("checkpoints/last.safetensors"), old).unwrap();
    let events = std::fs::read_to_string(cut.join("events.jsonl")).unwrap();
    std::fs::write(cut.join("events.jsonl"), &events[..events.len() - 5]).unwrap();
    let outcome = resume(&cut, &options(&cut), &Device::flex(), &mut Quiet).unwrap();
    assert_eq!(std::fs::read(outcome.run.model()).unwrap(), model);
}

#[test]
fn threads_do_not_change_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let recipe = recipe(directory.path(), &["train.epochs=1"]);
    let models: Vec<Vec<u8>> = [1, 2, 3]
        .map(|threads| {
            let out = directory.path().join(threads.to_string());
            let pool = simurgh_train::thread_pool(threads);
            let outcome = pool.install(|| train(recipe.clone(), &options(&out), &Device::flex(), &mut Quiet).unwrap());
            std::fs::read(outcome.run.model()).unwrap()
        })
        .to_vec();
    assert!(models.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn states_kept_at_borders_alone_give_the_same_model() {
    let directory = tempfile::tempdir().unwrap();
    let model = |name: &str, set: &str| {
        let recipe = recipe(directory.path(), &["train.epochs=1", set]);
        let outcome = train(recipe, &options(&directory.path().join(name)), &Device::flex(), &mut Quiet).unwrap();
        simurgh_nn::artifact::read(&outcome.run.model()).unwrap().parameters
    };
    let (kept, recomputed) = (model("kept", "bptt.checkpoint=false"), model("recomputed", "bptt.checkpoint=true"));
    assert!(kept.iter().zip(&recomputed).all(|(a, b)| a.data == b.data));
    let truncated = model("truncated", "bptt.window_steps=1");
    assert!(kept.iter().zip(&truncated).any(|(a, b)| a.data != b.data));
}

#[test]
fn a_training_that_diverges_names_the_step_and_the_tensor() {
    let directory = tempfile::tempdir().unwrap();
    // Gradients that are none, and finite ones of a loss that is none.
    for (rate, tensor) in [("1e38", "the gradient of `"), ("1e37", "where the largest parameter is ")] {
        let rate = format!("train.learning_rate={rate}");
        let set = [&rate[..], "train.warmup=0", "train.clip_norm=0"];
        let out = directory.path().join(&rate);
        let error = train(recipe(directory.path(), &set), &options(&out), &Device::flex(), &mut Quiet).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("training diverged at step ") && message.contains(tensor), "{message}");
    }
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let cut = directory.path().join("cut");
    train(recipe(directory.path(), &[]), &options(&cut), &Device::flex(), &mut StopAt(5, 0)).unwrap_err();
    let path = cut.join("checkpoints/last.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = resume(&cut, &options(&cut), &Device::flex(), &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("last.safetensors: expected a whole safetensors file"), "{error}");
}
