//! From TOML and `--set` to a [`Recipe`], with errors that name the key and the nearest valid one.

use super::{TaskName, TaskRecipe};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use simurgh_data::InputError;
use toml::{Table, Value};

/// A `--set key=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Dotted key.
    pub key: String,
    /// TOML value, or text where it is no TOML.
    pub value: String,
}

impl std::str::FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or_else(|| format!("expected KEY=VALUE, got `{text}`"))?;
        if key.split('.').any(|part| part.trim().is_empty()) {
            return Err(format!("expected KEY=VALUE, got `{text}`"));
        }
        Ok(Self { key: key.trim().to_string(), value: value.trim().to_string() })
    }
}

/// The task of a recipe.
///
/// # Errors
/// If the text is no TOML, or names no task.
pub fn task(text: &str, overrides: &[Override]) -> Result<TaskName, InputError> {
    #[derive(Deserialize)]
    struct Only {
        task: TaskName,
    }
    read::<Only>(text, overrides, ("", ""), |_| Ok(())).map(|only| only.task)
}

/// Reads a recipe and applies `overrides` in order.
///
/// # Errors
/// If the text is no TOML, or a key is unknown, of the wrong type or out of range.
pub fn parse<R: TaskRecipe>(text: &str, overrides: &[Override]) -> Result<R, InputError> {
    let named = task(text, overrides)?;
    if named != R::TASK {
        let hint = "this file is of another task";
        return Err(
            InputError::new(format!("\"{}\"", R::TASK.name()), format!("\"{}\"", named.name()), hint).field("task")
        );
    }
    read(text, overrides, (R::SOURCE, R::EXAMPLE), R::validate)
}

fn read<R: DeserializeOwned>(
    text: &str,
    overrides: &[Override],
    sources: (&str, &str),
    validate: impl FnOnce(&R) -> Result<(), InputError>,
) -> Result<R, InputError> {
    let mut table: Table = text.parse().map_err(|e: toml::de::Error| {
        let line = e.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let error = InputError::new("TOML", e.message().trim().to_string(), "see recipes/ for examples");
        match line {
            Some(line) => error.line(line),
            None => error,
        }
    })?;
    for change in overrides {
        set(&mut table, change)?;
    }
    // The licences are those of the recipe's own data.
    let overrides_data = |key: &str| overrides.iter().any(|o| o.key == key || o.key == "data");
    if (overrides_data("data.train") || overrides_data("data.embedded"))
        && !overrides_data("data.licences")
        && let Some(data) = table.get_mut("data").and_then(Value::as_table_mut)
    {
        data.remove("licences");
    }
    // So are the classes of its pictures.
    if overrides_data("data.images")
        && let Some(data) = table.get_mut("data").and_then(Value::as_table_mut)
    {
        for key in ["licences", "labels"].into_iter().filter(|key| !overrides_data(&format!("data.{key}"))) {
            data.remove(key);
        }
    }
    let recipe: Result<R, InputError> = serde_path_to_error::deserialize(Value::Table(table)).map_err(|e| {
        let path = e.path().to_string();
        explain(&path, e.inner().message(), sources)
    });
    recipe.and_then(|recipe| validate(&recipe).map(|()| recipe)).map_err(|e| {
        match e.field.as_deref().and_then(|key| line_of(text, key)) {
            Some(line) if !overrides.iter().any(|o| e.field.as_ref().is_some_and(|f| o.key.starts_with(f))) => {
                e.line(line)
            }
            _ => e,
        }
    })
}

/// The line, from 1, on which a dotted key stands.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let (table, key) = key.rsplit_once('.').unwrap_or(("", key));
    let mut current = "";
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
            current = name.trim();
        } else if current == table && line.split('=').next().is_some_and(|k| k.trim() == key) {
            return Some(number + 1);
        }
    }
    None
}

fn set(table: &mut Table, change: &Override) -> Result<(), InputError> {
    let value = format!("v = {}", change.value)
        .parse::<Table>()
        .ok()
        .and_then(|mut t| t.remove("v"))
        .unwrap_or_else(|| Value::String(change.value.clone()));
    let keys: Vec<&str> = change.key.split('.').collect();
    let (last, path) = keys.split_last().expect("split gives at least one");
    let mut here = table;
    for key in path {
        here = here.entry(*key).or_insert_with(|| Value::Table(Table::new())).as_table_mut().ok_or_else(|| {
            let hint = format!("`{key}` is a value, not a table");
            InputError::new("a key of a recipe", format!("`{}`", change.key), hint).field(change.key.clone())
        })?;
    }
    here.insert((*last).to_string(), value);
    Ok(())
}

