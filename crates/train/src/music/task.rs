//! What music brings to the training loop.

use super::composition::MusicModel;
use super::evaluate::{Score, exposure, keys, measure};
use super::recipe::Recipe;
use super::report;
use crate::Error;
use crate::recipe::{OneOrMany, Reset, located};
use crate::run::{Event, RunDirectory};
use crate::training::{self, Evaluation, Moment, Step};
use serde_json::json;
use simurgh_data::InputError;
use simurgh_data::music::{KEYS, LOWEST, Piece, read_pieces};
use simurgh_data::text::batches;
use simurgh_nn::ShapeError;
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::init::Init;
use simurgh_nn::parameters::{self, Parameter};
use simurgh_nn::pass::{Noise, Pass};
use simurgh_nn::polyphony::{Pieces, Polyphony};
use simurgh_random::{Random, mix, stream};
use std::path::{Path, PathBuf};

/// A model of music with its pieces.
#[derive(Debug)]
pub struct Music {
    recipe: Recipe,
    train: Vec<Piece>,
    dev: Vec<Piece>,
    test: Vec<Piece>,
    test_is_dev: bool,
    notes: Vec<String>,
}

impl Music {
    /// The pieces of a split of these files and folders; `notes` tells of those that can't be used.
    ///
    /// # Errors
    /// If one can't be used.
    pub fn pieces(
        recipe: &Recipe,
        files: &OneOrMany<PathBuf>,
        split: &str,
        directory: Option<&Path>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Piece>, InputError> {
        let steps = recipe.data.frames_per_quarter;
        let read = |path: &PathBuf| read_pieces(&located(path, directory), split, steps, notes);
        let pieces = files.all().iter().map(read).collect::<Result<Vec<_>, _>>()?.concat();
        match files.all() {
            // Nothing follows a first frame: there would be nothing to measure, and a score of 0.
            [first, ..] if pieces.iter().all(|piece| piece.frames.len() < 2) => {
                let got = format!("{} of a frame at most", pieces.len());
                let hint = "data.frames_per_quarter says how short a frame is";
                Err(InputError::new("a piece of two frames or more", got, hint).at(located(first, directory)))
            }
            _ => Ok(pieces),
        }
    }

    /// By how many semitones a piece stands higher in an epoch: none of its notes leaves the keys.
    fn up(&self, index: usize, epoch: u64) -> i16 {
        let most = i16::from(self.recipe.data.transpose);
        if most == 0 {
            return 0;
        }
        let notes = || self.train[index].frames.iter().flatten().map(|note| i16::from(*note));
        let (low, high) = (notes().min().unwrap_or(60), notes().max().unwrap_or(60));
        let down = most.min(low - i16::from(LOWEST));
        let up = most.min(i16::from(LOWEST) + KEYS as i16 - 1 - high);
        let mut random = Random::new(stream(self.recipe.seed, "transpose") ^ mix(epoch) ^ mix(mix(index as u64)));
        random.below((down + up + 1) as usize) as i16 - down
    }
}

impl training::Task for Music {
    type Recipe = Recipe;
    type Network = Polyphony;
    type Model = MusicModel;
    type Score = Score;
    const UNIT: &'static str = "frames";
    const SUMS: [&'static str; 3] = ["loss", "nll", "accuracy"];

    fn read(recipe: Recipe, directory: Option<&Path>, _begun: Option<&RunDirectory>) -> Result<Self, Error> {
        let data = &recipe.data;
        let json = |files: &OneOrMany<PathBuf>| {
            let all: Vec<PathBuf> =
                files.all().iter().filter(|path| path.extension().is_some_and(|e| e == "json")).cloned().collect();
            OneOrMany::Many(all)
        };
        let mut notes = Vec::new();
        let mut read = |files, split| Music::pieces(&recipe, files, split, directory, &mut notes);
        let mut train = read(&data.train, "train")?;
        let named = |files: &OneOrMany<PathBuf>| if files.all().is_empty() { json(&data.train) } else { files.clone() };
        let (mut dev, mut test) = (read(&named(&data.dev), "valid")?, read(&named(&data.test), "test")?);
        if dev.is_empty() {
            let (held, kept) = train.into_iter().enumerate().partition::<Vec<_>, _>(|(i, _)| i % 10 == 9);
            let plain = |all: Vec<(usize, Piece)>| all.into_iter().map(|(_, piece)| piece).collect();
            (train, dev) = (plain(kept), plain(held));
        }
        if train.is_empty() || dev.is_empty() {
            let got = (train.len() + dev.len()).to_string();
            let hint = "every tenth MIDI file is held back to choose by, unless data.dev names others";
            return Err(InputError::new("at least 10 pieces", got, hint).field("data.train").into());
        }
        let test_is_dev = test.is_empty();
        if test_is_dev {
            test.clone_from(&dev);
        }
        Ok(Self { recipe, train, dev, test, test_is_dev, notes })
    }

    fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    fn network_config(&self) -> serde_json::Value {
        json!(self.recipe.model)
    }

    fn vocabulary(&self) -> String {
        String::new()
    }

    fn introduction(&self) -> String {
        let frames = |all: &[Piece]| all.iter().map(|piece| piece.frames.len()).sum::<usize>();
        let test = if self.test_is_dev { "no test set".into() } else { format!("{} test", self.test.len()) };
        let (train, dev) = (&self.train, self.dev.len());
        format!("{} pieces of {} frames to learn from, {dev} dev, {test}", train.len(), frames(train))
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn fingerprint(&self) -> u64 {
        let notes = self.train.iter().flat_map(|piece| &piece.frames);
        let notes = notes.flat_map(|frame| frame.iter().copied().chain([u8::MAX]));
        notes.fold(0, |hash, note| mix(hash ^ u64::from(note)))
    }

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let lengths: Vec<(usize, usize)> = self.train.iter().map(|piece| (0, piece.frames.len())).collect();
        batches::epoch(&lengths, self.recipe.train.batch_tokens, stream(self.recipe.seed, "batches"), epoch)
    }

    fn network(&self, init: &Init) -> Result<Polyphony, ShapeError> {
        Polyphony::new(&self.recipe.model, KEYS, init)
    }

    fn noise(&self, seed: u64) -> Option<Noise> {
        self.recipe.model.noise(seed)
    }

    fn loss(
        &self,
        network: &Polyphony,
        batch: &[usize],
        moment: &mut Moment<'_>,
        pass: &mut Pass,
    ) -> Result<Step, Error> {
        let all: Vec<Vec<Vec<u8>>> = batch.iter().map(|&i| keys(&self.train[i], self.up(i, moment.epoch))).collect();
        let bptt = &self.recipe.bptt;
        let alone = bptt.reset == Reset::Window && bptt.window_steps > 0;
        let frames = if alone { bptt.window_steps } else { usize::MAX };
        let pieces: Vec<&[Vec<u8>]> = all.iter().flat_map(|piece| piece.chunks(frames)).collect();
        let mut packed = Pieces::new(&pieces)?;
        if moment.teacher.share < 1.0 {
            let read = network.valid().walk(&pieces, &moment.teacher, pass.precision)?.read;
            packed = Pieces::reading(&pieces, &read.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        }
        let losses: Vec<_> = network.loss(&packed, pass)?.into_iter().flatten().collect();
        Ok(Step::sum(&losses, packed.frames()))
    }

    fn model(&self, parameters: Vec<Parameter>, device: &Device) -> Result<MusicModel, Error> {
        let network = self.network(&Init::zeros(device))?;
        let network = parameters::replace(network, parameters).expect("the same network");
        Ok(MusicModel { network, recipe: self.recipe.clone() })
    }

    fn evaluate(
        &self,
        model: &MusicModel,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Evaluation<Score>>, Error> {
        let Some(score) = measure(&model.network, &self.dev, &mut *go_on)? else { return Ok(None) };
        let mut events = training::Score::events(&score);
        let Some(exposure) = exposure(&model.network, &self.dev, self.recipe.seed, go_on)? else { return Ok(None) };
        events.extend(exposure.events());
        Ok(Some(Evaluation { value: -score.nll_with_first, score, events }))
    }

    fn test(&self, model: &MusicModel, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Score>, Error> {
        measure(&model.network, &self.test, go_on)
    }

    fn measured_on(&self) -> &'static str {
        if self.test_is_dev { "dev set (the recipe names no test set)" } else { "test set" }
    }

    fn provenance(&self) -> Vec<(&'static str, serde_json::Value)> {
        vec![("training_pieces", json!(self.train.len())), ("licences", json!(self.recipe.data.licences))]
    }

    fn report(&self, model: &MusicModel, events: &[Event], test: &Score) -> Result<String, Error> {
        let exposure = exposure(&model.network, &self.test, self.recipe.seed, || true)?;
        report::sections(model, events, (self.measured_on(), test), exposure.as_ref(), self.test.first())
    }
}
