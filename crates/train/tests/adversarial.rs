//! Adversarial runs: the same bytes however they are threaded or interrupted, and errors that say why.

mod interrupt;

use interrupt::StopAt;
use simurgh_data::images::{Pictures, to_png};
use simurgh_nn::artifact::{self, Precision};
use simurgh_nn::burn::tensor::Device;
use simurgh_train::adversarial::{self, Comparison, Recipe};
use simurgh_train::recipe::{Override, parse};
use simurgh_train::training::{Options, Quiet};
use simurgh_train::{Error, thread_pool};
use std::path::Path;

const POINTS: &str = "task = \"adversarial\"\nname = \"tiny\"\n[data]\nmixture = \"ring8\"\n[model]\nlatent = 3\nhidden = [9]\n\
[train]\nsteps = 23\nbatch = 256\neval_every = 10\neval_samples = 40\ncheckpoint_every = 6\nlog_every = 4\n";

fn recipe(text: &str, set: &[&str]) -> Recipe {
    let overrides: Vec<Override> = set.iter().map(|s| s.parse().unwrap()).collect();
    parse(text, &overrides).unwrap_or_else(|e| panic!("{e} ({})", e.hint))
}

fn options(out: &Path) -> Options {
    Options { out: Some(out.into()), force: true, ..Options::default() }
}

fn bytes(run: &Path) -> Vec<Vec<u8>> {
    ["model.safetensors", "checkpoints/last.safetensors", "samples/00000020.png"]
        .iter()
        .map(|file| std::fs::read(run.join(file)).unwrap())
        .collect()
}

/// Pictures of 8 x 8 pixels in a folder.
fn folder(directory: &Path, count: usize) -> String {
    let folder = directory.join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    for k in 0..count {
        let data = (0..8 * 8 * 3).map(|i| ((i * 7 + k * 31) % 256) as u8).collect();
        let png = to_png(&Pictures { width: 8, height: 8, channels: 3, data });
        std::fs::write(folder.join(format!("{k:03}.png")), png).unwrap();
    }
    folder.display().to_string()
}

fn of_pictures(folder: &str) -> String {
    format!(
        "task = \"adversarial\"\n[data]\nimages = '{folder}'\nsize = 8\nmirror = true\n[model]\nnetwork = \"convolutional\"\n\
         latent = 4\nchannels = 3\n[train]\nsteps = 21\nbatch = 8\neval_every = 10\neval_samples = 12\ncheckpoint_every = 6\nlog_every = 4\n"
    )
}

#[test]
fn an_interrupted_run_ends_with_the_same_bytes_and_so_do_other_threads() {
    let directory = tempfile::tempdir().unwrap();
    let pictures = of_pictures(&folder(directory.path(), 80));
    let games: [(&str, &[&str]); 8] = [
        (POINTS, &[]),
        (
            POINTS,
            &[
                "adversarial.objective=relativistic",
                "adversarial.penalty=[{kind='r1',weight=0.1},{kind='r2',weight=0.1}]",
                "adversarial.order=simultaneous",
                "train.accumulate=2",
                "ema.decay=0",
            ],
        ),
        (
            POINTS,
            &[
                "adversarial.objective=wasserstein",
                "adversarial.penalty=[{kind='gradient-penalty',weight=10}]",
                "adversarial.remedies={pack=2, instance_noise=0.3, minibatch_deviation=true}",
                "train.discriminator.steps_per_update=3",
                "train.generator.optimizer=sgd",
            ],
        ),
        (POINTS, &["adversarial.objective=hinge", "adversarial.remedies={spectral_norm=true}", "train.decay=cosine"]),
        (&pictures, &["model.batch_norm=both", "adversarial.remedies={clip_weights=0.1}", "data.channels=1"]),
        (
            &pictures,
            &[
                "model.batch_norm=generator",
                "adversarial.penalty=[{kind='r1',weight=0.1}]",
                "adversarial.remedies={pack=2, spectral_norm=true}",
            ],
        ),
        (&pictures, &["model.network=residual", "model.blocks=2", "adversarial.penalty=[{kind='r2',weight=0.1}]"]),
        // In two shares, of samples that a normalised generator makes of the whole batch.
        (&pictures, &["train.batch=64", "model.batch_norm=generator", "adversarial.penalty=[{kind='r1',weight=0.1}]"]),
    ];
    for (case, (text, set)) in games.into_iter().enumerate() {
        let device = Device::flex();
        let whole = directory.path().join(format!("whole-{case}"));
        let run = |threads: usize, out: &Path| {
            let recipe = recipe(text, set);
            thread_pool(threads).install(|| adversarial::train(recipe, &options(out), &device, &mut Quiet))
        };
        let outcome = run(1, &whole).unwrap();
        assert!(outcome.score.sliced_wasserstein.is_finite(), "{case}");
        let threaded = directory.path().join(format!("threaded-{case}"));
        run(3, &threaded).unwrap();
        assert!(bytes(&whole) == bytes(&threaded), "case {case} depends on the threads");
        let cut = directory.path().join(format!("cut-{case}"));
        let mut ended = adversarial::train(recipe(text, set), &options(&cut), &device, &mut StopAt(5, 0));
        for stop in [11, 20] {
            assert!(matches!(ended, Err(Error::Interrupted { .. })), "case {case}");
            ended = adversarial::resume(&cut, &Options::default(), &device, &mut StopAt(stop, 0));
        }
        assert!(matches!(ended, Err(Error::Interrupted { .. })), "case {case}");
        adversarial::resume(&cut, &Options::default(), &device, &mut Quiet).unwrap();
        assert!(bytes(&whole) == bytes(&cut), "case {case} depends on interruptions");
        let report = std::fs::read_to_string(cut.join("report.html")).unwrap();
        assert!(report.contains("data:image/png;base64,") && report.contains("Mean logits"), "case {case}");
    }
}

