//! What is compiled into the program: recipes and models.

use crate::failure::Failure;
use simurgh_train::artifact::{self, Artifact};
use std::path::Path;

/// The model that `translate` uses unless told otherwise.
pub const DEFAULT_MODEL: &str = "fa-en";

/// The model that `compose` uses unless told otherwise.
pub const DEFAULT_MUSIC: &str = "chorales";

/// A built-in recipe.
pub struct BuiltinRecipe {
    /// What the user types.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// TOML.
    pub text: &'static str,
}

/// All recipes.
pub const RECIPES: &[BuiltinRecipe] = &[
    BuiltinRecipe {
        name: "fa-en",
        about: "Persian to English on the embedded CLDR names; minutes",
        text: include_str!("../../../recipes/fa-en.toml"),
    },
    BuiltinRecipe {
        name: "fa-en-small",
        about: "how the built-in fa-en model was made: everyday, interface and CLDR sentences (needs --data-dir)",
        text: include_str!("../../../recipes/fa-en-small.toml"),
    },
    BuiltinRecipe {
        name: "fa-en-full",
        about: "Persian to English on 160,000 mixed sentences (needs --data-dir)",
        text: include_str!("../../../recipes/fa-en-full.toml"),
    },
    BuiltinRecipe {
        name: "multi30k-en-de",
        about: "English to German image captions (needs --data-dir)",
        text: include_str!("../../../recipes/multi30k-en-de.toml"),
    },
    BuiltinRecipe {
        name: "multi30k-de-en",
        about: "German to English image captions (needs --data-dir)",
        text: include_str!("../../../recipes/multi30k-de-en.toml"),
    },
    BuiltinRecipe {
        name: "trec",
        about: "what an English question asks for, six classes (needs --data-dir)",
        text: include_str!("../../../recipes/trec.toml"),
    },
    BuiltinRecipe {
        name: "sst2",
        about: "sentences of English film reviews, for or against (needs --data-dir)",
        text: include_str!("../../../recipes/sst2.toml"),
    },
    BuiltinRecipe {
        name: "sentipers",
        about: "Persian product reviews, negative, neutral or positive (needs --data-dir)",
        text: include_str!("../../../recipes/sentipers.toml"),
    },
    BuiltinRecipe {
        name: "chorales",
        about: "compose in four voices, from a chord or nothing (needs --data-dir)",
        text: include_str!("../../../recipes/chorales.toml"),
    },
    BuiltinRecipe {
        name: "etth1",
        about: "transformer temperatures, hours to a month ahead (needs --data-dir)",
        text: include_str!("../../../recipes/etth1.toml"),
    },
    BuiltinRecipe {
        name: "exchange",
        about: "exchange rates, days to two years ahead (needs --data-dir)",
        text: include_str!("../../../recipes/exchange.toml"),
    },
    BuiltinRecipe {
        name: "sunspots",
        about: "sunspots, a cycle of eleven years ahead, on the embedded series; half a minute",
        text: include_str!("../../../recipes/sunspots.toml"),
    },
    BuiltinRecipe {
        name: "forecast",
        about: "forecast numbers of your own from a CSV (--set data.train=FILE)",
        text: include_str!("../../../recipes/forecast.toml"),
    },
    BuiltinRecipe {
        name: "digits",
        about: "spoken digits as they are said (needs --data-dir)",
        text: include_str!("../../../recipes/digits.toml"),
    },
    BuiltinRecipe {
        name: "ring8",
        about: "eight Gaussians on a ring, by a generator and a discriminator; a minute",
        text: include_str!("../../../recipes/ring8.toml"),
    },
    BuiltinRecipe {
        name: "grid25",
        about: "twenty-five Gaussians on a grid, by a generator and a discriminator; minutes",
        text: include_str!("../../../recipes/grid25.toml"),
    },
    BuiltinRecipe {
        name: "mnist-gan",
        about: "make handwritten digits (needs --data-dir), or pictures like those of a folder",
        text: include_str!("../../../recipes/mnist-gan.toml"),
    },
    BuiltinRecipe {
        name: "stacked-mnist",
        about: "a thousand modes: three digits in a sample (needs --data-dir); half an hour",
        text: include_str!("../../../recipes/stacked-mnist.toml"),
    },
    BuiltinRecipe {
        name: "text",
        about: "write like a text file of your own (--set data.train=FILE)",
        text: include_str!("../../../recipes/text.toml"),
    },
];

/// Built-in models: name and file.
pub const MODELS: &[(&str, &[u8])] = &[
    ("fa-en", include_bytes!("../models/fa-en.safetensors")),
    ("chorales", include_bytes!("../models/chorales.safetensors")),
];

/// The recipe's text and name: a built-in one, or a TOML file.
pub fn recipe(name: &str) -> Result<(String, String), Failure> {
    if let Some(recipe) = RECIPES.iter().find(|r| r.name == name) {
        return Ok((recipe.text.to_string(), name.to_string()));
    }
    let path = Path::new(name);
    if path.extension().is_some_and(|e| e == "toml") || path.exists() {
        let text = simurgh_data::text::corpus::read_text(path).map_err(|mut e| {
            if e.got == "an empty file" {
                (e.expected, e.hint) = ("a recipe".into(), "recipes/ has an annotated one for every task".into());
            }
            e
        })?;
        let stem = path.file_stem().map_or_else(|| "run".into(), |s| s.to_string_lossy().into_owned());
        // A run is named after its recipe: what a name may not have becomes a dash.
        let name = stem.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' });
        return Ok((text, name.take(100).collect::<String>().trim_start_matches('.').to_string()));
    }
    let names: Vec<&str> = RECIPES.iter().map(|r| r.name).collect();
    let hint = format!("built-in recipes: {}", names.join(", "));
    Err(Failure::input(format!("recipe: expected a built-in name or a TOML file, got `{name}`"), hint))
}

/// A model: a built-in one, or a file.
pub fn model(name: &str) -> Result<Artifact, Failure> {
    if let Some((_, bytes)) = MODELS.iter().find(|m| m.0 == name) {
        return Ok(artifact::parse(bytes)?);
    }
    Ok(artifact::read(Path::new(name))?)
}
