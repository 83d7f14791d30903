//! Every experiment in its quick form: what is measured is what the theory says.

use simurgh_lab::{EXPERIMENTS, Settings, by_id};

#[test]
fn the_theory_holds() {
    for experiment in &EXPERIMENTS {
        let report = (experiment.run)(&Settings { quick: true, seed: 1, data: None }).unwrap();
        assert!(report.comparisons().count() >= 5, "{}", experiment.id);
        assert!(report.holds(), "{}", report.text());
        assert!(report.html().contains(report.title) && report.id == experiment.id);
        assert_eq!(by_id(experiment.id).unwrap().about, experiment.about);
    }
    assert!(by_id("nothing").is_none());
}

#[test]
fn the_same_seed_measures_the_same() {
    let run = |id| (by_id(id).unwrap().run)(&Settings { quick: true, seed: 3, data: None }).unwrap();
    assert_eq!(run("dirac-gan"), run("dirac-gan"));
    assert_eq!(run("jensen-shannon"), run("jensen-shannon"));
}