#[test]
fn what_theory_forbids_is_an_error_that_says_why() {
    let problem = |set: &[&str]| {
        let overrides: Vec<Override> = set.iter().map(|s| s.parse().unwrap()).collect();
        match parse::<Recipe>(POINTS, &overrides) {
            Ok(_) => panic!("{set:?} is no error"),
            Err(e) => format!("{e}; {}", e.hint),
        }
    };
    let r1 = "adversarial.penalty=[{kind='r1',weight=1}]";
    let conv = ["data.mixture=", "data.images=x", "model.network=convolutional"];
    let clip = "adversarial.remedies.clip_weights=0.01";
    let spectral = "adversarial.remedies.spectral_norm=true";
    let between = "adversarial.penalty=[{kind='gradient-penalty',weight=10}]";
    for (set, words) in [
        (&["adversarial.objective=minimx"][..], "minimax"),
        (&["adversarial.penalty=[{kind='r3',weight=1}]"], "r1"),
        (&["adversarial.penalty=[{kind='r1',weight=-1}]"], "0 or more"),
        (&["adversarial.penalty=[{kind='r1',weight=1},{kind='r1',weight=2}]"], "each kind once"),
        (&[r1, clip], "both bound the discriminator's slope"),
        (&[spectral, clip], "clipping does nothing but harm"),
        (&[spectral, between], "asks for 1 everywhere"),
        (&["adversarial.objective=wasserstein"], "no bound unless the discriminator's slope has"),
        (&["adversarial.remedies.pack=3"], "a multiple of pack = 3"),
        (&["model.batch_norm=both"], "can be normalised over the batch"),
        (&["model.network=convolutional"], "convolutions are for pictures"),
        (&["model.network=residual"], "convolutions are for pictures"),
        (&["model.blocks=0"], "1 to 16 blocks"),
        (&["train.decay=plateau"], "no score says when a game stands still"),
        (&["train.steps=0"], "train.steps"),
        (&["train.discriminator.learning_rate=0"], "train.discriminator.learning_rate"),
        (&["ema.decay=1"], "ema.decay"),
        (&["data.mixture=ring9"], "ring8"),
        (&["data.images=x"], "nothing beside data.mixture"),
    ] {
        let got = problem(set);
        assert!(got.contains(words), "{set:?}: {got}");
    }
    let overrides: Vec<Override> =
        conv[1..].iter().chain(&["model.batch_norm=both", r1]).map(|s| s.parse().unwrap()).collect();
    let text = POINTS.replace("mixture = \"ring8\"", "");
    let e = parse::<Recipe>(&text, &overrides).unwrap_err();
    assert!(
        e.field.as_deref() == Some("model.batch_norm") && e.hint.contains("no slope at a sample of its own"),
        "{e}"
    );
}

