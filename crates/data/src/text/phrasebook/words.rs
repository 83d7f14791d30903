//! Words and what they are joined to: who, whose, which, where to and when.

use super::lexicon::{Lexicon, Slot, Verb};
use super::verb::ZWNJ;
use simurgh_random::Random;

pub(super) const FA_PRONOUN: [&str; 6] = ["من", "تو", "او", "ما", "شما", "آنها"];
pub(super) const PRONOUN: [&str; 6] = ["I", "you", "he", "we", "you", "they"];
pub(super) const OBJECT: [&str; 6] = ["me", "you", "him", "us", "you", "them"];
pub(super) const MY: [&str; 6] = ["my", "your", "his", "our", "your", "their"];
pub(super) const MINE: [&str; 6] = ["mine", "yours", "his", "ours", "yours", "theirs"];
/// Of whom one says `her`.
pub(super) const WOMEN: [&str; 8] = ["mother", "sister", "daughter", "wife", "aunt", "woman", "girl", "grandmother"];
pub(super) const BE: [&str; 6] = ["am", "are", "is", "are", "are", "are"];
pub(super) const FA_BE: [&str; 6] = ["هستم", "هستی", "است", "هستیم", "هستید", "هستند"];
pub(super) const FA_BE_NOT: [&str; 6] = ["نیستم", "نیستی", "نیست", "نیستیم", "نیستید", "نیستند"];
pub(super) const FA_WAS: [&str; 6] = ["بودم", "بودی", "بود", "بودیم", "بودید", "بودند"];

/// The same in both languages.
#[derive(Clone, Debug, Default)]
pub(super) struct Both {
    pub(super) fa: String,
    pub(super) en: String,
}

pub(super) fn both(fa: impl Into<String>, en: impl Into<String>) -> Both {
    Both { fa: fa.into(), en: en.into() }
}

/// Who does something.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) fa: String,
    pub(super) en: String,
    pub(super) person: usize,
    /// `my`, `her`, ...
    pub(super) my: &'static str,
}

impl Subject {
    /// A pronoun, said or (with an empty `fa`) left out.
    pub(super) fn pronoun(fa: &str, person: usize) -> Self {
        Self { fa: fa.into(), en: PRONOUN[person].into(), person, my: MY[person] }
    }
}

/// Makes sentences.
pub(super) struct Speaker<'a> {
    pub(super) lexicon: &'a Lexicon,
    pub(super) random: Random,
}

