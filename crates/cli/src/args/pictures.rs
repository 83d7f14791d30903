//! What generators are used with.

use clap::Args;
use std::path::PathBuf;

/// `simurgh sample`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh sample runs/ring8-1/model.safetensors -o ring.png
  simurgh sample runs/mnist-gan-1/model.safetensors --n 100 -o digits.png
  simurgh sample runs/mnist-gan-1/model.safetensors --interpolate -o ways.png    each row a way between two samples
  simurgh sample runs/photos-1/model.safetensors --n 16 -o samples/              a file a sample
  simurgh sample runs/ring8-1/model.safetensors --n 1000 -o points.csv           the numbers themselves

The same seed gives the same samples, and more of them begin with the fewer.")]
pub struct SampleArgs {
    /// A model's file
    pub model: String,
    /// Samples; with --interpolate, of a row
    #[arg(long, short, value_name = "N", value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u32).range(1..=1_000_000), |n| n as usize))]
    pub n: Option<usize>,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Ways from one sample to another instead, a row each
    #[arg(long)]
    pub interpolate: bool,
    /// A .png for all together, a .csv for the numbers (a row a sample), or a folder for a .png each; points without it are lines on stdout
    #[arg(long, short, value_name = "FILE|DIR")]
    pub output: Option<PathBuf>,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
}
