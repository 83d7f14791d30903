//! Our metrics against those of others, see `goldens/metrics` and `goldens/classification`.

use serde_json::Value;
use simurgh_data::metrics::bleu::{self, Tokenization};
use simurgh_data::metrics::chrf;
use simurgh_data::metrics::classification::{self, Confusion};

const GOLDENS: &str = include_str!("../../../goldens/metrics/values.json");

fn close(got: f64, want: &Value, what: &str) {
    let want = want.as_f64().unwrap();
    let difference = (got - want).abs();
    assert!(difference <= 1e-9 * want.abs().max(1.0), "{what}: {got}, sacreBLEU {want}");
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_string()).collect()
}

#[test]
fn equal_to_sacrebleu() {
    let goldens: Value = serde_json::from_str(GOLDENS).unwrap();
    let cases = goldens["cases"].as_array().unwrap();
    assert!(cases.len() >= 12);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let (hypotheses, references) = (strings(&case["hypotheses"]), strings(&case["references"]));
        close(chrf::corpus(&hypotheses, &references), &case["chrf"], &format!("{name}: chrF"));
        for (key, tokenization) in
            [("13a", Tokenization::V13a), ("intl", Tokenization::International), ("none", Tokenization::None)]
        {
            let (bleu, want) = (bleu::corpus(&hypotheses, &references, tokenization), &case[key]);
            let what = format!("{name}: BLEU {key}");
            close(bleu.score, &want["score"], &what);
            close(bleu.brevity, &want["bp"], &what);
            close(bleu.hypothesis_length as f64, &want["sys_len"], &what);
            close(bleu.reference_length as f64, &want["ref_len"], &what);
            for (n, p) in bleu.precisions.iter().enumerate() {
                close(*p, &want["precisions"][n], &format!("{what} precision {n}"));
            }
            for (i, (h, r)) in hypotheses.iter().zip(&references).enumerate() {
                let score = bleu::sentence(h, r, tokenization).score;
                close(score, &want["sentences"][i], &format!("{what} sentence {i}"));
            }
        }
        for (i, (h, r)) in hypotheses.iter().zip(&references).enumerate() {
            close(chrf::sentence(h, r), &case["chrf_sentences"][i], &format!("{name}: chrF sentence {i}"));
        }
    }
}

#[test]
fn equal_to_scikit_learn() {
    let goldens: Value = serde_json::from_str(include_str!("../../../goldens/classification/values.json")).unwrap();
    let cases = goldens["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let what = |metric: &str| format!("{}: {metric}", case["name"]);
        let classes = case["classes"].as_u64().unwrap() as usize;
        let labels: Vec<usize> =
            case["labels"].as_array().unwrap().iter().map(|y| y.as_u64().unwrap() as usize).collect();
        let row = |row: &Value| row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
        let logits: Vec<Vec<f32>> = case["logits"].as_array().unwrap().iter().map(row).collect();
        let answers = logits.iter().map(|logits| classification::winner(logits));
        let confusion = Confusion::new(classes, labels.iter().copied().zip(answers));
        assert_eq!(serde_json::to_value(&confusion).unwrap(), case["confusion"]);
        close(confusion.accuracy(), &case["accuracy"], &what("accuracy"));
        close(confusion.macro_f1(), &case["macro_f1"], &what("macro F1"));
        for (k, class) in confusion.classes().into_iter().enumerate() {
            close(class.precision, &case["precision"][k], &what("precision"));
            close(class.recall, &case["recall"][k], &what("recall"));
            close(class.f1, &case["f1"][k], &what("F1"));
        }
        close(classification::nll(&logits, &labels, 1.0), &case["nll"], &what("nll"));
        let error = classification::expected_calibration_error(&logits, &labels, 1.0);
        close(error, &case["ece"], &what("calibration error"));
        let temperature = classification::temperature(&logits, &labels);
        let want = case["temperature"].as_f64().unwrap();
        let difference = (temperature - want).abs();
        assert!(difference <= 1e-5 * want, "{}: {temperature}, SciPy {want}", what("temperature"));
        let nll = classification::nll(&logits, &labels, temperature);
        close(nll, &case["nll_calibrated"], &what("calibrated nll"));
    }
}
