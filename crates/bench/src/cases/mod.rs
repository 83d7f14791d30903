//! What is timed; the sizes are those of the peers' scripts.

mod decode;
mod kernels;
mod lstm;
mod seq2seq_train;

pub(crate) use decode::decode;
pub(crate) use kernels::kernels;
pub(crate) use lstm::lstm;
pub(crate) use seq2seq_train::seq2seq_train;

use simurgh_nn::recurrent::CellKind;
use simurgh_nn::seq2seq::{AttentionKind, Seq2SeqConfig, Tying};

/// Bidirectional LSTM 256 + 256, decoder 256, nothing tied: the model that all peers run.
fn model(attention: AttentionKind, input_feeding: bool) -> Seq2SeqConfig {
    Seq2SeqConfig {
        cell: CellKind::Lstm,
        embedding: 256,
        encoder_hidden: 256,
        encoder_layers: 1,
        bidirectional: true,
        decoder_hidden: 256,
        decoder_layers: 1,
        attention,
        readout: 256,
        input_feeding,
        tie: Tying::None,
        dropout: 0.0,
        variational: false,
    }
}

/// Its vocabulary.
const VOCAB: usize = 8000;
/// Sentences of a batch.
const SENTENCES: usize = 64;
/// Tokens of a sentence, on either side.
const TOKENS: usize = 20;
