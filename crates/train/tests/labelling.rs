//! Labellers of sound: exact resume, what they hear, and that hearing as it arrives is hearing the whole.

mod interrupt;

use interrupt::StopAt;
use simurgh_data::InputError;
use simurgh_data::audio::{Features, read_wav, write_wav};
use simurgh_data::metrics::classification::probabilities;
use simurgh_nn::artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::pass::Precision;
use simurgh_train::Error;
use simurgh_train::labelling::{Heard, Labelling, Recipe, Segment, SoundLabeller, evaluate};
use simurgh_train::recipe::{Override, parse};
use simurgh_train::training::{self, Observer, Options, Outcome, Quiet};
use std::path::Path;

fn tone(hertz: f32, rate: u32, samples: usize) -> Vec<f32> {
    (0..samples).map(|i| 0.4 * (std::f32::consts::TAU * hertz * i as f32 / rate as f32).sin()).collect()
}

/// Tones of two heights.
fn clips(directory: &Path) {
    for i in 0..24u16 {
        let (label, hertz) = [("low", 400.0), ("high", 1500.0)][usize::from(i % 2)];
        let samples = tone(hertz + f32::from(i), 8000, 1600 + 40 * usize::from(i));
        write_wav(&directory.join(format!("{label}_me_{i}.wav")), 8000, &samples).unwrap();
    }
}

fn recipe(folder: &Path, set: &[&str]) -> Result<Recipe, InputError> {
    let mut all: Vec<Override> = [
        "model.hidden=12",
        "model.layers=1",
        "model.look_ahead=3",
        "model.dropout=0.1",
        "utterances.clips=3",
        "data.test_numbers=4",
        "data.dev_numbers=4",
        "train.batch_tokens=200",
        "train.epochs=2",
        "train.learning_rate=0.02",
        "train.warmup=1",
        "train.checkpoint_every=2",
        "train.log_every=3",
    ]
    .iter()
    .chain(set)
    .map(|s| s.parse().unwrap())
    .collect();
    all.push(Override { key: "data.train".into(), value: format!("'{}'", folder.display()) });
    parse("task = \"labelling\"\nname = \"tiny\"\n", &all)
}

fn train(recipe: Recipe, out: &Path, observer: &mut dyn Observer) -> Result<Outcome<Labelling>, Error> {
    let options = Options { out: Some(out.into()), ..Options::default() };
    training::train(recipe, &options, &Device::flex(), observer)
}

#[test]
fn an_interrupted_run_ends_with_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("clips");
    std::fs::create_dir(&folder).unwrap();
    clips(&folder);
    let recipe = recipe(&folder, &[]).unwrap();
    let whole = train(recipe.clone(), &directory.path().join("whole"), &mut Quiet).unwrap();
    let model = std::fs::read(whole.run.model()).unwrap();
    for stop in [1, 3] {
        let cut = directory.path().join(format!("cut-{stop}"));
        let error = train(recipe.clone(), &cut, &mut StopAt(stop, 0)).unwrap_err();
        assert!(matches!(error, Error::Interrupted { step, .. } if step == stop), "{error}");
        let outcome: Outcome<Labelling> =
            training::resume(&cut, &Options::default(), &Device::flex(), &mut Quiet).unwrap();
        assert_eq!(std::fs::read(outcome.run.model()).unwrap(), model, "stopped at {stop}");
    }
}

fn hear(model: &SoundLabeller, rate: u32, samples: &[f32], cut: usize) -> (Vec<Heard>, Vec<Segment>) {
    let mut listening = model.listen(rate).unwrap();
    let mut heard = Vec::new();
    samples.chunks(cut).for_each(|chunk| listening.push(chunk, &mut heard).unwrap());
    let last = listening.finish(&mut heard).unwrap();
    let parts = heard.iter().filter_map(|h| h.ended.clone()).chain(last).collect();
    (heard, parts)
}

