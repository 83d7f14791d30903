//! Corpora compiled into the program: Persian and English names of the Unicode CLDR, and everyday phrases.

use super::Pair;
use super::corpus::parse_tsv;
use simurgh_random::{Random, stream};
use std::collections::HashMap;

/// Persian TAB English TAB category: emoji, units, languages, currencies, territories, time zones.
const CLDR: &str = include_str!("../../embedded/cldr.tsv");

/// The licence of [`CLDR`].
pub const CLDR_LICENSE: &str = include_str!("../../embedded/cldr.LICENSE");

/// Persian TAB English TAB `phrases`: greetings and short everyday sentences, written for this project
/// and under its licence.
const PHRASES: &str = include_str!("../../embedded/phrases.tsv");

/// The domain of the phrases.
pub const PHRASES_DOMAIN: &str = "phrases";

/// The phrases, all to learn from.
pub fn phrases() -> Vec<Pair> {
    parse_tsv(PHRASES).expect("the embedded corpus is well-formed")
}

/// A corpus cut in three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// To learn from.
    pub train: Vec<Pair>,
    /// To choose by.
    pub dev: Vec<Pair>,
    /// To measure on.
    pub test: Vec<Pair>,
}

/// The CLDR names, split so that derived variants of one name (skin tones, plurals, a unit alone and
/// with a number) all stand on one side: rows that share a base name on either side go together.
pub fn cldr() -> Split {
    let pairs = parse_tsv(CLDR).expect("the embedded corpus is well-formed");
    split_by_base(pairs)
}

fn split_by_base(pairs: Vec<Pair>) -> Split {
    // Union of rows with a common base name.
    let mut parent: Vec<usize> = (0..pairs.len()).collect();
    fn root(parent: &mut [usize], mut i: usize) -> usize {
        while parent[i] != i {
            parent[i] = parent[parent[i]];
            i = parent[i];
        }
        i
    }
    let mut owner: HashMap<String, usize> = HashMap::new();
    for (i, pair) in pairs.iter().enumerate() {
        for key in [format!("fa {}", base(&pair.source)), format!("en {}", base(&pair.target))] {
            if let Some(&other) = owner.get(&key) {
                let (a, b) = (root(&mut parent, i), root(&mut parent, other));
                parent[a.max(b)] = a.min(b);
            } else {
                owner.insert(key, i);
            }
        }
    }
    let mut families: HashMap<usize, Vec<usize>> = HashMap::new();
    for i in 0..pairs.len() {
        families.entry(root(&mut parent, i)).or_default().push(i);
    }
    let mut families: Vec<Vec<usize>> = families.into_values().collect();
    families.sort_unstable();
    Random::new(stream(1, "cldr split")).shuffle(&mut families);
    let mut split = Split::default();
    let share = pairs.len() / 20;
    for family in families {
        // A large family can't balance a small set.
        let side = if family.len() > share / 4 {
            &mut split.train
        } else if split.test.len() < share {
            &mut split.test
        } else if split.dev.len() < share {
            &mut split.dev
        } else {
            &mut split.train
        };
        side.extend(family.into_iter().map(|i| pairs[i].clone()));
    }
    split
}

/// What a name is without its variant: up to a colon, without number placeholders, brackets and plural.
fn base(name: &str) -> String {
    let name = name.split([':', '(', ',', '،']).next().unwrap_or(name);
    let name: String = name.replace("{0}", " ").replace("{1}", " ").to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let singular = |w: &str| if w.len() > 3 { w.strip_suffix('s').unwrap_or(w).to_string() } else { w.to_string() };
    let key: Vec<String> = words.into_iter().map(singular).collect();
    if key.is_empty() { name } else { key.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_base_name_stands_on_two_sides() {
        let split = cldr();
        let bases = |pairs: &[Pair]| -> HashSet<String> {
            pairs.iter().flat_map(|p| [base(&p.source), base(&p.target)]).collect()
        };
        let (train, dev, test) = (bases(&split.train), bases(&split.dev), bases(&split.test));
        assert!(train.is_disjoint(&test) && train.is_disjoint(&dev) && dev.is_disjoint(&test));
        assert!(split.test.len() > 300 && split.dev.len() > 300 && split.train.len() > 6000);
        assert_eq!(split, cldr());
    }
}
