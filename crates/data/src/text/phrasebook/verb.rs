//! Conjugation. Persons are numbered: I, you, he or she, we, you all, they.

use super::lexicon::Verb;

/// The zero-width non-joiner.
pub(super) const ZWNJ: char = '\u{200C}';

/// A way to tell when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tense {
    /// می‌روم, I go
    Present,
    /// دارم می‌روم, I am going
    Progressive,
    /// رفتم, I went
    Past,
    /// می‌رفتم, I was going
    Imperfect,
    /// رفته‌ام, I have gone
    Perfect,
    /// خواهم رفت, I will go
    Future,
    /// می‌روم of what is to come, I will go
    NearFuture,
}

pub(super) const PRESENT: [&str; 6] = ["م", "ی", "د", "یم", "ید", "ند"];
const PAST: [&str; 6] = ["م", "ی", "", "یم", "ید", "ند"];
const PERFECT: [&str; 6] = ["\u{200C}ام", "\u{200C}ای", " است", "\u{200C}ایم", "\u{200C}اید", "\u{200C}اند"];

/// `ن` or `ب` before a stem: an alef takes a ye between.
fn prefixed(prefix: &str, stem: &str) -> String {
    match stem.chars().next() {
        Some('آ') => format!("{prefix}یا{}", &stem['آ'.len_utf8()..]),
        Some('ا') => format!("{prefix}ی{}", &stem['ا'.len_utf8()..]),
        _ => format!("{prefix}{stem}"),
    }
}

impl Verb {
    fn compound(&self, verb: &str) -> String {
        if self.preverb.is_empty() { verb.into() } else { format!("{} {verb}", self.preverb) }
    }

    /// The finite verb.
    pub fn persian(&self, tense: Tense, person: usize, negative: bool) -> String {
        let mi = if negative { "نمی" } else { "می" };
        let negated = |stem: &str| if negative { prefixed("ن", stem) } else { stem.to_string() };
        self.compound(&match tense {
            Tense::Present | Tense::Progressive | Tense::NearFuture => {
                format!("{mi}{ZWNJ}{}{}", self.present, PRESENT[person])
            }
            Tense::Past => negated(self.past) + PAST[person],
            Tense::Imperfect => format!("{mi}{ZWNJ}{}{}", self.past, PAST[person]),
            Tense::Perfect => format!("{}ه{}", negated(self.past), PERFECT[person]),
            Tense::Future => format!("{}{} {}", negated("خواه"), PRESENT[person], self.past),
        })
    }

    /// After `must`, `can`, `want`: بروم.
    pub fn subjunctive(&self, person: usize, negative: bool) -> String {
        let light = !self.preverb.is_empty() && ["کن", "شو"].contains(&self.present);
        let stem = match (negative, light) {
            (true, _) => prefixed("ن", self.present),
            (false, true) => self.present.to_string(),
            (false, false) => prefixed("ب", self.present),
        };
        self.compound(&(stem + PRESENT[person]))
    }

    /// برو, or بروید to several.
    pub fn imperative(&self, several: bool, negative: bool) -> String {
        let whole = self.subjunctive(1, negative);
        let stem = whole.strip_suffix('ی').unwrap_or(&whole);
        if several {
            return format!("{stem}ید");
        }
        // گوی and آی lose their ye.
        if ["گوی", "آی"].contains(&self.present) {
            stem.strip_suffix('ی').unwrap_or(stem).into()
        } else {
            stem.into()
        }
    }

    /// Auxiliary (empty in plain statements) and main verb.
    pub fn english(&self, tense: Tense, person: usize, negative: bool, question: bool) -> (String, String) {
        let third = person == 2;
        let be = |past: bool| match (past, person) {
            (false, 0) => "am",
            (false, 2) => "is",
            (false, _) => "are",
            (true, 0 | 2) => "was",
            (true, _) => "were",
        };
        let not = |auxiliary: &str| match auxiliary {
            _ if !negative => auxiliary.to_string(),
            "am" => "am not".into(),
            "will" => "won't".into(),
            _ => format!("{auxiliary}n't"),
        };
        let helped = negative || question;
        let plain = |auxiliary: &str, main: String| {
            if helped { (not(auxiliary), self.base.to_string()) } else { (String::new(), main) }
        };
        match tense {
            Tense::Present if third => plain("does", inflected(self.base, third_person)),
            Tense::Present => plain("do", self.base.to_string()),
            Tense::Past => plain("did", self.en_past.to_string()),
            Tense::Progressive => (not(be(false)), inflected(self.base, ing)),
            Tense::Imperfect => (not(be(true)), inflected(self.base, ing)),
            Tense::Perfect => (not(if third { "has" } else { "have" }), self.participle.to_string()),
            Tense::Future | Tense::NearFuture => (not("will"), self.base.to_string()),
        }
    }
}

/// The first word changed, a particle after it left as it is.
fn inflected(base: &str, change: impl Fn(&str) -> String) -> String {
    match base.split_once(' ') {
        Some((verb, rest)) => format!("{} {rest}", change(verb)),
        None => change(base),
    }
}

fn third_person(verb: &str) -> String {
    let vowel_y = ["ay", "ey", "oy", "uy"].iter().any(|end| verb.ends_with(end));
    match verb {
        "have" => "has".into(),
        _ if verb.ends_with('y') && !vowel_y => format!("{}ies", &verb[..verb.len() - 1]),
        _ if ["s", "x", "ch", "sh", "o"].iter().any(|end| verb.ends_with(end)) => format!("{verb}es"),
        _ => format!("{verb}s"),
    }
}

fn ing(verb: &str) -> String {
    match verb {
        "run" | "sit" | "swim" | "forget" => format!("{verb}{}ing", &verb[verb.len() - 1..]),
        "lie" => "lying".into(),
        _ if verb.ends_with('e') && !verb.ends_with("ee") => format!("{}ing", &verb[..verb.len() - 1]),
        _ => format!("{verb}ing"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexicon::Lexicon;
    use super::*;

    #[test]
    fn verbs_are_conjugated_as_they_are_spoken() {
        let lexicon = Lexicon::embedded();
        let verb = |base: &str| lexicon.verbs.iter().find(|v| v.base == base).unwrap();
        let (go, come, work) = (verb("go"), verb("come"), verb("work"));
        assert_eq!(go.persian(Tense::Present, 0, false), "می\u{200C}روم");
        assert_eq!(go.persian(Tense::Past, 2, true), "نرفت");
        assert_eq!(come.persian(Tense::Past, 5, true), "نیامدند");
        assert_eq!(come.subjunctive(0, false), "بیایم");
        assert_eq!(come.imperative(false, false), "بیا");
        assert_eq!(come.imperative(true, false), "بیایید");
        assert_eq!(work.subjunctive(3, false), "کار کنیم");
        assert_eq!(work.imperative(false, true), "کار نکن");
        assert_eq!(work.persian(Tense::Future, 4, true), "کار نخواهید کرد");
        assert_eq!(work.persian(Tense::Perfect, 2, false), "کار کرده است");
        assert_eq!(verb("wake up").english(Tense::Present, 2, false, false).1, "wakes up");
        assert_eq!(verb("study").english(Tense::Present, 2, false, false).1, "studies");
        assert_eq!(go.english(Tense::Present, 2, true, false), ("doesn't".into(), "go".into()));
        assert_eq!(verb("write").english(Tense::Imperfect, 3, false, false), ("were".into(), "writing".into()));
    }
}
