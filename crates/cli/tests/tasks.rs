//! The tasks beside translation as a user meets them, each from data of the user's own.

mod case;

use case::Case;

#[test]
fn texts_are_classified_from_a_model_of_your_own() {
    let case = Case::new();
    let line = |i: usize| {
        format!("{}\t{} {}\n", ["no", "yes"][i % 2], ["a", "the"][i / 2 % 2], ["bad day", "good day"][i % 2])
    };
    case.file("texts.tsv", (0..80).map(line).collect::<String>());
    case.file("tiny.toml", "task = \"classification\"\n[data]\ntrain = \"texts.tsv\"\n[text]\nleast_count = 1\n\
[model]\nembedding = 8\nhidden = 8\ndropout = 0.0\n[train]\nepochs = 20\nbatch_tokens = 100\nlearning_rate = 0.02\nwarmup = 1\n");
    let trained = case.run(&["train", "tiny.toml", "--quiet", "--out", "run"]);
    assert!(trained.contains("this model") && trained.contains("simurgh classify --model"), "{trained}");
    let model = "run/model.safetensors";
    let classify =
        |args: &[&str], input: &str| case.run_with(&[&["classify", "--model", model], args].concat(), input.as_bytes());
    let out = classify(&[], "a good day\n\nthe bad day\n");
    let classes: Vec<&str> = out.lines().skip(2).take(3).map(|l| l.split('\t').next().unwrap()).collect();
    assert_eq!(classes, ["yes", "", "no"], "{out}");
    let tabs = classify(&["a\tgood\nday"], "");
    assert!(tabs.contains("\ta good day\n"), "{tabs}");
    let nothing = classify(&["--why-svg", "none.svg", ""], "");
    assert!(
        nothing.starts_with("exit code: 1\n") && nothing.contains("none.svg: expected a text to draw"),
        "{nothing}"
    );
    let why = classify(&["--why", "a good day"], "");
    assert!(why.contains("[[good]]"), "{why}");
    let json = classify(&["--json", "--why=attention", "a good day"], "");
    assert!(
        json.contains("\"class\":\"yes\"") && json.contains("\"words\":[\"a\",\"good\",\"day\",\"</s>\"]"),
        "{json}"
    );
    assert!(classify(&["--why-svg", "why.svg", "a good day"], "").starts_with("exit code: 0"));
    assert!(std::fs::read_to_string(case.path().join("why.svg")).unwrap().contains(">good</text>"));
    assert!(case.run(&["eval", model, "--data", "texts.tsv"]).contains("80 texts"));
    insta::assert_snapshot!(
        "eval-beam-of-a-classifier",
        case.run(&["eval", model, "--data", "texts.tsv", "--beam", "2"])
    );
    insta::assert_snapshot!("classify-with-a-translation-model", case.run(&["classify", "--model", "fa-en", "x"]));
    case.file("texts.csv", "stars,review\nyes,a good day\nno,\"a bad, bad day\"\n");
    let columns = "data.test={csv=\"texts.csv\", text=\"review\", label=\"stars\"}";
    let args = ["train", "tiny.toml", "--quiet", "--out", "csv", "--set", columns];
    assert!(case.run(&args).contains("csv/model.safetensors"));
    let measured = case.run(&["eval", "csv/model.safetensors", "--data", "texts.csv"]);
    assert!(measured.contains("2 texts"), "{measured}");
    case.file("bad.tsv", "yes\tgood\nperhaps\tgood\n");
    insta::assert_snapshot!("unknown-label", case.run(&["eval", model, "--data", "bad.tsv"]));
    assert!(case.run(&["info", model]).contains("task        classification"));
}

