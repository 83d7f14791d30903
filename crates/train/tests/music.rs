//! Models of music: exact resume, both heads, what their data must be, and their use.

mod interrupt;

use interrupt::StopAt;
use simurgh_data::music::midi;
use simurgh_nn::artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::decode::Sampling;
use simurgh_train::Error;
use simurgh_train::music::{Music, MusicModel, Recipe};
use simurgh_train::recipe::{Override, parse};
use simurgh_train::training::{self, Observer, Options, Outcome, Quiet};
use std::path::Path;

/// Two chords take turns.
fn json(directory: &Path) -> String {
    let piece = |length: usize| {
        (0..length).map(|t| if t % 2 == 0 { "[60, 64, 67]" } else { "[59, 62, 67]" }).collect::<Vec<_>>().join(",")
    };
    let pieces: Vec<String> = (0..12).map(|i| format!("[{}]", piece(6 + i % 5))).collect();
    let all = pieces.join(",");
    let path = directory.join("pieces.json");
    std::fs::write(&path, format!("{{\"train\": [{all}], \"valid\": [{all}], \"test\": [{all}]}}")).unwrap();
    path.display().to_string()
}

fn recipe(train: &str, set: &[&str]) -> Recipe {
    let mut all: Vec<Override> = [
        "model.hidden=16",
        "model.head_hidden=12",
        "model.dropout=0.1",
        "train.batch_tokens=30",
        "train.epochs=40",
        "train.learning_rate=0.02",
        "train.warmup=1",
        "train.checkpoint_every=4",
        "train.log_every=3",
        "data.frames_per_quarter=2",
    ]
    .iter()
    .chain(set)
    .map(|s| s.parse().unwrap())
    .collect();
    all.push(Override { key: "data.train".into(), value: format!("'{train}'") });
    parse("task = \"music\"\nname = \"tiny\"\n", &all).unwrap()
}

fn train(recipe: Recipe, out: &Path, observer: &mut dyn Observer) -> Result<Outcome<Music>, Error> {
    let options = Options { out: Some(out.into()), ..Options::default() };
    training::train(recipe, &options, &Device::flex(), observer)
}

#[test]
fn an_interrupted_run_ends_with_the_same_bytes_and_learns() {
    let directory = tempfile::tempdir().unwrap();
    let file = json(directory.path());
    for (head, most) in [("independent", 3.0), ("joint", 1.0)] {
        let schedule = format!("teacher_forcing.schedule={}", if head == "joint" { "linear" } else { "always" });
        let set = [&format!("model.head={head}"), "bptt.window_steps=4", &schedule, "teacher_forcing.floor=0.6"];
        let recipe = recipe(&file, &set);
        let whole = train(recipe.clone(), &directory.path().join(head), &mut Quiet).unwrap();
        assert!(whole.test.nll < most, "{head}: {:?}", whole.test);
        let model = std::fs::read(whole.run.model()).unwrap();
        for stop in [1, 7] {
            let cut = directory.path().join(format!("cut-{head}-{stop}"));
            let error = train(recipe.clone(), &cut, &mut StopAt(stop, 0)).unwrap_err();
            assert!(matches!(error, Error::Interrupted { step, .. } if step == stop), "{error}");
            let outcome: Outcome<Music> =
                training::resume(&cut, &Options::default(), &Device::flex(), &mut Quiet).unwrap();
            assert_eq!(std::fs::read(outcome.run.model()).unwrap(), model, "{head} stopped at {stop}");
        }
        // The turn that it learnt.
        let read = MusicModel::new(artifact::parse(&model).unwrap(), &Device::flex()).unwrap();
        let sure = Sampling { temperature: 0.0, top_p: 1.0 };
        let piece: Vec<_> = read.compose(&[vec![60, 64, 67]], sure, 1).unwrap().take(4).collect();
        assert_eq!(piece, [vec![60, 64, 67], vec![59, 62, 67], vec![60, 64, 67], vec![59, 62, 67]], "{head}");
        let draw = |seed| -> Vec<_> { read.compose(&[], Sampling::default(), seed).unwrap().take(8).collect() };
        assert_eq!(draw(3), draw(3));
        assert!(std::fs::read_to_string(whole.run.report()).unwrap().contains("from nothing, temperature 0.7"));
    }
}

#[test]
fn windows_without_a_state_learn_no_turns() {
    let directory = tempfile::tempdir().unwrap();
    let file = json(directory.path());
    let of = |reset: &str| {
        let set = ["bptt.window_steps=1", &format!("bptt.reset={reset}")];
        train(recipe(&file, &set), &directory.path().join(reset), &mut Quiet).unwrap().test.nll
    };
    let (carried, alone) = (of("epoch"), of("window"));
    // Two chords, each as likely.
    assert!(carried < 0.4 && alone > 0.6, "{carried} {alone}");
}

#[test]
fn transposed_pieces_stay_on_the_keys() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("midi");
    std::fs::create_dir(&folder).unwrap();
    for k in 0..12u8 {
        let frames = vec![vec![21 + k % 2, 108 - k % 3]; 5];
        std::fs::write(folder.join(format!("{k:02}.mid")), midi::to_bytes(&frames, 2, 90.0)).unwrap();
    }
    let recipe = recipe(&folder.display().to_string(), &["data.transpose=12", "train.epochs=2"]);
    let outcome = train(recipe, &directory.path().join("run"), &mut Quiet).unwrap();
    assert!(outcome.test.nll.is_finite() && outcome.test.pieces == 1);
}

#[test]
fn too_few_pieces_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("one.mid");
    std::fs::write(&file, midi::to_bytes(&[vec![60], vec![62]], 2, 90.0)).unwrap();
    let e = train(recipe(&file.display().to_string(), &[]), &directory.path().join("run"), &mut Quiet).unwrap_err();
    assert_eq!(e.to_string(), "data.train: expected at least 10 pieces, got 1");
}
