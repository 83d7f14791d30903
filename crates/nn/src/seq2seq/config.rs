//! What an encoder-decoder is made of.

use crate::pass::Noise;
use crate::recurrent::CellKind;
use serde::{Deserialize, Serialize};

/// How the decoder looks at the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionKind {
    /// Not at all: only through the context vector, the encoder's final state (Sutskever et al. 2014).
    None,
    /// Dot product of decoder state and encoder output (Luong et al. 2015).
    Dot,
    /// The same with a matrix between the two (Luong et al. 2015).
    General,
    /// A one-layer network of the two (Bahdanau et al. 2015).
    Additive,
}

/// Which embedding tables are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tying {
    /// Source, target and read-out have their own.
    None,
    /// The read-out layer is the target embedding (Press & Wolf 2017).
    Target,
    /// All three are one; the vocabulary is joint.
    All,
}

/// Sizes and choices of a [`super::Seq2Seq`]; as a recipe's `[model]`, every key is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seq2SeqConfig {
    /// Which recurrent equations encoder and decoder follow.
    pub cell: CellKind,
    /// Columns of the embeddings.
    pub embedding: usize,
    /// Encoder units, of each direction.
    pub encoder_hidden: usize,
    /// Encoder layers, 1 to 4.
    pub encoder_layers: usize,
    /// The encoder also reads backwards.
    pub bidirectional: bool,
    /// Decoder units.
    pub decoder_hidden: usize,
    /// Decoder layers, 1 to 4.
    pub decoder_layers: usize,
    /// How the decoder looks at the source.
    pub attention: AttentionKind,
    /// Columns of the attentional state that the read-out layer sees.
    pub readout: usize,
    /// The attentional state is also part of the next step's input (Luong et al. 2015).
    pub input_feeding: bool,
    /// Which embedding tables are one.
    pub tie: Tying,
    /// Probability of zeroing an activation in training.
    pub dropout: f64,
    /// One dropout mask a sequence (Gal & Ghahramani 2016).
    pub variational: bool,
}

impl Default for Seq2SeqConfig {
    fn default() -> Self {
        Self {
            cell: CellKind::Lstm,
            embedding: 256,
            encoder_hidden: 256,
            encoder_layers: 1,
            bidirectional: true,
            decoder_hidden: 512,
            decoder_layers: 1,
            attention: AttentionKind::General,
            readout: 256,
            input_feeding: false,
            tie: Tying::Target,
            dropout: 0.3,
            variational: false,
        }
    }
}

impl Seq2SeqConfig {
    /// Columns of the encoder's output.
    pub fn memory(&self) -> usize {
        self.encoder_hidden * if self.bidirectional { 2 } else { 1 }
    }

    /// The noise of a training pass whose draws depend on `seed`.
    pub fn noise(&self, seed: u64) -> Option<Noise> {
        (self.dropout > 0.0).then(|| Noise::new(seed, self.dropout, self.variational))
    }

    /// The first value that can't be, as `(key, expected, got)`.
    pub fn problem(&self) -> Option<(&'static str, String, String)> {
        let size = |key, value: usize| {
            (!(1..=8192).contains(&value)).then(|| (key, "1 to 8192".to_string(), value.to_string()))
        };
        let layers =
            |key, value: usize| (!(1..=4).contains(&value)).then(|| (key, "1 to 4".to_string(), value.to_string()));
        size("embedding", self.embedding)
            .or_else(|| size("encoder_hidden", self.encoder_hidden))
            .or_else(|| size("decoder_hidden", self.decoder_hidden))
            .or_else(|| size("readout", self.readout))
            .or_else(|| layers("encoder_layers", self.encoder_layers))
            .or_else(|| layers("decoder_layers", self.decoder_layers))
            .or_else(|| {
                (!(0.0..1.0).contains(&self.dropout))
                    .then(|| ("dropout", "0 up to but not 1".to_string(), self.dropout.to_string()))
            })
            .or_else(|| {
                (self.variational && self.input_feeding).then(|| {
                    ("variational", "false (input_feeding draws a mask a step)".to_string(), "true".to_string())
                })
            })
            .or_else(|| {
                (self.tie != Tying::None && self.readout != self.embedding).then(|| {
                    let want = format!("{} (= embedding, since tie is not \"none\")", self.embedding);
                    ("readout", want, self.readout.to_string())
                })
            })
            .or_else(|| {
                (self.attention == AttentionKind::Dot && self.decoder_hidden != self.memory()).then(|| {
                    let want = format!("{} (= the encoder's output, since attention is \"dot\")", self.memory());
                    ("decoder_hidden", want, self.decoder_hidden.to_string())
                })
            })
    }
}