#[test]
fn a_divergence_ends_the_run_with_the_tensor_named_and_the_last_good_checkpoint_kept() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("run");
    let set = ["train.generator.learning_rate=1e30", "train.checkpoint_every=1", "train.steps=50"];
    let e = adversarial::train(recipe(POINTS, &set), &options(&out), &Device::flex(), &mut Quiet).unwrap_err();
    let text = e.to_string();
    assert!(text.contains("training diverged at step") && text.contains('`'), "{text}");
    assert!(e.hint().contains("lower both learning rates"), "{}", e.hint());
    assert!(out.join("checkpoints/last.safetensors").exists() && !out.join("model.safetensors").exists());
}

#[test]
fn pictures_that_can_not_be_learnt_from_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let images = folder(directory.path(), 6);
    let text = of_pictures(&images);
    let train = |set: &[&str]| {
        let out = directory.path().join("run");
        adversarial::train(recipe(&text, set), &options(&out), &Device::flex(), &mut Quiet).map(|_| ())
    };
    let e = train(&[]).unwrap_err();
    assert!(e.to_string().contains("at least a batch of 8 pictures to learn from, got 6"), "{e}");
    let nowhere = format!("data.images={}", directory.path().join("nowhere").display());
    assert!(
        train(&[&nowhere])
            .unwrap_err()
            .to_string()
            .contains("expected a folder of pictures or an IDX file, got no such file")
    );
    std::fs::write(Path::new(&images).join("broken.png"), "nothing").unwrap();
    let strict = train(&["data.strict=true", "train.batch=2"]).unwrap_err();
    assert!(strict.to_string().contains("broken.png"), "{strict}");
    // Left out and said.
    struct Notes(Vec<String>);
    impl simurgh_train::training::Observer for Notes {
        fn note(&mut self, text: &str) {
            self.0.push(text.into());
        }
        fn update(&mut self, _: &simurgh_train::training::Status) {}
        fn evaluated(&mut self, _: u64, _: &[(&'static str, f64)], _: &str, _: bool) {}
        fn stop(&self) -> bool {
            false
        }
    }
    let mut notes = Notes(Vec::new());
    let small = recipe(&text, &["train.batch=2", "train.steps=2", "data.size=16"]);
    let out = directory.path().join("small");
    adversarial::train(small, &options(&out), &Device::flex(), &mut notes).unwrap();
    let all = notes.0.join("\n");
    assert!(
        all.contains("1 files can't be read and were left out") && all.contains("6 pictures of another size"),
        "{all}"
    );
    // A side that can't be halved.
    let odd = train(&["train.batch=2", "data.size=7"]).unwrap_err();
    assert!(odd.to_string().contains("a picture's sides is 7 x 7, expected even"), "{odd}");
}

/// Grey pictures and their classes as IDX files, in turn dark and bright.
fn digits(directory: &Path, count: usize) -> [String; 2] {
    let size = |n: usize| (n as u32).to_be_bytes();
    let mut pictures = [&[0, 0, 8, 3][..], &size(count), &size(8), &size(8)].concat();
    pictures.extend((0..count).flat_map(|k| (0..64).map(move |i| (k % 2 * 200 + (i * 5 + k) % 50) as u8)));
    let mut labels = [&[0, 0, 8, 1][..], &size(count)].concat();
    labels.extend((0..count).map(|k| (k % 2) as u8));
    [("pictures", pictures), ("labels", labels)].map(|(name, bytes)| {
        let path = directory.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    })
}

#[test]
fn a_classifier_is_of_its_run_and_of_no_other_pictures() {
    let directory = tempfile::tempdir().unwrap();
    let [pictures, labels] = digits(directory.path(), 400);
    let text = format!(
        "task = \"adversarial\"\n[data]\nimages = '{pictures}'\nlabels = '{labels}'\nstack = 3\n[model]\nnetwork = \"convolutional\"\n\
         latent = 4\nchannels = 3\n[train]\nsteps = 6\nbatch = 8\neval_every = 3\neval_samples = 12\n"
    );
    let out = directory.path().join("run");
    let outcome = adversarial::train(recipe(&text, &[]), &options(&out), &Device::flex(), &mut Quiet).unwrap();
    assert_eq!(outcome.score.coverage.as_ref().unwrap().of, 8);
    // Trained anew, or the run's own: the same.
    let kept = out.join("recogniser.safetensors");
    let notes_with = |recogniser: Option<&Path>| {
        let (mut notes, with) = (0, Comparison { recogniser, ..Comparison::default() });
        let score = adversarial::evaluate(&outcome.model, &with, &mut |_| notes += 1).unwrap();
        assert_eq!(score, outcome.score);
        notes
    };
    assert_eq!([notes_with(None), notes_with(Some(&kept)), notes_with(Some(&out.join("nothing")))], [1, 0, 1]);
    let mut file = artifact::read(&kept).unwrap();
    file.header.provenance["data"] = 1.into();
    std::fs::write(out.join("foreign"), artifact::to_bytes(&file, Precision::Full)).unwrap();
    assert_eq!(notes_with(Some(&out.join("foreign"))), 1);
    // Pictures of somebody else's have other classes, or none.
    let [others, _] = digits(
        &{
            let other = directory.path().join("other");
            std::fs::create_dir(&other).unwrap();
            other
        },
        60,
    );
    let with = Comparison { pictures: Some(Path::new(&others)), ..Comparison::default() };
    let other = adversarial::evaluate(&outcome.model, &with, &mut |_| {}).unwrap();
    assert!(other.coverage.is_none());
    // A run in the place of another keeps nothing of it.
    assert!(out.join("recogniser.safetensors").exists() && out.join("samples/00000003.png").exists());
    let set = ["train.steps=2", "data.labels="];
    adversarial::train(recipe(&text, &set), &options(&out), &Device::flex(), &mut Quiet).unwrap();
    assert!(!out.join("recogniser.safetensors").exists() && !out.join("samples/00000003.png").exists());
}

#[test]
fn samples_of_a_seed_are_the_first_of_more() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("run");
    let model = adversarial::train(recipe(POINTS, &[]), &options(&out), &Device::flex(), &mut Quiet).unwrap().model;
    let many = model.samples(600, 3).unwrap();
    for count in [0, 1, 7, 256, 257] {
        assert_eq!(model.samples(count, 3).unwrap(), many[..2 * count]);
    }
    assert_ne!(model.samples(5, 4).unwrap(), many[..10]);
    let ways = model.interpolated(3, 5, 3).unwrap();
    assert_eq!(ways.len(), 3 * 5 * 2);
    assert!(ways.iter().all(|x| x.is_finite()));
}

#[test]
fn samples_are_compared_by_features_where_a_network_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let pictures = of_pictures(&folder(directory.path(), 30));
    // Three means of 2 x 2 pixels: each channel's own, by a kernel of 1 x 1.
    let layers = r#"[{\"kind\":\"convolution\",\"name\":\"a\"},{\"kind\":\"mean-pool\",\"size\":2}]"#;
    let header = format!(
        r#"{{"__metadata__":{{"layers":"{layers}"}},"a.weight":{{"dtype":"F32","shape":[3,3,1,1],"data_offsets":[0,36]}}}}"#
    );
    let weight: Vec<u8> =
        [1.0f32, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let file = directory.path().join("features.safetensors");
    std::fs::write(&file, [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &weight].concat()).unwrap();
    let features = format!("data.features='{}'", file.display());
    let run = |set: &[&str], out: &str| {
        let out = directory.path().join(out);
        adversarial::train(recipe(&pictures, set), &options(&out), &Device::flex(), &mut Quiet)
    };
    let (of_pixels, of_features) = (run(&[], "pixels").unwrap(), run(&[&features], "features").unwrap());
    assert_eq!(
        of_pixels.score.sliced_wasserstein.to_bits(),
        run(&[], "again").unwrap().score.sliced_wasserstein.to_bits()
    );
    assert!(of_features.score.kernel_distance.is_finite());
    assert!(of_pixels.score.kernel_distance != of_features.score.kernel_distance);
    let error = run(&["data.features='nowhere.safetensors'"], "none").unwrap_err().to_string();
    assert!(error.contains("nowhere.safetensors"), "{error}");
}
