//! Rows of a corpus that would teach nothing or the wrong thing.

use super::{Normaliser, Pair, Script, placeholders};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The rules; applied to training data alone, never to what a model is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cleaning {
    /// Longest sentence, in characters.
    pub max_chars: usize,
    /// Largest ratio of the two sides' lengths in characters, once one is over 20.
    pub max_ratio: f64,
    /// Drop pairs whose placeholders differ.
    pub placeholders: bool,
    /// Drop pairs with a side in the wrong script.
    pub script: bool,
    /// Drop repeated pairs.
    pub duplicates: bool,
}

impl Default for Cleaning {
    fn default() -> Self {
        Self { max_chars: 400, max_ratio: 4.0, placeholders: true, script: true, duplicates: true }
    }
}

/// How many pairs each rule dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Pairs before.
    pub read: usize,
    /// Pairs after.
    pub kept: usize,
    /// A side is empty.
    pub empty: usize,
    /// A side is too long.
    pub long: usize,
    /// Lengths too different.
    pub ratio: usize,
    /// Placeholders differ.
    pub placeholders: usize,
    /// A side is in the wrong script.
    pub script: usize,
    /// Seen before.
    pub duplicates: usize,
}

impl Report {
    /// The rules that dropped something, in words.
    pub fn reasons(&self) -> String {
        let rules = [
            ("empty", self.empty),
            ("too long", self.long),
            ("lengths too different", self.ratio),
            ("other placeholders", self.placeholders),
            ("wrong script", self.script),
            ("repeated", self.duplicates),
        ];
        let told: Vec<String> = rules.iter().filter(|r| r.1 > 0).map(|(why, n)| format!("{n} {why}")).collect();
        if told.is_empty() { "none".into() } else { told.join(", ") }
    }
}

impl Cleaning {
    /// Removes pairs in place, each counted under the first rule that it breaks.
    pub fn apply(&self, pairs: &mut Vec<Pair>, source: Normaliser, target: Normaliser) -> Report {
        let mut report = Report { read: pairs.len(), ..Report::default() };
        let mut seen = HashSet::new();
        pairs.retain(|pair| {
            let (s, t) = (source.apply(&pair.source), target.apply(&pair.target));
            let (ns, nt) = (s.chars().count(), t.chars().count());
            let rule = if s.is_empty() || t.is_empty() {
                &mut report.empty
            } else if ns.max(nt) > self.max_chars {
                &mut report.long
            } else if ns.max(nt) > 20 && ns.max(nt) as f64 > self.max_ratio * ns.min(nt) as f64 {
                &mut report.ratio
            } else if self.placeholders && !placeholders::agree(&s, &t) {
                &mut report.placeholders
            } else if self.script && !(right_script(&s, source.script) && right_script(&t, target.script)) {
                &mut report.script
            } else if self.duplicates && !seen.insert((s, t)) {
                &mut report.duplicates
            } else {
                return true;
            };
            *rule += 1;
            false
        });
        report.kept = pairs.len();
        report
    }
}

/// A Persian side with letters must have some of Arabic script; a plain side must have few.
fn right_script(text: &str, script: Script) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let arabic = text.chars().filter(|c| matches!(c, '\u{600}'..='\u{6FF}') && c.is_alphabetic()).count();
    match script {
        Script::Persian => letters == 0 || 2 * arabic > letters,
        Script::Plain => 2 * arabic <= letters,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_drops_what_it_names() {
        let pair = |s: &str, t: &str| Pair { source: s.into(), target: t.into(), domain: String::new() };
        let long = "x".repeat(500);
        let mut pairs = vec![
            pair("سلام", "Hello"),
            pair("سلام", "Hello "),
            pair("", "Hello"),
            pair("سلام", &long),
            pair("سلام", "Hello my friend, how are you today?"),
            pair("سلام %s", "Hello"),
            pair("Hello", "Hello"),
            pair("سلام", "سلام"),
            pair("3", "3"),
        ];
        let source = Normaliser { script: Script::Persian, lowercase: false, strip_diacritics: false };
        let target = Normaliser { script: Script::Plain, ..source };
        let report = Cleaning::default().apply(&mut pairs, source, target);
        let want = Report { read: 9, kept: 2, empty: 1, long: 1, ratio: 1, placeholders: 1, script: 2, duplicates: 1 };
        assert_eq!(report, want);
        assert_eq!(pairs, [pair("سلام", "Hello"), pair("3", "3")]);
    }
}
