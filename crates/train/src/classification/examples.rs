//! What a recipe's data are.

use super::recipe::{Recipe, Unit};
use crate::recipe::{OneOrMany, located};
use simurgh_data::InputError;
use simurgh_data::text::corpus::read_encoded;
use simurgh_data::text::{
    Encoding, Example, LabelledSource, LabelledTexts, Tokenizer, Vectors, Vocabulary, Words, tokenizer::masked,
};
use simurgh_random::{Random, stream};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

/// Most examples that are held back where the recipe names no dev set.
const MOST_HELD_BACK: usize = 1000;

/// A text and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The text.
    pub text: String,
    /// Its class, by number.
    pub class: usize,
}

/// A recipe's data, read.
#[derive(Clone, Debug)]
pub struct Examples {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// To learn from.
    pub train: Vec<Labelled>,
    /// To choose by.
    pub dev: Vec<Labelled>,
    /// To measure on.
    pub test: Vec<Labelled>,
    /// The recipe names no test set: the dev set stands in for it.
    pub test_is_dev: bool,
    /// Text without labels to learn from first.
    pub unlabelled: Vec<String>,
    /// What a person should know of them.
    pub notes: Vec<String>,
}

/// A class of fewer examples is hardly learnt, and may be a mistake.
const FEW: usize = 5;

impl Examples {
    /// Reads the data; relative paths are looked up from here, then in `directory`.
    ///
    /// # Errors
    /// If a file can't be used, there are less than two classes, one has no example, or a label to measure with is none of the
    /// training data's.
    pub fn read(recipe: &Recipe, directory: Option<&Path>) -> Result<Self, InputError> {
        let data = &recipe.data;
        let raw = read_all(&data.train, directory, data.encoding)?;
        let classes = classes(recipe, raw.iter().flat_map(|(_, all)| &all.examples))?;
        let mut notes = Vec::new();
        let mut label = |all: Vec<(LabelledSource, LabelledTexts)>| {
            notes.extend(all.iter().flat_map(left_out));
            label(recipe, &classes, all)
        };
        let mut train = label(raw)?;
        let mut dev = label(read_all(&data.dev, directory, data.encoding)?)?;
        let mut test = label(read_all(&data.test, directory, data.encoding)?)?;
        if dev.is_empty() {
            let mut order: Vec<usize> = (0..train.len()).collect();
            Random::new(stream(recipe.seed, "dev")).shuffle(&mut order);
            let mut left = vec![0; classes.len()];
            train.iter().for_each(|example: &Labelled| left[example.class] += 1);
            // The last example of a class stays, to be learnt from.
            order.retain(|&i| {
                let left: &mut usize = &mut left[train[i].class];
                *left -= 1;
                *left > 0
            });
            let held: HashSet<usize> = order.into_iter().take((train.len() / 10).clamp(1, MOST_HELD_BACK)).collect();
            let (held, kept) = train.into_iter().enumerate().partition::<Vec<_>, _>(|(i, _)| held.contains(i));
            let plain = |all: Vec<(usize, Labelled)>| all.into_iter().map(|(_, example)| example).collect();
            (train, dev) = (plain(kept), plain(held));
        }
        for (class, name) in classes.iter().enumerate() {
            if !train.iter().any(|example| example.class == class) {
                let hint = "every class needs examples to learn from: add some, or leave it out of data.classes";
                let e =
                    InputError::new("examples of every class", format!("none of `{name}`"), hint).field("data.train");
                return Err(match data.train.all() {
                    [source, ..] => e.at(located(source.path(), directory)),
                    [] => e,
                });
            }
        }
        if dev.is_empty() {
            let hint = "give more examples, or a data.dev of their own";
            let expected = "two examples of a class at least, one to learn from and one to choose by";
            return Err(InputError::new(expected, "one of each", hint).field("data.train"));
        }
        let test_is_dev = test.is_empty();
        if test_is_dev {
            test.clone_from(&dev);
        }
        let mut unlabelled = Vec::new();
        for path in recipe.pretrain.iter().flat_map(|pretrain| pretrain.text.all()) {
            let text = read_encoded(&located(path, directory), data.encoding)?;
            unlabelled.extend(text.lines().filter(|line| !line.trim().is_empty()).map(String::from));
        }
        let count = |class: usize| train.iter().chain(&dev).filter(|example| example.class == class).count();
        let few = |(class, name): (usize, &String)| {
            let count = count(class);
            (count < FEW).then(|| format!("`{name}` {count}"))
        };
        let few: Vec<String> = classes.iter().enumerate().filter_map(few).collect();
        if !few.is_empty() {
            notes.push(format!("classes of few examples, hardly learnt: {}", few.join(", ")));
        }
        Ok(Self { classes, train, dev, test, test_is_dev, unlabelled, notes })
    }

