//! How things are, where they are, whose they are and what one likes.

use super::lexicon::Slot;
use super::verb::{PRESENT, Tense, ZWNJ};
use super::words::*;

impl Speaker<'_> {
    /// Somebody or something is such.
    pub(super) fn being(&mut self) -> Both {
        match self.random.below(14) {
            0 => {
                let (weather, when) = (self.row("adjective weather"), self.chance(0.5));
                let when = if when { both("امروز", "today") } else { both("اینجا", "here") };
                return both(
                    format!("{} هوا {} است", when.fa, weather.fa),
                    format!("the weather is {} {}", weather.en, when.en),
                );
            }
            1 => {
                let hour = self.random.below(12);
                let hour = &self.lexicon.rows("number")[hour];
                return both(format!("ساعت {} است", hour[0]), format!("it is {} o'clock", hour[1]));
            }
            2 => {
                let (name, person) = (self.row("name"), self.random.below(3));
                let word = if self.chance(0.7) { "اسم" } else { "نام" };
                let kin = self.kin(6);
                return if self.chance(0.4) {
                    both(format!("{word} {} {} است", kin.fa, name.fa), format!("{}'s name is {}", kin.en, name.en))
                } else {
                    both(
                        format!("{word} {} {} است", FA_PRONOUN[person], name.fa),
                        format!("{} name is {}", MY[person], name.en),
                    )
                };
            }
            3 => {
                let (noun, person) = (*self.pick(self.lexicon.nouns("thing")), self.random.below(6));
                let that = self.chance(0.3);
                let (fa, en) = if that { ("آن", "that") } else { ("این", "this") };
                return if self.chance(0.5) {
                    both(
                        format!("{fa} {} مال {} است", noun.fa, FA_PRONOUN[person]),
                        format!("{en} {} is {}", noun.en, MINE[person]),
                    )
                } else {
                    both(
                        format!("{fa} {} {} است", noun.fa, FA_PRONOUN[person]),
                        format!("{en} is {} {}", MY[person], noun.en),
                    )
                };
            }
            4..7 => {
                let class = *self.pick(&["thing", "clothes", "food", "meal", "animal", "furniture"]);
                let owner = Subject::pronoun("", self.random.below(3));
                let (noun, _) = self.noun(class, &owner, "of");
                let adjective = self.adjective_for(class).expect("these classes have adjectives");
                let plural = noun.en.starts_with("the ") && noun.fa.ends_with("ها")
                    || noun.en.ends_with("es") && class == "clothes"
                    || ["pants", "glasses", "grapes", "vegetables"].iter().any(|p| noun.en.ends_with(p));
                let (very_fa, very) = if self.chance(0.3) { ("خیلی", "very") } else { ("", "") };
                let (negative, past) = (self.chance(0.2), self.chance(0.15));
                let fa_verb = match (negative, past) {
                    (false, false) => "است",
                    (true, false) => "نیست",
                    (false, true) => "بود",
                    (true, true) => "نبود",
                };
                let verb = match (plural, past) {
                    (false, false) => "is",
                    (true, false) => "are",
                    (false, true) => "was",
                    (true, true) => "were",
                };
                let not = if negative { format!("{verb}n't") } else { verb.into() };
                return both(
                    joined(&[&noun.fa, very_fa, &adjective.fa, fa_verb]),
                    joined(&[&noun.en, &not, very, &adjective.en]),
                );
            }
            _ => {}
        }
        let subject = self.subject();
        let p = subject.person;
        let what = match self.random.below(7) {
            0..3 => {
                let adjective = self.row("adjective person");
                if self.chance(0.25) {
                    both(format!("خیلی {}", adjective.fa), format!("very {}", adjective.en))
                } else {
                    adjective
                }
            }
            3 | 4 => {
                let role = *self.pick(self.lexicon.nouns("role"));
                let en = if p < 3 { article(role.en) } else { role.plural.unwrap_or(role.en).to_string() };
                both(role.fa, en)
            }
            5 => self.row("nationality"),
            _ => {
                let from = self.row("city");
                both(format!("اهل {}", from.fa), format!("from {}", from.en))
            }
        };
        let be = if p == 0 || p == 2 { "was" } else { "were" };
        let (fa, en) = match self.random.below(10) {
            0 => (FA_WAS[p].to_string(), be.to_string()),
            1 => (format!("ن{}", FA_WAS[p]), format!("{be}n't")),
            2 | 3 => (FA_BE_NOT[p].into(), if p == 0 { "am not".into() } else { format!("{}n't", BE[p]) }),
            4 if self.chance(0.5) => (format!("خواه{} بود", PRESENT[p]), "will be".into()),
            _ => (FA_BE[p].into(), BE[p].into()),
        };
        // خسته‌ام, خوشحالم
        let last = what.fa.chars().last();
        if fa == FA_BE[p] && p != 2 && self.chance(0.3) && !matches!(last, Some('ا' | 'و' | 'ی')) {
            let ending = if last == Some('ه') {
                format!("{ZWNJ}{}", ["ام", "ای", "", "ایم", "اید", "اند"][p])
            } else {
                PRESENT[p].to_string()
            };
            return both(
                joined(&[&subject.fa, &format!("{}{ending}", what.fa)]),
                joined(&[&subject.en, &en, &what.en]),
            );
        }
        both(joined(&[&subject.fa, &what.fa, &fa]), joined(&[&subject.en, &en, &what.en]))
    }

    pub(super) fn location(&mut self) -> Both {
        const WHERE: [(&str, &str); 6] = [
            ("روی", "on"),
            ("زیر", "under"),
            ("کنار", "next to"),
            ("پشت", "behind"),
            ("جلوی", "in front of"),
            ("در", "in"),
        ];
        let (fa_where, en_where) = *self.pick(&WHERE);
        let class = if en_where == "in" { "room" } else { "furniture" };
        let at = *self.pick(self.lexicon.nouns(class));
        let class = *self.pick(&["thing", "animal", "clothes"]);
        match self.random.below(4) {
            0 => {
                let subject = self.subject();
                let place = self.slot(Slot { fa: "در", class: "place", en: "in" }, &subject);
                both(
                    joined(&[&subject.fa, &place.fa, FA_BE[subject.person]]),
                    joined(&[&subject.en, BE[subject.person], &place.en]),
                )
            }
            1 => {
                let noun = *self.pick(self.lexicon.nouns(class));
                let Some(plural) = noun.plural else { return self.location() };
                let number = 1 + self.random.below(5);
                let (count, en) = if self.chance(0.5) {
                    (both("یک", ""), format!("there is {}", article(noun.en)))
                } else {
                    let row = &self.lexicon.rows("number")[number];
                    (both(row[0], row[1]), format!("there are {} {plural}", row[1]))
                };
                both(
                    format!("{fa_where} {} {} {} هست", at.fa, count.fa, noun.fa),
                    format!("{en} {en_where} the {}", at.en),
                )
            }
            _ => {
                let owner = Subject::pronoun("", self.random.below(3));
                let noun = loop {
                    let (noun, _) = self.noun(class, &owner, "of");
                    if !noun.fa.ends_with("ها")
                        && !["pants", "glasses", "clothes", "shoes"].iter().any(|p| noun.en.ends_with(p))
                    {
                        break noun;
                    }
                };
                let (fa, en) = match self.random.below(4) {
                    0 => ("بود", "was"),
                    1 => ("نیست", "isn't"),
                    _ => ("است", "is"),
                };
                both(
                    format!("{} {fa_where} {} {fa}", noun.fa, at.fa),
                    format!("{} {en} {en_where} the {}", noun.en, at.en),
                )
            }
        }
    }

    pub(super) fn having(&mut self) -> Both {
        let subject = self.subject();
        let p = subject.person;
        let class = *self.pick(&["thing", "kin", "animal", "thing", "clothes", "furniture"]);
        let noun =
            *self.pick(if class == "kin" { &self.lexicon.nouns("kin")[2..8] } else { self.lexicon.nouns(class) });
        let number = self.random.below(6);
        let row = self.lexicon.rows("number")[number].clone();
        let adjective = if self.chance(0.3) { self.adjective_for(class) } else { None };
        let (fa_noun, en_noun) = match &adjective {
            Some(a) => (format!("{} {}", noun.fa, a.fa), format!("{} {}", a.en, noun.en)),
            None => (noun.fa.to_string(), noun.en.to_string()),
        };
        let what = match noun.plural {
            None => both(fa_noun, en_noun),
            Some(plural) if number > 0 && adjective.is_none() => {
                both(format!("{} {}", row[0], noun.fa), format!("{} {plural}", row[1]))
            }
            Some(_) => both(format!("یک {fa_noun}"), article(&en_noun)),
        };
        let third = p == 2;
        match self.random.below(8) {
            0 => {
                let years = self.random.below(15);
                let row = &self.lexicon.rows("number")[years];
                let unit = if years == 0 { "year" } else { "years" };
                both(
                    joined(&[&subject.fa, row[0], "سال", &format!("دار{}", PRESENT[p])]),
                    joined(&[&subject.en, BE[p], row[1], unit, "old"]),
                )
            }
            1 => {
                let bare = noun.plural.map_or_else(|| noun.en.to_string(), |_| article(noun.en));
                let verb = if third { "doesn't have" } else { "don't have" };
                both(
                    joined(&[&subject.fa, noun.fa, &format!("ندار{}", PRESENT[p])]),
                    joined(&[&subject.en, verb, &bare]),
                )
            }
            2 => {
                let past = ["م", "ی", "", "یم", "ید", "ند"][p];
                both(joined(&[&subject.fa, &what.fa, &format!("داشت{past}")]), joined(&[&subject.en, "had", &what.en]))
            }
            _ => both(
                joined(&[&subject.fa, &what.fa, &format!("دار{}", PRESENT[p])]),
                joined(&[&subject.en, if third { "has" } else { "have" }, &what.en]),
            ),
        }
    }

    pub(super) fn asking_about_things(&mut self) -> Both {
        let p = *self.pick(&[1, 4, 1, 4, 2, 0]);
        let thing = *self.pick(self.lexicon.nouns("thing"));
        let is = if ["glasses"].contains(&thing.en) { "are" } else { "is" };
        match self.random.below(10) {
            0 | 1 => {
                let spot = *self.pick(self.lexicon.nouns("spot"));
                let kojast = if self.chance(0.7) { "کجاست" } else { "کجا است" };
                both(format!("{} {kojast}", spot.fa), format!("where is the {}", spot.en))
            }
            2 => {
                let spot = *self.pick(&self.lexicon.nouns("spot")[..12]);
                both(format!("نزدیک{ZWNJ}ترین {} کجاست", spot.fa), format!("where is the nearest {}", spot.en))
            }
            3 => both(format!("{} کجاست", possessed(thing.fa, p)), format!("where {is} {} {}", MY[p], thing.en)),
            4 => {
                let price = *self.pick(&["چند است", "چقدر است"]);
                both(format!("این {} {price}", thing.fa), format!("how much {is} this {}", thing.en))
            }
            5 => {
                let kin = *self.pick(&self.lexicon.nouns("kin")[2..8]);
                let plural = kin.plural.unwrap_or(kin.en);
                let verb = format!("دار{}", PRESENT[p]);
                let does = if p == 2 { "does" } else { "do" };
                both(format!("چند {} {verb}", kin.fa), format!("how many {plural} {does} {} have", PRONOUN[p]))
            }
            6 => {
                let vehicle = *self.pick(self.lexicon.nouns("vehicle"));
                if self.chance(0.5) {
                    both(format!("{} کی می{ZWNJ}رسد", vehicle.fa), format!("when does the {} arrive", vehicle.en))
                } else {
                    both(
                        format!("{} ساعت چند می{ZWNJ}رسد", vehicle.fa),
                        format!("what time does the {} arrive", vehicle.en),
                    )
                }
            }
            7 => {
                let lexicon = self.lexicon;
                let verb = self.pick(&lexicon.verbs);
                let (who, objects) = (*self.pick(&["چه کسی", "کی"]), self.objects(verb, &Subject::pronoun("", 2)));
                let fa = joined(&[who, &objects.fa, &verb.persian(Tense::Past, 2, false)]);
                both(fa, joined(&["who", verb.en_past, &objects.en]))
            }
            8 => {
                let adjective = self.row("adjective person");
                let (fa, en) = if p == 0 { ("", "am I") } else { (FA_PRONOUN[p], "") };
                let en = if en.is_empty() { format!("{} {}", BE[p], PRONOUN[p]) } else { en.to_string() };
                if self.chance(0.4) {
                    both(joined(&["چرا", fa, &adjective.fa, FA_BE[p]]), format!("why {en} {}", adjective.en))
                } else {
                    both(joined(&[fa, &adjective.fa, FA_BE[p]]), format!("{en} {}", adjective.en))
                }
            }
            _ => {
                let verb = format!("دار{}", PRESENT[p]);
                let what = thing.plural.map_or_else(|| thing.en.to_string(), |_| article(thing.en));
                let does = if p == 2 { "does" } else { "do" };
                both(joined(&[FA_PRONOUN[p], thing.fa, &verb]), format!("{does} {} have {what}", PRONOUN[p]))
            }
        }
    }

    pub(super) fn liking(&mut self) -> Both {
        let subject = self.subject();
        let p = subject.person;
        let (negative, third) = (self.chance(0.3), p == 2);
        let (what, love) = match self.random.below(5) {
            0 | 1 => {
                let class = *self.pick(&["food", "drink"]);
                let noun = *self.pick(self.lexicon.nouns(class));
                let marker = if self.chance(0.5) { "را" } else { "" };
                (both(joined(&[noun.fa, marker]), noun.plural.unwrap_or(noun.en)), false)
            }
            2 => {
                let noun = *self.pick(self.lexicon.nouns("animal"));
                (both(format!("{}{ZWNJ}ها را", noun.fa), noun.plural.unwrap_or(noun.en)), false)
            }
            3 => {
                let kin = self.kin(p);
                (both(format!("{} را", kin.fa), kin.en), true)
            }
            _ => {
                let (thing, _) = self.noun("thing", &subject, "of");
                (both(format!("{} را", thing.fa), thing.en), false)
            }
        };
        let verb = match (love, negative, third) {
            (true, false, true) => "loves",
            (true, false, false) => "love",
            (false, false, true) => "likes",
            (false, false, false) => "like",
            (true, true, true) => "doesn't love",
            (true, true, false) => "don't love",
            (false, true, true) => "doesn't like",
            (false, true, false) => "don't like",
        };
        let en = joined(&[&subject.en, verb, &what.en]);
        if !love && self.chance(0.25) {
            // از چای خوشم می‌آید
            let pleased = ["خوشم", "خوشت", "خوشش", "خوشمان", "خوشتان", "خوششان"][p];
            let comes = if negative { "نمی\u{200C}آید" } else { "می\u{200C}آید" };
            let what = what.fa.trim_end_matches(" را");
            return both(joined(&[&subject.fa, "از", what, pleased, comes]), en);
        }
        let not = if negative { "ن" } else { "" };
        both(joined(&[&subject.fa, &what.fa, &format!("دوست {not}دار{}", PRESENT[p])]), en)
    }
}
