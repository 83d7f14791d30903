//! What numbers over time are done with.

use clap::{Args, ValueEnum};
use simurgh_data::series::DateOrder;
use std::path::PathBuf;

/// `simurgh forecast`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  simurgh forecast sales.csv --horizon 30 --plot sales.svg            trains a small network on the file first
  simurgh forecast sales.csv --series shop --targets sold --horizon 7  long form: a row a day and shop
  simurgh forecast ETTh1.csv --model runs/etth1-1/model.safetensors    a model trained before
  simurgh forecast sales.csv --horizon 7 --json
  sqlite3 -csv -header shop.db 'select day, sold from sales' | simurgh forecast - --horizon 7

The CSV has a header and a row a step:
  date,sold,price
  2024-01-01,17,2.50
  2024-01-02,21,2.50
Dates also as 31.1.2024, 1/31/2024, 31-Jan-2024, 2024Q1 or 1402/11/11 (Solar Hijri), with 13:00, 1:00 PM or 13:00+03:30, in one
column or several (date and time; year, month and day); without rows on weekends forecasts have none either.
Columns known in advance (--known price): rows at the end whose other cells are empty say what they will be.
To train with settings of your own:
  simurgh train forecast --set data.train=sales.csv --set model.horizon=30

Output: time, series and quantiles as CSV on stdout; the drawing for people on stderr.")]
pub struct ForecastArgs {
    /// A CSV with a header and a row a step; `-` is standard input
    pub file: PathBuf,
    /// A model file, or a recipe (etth1, exchange, sunspots: its newest run in runs/, or trained now); without one a small network is
    /// trained on the file
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Where the data of a recipe that is trained are looked up [default: the environment's SIMURGH_DATA, else the folder data]
    #[arg(long, value_name = "DIR", requires = "model")]
    pub data_dir: Option<PathBuf>,
    /// Steps to forecast [default: what the model was trained for, or 24]
    #[arg(long, value_name = "N", value_parser = clap::builder::TypedValueParser::map(clap::value_parser!(u32).range(1..=100_000), |n| n as usize))]
    pub horizon: Option<usize>,
    /// The column with the time; without it, one that is called so or holds dates
    #[arg(long, value_name = "COLUMN", conflicts_with = "model")]
    pub time: Option<String>,
    /// What comes first in dates such as 1/2/2024 [default: what fits the column]
    #[arg(long, value_name = "ORDER")]
    pub dates: Option<Dates>,
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
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "model", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
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

/// What comes first in a date.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Dates {
    /// 1/2/2024 is the first of February
    #[value(name = "day-first")]
    Day,
    /// 1/2/2024 is the second of January
    #[value(name = "month-first")]
    Month,
    /// 24-01-02 is the second of January
    #[value(name = "year-first")]
    Year,
}

impl From<Dates> for DateOrder {
    fn from(dates: Dates) -> Self {
        match dates {
            Dates::Day => Self::DayFirst,
            Dates::Month => Self::MonthFirst,
            Dates::Year => Self::YearFirst,
        }
    }
}