#[test]
fn text_and_music_are_written_from_models_of_your_own() {
    let case = Case::new();
    case.file("book.txt", "abcabc\ncabcab\n".repeat(30));
    let set = |pairs: &[&str]| -> Vec<String> {
        pairs.iter().flat_map(|p| ["--set".to_string(), (*p).to_string()]).collect()
    };
    let train = |recipe: &str, out: &str, pairs: &[&str]| {
        let set = set(pairs);
        let mut args = vec!["train", recipe, "--quiet", "--out", out];
        args.extend(set.iter().map(String::as_str));
        case.run(&args)
    };
    let small =
        ["model.hidden=16", "train.epochs=4", "train.batch_tokens=200", "train.learning_rate=0.02", "train.warmup=1"];
    let text = train("text", "text", &[&["data.train=book.txt", "bptt.window_steps=20"], &small[..]].concat());
    assert!(text.contains("bits a character") && text.contains("simurgh generate --model"), "{text}");
    let generate = |args: &[&str]| case.run(&[&["generate", "--model", "text/model.safetensors"], args].concat());
    let out = generate(&["--start", "abc", "--length", "20", "--seed", "3"]);
    assert!(
        out.starts_with("exit code: 0\n--- stdout\nabc")
            && out == generate(&["--start", "abc", "--length", "20", "--seed", "3"])
    );
    let strange = generate(&["--start", "xaü", "--length", "1"]);
    assert!(strange.contains("the model never met `x`, `ü`: it does not know what comes after"), "{strange}");
    insta::assert_snapshot!("bad-temperature", generate(&["--temperature", "hot"]));
    insta::assert_snapshot!("text-without-data", case.run(&["train", "text"]));

    let piece = (0..8).map(|t| ["[60,64,67]", "[59,62,67]"][t % 2]).collect::<Vec<_>>().join(",");
    let all = vec![format!("[{piece}]"); 6].join(",");
    case.file("m.json", format!("{{\"train\":[{all}],\"valid\":[{all}],\"test\":[{all}]}}"));
    let music = train("chorales", "music", &[&["data.train=m.json", "model.head_hidden=8"], &small[..]].concat());
    assert!(music.contains("nats a frame") && music.contains("simurgh compose --model"), "{music}");
    let compose = |args: &[&str]| case.run(&[&["compose", "--model", "music/model.safetensors"], args].concat());
    let out = compose(&["--start", "C4 E4 G4", "--length", "8", "-o", "a.mid", "-o", "a.svg"]);
    assert!(out.contains("a.mid: 8 frames, 5 s"), "{out}");
    assert!(std::fs::read(case.path().join("a.mid")).unwrap().starts_with(b"MThd"));
    assert!(compose(&["--start", "C", "--length", "2"]).contains("--- stdout\nC3 E3 G3\n"));
    insta::assert_snapshot!("more-chords-than-frames", compose(&["--start", "C", "--start", "G", "--length", "1"]));
    insta::assert_snapshot!("no-chord", compose(&["--start", "Hm"]));
    insta::assert_snapshot!("no-kind", compose(&["-o", "a.wav"]));
}

#[test]
fn music_is_composed_at_once_on_a_fresh_clone() {
    let case = Case::new();
    insta::assert_snapshot!(case.run(&["compose", "--start", "Am", "--length", "6", "--temperature", "0"]));
    let json = case.run(&["compose", "--json", "--length", "3", "--start", "C4 E4 G4"]);
    assert!(json.contains("\"frames\":[[60,64,67],"), "{json}");
}

