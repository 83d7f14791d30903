//! A frame in, the next one out, drawn.

use super::Polyphony;
use crate::decode::{Sampling, sample};
use crate::ops::Plain;
use crate::pass::Precision;
use crate::recurrent::State;
use crate::recurrent::stream::{Stream, StreamError, StreamState};
use crate::scheduled_sampling::{Choice, Teacher};
use burn::tensor::{Tensor, TensorData};
use simurgh_kernels::ShapeError;
use simurgh_kernels::gemm::Packed;
use simurgh_kernels::linear::{self, Activation};
use simurgh_kernels::shape::Check;
use simurgh_random::Random;
use std::sync::Arc;

type Map = (Arc<Packed<f32>>, Plain);

/// A model of music, ready to be taken frame by frame. It keeps no state.
#[derive(Debug)]
pub struct Composer {
    stream: Stream,
    keys: usize,
    head: Head,
}

// One a composer: its size does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
enum Head {
    Independent(Map),
    Joint { notes: Plain, bridge: Map, context: Map, stream: Stream, readout: Map },
}

impl Polyphony {
    /// This network, ready to be taken frame by frame; products round as `precision` says.
    ///
    /// # Errors
    /// If it is not on the CPU backend.
    pub fn composer(&self, precision: Precision) -> Result<Composer, StreamError> {
        let map = |affine: &crate::affine::Affine| -> Result<Map, StreamError> {
            let (weight, bias) = affine.values();
            let weight = Plain::of::<2>(weight).ok_or(StreamError::Device)?;
            Ok((weight.packed_t(precision), Plain::of::<1>(bias).ok_or(StreamError::Device)?))
        };
        let head = match (&self.keys, &self.notes, &self.bridge, &self.context, &self.head, &self.readout) {
            (_, Some(notes), Some(bridge), Some(context), Some(head), Some(readout)) => Head::Joint {
                notes: Plain::of::<2>(notes.val()).ok_or(StreamError::Device)?,
                bridge: map(bridge)?,
                context: map(context)?,
                stream: head.stream(precision)?,
                readout: map(readout)?,
            },
            (Some(keys), ..) => Head::Independent(map(keys)?),
            _ => unreachable!("a network has one head or the other"),
        };
        Ok(Composer { stream: self.encoder.stream(precision)?, keys: self.key_count(), head })
    }
}

/// Pieces taken frame by frame.
#[derive(Debug)]
pub struct Walked {
    /// What the network read after each frame's step: the frame itself, or what it said there.
    pub read: Vec<Vec<Vec<u8>>>,
    /// What it said at each step.
    pub said: Vec<Vec<Vec<u8>>>,
}

impl Polyphony {
    /// Takes this network, without noise and off the tape, over pieces where `teacher` is heard that often: what it reads is the
    /// pieces' own, or what it composes itself.
    ///
    /// # Errors
    /// If a frame has a key that is none, or the network is not on the CPU backend.
    pub fn walk(&self, pieces: &[&[Vec<u8>]], teacher: &Teacher, precision: Precision) -> Result<Walked, StreamError> {
        let composer = self.composer(precision)?;
        let temperature = if teacher.choice == Choice::Drawn { 1.0 } else { 0.0 };
        let sampling = Sampling { temperature, top_p: 1.0 };
        let mut walked = Walked { read: Vec::new(), said: Vec::new() };
        for (sequence, piece) in pieces.iter().enumerate() {
            let mut random = teacher.random(sequence, 0, 3);
            let mut state = composer.start()?;
            let (mut read, mut said) = (Vec::<Vec<u8>>::with_capacity(piece.len()), Vec::with_capacity(piece.len()));
            for (t, frame) in piece.iter().enumerate() {
                let before = read.last().map_or(&[][..], Vec::as_slice);
                // What is read after a step is its frame: at the first step nothing is.
                let own = composer.step(before, &mut state, sampling, &mut random)?;
                read.push(if teacher.is_heard(sequence, t + 1) { frame.clone() } else { own.clone() });
                said.push(own);
            }
            walked.read.push(read);
            walked.said.push(said);
        }
        Ok(walked)
    }
}

impl Composer {
    /// The state before the first frame.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn start(&self) -> Result<StreamState, ShapeError> {
        self.stream.start(1)
    }

    /// Reads a frame, keys from 0 (before the first: none), and draws the next one.
    ///
    /// # Errors
    /// If the frame has a key that is none, or the state is another network's.
    pub fn step(
        &self,
        frame: &[u8],
        state: &mut StreamState,
        sampling: Sampling,
        random: &mut Random,
    ) -> Result<Vec<u8>, ShapeError> {
        Check("polyphony").indices("the key of note", frame.iter().map(|key| usize::from(*key)), self.keys)?;
        let mut bits = vec![0.0f32; self.keys];
        frame.iter().for_each(|key| bits[usize::from(*key)] = 1.0);
        let hidden = self.stream.step(&bits, state)?.to_vec();
        match &self.head {
            Head::Independent((weight, bias)) => {
                let logits = linear::forward(&hidden, weight, Some(bias.data()), Activation::Identity)?;
                // Yes against no is a draw of two.
                let sounds = |logit: &f32| sample(&[0.0, *logit], &[], sampling, random) == Some(1);
                let sounding: Vec<bool> = logits.iter().map(sounds).collect();
                Ok((0..self.keys as u8).filter(|key| sounding[usize::from(*key)]).collect())
            }
            Head::Joint { notes, bridge, context, stream, readout } => {
                let begin = linear::forward(&hidden, &bridge.0, Some(bridge.1.data()), Activation::Tanh)?;
                let context = linear::forward(&hidden, &context.0, Some(context.1.data()), Activation::Identity)?;
                let width = begin.len();
                let hidden = Tensor::<2>::from_data(TensorData::new(begin, [1, width]), &burn::tensor::Device::flex());
                let mut state = stream.resume(&[State { hidden, cell: None }]).map_err(|e| match e {
                    StreamError::Shape(e) => e,
                    other => unreachable!("{other}"),
                })?;
                let end = self.keys as u32;
                // From the highest down: what is not below the last note can't come.
                let (mut last, mut drawn) = (end, Vec::new());
                let mut token = 0;
                loop {
                    let note = &notes.data()[token * width..][..width];
                    let x: Vec<f32> = note.iter().zip(&context).map(|(note, context)| note + context).collect();
                    let out = stream.step(&x, &mut state)?;
                    let logits = linear::forward(out, &readout.0, Some(readout.1.data()), Activation::Identity)?;
                    let banned: Vec<u32> = (last..end).collect();
                    match sample(&logits, &banned, sampling, random) {
                        Some(note) if note != end => {
                            (last, token) = (note, note as usize + 1);
                            drawn.push(note as u8);
                        }
                        _ => break,
                    }
                }
                drawn.reverse();
                Ok(drawn)
            }
        }
    }
}
