//! A trained model of music in use.

use super::recipe::Recipe;
use crate::Error;
use crate::saved::{damaged, recipe_of};
use simurgh_data::InputError;
use simurgh_data::music::{Frame, KEYS, LOWEST};
use simurgh_nn::artifact::Artifact;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::decode::Sampling;
use simurgh_nn::init::Init;
use simurgh_nn::parameters;
use simurgh_nn::pass::Precision;
use simurgh_nn::polyphony::{Composer, Polyphony};
use simurgh_nn::recurrent::stream::StreamState;
use simurgh_random::Random;

/// A model with the settings it was trained with.
pub struct MusicModel {
    /// The network.
    pub network: Polyphony,
    /// The recipe that made it.
    pub recipe: Recipe,
}

impl std::fmt::Debug for MusicModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MusicModel({})", self.recipe.name)
    }
}

impl MusicModel {
    /// The model of a file.
    ///
    /// # Errors
    /// If it is no model of music, or its tensors are not those of its configuration.
    pub fn new(artifact: Artifact, device: &Device) -> Result<Self, Error> {
        let header = artifact.header;
        let recipe: Recipe = recipe_of(&header)?;
        // Compared before anything of the recipe's size is made.
        let numbers: usize = artifact.parameters.iter().map(|p| p.data.len()).sum();
        if recipe.model.hidden * recipe.model.hidden > numbers {
            return Err(damaged("tensors", "those of its configuration", format!("{numbers} numbers, too few")).into());
        }
        let network = Polyphony::new(&recipe.model, KEYS, &Init::zeros(device))?;
        let network = parameters::replace(network, artifact.parameters)
            .map_err(|problems| damaged("tensors", "those of its configuration", problems))?;
        Ok(Self { network, recipe })
    }

    /// A piece that begins with the frames of `start`.
    ///
    /// # Errors
    /// If the network is not on the CPU.
    pub fn compose(&self, start: &[Frame], sampling: Sampling, seed: u64) -> Result<Composing, Error> {
        let composer = self.network.composer(Precision::F32).map_err(|e| {
            InputError::new(
                "a model on the CPU backend",
                e.to_string(),
                "compose with a program built without GPU features",
            )
        })?;
        let state = composer.start()?;
        let begin = start.iter().map(|frame| frame.iter().map(|note| note - LOWEST).collect()).rev().collect();
        Ok(Composing { composer, state, begin, last: Vec::new(), sampling, random: Random::new(seed) })
    }
}

/// A piece in the making: an endless iterator over its frames, those it began with first.
#[derive(Debug)]
pub struct Composing {
    composer: Composer,
    state: StreamState,
    /// Frames to begin with, the next one last.
    begin: Vec<Vec<u8>>,
    last: Vec<u8>,
    sampling: Sampling,
    random: Random,
}

impl Iterator for Composing {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let drawn = self.composer.step(&self.last, &mut self.state, self.sampling, &mut self.random).ok()?;
        self.last = self.begin.pop().unwrap_or(drawn);
        Some(self.last.iter().map(|key| key + LOWEST).collect())
    }
}
