//! How likely music is.

use super::composition::MusicModel;
use crate::Error;
use crate::scheduled_sampling::exposure::Exposure;
use crate::training;
use serde::Serialize;
use simurgh_data::music::{KEYS, LOWEST, Piece};
use simurgh_nn::pass::{Pass, Precision};
use simurgh_nn::polyphony::{Pieces, Polyphony};
use simurgh_nn::scheduled_sampling::{Choice, Teacher};
use simurgh_random::mix;

/// Pieces measured together.
const BATCH: usize = 16;

/// Scores on a set of pieces.
#[derive(Clone, Debug, Serialize)]
pub struct Score {
    /// Pieces.
    pub pieces: usize,
    /// Frames, the first of each piece among them.
    pub frames: usize,
    /// Mean negative log-likelihood of a frame, nats; of all but the first of each piece, as Bai et al. 2018 measure it.
    pub nll: f64,
    /// The same with the first frames, as Boulanger-Lewandowski et al. 2012 measure it.
    pub nll_with_first: f64,
    /// Share of all frames but the first that are guessed whole (of the independent head: every key right), or of notes and ends
    /// that are (of the joint head).
    pub accuracy: f64,
}

impl training::Score for Score {
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![("nll", self.nll), ("nll_with_first", self.nll_with_first), ("accuracy", self.accuracy)]
    }

    fn line(&self) -> String {
        format!("nll {:.3} nats a frame ({:.3} with first frames)", self.nll, self.nll_with_first)
    }
}

/// A piece's frames as keys from 0, `up` semitones higher.
pub(super) fn keys(piece: &Piece, up: i16) -> Vec<Vec<u8>> {
    let key = |note: &u8| (i16::from(*note) - i16::from(LOWEST) + up) as u8;
    debug_assert!(piece.frames.iter().flatten().all(|note| usize::from(key(note)) < KEYS));
    piece.frames.iter().map(|frame| frame.iter().map(key).collect()).collect()
}

/// How likely the pieces are; none if `go_on` said no.
pub(super) fn measure(
    network: &Polyphony,
    pieces: &[Piece],
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Score>, Error> {
    let (mut nll, mut correct, mut units) = ([0.0; 2], 0.0, 0);
    let mut frames = 0;
    for chunk in pieces.chunks(BATCH) {
        let all: Vec<Vec<Vec<u8>>> = chunk.iter().map(|piece| keys(piece, 0)).collect();
        let packed = Pieces::new(&all.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        frames += packed.frames();
        for (part, loss) in network.loss(&packed, &mut Pass::default())?.iter().enumerate() {
            if let Some(loss) = loss {
                let values = loss.values();
                nll[part] += values[1];
                correct += if part == 1 { values[2] } else { 0.0 };
            }
        }
        let joint = network.config().head == simurgh_nn::polyphony::HeadKind::Joint;
        let unit = |frame: &Vec<u8>| if joint { frame.len() + 1 } else { 1 };
        units += all.iter().flat_map(|piece| &piece[1..]).map(unit).sum::<usize>();
        if !go_on() {
            return Ok(None);
        }
    }
    Ok(Some(Score {
        pieces: pieces.len(),
        frames,
        nll: nll[1] / (frames - pieces.len()).max(1) as f64,
        nll_with_first: (nll[0] + nll[1]) / frames as f64,
        accuracy: correct / units.max(1) as f64,
    }))
}

/// How likely the pieces are after their own frames, and after those the network composes, and how many of their frames are the
/// likeliest it would play there; none if `go_on` said no.
pub(super) fn exposure(
    network: &Polyphony,
    pieces: &[Piece],
    seed: u64,
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Exposure>, Error> {
    let mut exposure = Exposure::default();
    for (chunk, index) in pieces.chunks(BATCH).zip(0..) {
        let all: Vec<Vec<Vec<u8>>> = chunk.iter().map(|piece| keys(piece, 0)).collect();
        let own: Vec<&[Vec<u8>]> = all.iter().map(Vec::as_slice).collect();
        let teacher = Teacher { choice: Choice::Drawn, seed: mix(seed ^ index), ..Teacher::NEVER };
        let composed = network.walk(&own, &teacher, Precision::F32)?.read;
        let composed: Vec<&[Vec<u8>]> = composed.iter().map(Vec::as_slice).collect();
        for (way, read) in [&own, &composed].into_iter().enumerate() {
            let packed = Pieces::reading(&own, read)?;
            for (t, loss) in network.loss_by_step(&packed, &mut Pass::default())?.iter().enumerate() {
                exposure.add_likelihood(way, t, loss.values()[1]);
            }
            let likeliest = Teacher { choice: Choice::Likeliest, ..Teacher::ALWAYS };
            let said = network.walk(read, &likeliest, Precision::F32)?.said;
            for (piece, said) in own.iter().zip(&said) {
                exposure.add_sequence(way, piece.iter().zip(said).map(|(frame, said)| frame == said));
            }
        }
        if !go_on() {
            return Ok(None);
        }
    }
    Ok(Some(exposure))
}

/// How likely the pieces are under a model; none if `go_on` said no.
///
/// # Errors
/// If there is no memory for them.
pub fn evaluate(model: &MusicModel, pieces: &[Piece], go_on: impl FnMut() -> bool) -> Result<Option<Score>, Error> {
    measure(&model.network, pieces, go_on)
}
