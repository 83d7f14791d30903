//! Classification: exact resume, what its data must be, and its use.

mod interrupt;

use interrupt::StopAt;
use simurgh_nn::artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_train::classification::{Classification, Examples, Recipe, TextClassifier, Why};
use simurgh_train::recipe::{Override, parse};
use simurgh_train::training::{self, Observer, Options, Outcome, Quiet};
use simurgh_train::{Error, classification};
use std::path::Path;

const WORDS: [[&str; 3]; 2] = [["bad", "dull", "awful"], ["good", "bright", "lovely"]];

/// Two classes that three words each give away.
fn file(directory: &Path) -> String {
    let noise = ["the", "a", "film", "book", "day", "was"];
    let lines: String = (0..120)
        .map(|i| {
            let word = |k: usize| noise[(i / 2 * 7 + k * 5) % noise.len()];
            let class = i % 2;
            format!("{class}\t{} {} {} {}\n", word(1), word(2), WORDS[class][i / 2 % 3], word(3))
        })
        .collect();
    let path = directory.join("texts.tsv");
    std::fs::write(&path, lines).unwrap();
    path.display().to_string()
}

fn recipe(directory: &Path, set: &[&str]) -> Recipe {
    let mut all: Vec<Override> = [
        "model.embedding=12",
        "model.hidden=8",
        "model.dropout=0.1",
        "text.vocab=100",
        "text.least_count=1",
        "train.batch_tokens=60",
        "train.epochs=6",
        "train.learning_rate=0.01",
        "train.warmup=1",
        "train.checkpoint_every=4",
        "train.log_every=3",
        "train.average=0.9",
        "train.eval_every=7",
    ]
    .iter()
    .chain(set)
    .map(|s| s.parse().unwrap())
    .collect();
    if !set.iter().any(|s| s.starts_with("data.train")) {
        all.push(Override { key: "data.train".into(), value: format!("'{}'", file(directory)) });
    }
    parse("task = \"classification\"\nname = \"tiny\"\n", &all).unwrap()
}

#[test]
fn the_only_example_of_a_class_is_learnt_from() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rare.tsv");
    let set = format!("data.train='{}'", path.display());
    std::fs::write(&path, "a\tone two\n".repeat(40) + "b\tthree\n").unwrap();
    for seed in 1..30 {
        let data = Examples::read(&recipe(directory.path(), &[&set, &format!("seed={seed}")]), None).unwrap();
        assert_eq!((data.train.len(), data.dev.len()), (37, 4));
        assert_eq!(data.train.iter().filter(|example| example.class == 1).count(), 1);
    }
    std::fs::write(&path, "a\tone\nb\ttwo\n").unwrap();
    let e = Examples::read(&recipe(directory.path(), &[&set]), None).unwrap_err().to_string();
    assert!(e.starts_with("data.train: expected two examples of a class at least"), "{e}");
}

fn train(recipe: Recipe, out: &Path, observer: &mut dyn Observer) -> Result<Outcome<Classification>, Error> {
    let options = Options { out: Some(out.into()), ..Options::default() };
    training::train(recipe, &options, &Device::flex(), observer)
}

fn resume(out: &Path, observer: &mut dyn Observer) -> Result<Outcome<Classification>, Error> {
    training::resume(out, &Options::default(), &Device::flex(), observer)
}

#[test]
fn an_interrupted_run_ends_with_the_same_bytes_and_learns() {
    let directory = tempfile::tempdir().unwrap();
    for (case, set) in [
        &["model.pooling=\"attention\""][..],
        &["model.pooling=\"max-mean\"", "text.unit=\"subword\"", "text.bpe_dropout=0.1", "model.cell=\"gru\""],
        &["model.pooling=\"last\"", "model.bidirectional=false", "text.word_dropout=0.3"],
        &["pretrain.epochs=2", "pretrain.batch_tokens=90", "model.layers=2"],
    ]
    .into_iter()
    .enumerate()
    {
        let recipe = recipe(directory.path(), set);
        let whole = train(recipe.clone(), &directory.path().join(format!("whole-{case}")), &mut Quiet).unwrap();
        assert!(whole.test.accuracy > 0.9, "{set:?}: {:?}", whole.test);
        assert!(whole.test.temperature > 0.0 && whole.test.baselines.len() == 2);
        let model = std::fs::read(whole.run.model()).unwrap();
        for stop in [1, 7, 10] {
            let cut = directory.path().join(format!("cut-{case}-{stop}"));
            let error = train(recipe.clone(), &cut, &mut StopAt(stop, 0)).unwrap_err();
            assert!(matches!(error, Error::Interrupted { step, .. } if step == stop), "{error}");
            let outcome = resume(&cut, &mut Quiet).unwrap();
            assert_eq!(std::fs::read(outcome.run.model()).unwrap(), model, "stopped at {stop}");
        }
        // The file is the model that was measured.
        let read = TextClassifier::new(artifact::parse(&model).unwrap(), &Device::flex()).unwrap();
        let score = classification::evaluate(&read, &whole.task.examples().test, |_| true).unwrap().unwrap();
        assert_eq!((score.accuracy, score.nll), (whole.test.accuracy, whole.test.nll));
        let report = std::fs::read_to_string(whole.run.report()).unwrap();
        assert!(report.contains("macro F1") && report.contains("expected calibration error"));
    }
}