#[test]
fn numbers_are_forecast_from_a_table() {
    let case = Case::new();
    let stamp = |i: usize| format!("{}-{:02}-{:02}", 2020 + i / 336, i / 28 % 12 + 1, i % 28 + 1);
    let rows: String = (0..120).map(|i| format!("{},{},{}\n", stamp(i), [5, 7, 9, 4][i % 4], i % 2)).collect();
    case.file("t.csv", format!("date,sold,other\n{rows}"));
    let small = ["--set", "model.hidden=8", "--set", "model.segment=4", "--set", "model.look_back=8"];
    let train = [
        &["train", "forecast", "--quiet", "--out", "run", "--set", "data.train=t.csv", "--set", "model.horizon=4"],
        &small[..],
        &["--set", "train.epochs=3"],
    ];
    let trained = case.run(&train.concat());
    assert!(trained.contains("repeat the last season") && trained.contains("simurgh forecast FILE.csv"), "{trained}");
    let model = "run/model.safetensors";
    let forecast = |args: &[&str]| case.run(&[&["forecast", "t.csv", "--model", model], args].concat());
    let out = forecast(&["--quiet", "--plot", "t.svg"]);
    let lines: Vec<&str> = out.lines().skip(2).take(3).collect();
    assert!(lines[0] == "time,series,q0.1,q0.5,q0.9" && lines[1].starts_with("2020-05-09,sold,"), "{out}");
    assert_eq!(out.lines().count(), 2 + 1 + 8 + 1);
    assert!(std::fs::read_to_string(case.path().join("t.svg")).unwrap().contains("80 % band"));
    assert!(forecast(&["--json", "--horizon", "2"]).contains("\"seasonal_naive\":["));
    assert!(forecast(&[]).contains("░"));
    insta::assert_snapshot!("horizon-too-far", forecast(&["--horizon", "5"]));
    assert!(case.run(&["eval", model]).contains("this model") && case.run(&["info", model]).contains("forecasting"));
    let at_once = case.run(&["forecast", "t.csv", "--horizon", "4", "--targets", "sold", "--quiet"]);
    assert!(at_once.starts_with("exit code: 0") && at_once.lines().count() == 2 + 1 + 4 + 1, "{at_once}");
    // From standard input the same, and what is wrong there is told of it.
    let piped = |args: &[&str], text: String| case.run_with(&[&["forecast", "-"], args].concat(), text.as_bytes());
    let table = std::fs::read_to_string(case.path().join("t.csv")).unwrap();
    assert_eq!(piped(&["--horizon", "4", "--targets", "sold", "--quiet"], table.clone()), at_once);
    assert_eq!(piped(&["--model", model, "--quiet"], table), forecast(&["--quiet"]));
    insta::assert_snapshot!("text-on-standard-input", piped(&[], "date,sold\n2024-01-01,5\n2024-01-02,x\n".into()));
    insta::assert_snapshot!("run-of-standard-input", piped(&["--out", "r"], String::new()));
    // Another step, and dates that can be read either way.
    let rows: String =
        (0..60).map(|i| format!("{}/{}/{},1,{}\n", i % 12 + 1, i % 5 + 1, 2024 + i / 12, i % 2)).collect();
    case.file("doubt.csv", format!("date,sold,other\n{rows}"));
    let note = |args: &[&str]| case.run(&[args, &["doubt.csv", "--model", model][..]].concat());
    let read = note(&["forecast", "--dates", "day-first"]);
    assert!(
        read.contains("one of those that the model was trained on a day") && !read.contains("dates are read"),
        "{read}"
    );
    assert!(note(&["forecast"]).contains("dates are read month first, `1/1/2024` as 2024-01-01"));
    let measured = case.run(&["eval", model, "--data", "doubt.csv"]);
    assert!(measured.contains("one of those that the model was trained on a day"), "{measured}");
    case.file("words.csv", "date,sold\n2024-01-01,5\n2024-01-02,many\n");
    insta::assert_snapshot!("a-word-among-numbers", case.run(&["forecast", "words.csv"]));
    case.file("twice.csv", "date,shop,sold\n2024-01-01,a,5\n2024-01-01,b,6\n");
    insta::assert_snapshot!("a-series-column-unnamed", case.run(&["forecast", "twice.csv", "--targets", "sold"]));
    case.file("short.csv", "date,sold\n2024-01-01,5\n2024-01-02,6\n");
    insta::assert_snapshot!("too-few-rows", case.run(&["forecast", "short.csv", "--horizon", "7"]));
}

#[test]
fn what_is_asked_for_is_written_or_said_not_to_be() {
    let case = Case::new();
    let composed = |out: &str| case.run(&["compose", "--length", "2", "--out", "a.mid", "--out", out]);
    assert!(composed("none/a.svg").starts_with("exit code: 1\n"), "{}", composed("none/a.svg"));
    assert!(!case.path().join("a.mid").exists());
    assert!(composed("a.svg").starts_with("exit code: 0\n") && case.path().join("a.mid").exists());
    insta::assert_snapshot!("nothing-to-draw", case.run(&["translate", "--align-svg", "a.svg"]));
    insta::assert_snapshot!("negative-number", case.run(&["compose", "--temperature", "-1"]));
    insta::assert_snapshot!("recipe-is-empty", {
        case.file("empty.toml", "");
        case.run(&["train", "empty.toml"])
    });
    for (name, args) in [
        ("file-of-your-own-is-missing", &["train", "sst2", "--set", "data.train=mine.tsv"][..]),
        ("forecast-trains-on-nothing", &["train", "forecast"]),
        ("fetch-of-a-recipe-without-a-set", &["data", "fetch", "text"]),
        ("no-such-folder", &["data", "list", "--data-dir", "none"]),
    ] {
        insta::assert_snapshot!(name, case.run(args));
    }
    case.file("one.json", "{\"train\":[[[60]]],\"valid\":[[[60]]],\"test\":[[[60]]]}");
    insta::assert_snapshot!("pieces-of-a-frame", case.run(&["eval", "chorales", "--data", "one.json"]));
}

