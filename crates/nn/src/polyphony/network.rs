//! The network.

use super::{HeadKind, PolyphonyConfig};
use crate::affine::Affine;
use crate::init::Init;
use crate::ops::{Activation, Loss, Targets, binary_cross_entropy, cross_entropy, indices};
use crate::pass::Pass;
use crate::recurrent::{CellKind, Recurrent, RecurrentConfig, State};
use crate::sequences::Sequences;
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::shape::Check;
use simurgh_kernels::{Ragged, ShapeError};
use std::sync::Arc;

/// Pieces of frames, packed time-major, the longest first. A frame is the keys that sound, rising, from 0.
#[derive(Clone, Debug)]
pub struct Pieces {
    /// The frames that are guessed, row by row.
    frames: Vec<Vec<u8>>,
    /// Of each row, the one before it: nothing before the first.
    before: Vec<Vec<u8>>,
    pub(super) layout: Arc<Ragged>,
}

impl Pieces {
    /// Packs pieces, none of them empty.
    ///
    /// # Errors
    /// If there is none, or one has no frame.
    pub fn new(pieces: &[&[Vec<u8>]]) -> Result<Self, ShapeError> {
        Self::reading(pieces, pieces)
    }

    /// Packs pieces before whose frames the network reads those of `read`, in the place of each piece's own.
    ///
    /// # Errors
    /// As [`Pieces::new`].
    ///
    /// # Panics
    /// If what is read is shorter.
    pub fn reading(pieces: &[&[Vec<u8>]], read: &[&[Vec<u8>]]) -> Result<Self, ShapeError> {
        let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
        if let Some(sequence) = lengths.iter().position(|n| *n == 0) {
            return Err(ShapeError::EmptySequence { sequence });
        }
        let order = Ragged::order(&lengths);
        let sorted: Vec<usize> = order.iter().map(|&i| lengths[i]).collect();
        let layout = Ragged::new(&sorted)?;
        let frames = layout.cells().map(|(t, j)| pieces[order[j]][t].clone()).collect();
        let before =
            layout.cells().map(|(t, j)| if t == 0 { Vec::new() } else { read[order[j]][t - 1].clone() }).collect();
        Ok(Self { frames, before, layout: Arc::new(layout) })
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Number of pieces.
    pub fn pieces(&self) -> usize {
        self.layout.sequences()
    }
}

/// Recurrent layers over frames, and a head that guesses the next one.
#[derive(Module, Debug)]
pub struct Polyphony {
    pub(super) encoder: Recurrent,
    /// Of the independent head: states to logits of the keys.
    pub(super) keys: Option<Affine>,
    /// Of the joint head: notes, START first, `[keys + 1, head_hidden]`.
    pub(super) notes: Option<Param<Tensor<2>>>,
    /// States to the head's first state.
    pub(super) bridge: Option<Affine>,
    /// States to what is added to every note that the head reads: what a state says need not be remembered over a frame's notes.
    pub(super) context: Option<Affine>,
    pub(super) head: Option<Recurrent>,
    /// The head's states to notes, and in the last row to the frame's end, `[keys + 1, head_hidden]`.
    pub(super) readout: Option<Affine>,
    /// How many keys there are.
    key_count: usize,
    #[module(skip)]
    config: PolyphonyConfig,
}

impl Polyphony {
    /// A network for frames of `keys` keys.
    ///
    /// # Errors
    /// If the configuration has a [`PolyphonyConfig::problem`], or there are no keys.
    pub fn new(config: &PolyphonyConfig, keys: usize, init: &Init) -> Result<Self, ShapeError> {
        let (c, check) = (config.clone(), Check("polyphony"));
        if let Some((name, expected, got)) = c.problem() {
            return Err(ShapeError::Value { operation: check.0, name, expected, got });
        }
        check.some("the number of keys", keys)?;
        let recurrent =
            |input, hidden, layers, cell| RecurrentConfig { cell, input, hidden, layers, bidirectional: false };
        let joint = c.head == HeadKind::Joint;
        let width = c.head_hidden;
        let head = match joint {
            true => Some(recurrent(width, width, 1, CellKind::Gru).init(init, "head")?),
            false => None,
        };
        Ok(Self {
            encoder: recurrent(keys, c.hidden, c.layers, c.cell).init(init, "encoder")?,
            keys: (!joint).then(|| Affine::new(init, "keys", c.hidden, keys, true)),
            notes: joint.then(|| init.normal("notes", [keys + 1, width], 1.0 / (width as f64).sqrt())),
            bridge: joint.then(|| Affine::new(init, "bridge", c.hidden, width, true)),
            context: joint.then(|| Affine::new(init, "context", c.hidden, width, true)),
            head,
            readout: joint.then(|| Affine::new(init, "readout", width, keys + 1, true)),
            key_count: keys,
            config: c,
        })
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &PolyphonyConfig {
        &self.config
    }

    /// How many keys there are.
    pub fn key_count(&self) -> usize {
        self.key_count
    }

    /// Negative log-likelihood of the frames, summed: of the first frame of each piece, and of all others, each but the first
    /// from those before it.
    ///
    /// # Errors
    /// If a frame has a key that is none.
    pub fn loss(&self, pieces: &Pieces, pass: &mut Pass) -> Result<[Option<Loss>; 2], ShapeError> {
        let states = self.states(pieces, pass)?;
        // The rows of the first step stand first.
        let first = pieces.layout.rows_at(0).end;
        Ok([self.part(&states, pieces, 0..first, pass)?, self.part(&states, pieces, first..pieces.frames(), pass)?])
    }

    /// The same of each step, over the pieces that have come so far.
    ///
    /// # Errors
    /// As [`Polyphony::loss`].
    pub fn loss_by_step(&self, pieces: &Pieces, pass: &mut Pass) -> Result<Vec<Loss>, ShapeError> {
        let states = self.states(pieces, pass)?;
        let step = |t| Ok(self.part(&states, pieces, pieces.layout.rows_at(t), pass)?.expect("a step has rows"));
        (0..pieces.layout.steps()).map(step).collect()
    }

    /// The states from which the frames are guessed.
    fn states(&self, pieces: &Pieces, pass: &mut Pass) -> Result<Tensor<2>, ShapeError> {
        let (layout, check) = (&pieces.layout, Check("polyphony"));
        let keys = pieces.frames.iter().chain(&pieces.before).flatten().map(|key| usize::from(*key));
        check.indices("the key of note", keys, self.key_count)?;
        let device = self.encoder.device();
        let mut bits = vec![0.0f32; pieces.frames() * self.key_count];
        for (row, frame) in bits.chunks_exact_mut(self.key_count).zip(&pieces.before) {
            frame.iter().for_each(|key| row[usize::from(*key)] = 1.0);
        }
        let (dtype, shape) = (self.encoder.dtype(), [pieces.frames(), self.key_count]);
        let x = Tensor::<2>::from_data(TensorData::new(bits, shape), (&device, dtype));
        let (states, _) = self.encoder.forward(x, layout, None, pass)?;
        pass.drop_out(states, layout)
    }

    /// The loss of these rows, if there are any.
    fn part(
        &self,
        states: &Tensor<2>,
        pieces: &Pieces,
        rows: std::ops::Range<usize>,
        pass: &mut Pass,
    ) -> Result<Option<Loss>, ShapeError> {
        if rows.is_empty() {
            return Ok(None);
        }
        let [_, width] = states.dims();
        let states = states.clone().slice([rows.clone(), 0..width]);
        self.guess(states, &pieces.frames[rows], pass).map(Some)
    }

    fn guess(&self, states: Tensor<2>, frames: &[Vec<u8>], pass: &mut Pass) -> Result<Loss, ShapeError> {
        if let Some(keys) = &self.keys {
            let logits = keys.parameters().forward(states, Activation::Identity, pass.precision)?;
            let mut bits = vec![0.0f32; frames.len() * self.key_count];
            for (row, frame) in bits.chunks_exact_mut(self.key_count).zip(frames) {
                frame.iter().for_each(|key| row[usize::from(*key)] = 1.0);
            }
            return binary_cross_entropy(logits, &bits.into());
        }
        let (Some(notes), Some(bridge), Some(context), Some(head), Some(readout)) =
            (&self.notes, &self.bridge, &self.context, &self.head, &self.readout)
        else {
            unreachable!("a network has one head or the other")
        };
        // START and the notes from the highest down; the notes and the end.
        let down = |frame: &Vec<u8>| frame.iter().rev().map(|key| u32::from(*key)).collect::<Vec<u32>>();
        let inputs: Vec<Vec<u32>> = frames
            .iter()
            .map(|frame| std::iter::once(0).chain(down(frame).into_iter().map(|k| k + 1)).collect())
            .collect();
        let targets: Vec<Vec<u32>> =
            frames.iter().map(|frame| down(frame).into_iter().chain([self.key_count as u32]).collect()).collect();
        let packed = Sequences::new(&inputs.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let targets: Arc<[u32]> = packed.rows(&targets.iter().map(Vec::as_slice).collect::<Vec<_>>());
        // A note lies below the one before it, or the frame ends: what is left has all the probability, as it has when drawn.
        let end = self.key_count as u32;
        let barred: Arc<[_]> = packed.ids.iter().map(|read| read.checked_sub(1).unwrap_or(end)..end).collect();
        let begin = bridge.parameters().forward(states.clone(), Activation::Tanh, pass.precision)?;
        let context = context.parameters().forward(states, Activation::Identity, pass.precision)?;
        let frame_of = packed.layout.cells().map(|(_, sequence)| packed.order[sequence]);
        let context = context.clone().select(0, indices(frame_of, &context));
        let begin = begin.clone().select(0, indices(packed.order.iter().copied(), &begin));
        let x = pass.embed(notes, packed.ids.clone())? + context;
        let initial = [State { hidden: begin, cell: None }];
        let (out, _) = head.forward(x, &packed.layout, Some(&initial), &mut Pass { noise: None, ..pass.clone() })?;
        let out = pass.drop_out(out, &packed.layout)?;
        let (weight, bias) = readout.values();
        cross_entropy(out, weight, bias, Targets { classes: targets, barred }, 0.0, pass.precision)
    }
}