#[test]
fn the_words_that_decide_are_found_by_hiding_them() {
    let directory = tempfile::tempdir().unwrap();
    for pooling in ["attention", "max"] {
        let set = format!("model.pooling={pooling}");
        let outcome = train(recipe(directory.path(), &[&set]), &directory.path().join(pooling), &mut Quiet).unwrap();
        let texts = ["the film was lovely a strange day".to_string(), String::new()];
        let verdicts = outcome.model.classify(&texts).unwrap();
        assert!(verdicts[1].is_none());
        let verdict = verdicts[0].as_ref().unwrap();
        assert_eq!(outcome.model.classes[verdict.class], "1");
        assert!((verdict.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let weights = outcome.model.why(&texts[0], verdict, Why::Hiding).unwrap();
        let heaviest = (0..weights.len()).max_by(|&a, &b| weights[a].total_cmp(&weights[b])).unwrap();
        assert_eq!(verdict.words[heaviest], "lovely", "{weights:?}");
        // A word that is not known stands there as it was written.
        assert_eq!(verdict.words[5], "strange");
        assert!(classification::why_text(verdict, &weights, false).contains("[[lovely]]"));
        assert!(classification::why_svg(verdict, &weights, "a < b").contains("a &lt; b"));
        let attention = outcome.model.why(&texts[0], verdict, Why::Attention);
        match pooling {
            "attention" => assert!((attention.unwrap().iter().sum::<f64>() - 1.0).abs() < 1e-6),
            _ => assert!(attention.unwrap_err().to_string().contains("a model with attention pooling")),
        }
    }
}

#[test]
fn pieces_of_a_word_decide_together() {
    let directory = tempfile::tempdir().unwrap();
    let sets = ["text.unit=subword", "model.pooling=attention"];
    let outcome = train(recipe(directory.path(), &sets), &directory.path().join("run"), &mut Quiet).unwrap();
    let text = "the lovelyfilm was lovely".to_string();
    let verdict = outcome.model.classify(std::slice::from_ref(&text)).unwrap().remove(0).unwrap();
    assert_eq!(verdict.words, ["the", "lovelyfilm", "was", "lovely", "</s>"]);
    assert!(outcome.model.vocabulary.ids(&text).len() > 5);
    for why in [Why::Hiding, Why::Attention] {
        let weights = outcome.model.why(&text, &verdict, why).unwrap();
        assert_eq!(weights.len(), 5);
        assert!(why == Why::Hiding || (weights.iter().sum::<f64>() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn words_with_vectors_begin_with_them() {
    let directory = tempfile::tempdir().unwrap();
    let vectors = directory.path().join("vectors.txt");
    std::fs::write(&vectors, "lovely 1 2 3\nunseen 4 5 6\nfilm 7 8 9\n").unwrap();
    let path = format!("data.vectors='{}'", vectors.display());
    let error = train(recipe(directory.path(), &[&path]), &directory.path().join("a"), &mut Quiet).unwrap_err();
    let want = "model.embedding: expected 3, as long as the vectors of data.vectors, got 12";
    assert_eq!(error.to_string(), want);
    let set = [path.as_str(), "model.embedding=3", "text.vector_words=2", "train.steps=1", "train.learning_rate=1e-9"];
    let outcome = train(recipe(directory.path(), &set), &directory.path().join("b"), &mut Quiet).unwrap();
    let all = simurgh_nn::parameters::collect(&outcome.model.network);
    let table = &all.iter().find(|p| p.name == "embedding").unwrap().data;
    for (word, want) in [("lovely", [1.0, 2.0, 3.0]), ("unseen", [4.0, 5.0, 6.0])] {
        let id = outcome.model.vocabulary.ids(word)[0] as usize;
        assert!(table[3 * id..3 * id + 3].iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-3), "{word}");
    }
    // Killed before its first checkpoint, a run begins with them again.
    let cut = directory.path().join("cut");
    let set = [path.as_str(), "model.embedding=3", "text.vector_words=2", "train.steps=2"];
    let whole = train(recipe(directory.path(), &set), &directory.path().join("whole"), &mut Quiet).unwrap();
    train(recipe(directory.path(), &set), &cut, &mut StopAt(1, 0)).unwrap_err();
    std::fs::remove_file(cut.join("checkpoints/last.safetensors")).unwrap();
    let again = resume(&cut, &mut Quiet).unwrap();
    assert_eq!(std::fs::read(again.run.model()).unwrap(), std::fs::read(whole.run.model()).unwrap());
}

#[test]
fn labels_and_classes_that_do_not_fit_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other.tsv");
    std::fs::write(&other, "1\tgood\n7\tstrange\n").unwrap();
    let other = other.display().to_string();
    let fail = |set: &[&str]| {
        train(recipe(directory.path(), set), &directory.path().join("run"), &mut Quiet).unwrap_err().to_string()
    };
    let e = fail(&[&format!("data.test='{other}'")]);
    assert!(e.ends_with("other.tsv:2: expected one of the labels 0, 1, got `7`"), "{e}");
    let e = fail(&["data.classes={0=\"no\",1=\"yes\",2=\"perhaps\"}"]);
    assert!(e.ends_with("texts.tsv: data.train: expected examples of every class, got none of `perhaps`"), "{e}");
    let one = directory.path().join("one.tsv");
    std::fs::write(&one, "1\tgood\n1\tbetter\n").unwrap();
    let e = fail(&[&format!("data.train='{}'", one.display())]);
    assert_eq!(e, "data.train: expected at least two classes, got only `1`");
    let e = fail(&["text.bpe_dropout=0.1"]);
    assert!(e.starts_with("text.bpe_dropout: expected 0"), "{e}");
}