#[test]
fn data_sets_are_listed_and_what_cannot_be_fetched_is_said() {
    let case = Case::new();
    insta::assert_snapshot!("data-list", case.run(&["data", "list"]));
    let json = case.run(&["data", "list", "--json"]);
    assert!(json.contains("\"name\":\"sst2\"") && json.contains("\"state\":\"not here\""), "{json}");
    for (name, args) in [
        ("fetch-nothing", &["data", "fetch", "nothing"][..]),
        ("fetch-embedded", &["data", "fetch", "sunspots"]),
        ("fetch-private", &["data", "fetch", "fa-en-full"]),
        // Nothing listens on port 9.
        ("fetch-without-network", &["data", "fetch", "sst2", "--quiet", "--mirror", "http://127.0.0.1:9"]),
        ("train-without-data", &["train", "sst2", "--quiet"]),
    ] {
        insta::assert_snapshot!(name, case.run(args));
    }
    // Nothing arrived: nothing stays.
    assert!(!case.path().join("data/.fetch").exists());
}

#[test]
fn a_model_that_may_not_ship_is_trained_when_asked_for_and_then_kept() {
    let case = Case::new();
    insta::assert_snapshot!("classify-without-data", case.run(&["classify", "--model", "trec", "Who?"]));
    insta::assert_snapshot!("label-with-a-recipe-of-texts", case.run(&["label", "--model", "trec", "x.wav"]));
    insta::assert_snapshot!(
        "forecast-with-a-recipe-without-data",
        case.run(&["forecast", "x.csv", "--model", "forecast"])
    );
    // An embedded set needs no data directory.
    let mut csv = String::from("year,sunspots\n");
    for year in 1900..2000 {
        csv += &format!("{year},{}\n", year % 11 * 10);
    }
    case.file("x.csv", csv);
    let first = case.run(&["forecast", "x.csv", "--model", "sunspots"]);
    assert!(first.contains("training it, once") && first.starts_with("exit code: 0"), "{first}");
    assert!(case.path().join("runs/sunspots-1/model.safetensors").is_file());
    let second = case.run(&["forecast", "x.csv", "--model", "sunspots"]);
    assert!(second.contains("using runs/sunspots-1/model.safetensors"), "{second}");
    let numbers =
        |text: &str| -> Vec<String> { text.lines().filter(|l| l.starts_with("20")).map(str::to_string).collect() };
    assert!(!numbers(&first).is_empty() && numbers(&first) == numbers(&second), "{first}\n{second}");
    // A newer run of other settings is another model, and not meant.
    let other = ["train", "sunspots", "--quiet", "--set", "train.epochs=1", "--set", "model.hidden=8"];
    assert!(case.run(&other).contains("runs/sunspots-2/model.safetensors"));
    assert!(case.run(&["forecast", "x.csv", "--model", "sunspots"]).contains("using runs/sunspots-1/"));
    // One that was interrupted is gone on with.
    std::fs::remove_file(case.path().join("runs/sunspots-1/model.safetensors")).unwrap();
    let third = case.run(&["forecast", "x.csv", "--model", "sunspots"]);
    assert!(third.contains("going on with runs/sunspots-1") && numbers(&first) == numbers(&third), "{third}");
}

