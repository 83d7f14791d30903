//! The command line as typed.

mod data;
mod pictures;
mod series;
mod sound;
mod texts;

pub use data::{DataArgs, DataCommand, DataFetchArgs, DataListArgs};
pub use pictures::SampleArgs;
pub use series::ForecastArgs;
pub use sound::{ComposeArgs, LabelArgs};
pub use texts::{ClassifyArgs, GenerateArgs, TranslateArgs};

use clap::{Args, Parser, Subcommand};
use simurgh_train::recipe::Override;
use std::path::PathBuf;

/// Trains, explains and runs recurrent and adversarial networks on CPUs
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "\
Examples:
  simurgh translate \"سلام\"
  simurgh compose --start Am --out piece.mid --out piece.svg
  simurgh forecast sales.csv --horizon 30 --plot sales.svg
  simurgh train trec                      then: simurgh classify --model trec \"Who was Avicenna?\"
  simurgh eval runs/trec-1/model.safetensors"
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
    /// Label sound as it arrives, from a WAV file or raw samples
    Label(LabelArgs),
    /// Write a text from its first letters or words, or from nothing
    Generate(GenerateArgs),
    /// Make samples with a generator: pictures or points
    Sample(SampleArgs),
    /// Measure a model on a file or on its recipe's test set
    Eval(EvalArgs),
    /// Set the theory beside measurements: experiments on what makes training hard
    Lab(LabArgs),
    /// Print what is in a model file
    Info(InfoArgs),
    /// List the public data sets of the built-in recipes, and fetch them
    Data(DataArgs),
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
  bptt.window_steps=N                 gradients go back N steps at most

Your own pictures, to make more like them: a folder of PNG, JPEG, BMP or WebP files
  simurgh train mnist-gan --set data.images=photos --set data.size=32
  simurgh sample runs/mnist-gan-1/model.safetensors -o samples.png")]
pub struct TrainArgs {
    /// A built-in recipe (see `simurgh models`) or a TOML file
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub recipe: Option<String>,
    /// Go on with the run in this directory, its recipe and seed
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "seed", "set", "force", "strict"])]
    pub resume: Option<PathBuf>,
    /// Where to write the run [default: runs/RECIPE-N]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Seed of every random draw
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where data files are looked up [default: the environment's SIMURGH_DATA, else the folder data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Override a key of the recipe, e.g. train.epochs=5
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// Pictures that can't be read are an error, not left out and counted (data.strict=true)
    #[arg(long)]
    pub strict: bool,
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

/// `simurgh eval`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh eval fa-en --data mine.tsv
  simurgh eval multi30k.safetensors --data-dir ~/data
  simurgh eval runs/fa-en-1/model.safetensors --data mine.tsv --json
  simurgh eval runs/mnist-gan-1/model.safetensors --features network.safetensors

A network for --features is a safetensors file with PyTorch's weights; its metadata key
`layers` says as JSON what is done with them. Pixels come in from -1 to 1. In Python:
  layers = [{\"kind\": \"scale\", \"factor\": [0.5], \"shift\": [0.5]},   # a number a channel
            {\"kind\": \"convolution\", \"name\": \"conv1\", \"stride\": 1, \"padding\": 1,
             \"activation\": \"relu\"},                # or none, leaky-relu, tanh
            {\"kind\": \"max-pool\", \"size\": 2},     # or mean-pool; mean: of all pixels
            {\"kind\": \"linear\", \"name\": \"fc\"}]
  safetensors.torch.save_file(net.state_dict(), \"network.safetensors\",
                              metadata={\"layers\": json.dumps(layers)})")]
pub struct EvalArgs {
    /// A built-in model or a file
    pub model: String,
    /// What to measure on, as the recipe's own data are: labelled lines, a CSV, text, MIDI, WAV files [default: the test set of the model's recipe]
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Where the recipe's files are looked up [default: the environment's SIMURGH_DATA, else the folder data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Hypotheses kept at every step; 1 is greedy [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u16).range(1..=100), usize::from))]
    pub beam: Option<usize>,
    /// BLEU's tokenisation [default: the recipe's]
    #[arg(long, value_name = "NAME", value_parser = ["13a", "intl", "none"])]
    pub tokenize: Option<String>,
    /// Of a generator of pictures: a network whose features they are compared by, in place of pixels
    #[arg(long, value_name = "FILE")]
    pub features: Option<PathBuf>,
    /// Also write the translations to this file, a line each
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// `simurgh info`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh info fa-en                                 a built-in model
  simurgh info runs/trec-1/model.safetensors         one of your own: recipe, scores, licences
  simurgh info chorales --json | jq -r .recipe")]
pub struct InfoArgs {
    /// A built-in model or a file
    pub model: String,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// `simurgh lab`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh lab list
  simurgh lab dirac-gan                     tables on stdout, a page with drawings in lab/dirac-gan.html
  simurgh lab all --quick --out pages

Exit code 0 if measurements are as the theory says, 2 if one is not.")]
pub struct LabArgs {
    /// An experiment, all, or list
    #[arg(default_value = "list")]
    pub experiment: String,
    /// With fewer or smaller trainings
    #[arg(long)]
    pub quick: bool,
    /// Where MNIST is looked up, for full forms [default: the environment's SIMURGH_DATA, else the folder data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The folder of the pages
    #[arg(long, value_name = "DIR", default_value = "lab")]
    pub out: PathBuf,
    /// Seed of every random draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// One JSON object an experiment on stdout
    #[arg(long)]
    pub json: bool,
}

/// `simurgh models`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh models
  simurgh models --json | jq -r .name")]
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
    /// Kernels for this instruction set: portable, neon, avx2, avx512, avx512-bf16 [default: this processor's fastest]
    #[arg(long, value_name = "NAME")]
    pub isa: Option<String>,
    /// One JSON object a line on stdout
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
