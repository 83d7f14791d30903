//! The machine's own ceilings and our timings beside them. Nothing is printed here.

mod cases;
mod measure;

pub use measure::Row;
pub use simurgh_kernels::cpu;
pub use simurgh_nn::pass::Precision;

use measure::Bench;

/// A group of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// The machine's ceilings, matrix products, Adam.
    Kernels,
    /// Recurrent layers, forward and training.
    Lstm,
    /// Whole training steps of an encoder-decoder.
    Seq2SeqTrain,
    /// Greedy and beam search.
    Decode,
}

impl Suite {
    /// All suites.
    pub const ALL: [Self; 4] = [Self::Kernels, Self::Lstm, Self::Seq2SeqTrain, Self::Decode];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernels => "kernels",
            Self::Lstm => "lstm",
            Self::Seq2SeqTrain => "seq2seq-train",
            Self::Decode => "decode",
        }
    }
}

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A tenth of the time a case, for a look.
    pub quick: bool,
    /// Only cases whose name contains this.
    pub only: Option<String>,
    /// Only this precision.
    pub precision: Option<Precision>,
}

/// Runs `suites` and hands every row to `row` as it is measured.
pub fn run(suites: &[Suite], options: &Options, row: &mut dyn FnMut(Row)) {
    let mut bench = Bench::new(options, row);
    for suite in suites {
        match suite {
            Suite::Kernels => cases::kernels(&mut bench),
            Suite::Lstm => cases::lstm(&mut bench),
            Suite::Seq2SeqTrain => cases::seq2seq_train(&mut bench),
            Suite::Decode => cases::decode(&mut bench),
        }
    }
}