#[test]
fn the_theory_is_set_beside_measurements() {
    let case = Case::new();
    assert!(
        case.run(&["lab"]).contains("\nsaturation  ")
            && case.run(&["lab", "list", "--json"]).contains("\"id\":\"dirac-gan\"")
    );
    let shown = case.run(&["lab", "saturation"]);
    assert!(
        shown.starts_with("exit code: 0\n") && shown.contains("32 of 32 hold") && !shown.contains("does not hold"),
        "{shown}"
    );
    let json = case.run(&["lab", "dirac-gan", "--json", "--out", "pages"]);
    assert!(json.contains("\"measured\":") && json.contains("page: pages/dirac-gan.html"), "{json}");
    let page = std::fs::read_to_string(case.path().join("pages/dirac-gan.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 9);
    insta::assert_snapshot!("no-experiment", case.run(&["lab", "nothing"]));
    case.file("taken", "");
    insta::assert_snapshot!("lab-into-a-file", case.run(&["lab", "saturation", "--out", "taken"]));
}

#[test]
fn points_and_pictures_are_sampled_from_generators_of_your_own() {
    let case = Case::new();
    let tiny = ["--quiet", "--set", "train.steps=20", "--set", "train.batch=16", "--set", "train.eval_samples=30"];
    let trained = case.run(&[&["train", "ring8", "--out", "ring"], &tiny[..]].concat());
    assert!(trained.contains("modes") && trained.contains("simurgh sample ring/model.safetensors -o"), "{trained}");
    let model = "ring/model.safetensors";
    let points = case.run(&["sample", model, "--n", "3", "--seed", "7"]);
    assert_eq!(points.lines().filter(|line| line.split(',').count() == 2).count(), 3, "{points}");
    assert!(
        case.run(&["sample", model, "-n", "4", "--seed", "7", "-o", "points.csv"]).contains("points.csv: 4 samples")
    );
    let csv = std::fs::read_to_string(case.path().join("points.csv")).unwrap();
    assert!(points.contains(csv.lines().next().unwrap()), "{points} {csv}");
    assert!(case.run(&["sample", model, "-o", "ring.png"]).contains("ring.png: 64 samples"));
    assert!(std::fs::read(case.path().join("ring.png")).unwrap().starts_with(b"\x89PNG"));
    let json = case.run(&["sample", model, "--n", "2", "--json"]);
    assert!(json.contains("\"samples\":2") && json.contains("\"numbers\":[["), "{json}");
    assert!(case.run(&["eval", model]).contains("modes"));
    assert!(case.run(&["info", model]).contains("task        adversarial"));
    insta::assert_snapshot!("points-into-a-folder", case.run(&["sample", model, "-o", "folder"]));
    insta::assert_snapshot!("samples-of-another-kind", case.run(&["sample", model, "-o", "ring.gif"]));
    insta::assert_snapshot!("points-against-pictures", case.run(&["eval", model, "--data", "folder"]));
    insta::assert_snapshot!("sample-with-a-translation-model", case.run(&["sample", "fa-en"]));

    let forbidden = ["train", "ring8", "--set", "adversarial.remedies.clip_weights=0.01"];
    insta::assert_snapshot!("clipping-with-r1", case.run(&forbidden));
    insta::assert_snapshot!("no-pictures", case.run(&["train", "mnist-gan", "--set", "data.images=nowhere"]));

    // Samples of the first generator become the pictures of a second.
    std::fs::create_dir(case.path().join("photos")).unwrap();
    for k in 0..20 {
        let name = format!("photos/{k}.png");
        case.run(&["sample", model, "--seed", &k.to_string(), "-o", &name]);
    }
    let photos = ["train", "mnist-gan", "--out", "photos-run", "--set", "data.images=photos", "--set", "data.size=16"];
    let trained = case.run(&[&photos[..], &["--set", "model.channels=4"], &tiny[..]].concat());
    assert!(trained.starts_with("exit code: 0") && trained.contains("sliced Wasserstein"), "{trained}");
    let model = "photos-run/model.safetensors";
    assert!(case.run(&["sample", model, "--interpolate", "--n", "5", "-o", "ways.png"]).contains("40 samples"));
    assert!(case.run(&["sample", model, "--n", "3", "-o", "files"]).contains("files: 3 samples"));
    assert_eq!(std::fs::read_dir(case.path().join("files")).unwrap().count(), 3);
    insta::assert_snapshot!("pictures-to-stdout", case.run(&["sample", model]));
    assert!(case.run(&["eval", model]).contains("closest two"));
}