#[test]
fn tones_are_heard_as_they_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("clips");
    std::fs::create_dir(&folder).unwrap();
    clips(&folder);
    let recipe = recipe(&folder, &["train.epochs=30"]).unwrap();
    let outcome = train(recipe, &directory.path().join("run"), &mut Quiet).unwrap();
    assert!(outcome.test.accuracy > 0.9 && outcome.test.label_error_rate < 0.3, "{:?}", outcome.test);
    let model = SoundLabeller::new(artifact::read(&outcome.run.model()).unwrap(), &Device::flex()).unwrap();
    let again = evaluate(&model, None, None, || true).unwrap().unwrap();
    assert_eq!((again.accuracy, again.nll), (outcome.test.accuracy, outcome.test.nll));

    // Silence, low, silence, high, silence, of another rate.
    let silence = vec![0.0; 4410];
    let samples =
        [&silence[..], &tone(410.0, 44_100, 11_025), &silence, &tone(1510.0, 44_100, 11_025), &silence].concat();
    let (whole, parts) = hear(&model, 44_100, &samples, samples.len());
    for cut in [1, 441, 1000] {
        assert_eq!(hear(&model, 44_100, &samples, cut), (whole.clone(), parts.clone()), "{cut}");
    }
    let heard: Vec<&str> = parts.iter().map(|p| model.kept.classes[p.class].as_str()).collect();
    assert_eq!(heard, ["low", "high"], "{parts:?}");
    // A frame is 10 ms; the first tone begins after 100 ms and lasts 250.
    assert!(parts[0].begin.abs_diff(9) < 5 && parts[0].end.abs_diff(34) < 6, "{parts:?}");
    assert_eq!(whole.len(), (samples.len() * 80 / 441 + 80 - 200) / 80);
    // And a frame's logits are those of the whole recording in one pass, with silence after it.
    let samples = [&[0.0; 800][..], &tone(410.0, 8000, 2000), &[0.0; 800]].concat();
    let (config, look_ahead) = (&model.recipe.features, model.recipe.model.look_ahead);
    let (mut maker, mut features) = (Features::new(config), Vec::new());
    maker.push(&samples, &mut features);
    let frames = features.len() / config.bands;
    maker.push(&vec![0.0; config.hop() * look_ahead], &mut features);
    for frame in features.chunks_exact_mut(config.bands) {
        let scales = model.kept.mean.iter().zip(&model.kept.deviation);
        frame.iter_mut().zip(scales).for_each(|(x, (mean, deviation))| *x = (*x - mean) / deviation);
    }
    let whole = model.network.logits(&features, Precision::F32).unwrap();
    let heard = hear(&model, 8000, &samples, 50).0;
    assert_eq!(heard.len(), frames);
    for (heard, logits) in heard.iter().zip(whole.chunks_exact(model.kept.classes.len())) {
        assert_eq!(heard.probabilities, probabilities(logits, 1.0));
    }
    assert!(hear(&model, 8000, &[0.0; 150], 10).0.is_empty());
}

#[test]
fn what_can_not_be_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("clips");
    std::fs::create_dir(&folder).unwrap();
    let out = directory.path().join("run");
    let error = |set: &[&str]| match recipe(&folder, set) {
        Ok(recipe) => train(recipe, &out, &mut Quiet).unwrap_err().to_string(),
        Err(e) => e.to_string(),
    };
    assert!(error(&[]).contains("WAV files, got none"));
    write_wav(&folder.join("a_x_20.wav"), 8000, &tone(400.0, 8000, 1600)).unwrap();
    assert!(error(&[]).contains("at least 10 WAV files, got 1 to learn from, 0 to choose by"));
    clips(&folder);
    write_wav(&folder.join("b_x_1.wav"), 8000, &tone(400.0, 8000, 1600)).unwrap();
    let e = error(&[]);
    assert!(e.contains("b_x_1.wav: expected a label that is learnt (a, high, low), got `b`"), "{e}");
    assert!(error(&["features.bands=0"]).starts_with("features.bands: expected 1 to 256, got 0"));
    assert!(error(&["utterances.pause_ms=[5,1]"]).starts_with("utterances.pause_ms: expected the least and the most"));
    std::fs::write(folder.join("c_x_9.wav"), "no sound").unwrap();
    assert!(error(&[]).contains("c_x_9.wav: expected a WAV file"));
    assert!(read_wav(&folder.join("c_x_9.wav")).is_err());
}
