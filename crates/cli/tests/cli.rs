//! The program as a user meets it: output, errors, hints and exit codes, by snapshot.

mod case;

use case::Case;
use simurgh_nn::artifact::{self, Precision};
use simurgh_train::recipe::{self, TaskName};
use simurgh_train::{adversarial, classification, forecasting, labelling, language_model, music, translation};
use std::path::Path;
use std::process::{Command, Stdio};

const MODEL: &[u8] = include_bytes!("../models/fa-en.safetensors");

/// `simurgh train` on `pairs.tsv` with a network that trains in no time.
const TINY: &[&str] = &["train", "tiny.toml", "--quiet", "--out", "run"];

const TINY_RECIPE: &str = "task = \"translation\"\n[data]\ntrain = \"pairs.tsv\"\n[text]\nsource = \"persian\"\nvocab = 100\n\
[model]\nembedding = 8\nencoder_hidden = 8\ndecoder_hidden = 16\nreadout = 8\n\
[train]\nepochs = 2\nbatch_tokens = 100\ncheckpoint_every = 1\n[cleaning]\nduplicates = false\n[decode]\nbeam = 1\n";

fn tiny() -> Case {
    let case = Case::new();
    case.file("tiny.toml", TINY_RECIPE);
    case.file("pairs.tsv", "سلام\tHello\nکتاب\tbook\nخانه\thouse\n".repeat(20));
    case
}

#[test]
fn translates_arguments_and_lines_at_once_on_a_fresh_clone() {
    let case = Case::new();
    insta::assert_snapshot!(case.run(&["translate", "سلام"]));
    // Empty lines stay empty lines; placeholders pass through.
    let lines = "سلام\n\nصبح بخیر\nفایل %s پیدا نشد\n";
    insta::assert_snapshot!(case.run_with(&["translate"], lines.as_bytes()));
    insta::assert_snapshot!(case.run(&["translate", "--nbest", "2", "--align", "این کتاب است"]));
    assert!(case.run(&["translate", "--json", "سلام"]).contains("\"source\":\"سلام\""));
}

#[test]
fn a_stream_keeps_its_order_and_does_not_depend_on_batches() {
    let case = Case::new();
    let words = ["سلام", "", "کتاب", "صبح بخیر", "漢字", "خانه"];
    let lines: String = (0..300).map(|i| format!("{}\n", words[i % words.len()])).collect();
    let all = case.run_with(&["translate", "--beam", "2"], lines.as_bytes());
    let out: Vec<&str> = all.lines().skip(2).take_while(|l| *l != "--- stderr").collect();
    assert_eq!(out.len(), 300);
    for (i, line) in out.iter().enumerate() {
        assert_eq!(line, &out[i % words.len()], "line {i}");
    }
    assert_eq!(out[1], "");
}

#[test]
fn a_sentence_of_ten_thousand_words_works_or_says_the_limit() {
    let case = Case::new();
    let long = "سلام ".repeat(40_000);
    let out = case.run_with(&["translate", "--beam", "1"], format!("کتاب\n{long}\n").as_bytes());
    assert!(out.starts_with("exit code: 1\n--- stdout\nbook"), "{}", &out[..200]);
    assert!(out.contains("standard input:2: expected a sentence of at most 12000 tokens"), "{out}");
}

#[test]
fn bad_training_data_is_named() {
    let case = tiny();
    let train = |name: &str| {
        case.run(&["train", "tiny.toml", "--quiet", "--out", "run", "--set", &format!("data.train={name}")])
    };
    insta::assert_snapshot!("missing-file", train("none.tsv"));
    case.file("empty.tsv", "");
    insta::assert_snapshot!("empty-file", train("empty.tsv"));
    case.file("latin1.tsv", b"a\tb\ncaf\xe9\tx\n");
    insta::assert_snapshot!("not-utf-8", train("latin1.tsv"));
    case.file("ragged.tsv", "a\tb\nc\n");
    insta::assert_snapshot!("ragged", train("ragged.tsv"));
    case.file("a.txt", "1\n2\n3\n");
    case.file("b.txt", "1\n2\n");
    insta::assert_snapshot!("different-lengths", train("{source='a.txt', target='b.txt'}"));
    case.file("a.tsv.gz", "not gzip");
    insta::assert_snapshot!("not-gzip", train("a.tsv.gz"));
    case.file("wrong.tsv", "Hello\tسلام\nBook\tکتاب\n");
    insta::assert_snapshot!("nothing-left", train("wrong.tsv"));
    assert!(!case.path().join("run/model.safetensors").exists());
}