    /// Learns the vocabulary of the training data; with it the word vectors that the embedding begins with.
    ///
    /// # Errors
    /// If there is no text, or the vectors can't be read.
    pub fn vocabulary(
        &self,
        recipe: &Recipe,
        directory: Option<&Path>,
    ) -> Result<(Vocabulary, Option<Vectors>), InputError> {
        let (text, normaliser) = (&recipe.text, recipe.text.normaliser());
        let texts = || {
            let labelled = self.train.iter().map(|example| example.text.as_str());
            labelled.chain(self.unlabelled.iter().map(String::as_str))
        };
        if text.unit == Unit::Subword {
            let lines: Vec<String> = texts().map(|line| masked(normaliser, normaliser, line, "").0).collect();
            let tokenizer = Tokenizer::train(lines.into_iter(), text.vocab, normaliser, normaliser)?;
            return Ok((Vocabulary::Subwords(Box::new(tokenizer)), None));
        }
        let counts = (text.least_count, text.vocab);
        let Some(path) = &recipe.data.vectors else {
            return Ok((Vocabulary::Words(Words::learn(texts(), normaliser, counts, [])), None));
        };
        // Words that training data have once are known too if they have a vector.
        let all = Words::learn(texts(), normaliser, (1, usize::MAX), []);
        let known = Words::learn(texts(), normaliser, counts, []);
        let has = |words: &Words, word: &str| words.token(words.id(word)) == word;
        let path = located(path, directory);
        let vectors = Vectors::read(&path, |word, place| place < text.vector_words || has(&all, word))?;
        if vectors.words.is_empty() {
            let hint = "the vectors may be of another language, or of another spelling: see text.lowercase";
            return Err(InputError::new("vectors of words of the training data", "none", hint).at(path));
        }
        let mut more = BTreeSet::new();
        more.extend(vectors.words.iter().map(|(word, _)| word.clone()).filter(|word| !has(&known, word)));
        let words = Words::learn(texts(), normaliser, counts, more);
        Ok((Vocabulary::Words(words), Some(vectors)))
    }

    /// What [`Examples::test`] is, in words.
    pub fn measured_on(&self) -> &'static str {
        if self.test_is_dev { "dev set (the recipe names no test set)" } else { "test set" }
    }

    /// Examples to measure on, of these sources, with a model's classes.
    ///
    /// # Errors
    /// If a file can't be used, or a label is none of the model's.
    pub fn to_measure(
        recipe: &Recipe,
        classes: &[String],
        sources: &OneOrMany<LabelledSource>,
        directory: Option<&Path>,
    ) -> Result<Vec<Labelled>, InputError> {
        label(recipe, classes, read_all(sources, directory, recipe.data.encoding)?)
    }
}

fn read_all(
    sources: &OneOrMany<LabelledSource>,
    directory: Option<&Path>,
    encoding: Encoding,
) -> Result<Vec<(LabelledSource, LabelledTexts)>, InputError> {
    let located = sources.all().iter().map(|source| source.with_path(located(source.path(), directory)));
    located.map(|source| source.read(encoding).map(|all| (source, all))).collect()
}

/// What a person should know of a file's rows that are no examples.
fn left_out((source, texts): &(LabelledSource, LabelledTexts)) -> Vec<String> {
    let path = source.path().display();
    let heading =
        texts.heading.as_ref().map(|names| format!("the first line of {path} names columns ({names}): left out"));
    let without = texts.without_text.first().map(|first| {
        format!("rows without a text left out: {} of {path}, the first in line {first}", texts.without_text.len())
    });
    heading.into_iter().chain(without).collect()
}

/// The recipe's classes in the order of their labels, numbers by value; without any, all labels.
fn classes<'a>(recipe: &Recipe, train: impl Iterator<Item = &'a Example>) -> Result<Vec<String>, InputError> {
    let named = &recipe.data.classes;
    let mut labels: Vec<&str> = if named.is_empty() {
        train.map(|example| example.label.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
    } else {
        named.keys().map(String::as_str).collect()
    };
    labels.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    let mut classes: Vec<String> = Vec::new();
    for label in labels {
        let name = named.get(label).map_or(label, String::as_str);
        if !classes.iter().any(|class| class == name) {
            classes.push(name.to_string());
        }
    }
    if classes.len() < 2 {
        let got = classes.first().map_or_else(|| "none".into(), |name| format!("only `{name}`"));
        let hint = "a line is: label TAB text; every label is a class";
        return Err(InputError::new("at least two classes", got, hint).field("data.train"));
    }
    if classes.len() > 1000 {
        let hint = "does every line begin with its label? A line is: label TAB text";
        return Err(InputError::new("at most 1000 classes", format!("{}", classes.len()), hint).field("data.train"));
    }
    Ok(classes)
}

/// The examples' classes by number.
fn label(
    recipe: &Recipe,
    classes: &[String],
    all: Vec<(LabelledSource, LabelledTexts)>,
) -> Result<Vec<Labelled>, InputError> {
    let named = &recipe.data.classes;
    let mut labelled = Vec::new();
    for (source, texts) in all {
        for Example { label, text, line } in texts.examples {
            let name = if named.is_empty() { Some(&label) } else { named.get(&label) };
            // A class may also be called by its name.
            let name = name.or_else(|| classes.iter().find(|class| **class == label));
            let class = name.and_then(|name| classes.iter().position(|class| class == name)).ok_or_else(|| {
                let known: Vec<&str> = match named.is_empty() {
                    true => classes.iter().take(20).map(String::as_str).collect(),
                    false => named.keys().map(String::as_str).collect(),
                };
                let hint = "a label that training data do not have can't be learnt: correct it, or add examples";
                InputError::new(format!("one of the labels {}", known.join(", ")), format!("`{label}`"), hint)
                    .at(source.path())
                    .line(line)
            })?;
            labelled.push(Labelled { text, class });
        }
    }
    Ok(labelled)
}
