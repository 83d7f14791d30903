//! What texts are done with.

use super::number;
use clap::Args;
use std::path::PathBuf;

/// `simurgh translate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh translate \"سلام\"
  simurgh translate --align \"صبح بخیر\"
  simurgh translate --nbest 3 --json < sentences.txt > translations.jsonl")]
pub struct TranslateArgs {
    /// Sentences; without any, the lines of standard input
    pub text: Vec<String>,
    /// A built-in model (see `simurgh models`) or a file
    #[arg(long, value_name = "MODEL", default_value = crate::builtin::DEFAULT_MODEL)]
    pub model: String,
    /// Where the data of a recipe that is trained are looked up [default: the environment's SIMURGH_DATA, else the folder data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Hypotheses kept at every step; 1 is greedy [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u16).range(1..=100), usize::from))]
    pub beam: Option<usize>,
    /// Print this many translations of each sentence, with their scores; widens the beam to as many
    #[arg(long, value_name = "N", value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u16).range(1..=100), usize::from))]
    pub nbest: Option<usize>,
    /// Draw which source words each target word looked at
    #[arg(long)]
    pub align: bool,
    /// Write the drawing of the first sentence as SVG
    #[arg(long, value_name = "FILE")]
    pub align_svg: Option<PathBuf>,
    /// One JSON object a sentence
    #[arg(long)]
    pub json: bool,
}

/// `simurgh classify`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh classify --model runs/trec-1/model.safetensors \"How far is it from Denver to Aspen?\"
  simurgh classify --model m.safetensors --why \"not a bad film at all\"   the words that decided
  simurgh classify --model m.safetensors --json < reviews.txt > answers.jsonl

A line of output is: class TAB probability TAB text (its tabs and line ends as spaces); of a text without a word, an empty class.")]
pub struct ClassifyArgs {
    /// Texts; without any, the lines of standard input
    pub text: Vec<String>,
    /// A model file, or a recipe: trec, sst2, sentipers. Of a recipe the newest finished run with its own
    /// settings in runs/ is used (runs with others by their file); without one it is trained
    #[arg(long, value_name = "MODEL")]
    pub model: String,
    /// Where the data of a recipe that is trained are looked up [default: the environment's SIMURGH_DATA, else the folder data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Show which words decided, on a terminal in colours: orange for the answer, blue against it; elsewhere [[much]] and [some]
    /// for it, {{much}} and {some} against it. "hiding": how much the answer's odds fall without a word; "attention": where
    /// attention pooling looked
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "hiding", value_parser = ["hiding", "attention"])]
    pub why: Option<String>,
    /// Write the drawing of the first text as SVG
    #[arg(long, value_name = "FILE")]
    pub why_svg: Option<PathBuf>,
    /// Print every class with its probability, the likeliest first
    #[arg(long)]
    pub all: bool,
    /// One JSON object a text
    #[arg(long)]
    pub json: bool,
}

/// `simurgh generate`
#[derive(Debug, Args)]
#[command(after_help = "\
A worked example, on any text file:
  simurgh train text --set data.train=book.txt             characters, one stream; a novel takes an hour or two
  simurgh generate --model runs/text-1/model.safetensors --start \"Once \" --length 500
  simurgh eval runs/text-1/model.safetensors --data other.txt      perplexity, bits a character

Words or subwords instead of characters, and every line a text of its own:
  simurgh train text --set data.train=names.txt --set text.documents=line
  simurgh train text --set data.train=book.txt --set text.unit=subword --set text.vocab=2000

The same seed gives the same text.")]
pub struct GenerateArgs {
    /// A model file, or a built-in model (see `simurgh models`)
    #[arg(long, value_name = "MODEL")]
    pub model: String,
    /// How the text begins
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub start: String,
    /// Tokens to write at most; a model of lines ends with its line
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub length: usize,
    /// Below 1 surer, above 1 wilder; 0 always takes the likeliest token
    #[arg(long, value_name = "T", default_value_t = 0.8, value_parser = number(0.0, 100.0))]
    pub temperature: f64,
    /// Draw only among the likeliest tokens whose probabilities sum to this share
    #[arg(long, value_name = "P", default_value_t = 1.0, value_parser = number(0.0, 1.0))]
    pub top_p: f64,
    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Texts to write, each from a seed of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// One JSON object a text
    #[arg(long)]
    pub json: bool,
}