#[test]
fn bad_recipes_and_usage_are_named() {
    let case = tiny();
    let set = |change: &str| case.run(&[TINY, &["--set", change]].concat());
    insta::assert_snapshot!("unknown-key", set("train.learning_rat=1"));
    insta::assert_snapshot!("unknown-value", set("model.attention=genral"));
    insta::assert_snapshot!("wrong-type", set("train.epochs=many"));
    insta::assert_snapshot!("out-of-range", set("model.dropout=1.5"));
    insta::assert_snapshot!("too-many-layers", set("model.encoder_layers=9"));
    insta::assert_snapshot!("no-such-recipe", case.run(&["train", "fa-enn"]));
    case.file("broken.toml", "task = \"translation\n");
    case.file("typo.toml", TINY_RECIPE.replace("batch_tokens", "batch_token"));
    insta::assert_snapshot!("unknown-key-in-a-file", case.run(&["train", "typo.toml"]));
    insta::assert_snapshot!("broken-recipe", case.run(&["train", "broken.toml"]));
    insta::assert_snapshot!("data-elsewhere", case.run(&["train", "multi30k-en-de", "--quiet"]));
    insta::assert_snapshot!("no-run-to-resume", case.run(&["train", "--resume", "nowhere"]));
    insta::assert_snapshot!("unknown-command", case.run(&["trian"]));
    insta::assert_snapshot!("beam-of-zero", case.run(&["translate", "--beam", "0", "x"]));
}

#[test]
fn bad_models_are_named() {
    let case = Case::new();
    let translate = |name: &str| case.run(&["translate", "--model", name, "سلام"]);
    insta::assert_snapshot!("no-model", translate("none.safetensors"));
    case.file("text.safetensors", "this is no model at all");
    insta::assert_snapshot!("not-a-model", translate("text.safetensors"));
    case.file("cut.safetensors", &MODEL[..MODEL.len() / 2]);
    insta::assert_snapshot!("truncated-model", translate("cut.safetensors"));
    let good = artifact::parse(MODEL).unwrap();
    let mut other = good.clone();
    other.header.format = 2;
    case.file("version.safetensors", artifact::to_bytes(&other, Precision::Half));
    insta::assert_snapshot!("other-version", translate("version.safetensors"));
    let mut other = good.clone();
    other.parameters[3].data[5] = f32::NAN;
    case.file("nan.safetensors", artifact::to_bytes(&other, Precision::Half));
    insta::assert_snapshot!("nan", translate("nan.safetensors"));
    let mut other = good.clone();
    let matrix = other.parameters.iter_mut().find(|p| p.shape.len() == 2).unwrap();
    matrix.shape.swap(0, 1);
    case.file("shape.safetensors", artifact::to_bytes(&other, Precision::Half));
    insta::assert_snapshot!("wrong-shape", translate("shape.safetensors"));
    let mut other = good;
    other.parameters.remove(1);
    case.file("missing.safetensors", artifact::to_bytes(&other, Precision::Half));
    insta::assert_snapshot!("missing-tensor", translate("missing.safetensors"));
}

#[test]
fn bad_input_lines_are_named_after_the_good_ones() {
    let case = Case::new();
    insta::assert_snapshot!(case.run_with(&["translate"], b"\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85\nbad \xff byte\n"));
}

