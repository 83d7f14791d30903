//! Clauses around a verb: statements, questions, what one wants, can and must, orders.

use super::lexicon::Verb;
use super::verb::{PRESENT, Tense, ZWNJ};
use super::words::{Both, FA_PRONOUN, PRONOUN, Speaker, Subject, both, joined};

/// A clause before its words are put in order.
pub(super) struct Clause<'a> {
    subject: Subject,
    verb: &'a Verb,
    tense: Tense,
    negative: bool,
    objects: Both,
    time: Both,
    /// Before the English verb: `always`.
    adverb: Both,
}

/// What the words of a clause become.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood<'a> {
    Statement,
    /// Yes or no; or after the English question word.
    Question(&'a str),
    /// As the end of another clause, after an English word: `where he lives`.
    Embedded(&'a str),
}

impl<'a> Speaker<'a> {
    pub(super) fn clause(&mut self, state_allowed: bool) -> Clause<'a> {
        let lexicon = self.lexicon;
        let verb = loop {
            let verb = self.pick(&lexicon.verbs);
            if state_allowed || !verb.state {
                break verb;
            }
        };
        let subject = self.subject();
        let mut tense = *self.pick(&[
            Tense::Present,
            Tense::Present,
            Tense::Present,
            Tense::Past,
            Tense::Past,
            Tense::Past,
            Tense::Progressive,
            Tense::Imperfect,
            Tense::Perfect,
            Tense::Future,
            Tense::NearFuture,
        ]);
        let mut negative = self.chance(0.22);
        if verb.state && ![Tense::Present, Tense::Past].contains(&tense) {
            tense = Tense::Present;
        }
        if tense == Tense::Progressive {
            negative = false;
        }
        let (when, probability) = match tense {
            Tense::Present => ("habit", if verb.state { 0.0 } else { 0.35 }),
            Tense::Progressive => ("now", 0.4),
            Tense::Past => ("past", 0.5),
            Tense::Future => ("future", 0.6),
            Tense::NearFuture => ("future", 1.0),
            Tense::Imperfect | Tense::Perfect => ("past", 0.0),
        };
        let time = if self.chance(probability) { self.time(when) } else { Both::default() };
        let objects = self.objects(verb, &subject);
        let mut adverb = Both::default();
        if tense == Tense::Present && time.fa.is_empty() && !verb.state && self.chance(0.25) {
            adverb = match self.random.below(5) {
                0 => both("همیشه", "always"),
                1 => both("معمولاً", "usually"),
                2 => both("گاهی", "sometimes"),
                3 => both("اغلب", "often"),
                _ => both("هرگز", "never"),
            };
            negative = adverb.en == "never";
        }
        if tense == Tense::Perfect && self.chance(0.3) {
            adverb = both(*self.pick(&["هرگز", "تا به حال"]), "never");
            negative = true;
        }
        Clause { subject, verb, tense, negative, objects, time, adverb }
    }

    pub(super) fn said(&mut self, clause: &Clause<'_>, mood: Mood<'_>) -> Both {
        let Clause { subject, verb, tense, negative, objects, time, adverb } = clause;
        let having = ["دارم", "داری", "دارد", "داریم", "دارید", "دارند"][subject.person];
        let having = if *tense == Tense::Progressive { having } else { "" };
        let finite = verb.persian(*tense, subject.person, *negative);
        let fa = if self.chance(0.5) {
            joined(&[&time.fa, &subject.fa, having, &adverb.fa, &objects.fa, &finite])
        } else {
            joined(&[&subject.fa, having, &adverb.fa, &time.fa, &objects.fa, &finite])
        };
        let negative = *negative && adverb.en.is_empty();
        let asked = matches!(mood, Mood::Question(_));
        let (auxiliary, main) = verb.english(*tense, subject.person, negative, asked);
        let en = match mood {
            Mood::Question(word) => joined(&[word, &auxiliary, &subject.en, &adverb.en, &main, &objects.en, &time.en]),
            Mood::Statement => joined(&[&subject.en, &auxiliary, &adverb.en, &main, &objects.en, &time.en]),
            Mood::Embedded(word) => joined(&[word, &subject.en, &adverb.en, &auxiliary, &main, &objects.en, &time.en]),
        };
        both(fa, en)
    }

    pub(super) fn statement(&mut self) -> Both {
        let clause = self.clause(true);
        let pair = self.said(&clause, Mood::Statement);
        match self.random.below(40) {
            0 => both(format!("بله، {}", pair.fa), format!("Yes, {}", pair.en)),
            1 => both(format!("نه، {}", pair.fa), format!("No, {}", pair.en)),
            2 => both(format!("فکر می{ZWNJ}کنم {}", pair.fa), format!("I think {}", pair.en)),
            3 => both(format!("می{ZWNJ}دانم که {}", pair.fa), format!("I know that {}", pair.en)),
            4 => both(format!("متأسفانه {}", pair.fa), format!("Unfortunately, {}", pair.en)),
            _ => pair,
        }
    }

    pub(super) fn yes_no_question(&mut self) -> Both {
        let mut clause = self.clause(true);
        clause.negative = false;
        clause.adverb = Both::default();
        let pair = self.said(&clause, Mood::Question(""));
        if self.chance(0.5) { both(format!("آیا {}", pair.fa), pair.en) } else { pair }
    }

    pub(super) fn question_word(&mut self) -> Both {
        let mut clause = self.clause(false);
        clause.adverb = Both::default();
        let (word, asked) = match self.random.below(5) {
            0 | 1 => ("چرا", "why"),
            2 => {
                clause.time = Both::default();
                clause.negative = false;
                clause.tense = *self.pick(&[Tense::Past, Tense::NearFuture, Tense::Future]);
                ("کی", "when")
            }
            3 => {
                clause.negative = false;
                clause.objects = Both::default();
                let direct =
                    |verb: &&Verb| verb.frames.iter().flatten().any(|s| s.fa.is_empty() && s.class != "language");
                let verbs: Vec<&Verb> = self.lexicon.verbs.iter().filter(|v| !v.state).filter(direct).collect();
                clause.verb = verbs[self.random.below(verbs.len())];
                (*self.pick(&["چه", "چی"]), "what")
            }
            _ => {
                clause.negative = false;
                clause.objects = Both::default();
                let places = ["live", "work", "sleep", "go", "study", "eat", "buy", "sit"];
                let verbs: Vec<&Verb> = self.lexicon.verbs.iter().filter(|v| places.contains(&v.base)).collect();
                clause.verb = verbs[self.random.below(verbs.len())];
                ("کجا", "where")
            }
        };
        clause.objects.fa = joined(&[word, &clause.objects.fa]);
        if clause.tense == Tense::Progressive {
            clause.tense = Tense::Present;
        }
        let fa = self.said(&clause, Mood::Statement).fa;
        // What one asks about is going on now, though Persian has the plain present.
        let habitual = ["live", "work", "speak", "study"].contains(&clause.verb.base);
        if clause.tense == Tense::Present && !habitual && clause.time.fa.is_empty() {
            clause.tense = Tense::Progressive;
        }
        let en = self.said(&clause, Mood::Question(asked)).en;
        if self.chance(0.12) && clause.subject.person != 0 {
            let embedded = self.said(&clause, Mood::Embedded(asked)).en;
            return both(format!("می{ZWNJ}دانی {fa}"), format!("do you know {embedded}"));
        }
        both(fa, en)
    }

    /// A verb in the subjunctive after another, with what completes it.
    pub(super) fn infinitive(&mut self, subject: &Subject) -> (Both, &'a str) {
        let lexicon = self.lexicon;
        let verb = loop {
            let verb = self.pick(&lexicon.verbs);
            if !verb.state {
                break verb;
            }
        };
        let objects = self.objects(verb, subject);
        let time = if self.chance(0.2) { self.time("future") } else { Both::default() };
        let fa = joined(&[&time.fa, &objects.fa, &verb.subjunctive(subject.person, false)]);
        (both(fa, joined(&[&objects.en, &time.en])), verb.base)
    }

    pub(super) fn modal(&mut self) -> Both {
        let subject = self.subject();
        let p = subject.person;
        let third = p == 2;
        let (rest, base) = self.infinitive(&subject);
        let end = PRESENT[p];
        let past = ["م", "ی", "", "یم", "ید", "ند"][p];
        let (fa, en) = match self.random.below(12) {
            0 | 1 => (format!("می{ZWNJ}خواه{end}"), if third { "wants to" } else { "want to" }),
            2 => (format!("نمی{ZWNJ}خواه{end}"), if third { "doesn't want to" } else { "don't want to" }),
            3 => (format!("می{ZWNJ}خواست{past}"), "wanted to"),
            4 => (format!("می{ZWNJ}توان{end}"), "can"),
            5 => (format!("نمی{ZWNJ}توان{end}"), "can't"),
            6 => (format!("نتوانست{past}"), "couldn't"),
            7 | 8 => ("باید".into(), "must"),
            9 => ("نباید".into(), "must not"),
            10 => ("شاید".into(), "may"),
            _ => {
                let lets = self.infinitive(&Subject::pronoun("", 3));
                return both(format!("بیا {}", lets.0.fa), joined(&["let's", lets.1, &lets.0.en]));
            }
        };
        both(joined(&[&subject.fa, &fa, &rest.fa]), joined(&[&subject.en, en, base, &rest.en]))
    }

    pub(super) fn modal_question(&mut self) -> Both {
        let p = *self.pick(&[0, 1, 2, 4]);
        let (rest, base) = self.infinitive(&Subject::pronoun("", p));
        let (verb, en) = match self.random.below(3) {
            0 => (format!("می{ZWNJ}توان{}", PRESENT[p]), format!("can {}", PRONOUN[p])),
            1 => (
                format!("می{ZWNJ}خواه{}", PRESENT[p]),
                format!("{} {} want to", if p == 2 { "does" } else { "do" }, PRONOUN[p]),
            ),
            _ => ("باید".into(), format!("must {}", PRONOUN[p])),
        };
        let pronoun = if p == 2 || self.chance(0.3) { FA_PRONOUN[p] } else { "" };
        both(joined(&[pronoun, &verb, &rest.fa]), joined(&[&en, base, &rest.en]))
    }

    pub(super) fn imperative(&mut self) -> Both {
        let lexicon = self.lexicon;
        let verb = loop {
            let verb = self.pick(&lexicon.verbs);
            if !verb.state && !verb.present.ends_with("وی") && verb.base != "lose" && verb.base != "arrive" {
                break verb;
            }
        };
        let (several, negative) = (self.chance(0.5), self.chance(0.25));
        let objects = self.objects(verb, &Subject::pronoun("", if several { 4 } else { 1 }));
        let (please_fa, please) = match self.random.below(3) {
            0 => ("لطفاً", "please"),
            _ => ("", ""),
        };
        let not = if negative { "don't" } else { "" };
        both(
            joined(&[please_fa, &objects.fa, &verb.imperative(several, negative)]),
            joined(&[please, not, verb.base, &objects.en]),
        )
    }

    pub(super) fn two_clauses(&mut self) -> Both {
        let (first, second) = (self.clause(true), self.clause(true));
        let (a, b) = (self.said(&first, Mood::Statement), self.said(&second, Mood::Statement));
        match self.random.below(4) {
            0 => both(format!("{} و {}", a.fa, b.fa), format!("{} and {}", a.en, b.en)),
            1 => both(format!("{} اما {}", a.fa, b.fa), format!("{} but {}", a.en, b.en)),
            2 => {
                let reason = self.being();
                both(format!("{} چون {}", a.fa, reason.fa), format!("{} because {}", a.en, reason.en))
            }
            _ => both(format!("{} چون {}", a.fa, b.fa), format!("{} because {}", a.en, b.en)),
        }
    }
}
