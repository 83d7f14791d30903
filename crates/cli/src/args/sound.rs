//! What sound and music are done with.

use super::number;
use clap::Args;
use std::path::PathBuf;

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
    /// A chord (C, F#m, Bb7, Am/E) or notes ("C4 E4 G4", "60 64 67") to begin with; several times: one after the other
    #[arg(long, value_name = "CHORD")]
    pub start: Vec<String>,
    /// Frames, those it begins with among them
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u32).range(1..=1_000_000), |n| n as usize))]
    pub length: usize,
    /// Below 1 surer, above 1 wilder; 0 always takes the likeliest notes
    #[arg(long, value_name = "T", default_value_t = 0.8, value_parser = number(0.0, 100.0))]
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

/// `simurgh label`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh label speech.wav --model digits                 a recipe: trained the first time
  arecord -f S16_LE -r 16000 -t raw | simurgh label - --rate 16000 --model m.safetensors    as it is said
  simurgh label - --model m.safetensors < speech.wav
  simurgh label speech.wav --frames --model m.safetensors                                 a line a frame

A line of output is: begin TAB end TAB label TAB probability, times in seconds, as soon as it is decided.
Other rates are brought to the model's; channels are mixed.")]
pub struct LabelArgs {
    /// A WAV file; `-` is standard input: a WAV, or with --rate raw samples
    #[arg(default_value = "-")]
    pub file: String,
    /// A model file, or a recipe: digits. Of a recipe the newest finished run with its own settings
    /// in runs/ is used (runs with others by their file); without one it is trained
    #[arg(long, value_name = "MODEL")]
    pub model: String,
    /// Where the data of a recipe that is trained are looked up [default: the environment's SIMURGH_DATA, else the folder data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Standard input is raw 16-bit little-endian samples of one channel, so many a second
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1000..=1_000_000))]
    pub rate: Option<u32>,
    /// A line a frame: time TAB label TAB probability
    #[arg(long)]
    pub frames: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// No summary
    #[arg(long)]
    pub quiet: bool,
}
