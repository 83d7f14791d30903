//! The network.

use super::{ClassifierConfig, PoolingKind};
use crate::affine::Affine;
use crate::init::Init;
use crate::ops::{Activation, Loss, Pooling, Score, attention, cross_entropy, linear, pool};
use crate::pass::Pass;
use crate::recurrent::{Recurrent, RecurrentConfig};
use crate::sequences::Sequences;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use simurgh_kernels::attention::Groups;
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// Embedding, recurrent layers, pooling, read-out.
#[derive(Module, Debug)]
pub struct Classifier {
    /// `[vocab, embedding]`
    embedding: Param<Tensor<2>>,
    encoder: Recurrent,
    /// Of attention pooling: states to keys, and the vector of scores.
    key: Option<Affine>,
    score: Option<Param<Tensor<1>>>,
    /// `[classes, pooled]`
    readout: Affine,
    /// `[1]`: what the logits are divided by where the network is used, so that its probabilities are true (Guo et al. 2017).
    /// Training leaves it at 1.
    temperature: Param<Tensor<1>>,
    #[module(skip)]
    config: ClassifierConfig,
}

/// What the network says of a batch.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// `[texts, classes]`, before the temperature, a row a text in the order in which they were given.
    pub logits: Vec<Vec<f32>>,
    /// How much each token weighed, text by text; empty without attention pooling.
    pub weights: Vec<Vec<f32>>,
}

impl Classifier {
    /// A network for `vocab` tokens and `classes` classes.
    ///
    /// # Errors
    /// If the configuration has a [`ClassifierConfig::problem`], or the vocabulary or the classes are none or too many.
    pub fn new(config: &ClassifierConfig, vocab: usize, classes: usize, init: &Init) -> Result<Self, ShapeError> {
        let (c, check) = (config.clone(), Check("classifier"));
        if let Some((name, expected, got)) = c.problem() {
            return Err(ShapeError::Value { operation: check.0, name, expected, got });
        }
        check.some("the vocabulary", vocab)?;
        check.some("the number of classes", classes)?;
        check.count("the embedding", &[("tokens", vocab), ("columns", c.embedding)])?;
        check.count("the read-out", &[("classes", classes), ("columns", c.pooled())])?;
        let encoder = RecurrentConfig {
            cell: c.cell,
            input: c.embedding,
            hidden: c.hidden,
            layers: c.layers,
            bidirectional: c.bidirectional,
        };
        let attends = c.pooling == PoolingKind::Attention;
        let width = c.encoded();
        Ok(Self {
            embedding: init.normal("embedding", [vocab, c.embedding], 1.0 / (c.embedding as f64).sqrt()),
            encoder: encoder.init(init, "encoder")?,
            key: attends.then(|| Affine::new(init, "key", width, width, true)),
            score: attends.then(|| init.constant([width], 1.0 / (width as f32).sqrt())),
            readout: Affine::new(init, "readout", c.pooled(), classes, true),
            temperature: init.constant([1], 1.0),
            config: c,
        })
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &ClassifierConfig {
        &self.config
    }

    /// What logits are divided by.
    pub fn temperature(&self) -> f32 {
        self.temperature.val().into_data().iter::<f32>().next().unwrap_or(1.0)
    }

    /// `[texts, pooled]`, in the order of the layout's sequences; and the weights of attention pooling.
    fn pooled(&self, texts: &Sequences, pass: &mut Pass) -> Result<(Tensor<2>, Option<Tensor<1>>), ShapeError> {
        let layout = &texts.layout;
        let x = pass.drop_out(pass.embed(&self.embedding, texts.ids.clone())?, layout)?;
        let (states, last) = self.encoder.forward(x, layout, None, pass)?;
        let directions = if self.config.bidirectional { 2 } else { 1 };
        match self.config.pooling {
            PoolingKind::Last => {
                let top = &last[last.len() - directions..];
                Ok((Tensor::cat(top.iter().map(|s| s.hidden.clone()).collect(), 1), None))
            }
            PoolingKind::Mean => Ok((pool(states, layout, Pooling::Mean)?, None)),
            PoolingKind::Max => Ok((pool(states, layout, Pooling::Max)?, None)),
            PoolingKind::MaxMean => {
                let both = [Pooling::Max, Pooling::Mean].map(|pooling| pool(states.clone(), layout, pooling));
                Ok((Tensor::cat(both.into_iter().collect::<Result<_, _>>()?, 1), None))
            }
            PoolingKind::Attention => {
                let (key, score) = (self.key.as_ref().zip(self.score.as_ref())).expect("attention has its parameters");
                let keys = key.parameters().forward(states.clone(), Activation::Identity, pass.precision)?;
                let [_, width] = keys.dims();
                let queries = Tensor::zeros([layout.sequences(), width], (&keys.device(), keys.dtype()));
                let mut groups = Groups::default();
                for (sequence, length) in layout.lengths().iter().enumerate() {
                    groups.push([sequence], (0..*length).map(|t| layout.row(t, sequence)));
                }
                let score = Score::Additive(score.val().into());
                let (context, weights) = attention(queries, keys, states, score, &Arc::new(groups))?;
                Ok((context, Some(weights)))
            }
        }
    }

    /// Cross-entropy with the classes `labels[text]`, summed over the texts.
    ///
    /// # Errors
    /// If a token is none of the vocabulary, a label none of the classes, or the smoothing is not a share.
    pub fn loss(&self, texts: &Sequences, labels: &[u32], smoothing: f64, pass: &mut Pass) -> Result<Loss, ShapeError> {
        Check("classifier").dimension("number of labels", labels.len(), texts.order.len())?;
        let (pooled, _) = self.pooled(texts, pass)?;
        // A row a text: each is its own sequence of one step.
        let layout = Ragged::new(&vec![1; texts.order.len()])?;
        let pooled = pass.drop_out(pooled, &layout)?;
        let targets: Arc<[u32]> = texts.order.iter().map(|&text| labels[text]).collect();
        let (weight, bias) = self.readout.values();
        cross_entropy(pooled, weight, bias, targets, smoothing, pass.precision)
    }

    /// What it says of every text.
    ///
    /// # Errors
    /// If a token is none of the vocabulary.
    pub fn answer(&self, texts: &Sequences, pass: &mut Pass) -> Result<Answers, ShapeError> {
        let (pooled, weights) = self.pooled(texts, pass)?;
        let (weight, bias) = self.readout.values();
        let logits = linear(pooled, weight, Some(bias.into()), Activation::Identity, pass.precision)?;
        let [_, classes] = logits.dims();
        let by_sequence: Vec<f32> = logits.into_data().iter::<f32>().collect();
        let by_token: Vec<f32> = weights.map_or_else(Vec::new, |w| w.into_data().iter::<f32>().collect());
        let mut answers = Answers {
            logits: vec![Vec::new(); texts.order.len()],
            weights: vec![Vec::new(); if by_token.is_empty() { 0 } else { texts.order.len() }],
        };
        let mut start = 0;
        for (sequence, &text) in texts.order.iter().enumerate() {
            answers.logits[text] = by_sequence[sequence * classes..][..classes].to_vec();
            if let Some(weights) = answers.weights.get_mut(text) {
                let length = texts.layout.lengths()[sequence];
                *weights = by_token[start..start + length].to_vec();
                start += length;
            }
        }
        Ok(answers)
    }
}
