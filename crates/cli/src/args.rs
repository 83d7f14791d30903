//! The command line as typed.

use clap::{Args, Parser, Subcommand};
use simurgh_train::recipe::Override;
use std::path::PathBuf;

/// Trains and runs recurrent networks on CPUs
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Examples:\n  simurgh translate \"سلام\"\n  simurgh train fa-en\n  simurgh eval runs/fa-en-1/model.safetensors"
)]
pub struct Cli {
    /// Threads to compute with; results do not depend on it [default: one a core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u16).range(1..=1024), usize::from))]
    pub threads: Option<usize>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model from a recipe
    Train(TrainArgs),
    /// Translate sentences, from arguments or standard input, a sentence a line
    Translate(TranslateArgs),
    /// Say which class texts belong to, from arguments or standard input, a text a line
    Classify(ClassifyArgs),
    /// Compose a piece of music from a chord, notes, or nothing
    Compose(ComposeArgs),
    /// Say what numbers over time will be, from a CSV
    Forecast(ForecastArgs),
    /// Write a text from its first letters or words, or from nothing
    Generate(GenerateArgs),
    /// Measure a model on a file or on its recipe's test set
    Eval(EvalArgs),
    /// Print what is in a model file
    Info(InfoArgs),
    /// List the built-in models and recipes
    Models(ModelsArgs),
    /// Time the program on this machine, beside the machine's own ceilings
    Bench(BenchArgs),
}

/// `simurgh train`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh train fa-en                                   built-in recipe, embedded corpus
  simurgh train fa-en --set data.train=mine.tsv --set 'data.embedded=[]'   your own pairs
  simurgh train multi30k-en-de --data-dir ~/data --set model.attention=none
  simurgh train --resume runs/fa-en-1                   go on after an interruption

Your own pairs, to translate: a UTF-8 file (or .gz), a pair a line, source TAB target, optionally TAB domain:
  سلام<TAB>Hello
  صبح بخیر<TAB>Good morning
or two files whose lines correspond:
  --set 'data.train={source=\"train.fa\", target=\"train.en\"}'

Your own texts, to classify: a label, TAB, a text, or two columns of a CSV:
  simurgh train trec --set data.train=mine.tsv --set 'data.classes={}' --set 'data.test=[]'
  --set 'data.train={csv=\"mine.csv\", text=\"review\", label=\"stars\"}'

Keys that no built-in recipe sets:
  train.precision=bf16                products of bfloat16 numbers: faster with AVX-512-BF16
  train.optimizer=sgd                 with train.momentum; train.weight_decay makes Adam AdamW
  bptt.checkpoint=true                less memory, a third more work, the same bits
  bptt.window_steps=N                 gradients go back N steps at most")]
pub struct TrainArgs {
    /// A built-in recipe (see `simurgh models`) or a TOML file
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub recipe: Option<String>,
    /// Go on with the run in this directory, its recipe and seed
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "seed", "set", "force"])]
    pub resume: Option<PathBuf>,
    /// Where to write the run [default: runs/RECIPE-N]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Seed of every random draw
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where data files are looked up [default: the environment's SIMURGH_DATA]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Override a key of the recipe, e.g. train.epochs=5
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// One JSON object a line on stdout
    #[arg(long)]
    pub json: bool,
    /// No progress bar, no notes
    #[arg(long)]
    pub quiet: bool,
    /// Overwrite a run that is there
    #[arg(long)]
    pub force: bool,
}

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

A line of output is: class TAB probability TAB text; of a text without a word, an empty class.")]
pub struct ClassifyArgs {
    /// Texts; without any, the lines of standard input
    pub text: Vec<String>,
    /// A model file, or a built-in model (see `simurgh models`)
    #[arg(long, value_name = "MODEL")]
    pub model: String,
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

/// `simurgh forecast`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh forecast sales.csv --horizon 30 --plot sales.svg            trains a small network on the file first
  simurgh forecast sales.csv --series shop --targets sold --horizon 7  long form: a row a day and shop
  simurgh forecast ETTh1.csv --model runs/etth1-1/model.safetensors    a model trained before
  simurgh forecast sales.csv --horizon 7 --json

The CSV has a header and a row a step:
  date,sold,price
  2024-01-01,17,2.50
  2024-01-02,21,2.50
Columns known in advance (--known price): rows at the end whose other cells are empty say what they will be.
To train with settings of your own:
  simurgh train forecast --set data.train=sales.csv --set model.horizon=30

Output: time, series and quantiles as CSV on stdout; the drawing for people on stderr.")]
pub struct ForecastArgs {
    /// A CSV with a header and a row a step
    pub file: PathBuf,
    /// A model file; without one a small network is trained on the file
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Steps to forecast [default: what the model was trained for, or 24]
    #[arg(long, value_name = "N", value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u32).range(1..=100_000), |n| n as usize))]
    pub horizon: Option<usize>,
    /// The column with the time; without it, one that is called so or holds dates
    #[arg(long, value_name = "COLUMN", conflicts_with = "model")]
    pub time: Option<String>,
    /// In long form: the column that says which series a row is of
    #[arg(long, value_name = "COLUMN", conflicts_with = "model")]
    pub series: Option<String>,
    /// The columns to forecast; all others without it
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', conflicts_with = "model")]
    pub targets: Vec<String>,
    /// Columns that are known in advance
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', conflicts_with = "model")]
    pub known: Vec<String>,
    /// Keep the trained model's run here
    #[arg(long, value_name = "DIR", conflicts_with = "model")]
    pub out: Option<PathBuf>,
    /// Seed of the training
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "model")]
    pub seed: u64,
    /// Write the drawing as SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// One JSON object a series
    #[arg(long)]
    pub json: bool,
    /// No drawing, no progress
    #[arg(long)]
    pub quiet: bool,
}