#[test]
fn a_run_is_not_overwritten_and_can_be_measured_and_looked_at() {
    let case = tiny();
    let out = case.run(TINY);
    assert!(out.starts_with("exit code: 0"), "{out}");
    for file in ["recipe.toml", "events.jsonl", "tokenizer.json", "model.safetensors", "report.html"] {
        assert!(case.path().join("run").join(file).metadata().unwrap().len() > 0, "{file}");
    }
    insta::assert_snapshot!("run-exists", case.run(TINY));
    assert!(case.run(&[TINY, &["--force"]].concat()).starts_with("exit code: 0"));
    let eval = case.run(&["eval", "run/model.safetensors", "--data", "pairs.tsv", "--json"]);
    assert!(eval.starts_with("exit code: 0") && eval.contains("\"bleu_signature\":\"nrefs:1|"), "{eval}");
    let info = case.run(&["info", "run/model.safetensors"]);
    assert!(info.contains("encoder.weight_ih_l0_reverse"), "{info}");
    let page = std::fs::read_to_string(case.path().join("run/report.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("http-equiv") && !page.contains("src="));
}

/// Every write fails above a size, as on a full disk: the checkpoint of before stays as it was.
#[cfg(unix)]
#[test]
fn a_failed_write_keeps_the_checkpoint_of_before() {
    let case = tiny();
    let shell = |command: &str| {
        let program = env!("CARGO_BIN_EXE_simurgh");
        let script = command.replace("simurgh", program);
        Command::new("sh").args(["-c", &script]).current_dir(case.path()).output().unwrap()
    };
    let out = shell("simurgh train tiny.toml --quiet --out run --set train.epochs=1");
    assert!(out.status.success());
    let checkpoint = case.path().join("run/checkpoints/last.safetensors");
    let before = std::fs::read(&checkpoint).unwrap();
    std::fs::write(
        case.path().join("run/recipe.toml"),
        std::fs::read_to_string(case.path().join("run/recipe.toml")).unwrap().replace("epochs = 1", "epochs = 9"),
    )
    .unwrap();
    // Blocks of 512 bytes: less than a checkpoint, more than the other files.
    let out = shell("trap '' XFSZ; ulimit -f 16; simurgh train --resume run --quiet");
    let error = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{error}");
    assert!(error.contains("expected a file that can be written") && error.contains("hint: "), "{error}");
    assert_eq!(std::fs::read(&checkpoint).unwrap(), before);
    let left: Vec<_> = std::fs::read_dir(case.path().join("run/checkpoints")).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing half-written stays: {left:?}");
    assert!(shell("simurgh train --resume run --quiet").status.success());
}

/// Ctrl-C writes a checkpoint; the resumed run ends with the bytes of one never stopped.
#[cfg(unix)]
#[test]
fn ctrl_c_and_kill_lose_nothing() {
    let case = tiny();
    let program = env!("CARGO_BIN_EXE_simurgh");
    let slow = ["--set", "train.epochs=60", "--set", "train.eval_every=1000", "--set", "model.decoder_hidden=64"];
    let train = |out: &str| {
        let mut command = Command::new(program);
        command.args(["train", "tiny.toml", "--quiet", "--out", out]).args(slow).current_dir(case.path());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    assert!(train("whole").status().unwrap().success());
    let whole = std::fs::read(case.path().join("whole/model.safetensors")).unwrap();
    for signal in ["INT", "KILL"] {
        let run = case.path().join(signal);
        let child = train(signal).spawn().unwrap();
        let checkpoint = run.join("checkpoints/last.safetensors");
        while !checkpoint.exists() && !run.join("model.safetensors").exists() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let id = child.id().to_string();
        Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        let finished = run.join("model.safetensors").exists();
        if signal == "INT" && !finished {
            assert_eq!(output.status.code(), Some(130));
            assert!(String::from_utf8_lossy(&output.stderr).contains("hint: go on with: simurgh train --resume"));
        }
        let resumed = Command::new(program)
            .args(["train", "--quiet", "--resume", signal])
            .current_dir(case.path())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(resumed.success());
        assert_eq!(std::fs::read(run.join("model.safetensors")).unwrap(), whole, "after {signal}");
    }
}

#[test]
fn every_built_in_recipe_is_valid_and_listed() {
    let case = Case::new();
    let list = case.run(&["models"]);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(list.contains(&format!("  {name} ")), "{name} in {list}");
        let text = std::fs::read_to_string(&path).unwrap();
        match recipe::task(&text, &[]).unwrap() {
            TaskName::Translation => drop(recipe::parse::<translation::Recipe>(&text, &[]).unwrap()),
            TaskName::Classification => drop(recipe::parse::<classification::Recipe>(&text, &[]).unwrap()),
            TaskName::Music => drop(recipe::parse::<music::Recipe>(&text, &[]).unwrap()),
            TaskName::Forecasting => {
                let set = recipe::Override { key: "data.train".into(), value: "sales.csv".into() };
                // The table is the user's own.
                let set = if name == "forecast" { vec![set] } else { Vec::new() };
                drop(recipe::parse::<forecasting::Recipe>(&text, &set).unwrap());
            }
            TaskName::Labelling => drop(recipe::parse::<labelling::Recipe>(&text, &[]).unwrap()),
            TaskName::Adversarial => drop(recipe::parse::<adversarial::Recipe>(&text, &[]).unwrap()),
            // The text is the user's own.
            TaskName::LanguageModel => {
                let set = [recipe::Override { key: "data.train".into(), value: "book.txt".into() }];
                drop(recipe::parse::<language_model::Recipe>(&text, &set).unwrap())
            }
        }
        count += 1;
    }
    assert!(count >= 5);
    assert!(list.contains("fa-en") && list.contains("MB"));
}

#[test]
fn what_no_model_can_translate_is_found_before_the_training() {
    let case = tiny();
    case.file("long.tsv", format!("سلام\tHello\n{}\tlong\n", "سلام ".repeat(20_000)));
    let out = case.run(&["train", "tiny.toml", "--quiet", "--out", "run", "--set", "data.test=long.tsv"]);
    assert!(out.contains("error: data.test, pair 2: expected a sentence of at most 12000 tokens"), "{out}");
    assert!(!case.path().join("run").exists());
}

#[test]
fn one_process_trains_in_a_directory() {
    let case = tiny();
    assert!(case.run(TINY).starts_with("exit code: 0"));
    let lock = std::fs::File::open(case.path().join("run/lock")).unwrap();
    lock.lock().unwrap();
    let out = case.run(&["train", "--resume", "run"]);
    assert!(out.contains("error: run: expected a run that nobody else trains"), "{out}");
    drop(lock);
    assert!(case.run(&["train", "--resume", "run", "--quiet"]).starts_with("exit code: 0"));
}

#[test]
fn a_killed_beginning_is_no_run() {
    let case = tiny();
    std::fs::create_dir_all(case.path().join("run/checkpoints")).unwrap();
    std::fs::create_dir_all(case.path().join("run/tensorboard")).unwrap();
    assert!(case.run(TINY).starts_with("exit code: 0"));
}

#[test]
fn licences_are_those_of_the_data() {
    let case = tiny();
    let own =
        ["train", "fa-en", "--quiet", "--out", "run", "--set", "data.train=pairs.tsv", "--set", "data.embedded=[]"];
    let small =
        ["--set", "train.steps=1", "--set", "model.embedding=8", "--set", "model.readout=8", "--set", "text.vocab=100"];
    let more = ["--set", "cleaning.duplicates=false", "--set", "decode.beam=1"];
    let out = case.run(&[&own[..], &small, &more].concat());
    assert!(out.starts_with("exit code: 0"), "{out}");
    assert!(out.contains("dev set (the recipe names no test set), free-running"), "{out}");
    let info = case.run(&["info", "run/model.safetensors"]);
    assert!(info.starts_with("exit code: 0") && !info.contains("Unicode-3.0"), "{info}");
}

#[test]
fn bench_prints_a_row_a_case() {
    let case = Case::new();
    let out = case.run(&["bench", "kernels", "--quick", "--only", "gemm 1x", "--json"]);
    let rows: Vec<serde_json::Value> =
        out.lines().filter(|l| l.starts_with('{')).map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(out.starts_with("exit code: 0") && rows.len() == 2, "{out}");
    for row in rows {
        assert_eq!(row["case"], "gemm 1x1024x512");
        assert!(row["ms"].as_f64().is_some_and(|ms| ms > 0.0) && row["gflops"].as_f64().is_some_and(|g| g > 0.0));
    }
    let out = case.run(&["bench", "kernels", "--quick", "--only", "nothing"]);
    assert!(out.starts_with("exit code: 1") && out.contains("got `nothing`"), "{out}");
    let out = case.run(&["bench", "kernels", "--quick", "--only", "gemm 1x", "--isa", "portable"]);
    assert!(out.starts_with("exit code: 0") && out.contains("gemm 1x1024x512"), "{out}");
    let out = case.run(&["bench", "kernels", "--isa", "mmx"]);
    assert!(out.starts_with("exit code: 1") && out.contains("got `mmx`") && out.contains("it has: portable"), "{out}");
}