pub(super) fn joined(words: &[&str]) -> String {
    words.iter().filter(|w| !w.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

pub(super) fn article(noun: &str) -> String {
    format!("{} {noun}", if noun.starts_with(['a', 'e', 'i', 'o', 'u', 'E', 'I', 'A']) { "an" } else { "a" })
}

/// `کتابم`, `خانه‌ام`: a noun and whose it is, in one word.
pub(super) fn possessed(noun: &str, person: usize) -> String {
    let short = ["م", "ت", "ش", "مان", "تان", "شان"][person];
    let mut letters = noun.chars().rev();
    match letters.next() {
        // A he after a long vowel is a consonant: `کلاهم`.
        Some('ه') if matches!(letters.next(), Some('ا' | 'و')) => format!("{noun}{short}"),
        Some('ه' | 'ی') => format!("{noun}{ZWNJ}{}{short}", if person < 3 { "ا" } else { "" }),
        Some('ا' | 'و') => format!("{noun}ی{short}"),
        _ => format!("{noun}{short}"),
    }
}

impl<'a> Speaker<'a> {
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.random.uniform() < probability
    }

    pub(super) fn pick<'b, T>(&mut self, all: &'b [T]) -> &'b T {
        &all[self.random.below(all.len())]
    }

    pub(super) fn row(&mut self, kind: &str) -> Both {
        let row = self.pick(self.lexicon.rows(kind));
        both(row[0], row[1])
    }

    pub(super) fn subject(&mut self) -> Subject {
        let of = |fa: String, en: String, person, she: bool| Subject {
            fa,
            en,
            person,
            my: if she { "her" } else { MY[person] },
        };
        match self.random.below(20) {
            0..12 => {
                let person = self.random.below(6);
                let fa = if self.chance(0.5) { FA_PRONOUN[person] } else { "" };
                let she = person == 2 && self.chance(0.25);
                of(fa.into(), if she { "she" } else { PRONOUN[person] }.into(), person, she)
            }
            12..15 => {
                let row = self.pick(self.lexicon.rows("name")).clone();
                let name = both(row[0], row[1]);
                if self.chance(0.15) {
                    let other = self.row("name");
                    if other.fa != name.fa {
                        return of(
                            format!("{} و {}", name.fa, other.fa),
                            format!("{} and {}", name.en, other.en),
                            5,
                            false,
                        );
                    }
                }
                of(name.fa, name.en, 2, row[2] == "f")
            }
            15..18 => {
                let kin = self.kin(6);
                let she = WOMEN.iter().any(|woman| kin.en.ends_with(woman));
                of(kin.fa, kin.en, 2, she)
            }
            _ => {
                let noun = *self.pick(self.lexicon.nouns("human"));
                let she = WOMEN.contains(&noun.en);
                match self.random.below(4) {
                    0 => {
                        of(format!("{}{ZWNJ}ها", noun.fa), format!("the {}", noun.plural.unwrap_or(noun.en)), 5, false)
                    }
                    1 => of(format!("این {}", noun.fa), format!("this {}", noun.en), 2, she),
                    2 => of(format!("آن {}", noun.fa), format!("that {}", noun.en), 2, she),
                    _ => of(noun.fa.into(), format!("the {}", noun.en), 2, she),
                }
            }
        }
    }

    /// `پدرم`: a relative of anybody but the person `not`.
    pub(super) fn kin(&mut self, not: usize) -> Both {
        let noun = *self.pick(self.lexicon.nouns("kin"));
        let mut person = if self.chance(0.5) { 0 } else { self.random.below(6) };
        if not == 1 && person == 4 || not == 4 && person == 1 {
            person = 0;
        }
        let fa =
            if self.chance(0.75) { possessed(noun.fa, person) } else { format!("{} {}", noun.fa, FA_PRONOUN[person]) };
        both(fa, format!("{} {}", MY[person], noun.en))
    }

    /// A person who is not the subject.
    pub(super) fn someone(&mut self, subject: usize) -> Both {
        match self.random.below(10) {
            0..4 => {
                let others: &[usize] = match subject {
                    0 | 3 => &[1, 2, 4, 5],
                    1 | 4 => &[0, 2, 3, 5],
                    _ => &[0, 1, 3, 4],
                };
                let person = *self.pick(others);
                both(FA_PRONOUN[person], OBJECT[person])
            }
            4..6 => self.row("name"),
            6..9 => self.kin(subject),
            _ => {
                let noun = *self.pick(self.lexicon.nouns("human"));
                both(format!("آن {}", noun.fa), format!("that {}", noun.en))
            }
        }
    }

    pub(super) fn adjective_for(&mut self, class: &str) -> Option<Both> {
        let kind = match class {
            "food" | "meal" | "drink" => "adjective food",
            "thing" | "clothes" | "animal" | "building" | "furniture" => "adjective thing",
            _ => return None,
        };
        Some(self.row(kind))
    }

    /// A noun with its article or the like; true if it is a definite one.
    pub(super) fn noun(&mut self, class: &str, owner: &Subject, en_preposition: &str) -> (Both, bool) {
        let noun = *self.pick(self.lexicon.nouns(class));
        let adjective = if self.chance(0.15) { self.adjective_for(class) } else { None };
        let (fa, en) = match &adjective {
            Some(a) => (format!("{} {}", noun.fa, a.fa), format!("{} {}", a.en, noun.en)),
            None => (noun.fa.to_string(), noun.en.to_string()),
        };
        let whole = adjective.is_none();
        match (self.random.below(12), noun.plural) {
            (0..5, None) if en_preposition.is_empty() => (both(fa, en), false),
            (0..3, Some(_)) if en_preposition.is_empty() => (both(format!("یک {fa}"), article(&en)), false),
            (3, Some(plural)) if whole && en_preposition.is_empty() => {
                let number = self.random.below(5) + 1;
                let number = &self.lexicon.rows("number")[number];
                (both(format!("{} {fa}", number[0]), format!("{} {plural}", number[1])), false)
            }
            (4, Some(plural)) if whole => (both(format!("{fa}{ZWNJ}ها"), format!("the {plural}")), true),
            (5, _) => (both(format!("این {fa}"), format!("this {en}")), true),
            (6, _) => (both(format!("آن {fa}"), format!("that {en}")), true),
            (7 | 8, _) if whole => (both(possessed(&fa, owner.person), format!("{} {en}", owner.my)), true),
            (9, _) => (both(format!("{fa} {}", FA_PRONOUN[owner.person]), format!("{} {en}", owner.my)), true),
            _ => (both(fa, format!("the {en}")), true),
        }
    }

    pub(super) fn slot(&mut self, slot: Slot, owner: &Subject) -> Both {
        let (what, definite) = match slot.class {
            "person" => (self.someone(owner.person), true),
            "kin" => (self.kin(owner.person), true),
            "place" => {
                let row = self.pick(self.lexicon.rows("place")).clone();
                let en = match slot.en {
                    "in" => row[2].to_string(),
                    "from" => format!("from {}", row[1].trim_start_matches("to ")),
                    _ => row[1].to_string(),
                };
                let fa = if row[0].starts_with("سر ") && slot.fa != "از" { "" } else { slot.fa };
                return both(joined(&[fa, row[0]]), en);
            }
            "city" | "language" => (self.row(slot.class), false),
            class => self.noun(class, owner, slot.en),
        };
        let marker = if slot.fa.is_empty() && definite { "را" } else { "" };
        both(joined(&[slot.fa, &what.fa, marker]), joined(&[slot.en, &what.en]))
    }

    pub(super) fn objects(&mut self, verb: &Verb, subject: &Subject) -> Both {
        let frame = self.pick(&verb.frames).clone();
        let mut all = Both::default();
        for slot in frame {
            let next = self.slot(slot, subject);
            all = both(joined(&[&all.fa, &next.fa]), joined(&[&all.en, &next.en]));
        }
        let punctual = ["come", "arrive", "wake up", "sleep", "go"].contains(&verb.base);
        if punctual && self.chance(0.12) {
            let (fa, en) = *self.pick(&[("دیر", "late"), ("زود", "early")]);
            return both(joined(&[fa, &all.fa]), joined(&[&all.en, en]));
        }
        let moves = ["go", "come", "travel"].contains(&verb.base);
        if moves && self.chance(0.1) {
            let vehicle = *self.pick(&self.lexicon.nouns("vehicle")[..4]);
            all = both(joined(&[&all.fa, "با", vehicle.fa]), joined(&[&all.en, "by", vehicle.en]));
        } else if self.chance(0.07) && !verb.state {
            let with = self.someone(subject.person);
            all = both(joined(&["با", &with.fa, &all.fa]), joined(&[&all.en, "with", &with.en]));
        } else if verb.frames[0].is_empty() && self.chance(0.12) {
            all = both(joined(&[&all.fa, "خیلی"]), joined(&[&all.en, "a lot"]));
        }
        all
    }

    pub(super) fn time(&mut self, kind: &str) -> Both {
        if (kind == "future" || kind == "habit") && self.chance(0.12) {
            let hour = self.random.below(12);
            let hour = &self.lexicon.rows("number")[hour];
            return both(format!("ساعت {}", hour[0]), format!("at {} o'clock", hour[1]));
        }
        self.row(&format!("time {kind}"))
    }
}