/// Turns serde's sentence into ours: unknown keys and variants name the nearest valid one.
fn explain(path: &str, message: &str, (source, example): (&str, &str)) -> InputError {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    if let ([got, valid @ ..], true) = (&quoted[..], unknown) {
        let nearest = valid.iter().max_by(|a, b| strsim::jaro_winkler(a, got).total_cmp(&strsim::jaro_winkler(b, got)));
        let hint = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`? Valid: {}", valid.join(", ")),
            None => "there is nothing valid here".into(),
        };
        let kind = if message.starts_with("unknown field") { "a key of a recipe" } else { "one of its values" };
        return InputError::new(kind, format!("`{got}`"), hint).field(path);
    }
    if message.contains("untagged enum") {
        return InputError::new(source, "something else", example).field(path);
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        let key = key.trim_matches('`');
        let field = if path == "." { key.to_string() } else { format!("{path}.{key}") };
        return InputError::new("a value", "nothing", "see recipes/ for an annotated example").field(field);
    }
    let (got, expected) = match message.split_once(", expected ") {
        Some((got, expected)) => {
            (got.trim_start_matches("invalid type: ").trim_start_matches("invalid value: "), expected)
        }
        None => (message, "another value"),
    };
    let expected = match expected {
        "usize" | "u64" | "u32" => "a whole number, 0 to 9223372036854775807",
        "f64" => "a number",
        "string only" => "one of its names, in quotes",
        e if e.starts_with("struct ") => "a table",
        e => e,
    };
    let got = got.replace("unit variant", "something else");
    InputError::new(expected, got.replace('`', ""), "see recipes/ for an annotated example").field(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translation::Recipe;

    fn error(text: &str, set: &[&str]) -> InputError {
        let overrides: Vec<Override> = set.iter().map(|s| s.parse().unwrap()).collect();
        parse::<Recipe>(text, &overrides).unwrap_err()
    }

    const BASE: &str = "task = \"translation\"\n[data]\nembedded = [\"cldr\"]\n";

    #[test]
    fn wrong_keys_and_values_are_named_with_the_nearest_right_one() {
        let e = error(&format!("{BASE}[train]\nlearning_rat = 1\n"), &[]);
        assert_eq!(e.to_string(), "line 5: train.learning_rat: expected a key of a recipe, got `learning_rat`");
        assert!(e.hint.starts_with("did you mean `learning_rate`?"), "{}", e.hint);
        let e = error(BASE, &["model.attention=genral"]);
        assert!(e.to_string().contains("got `genral`") && e.hint.contains("`general`"), "{e} {}", e.hint);
        let e = error(BASE, &["train.epochs=many"]);
        assert!(e.to_string().starts_with("train.epochs: expected a whole number"), "{e}");
        let e = error(BASE, &["model.dropout=1.5"]);
        assert_eq!(e.to_string(), "model.dropout: expected 0 up to but not 1, got 1.5");
        let e = error("task = \"translation\n", &[]);
        assert_eq!(e.line, Some(1));
        let e = error("task = \"translation\"\n", &[]);
        assert!(e.to_string().starts_with("data.train: expected"), "{e}");
        assert!("novalue".parse::<Override>().is_err());
    }

    #[test]
    fn overrides_win_and_a_resolved_recipe_reads_back() {
        let set: Vec<Override> = ["train.epochs=3", "name=x", "data.train=my file.tsv", "model.tie=\"none\""]
            .map(|s| s.parse().unwrap())
            .to_vec();
        let recipe: Recipe = parse(BASE, &set).unwrap();
        assert_eq!((recipe.train.epochs, recipe.name.as_str()), (3, "x"));
        assert_eq!(recipe.data.train.all().len(), 1);
        assert_eq!(parse::<Recipe>(&recipe.to_toml(), &[]).unwrap(), recipe);
    }
}