/// `simurgh compose`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh compose --start Am --length 64 --out piece.mid
  simurgh compose --start \"C4 E4 G4\" --start F --out piece.svg      begins with two chords
  simurgh compose --seed 7 --json                                    frames of MIDI numbers

Your own music: a folder of MIDI files
  simurgh train chorales --set data.train=midi-files --set data.frames_per_quarter=4
  simurgh compose --model runs/chorales-1/model.safetensors

The same seed gives the same piece.")]
pub struct ComposeArgs {
    /// A built-in model (see `simurgh models`) or a file
    #[arg(long, value_name = "MODEL", default_value = crate::builtin::DEFAULT_MUSIC)]
    pub model: String,
    /// A chord (C, F#m, Bb7, Am/E) or notes (\"C4 E4 G4\", \"60 64 67\") to begin with; several times: one after the other
    #[arg(long, value_name = "CHORD")]
    pub start: Vec<String>,
    /// Frames, those it begins with among them
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u32).range(1..=1_000_000), |n| n as usize))]
    pub length: usize,
    /// Below 1 surer, above 1 wilder; 0 always takes the likeliest notes
    #[arg(long, value_name = "T", default_value_t = 1.0, value_parser = number(0.0, 100.0))]
    pub temperature: f64,
    /// Draw only among the likeliest notes whose probabilities sum to this share
    #[arg(long, value_name = "P", default_value_t = 1.0, value_parser = number(0.0, 1.0))]
    pub top_p: f64,
    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Quarter notes a minute
    #[arg(long, value_name = "N", default_value_t = 90.0, value_parser = number(10.0, 400.0))]
    pub tempo: f64,
    /// Where to write it: .mid, or .svg for a piano roll; several times for both
    #[arg(long, short, value_name = "FILE")]
    pub out: Vec<PathBuf>,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// `simurgh generate`
#[derive(Debug, Args)]
#[command(after_help = "\
A worked example, on any text file:
  simurgh train text --set data.train=book.txt             characters, one stream; minutes
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
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub count: u64,
    /// One JSON object a text
    #[arg(long)]
    pub json: bool,
}

/// A number from `low` to `high`.
fn number(low: f64, high: f64) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync + 'static {
    move |text| match text.parse::<f64>() {
        Ok(x) if (low..=high).contains(&x) => Ok(x),
        _ => Err(format!("expected a number from {low} to {high}, got `{text}`")),
    }
}

/// `simurgh eval`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh eval fa-en --data mine.tsv
  simurgh eval multi30k.safetensors --data-dir ~/data
  simurgh eval runs/fa-en-1/model.safetensors --data mine.tsv --json")]
pub struct EvalArgs {
    /// A built-in model or a file
    pub model: String,
    /// A TSV to measure on [default: the test set of the model's recipe]
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Where the recipe's files are looked up [default: the environment's SIMURGH_DATA]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Hypotheses kept at every step; 1 is greedy [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u16).range(1..=100), usize::from))]
    pub beam: Option<usize>,
    /// BLEU's tokenisation [default: the recipe's]
    #[arg(long, value_name = "NAME", value_parser = ["13a", "intl", "none"])]
    pub tokenize: Option<String>,
    /// Also write the translations to this file, a line each
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// `simurgh info`
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// A built-in model or a file
    pub model: String,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// `simurgh models`
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// One JSON object a line on stdout
    #[arg(long)]
    pub json: bool,
}

/// `simurgh bench`
#[derive(Debug, Args)]
#[command(after_help = "\
Every case is run for about a second and its median time is printed; nothing else should run meanwhile.
A multiply-add counts two operations, a backward pass twice its forward pass.

Examples:
  simurgh bench                                  everything, minutes
  simurgh bench lstm --quick                     one suite, a look
  simurgh bench decode --only greedy --precision f32 --json
  simurgh --threads 1 bench kernels")]
pub struct BenchArgs {
    /// kernels, lstm, seq2seq-train, decode, or all
    #[arg(default_value = "all", value_parser = ["all", "kernels", "lstm", "seq2seq-train", "decode"])]
    pub suite: String,
    /// A tenth of the time for every case
    #[arg(long)]
    pub quick: bool,
    /// Only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Only this precision of matrix products [default: both]
    #[arg(long, value_name = "NAME", value_parser = ["f32", "bf16"])]
    pub precision: Option<String>,
    /// One JSON object a line on stdout
    #[arg(long)]
    pub json: bool,
}
