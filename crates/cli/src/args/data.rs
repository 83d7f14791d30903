//! `simurgh data`

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `simurgh data`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh data list                    what there is, its licence and size, and whether it is here
  simurgh data fetch trec chorales     into the folder data; then simurgh train trec")]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// What can be done with data sets.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// List the sets that built-in recipes train on, and which are here
    List(DataListArgs),
    /// Download sets from their public addresses; an interrupted download goes on where it stopped
    Fetch(DataFetchArgs),
}

/// `simurgh data list`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh data list
  simurgh data list --data-dir ~/data --verify")]
pub struct DataListArgs {
    /// Where to look for them [default: the environment's SIMURGH_DATA, else the folder data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Compare checksums, not sizes alone
    #[arg(long)]
    pub verify: bool,
    /// One JSON object a line on stdout
    #[arg(long)]
    pub json: bool,
}

/// `simurgh data fetch`
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing else in this program goes to the network. Every file is compared with a checksum that is part of the program and appears
in its place whole or not at all. The environment's HTTPS_PROXY and NO_PROXY are heeded.

Examples:
  simurgh data fetch sst2                              into the folder data: then simurgh train sst2
  simurgh data fetch chorales digits --data-dir ~/data
  simurgh data fetch multi30k --mirror http://files.example/mirror
A mirror holds a file of https://HOST/PATH at MIRROR/HOST/PATH.")]
pub struct DataFetchArgs {
    /// Sets, or recipes whose sets are wanted (see `simurgh data list`)
    #[arg(required = true)]
    pub names: Vec<String>,
    /// Where to put them [default: the environment's SIMURGH_DATA, else the folder data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Fetch from this address instead of the public ones
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Replace files that are there and differ
    #[arg(long)]
    pub force: bool,
    /// One JSON object a set on stdout
    #[arg(long)]
    pub json: bool,
    /// No progress bar, no notes
    #[arg(long)]
    pub quiet: bool,
}
