//! Our BLEU and chrF against sacreBLEU's, see `goldens/metrics`.

use serde_json::Value;
use simurgh_data::metrics::bleu::{self, Tokenization};
use simurgh_data::metrics::chrf;

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
