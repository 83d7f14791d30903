//! The words.

use std::collections::HashMap;

const LEXICON: &str = include_str!("../../../embedded/lexicon.tsv");

/// A verb in both languages.
#[derive(Clone, Debug)]
pub(super) struct Verb {
    /// Past stem.
    pub past: &'static str,
    /// Present stem.
    pub present: &'static str,
    /// What stands before the verb in a compound (`کار` in `کار کرد`), or nothing.
    pub preverb: &'static str,
    /// Infinitive; a state (`know`) takes no progressive.
    pub base: &'static str,
    pub state: bool,
    pub en_past: &'static str,
    pub participle: &'static str,
    /// The ways to complete it, each a list of slots.
    pub frames: Vec<Vec<Slot>>,
}

/// What completes a verb: a class of words, with a preposition in either language or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub fa: &'static str,
    pub class: &'static str,
    pub en: &'static str,
}

/// A noun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noun {
    pub fa: &'static str,
    pub en: &'static str,
    /// None of what can't be counted.
    pub plural: Option<&'static str>,
}

/// All words: verbs, nouns by class, and every other kind as rows of its fields.
pub(super) struct Lexicon {
    pub verbs: Vec<Verb>,
    nouns: HashMap<&'static str, Vec<Noun>>,
    rows: HashMap<String, Vec<Vec<&'static str>>>,
}

impl Lexicon {
    pub fn embedded() -> Self {
        let mut all = Self { verbs: Vec::new(), nouns: HashMap::new(), rows: HashMap::new() };
        for line in LEXICON.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            match fields[..] {
                ["verb", past, present, preverb, base, en_past, participle, frames] => all.verbs.push(Verb {
                    past,
                    present,
                    preverb,
                    base: base.trim_start_matches('*'),
                    state: base.starts_with('*'),
                    en_past,
                    participle,
                    frames: frames.split(',').map(frame).collect(),
                }),
                ["noun", class, fa, en, plural] => {
                    let plural = (plural != "-").then_some(plural);
                    all.nouns.entry(class).or_default().push(Noun { fa, en, plural });
                }
                // Adjectives and times have a class of their own.
                [kind @ ("adjective" | "time"), class, fa, en] => {
                    all.rows.entry(format!("{kind} {class}")).or_default().push(vec![fa, en]);
                }
                [kind, ..] => all.rows.entry(kind.into()).or_default().push(fields[1..].to_vec()),
                [] => {}
            }
        }
        all
    }

    /// The nouns of a class.
    pub fn nouns(&self, class: &str) -> &[Noun] {
        self.nouns.get(class).unwrap_or_else(|| panic!("the lexicon has no noun of class {class}"))
    }

    /// The rows of another kind.
    pub fn rows(&self, kind: &str) -> &[Vec<&'static str>] {
        self.rows.get(kind).unwrap_or_else(|| panic!("the lexicon has no {kind}"))
    }
}

fn frame(text: &'static str) -> Vec<Slot> {
    let slot = |text: &'static str| {
        let mut parts = text.split(':');
        let mut next = || parts.next().unwrap_or_default();
        Slot { fa: next(), class: next(), en: next() }
    };
    if text == "-" { Vec::new() } else { text.split('+').map(slot).collect() }
}
