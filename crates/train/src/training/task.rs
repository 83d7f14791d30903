//! What a task brings to the loop: data, a network, and how both are measured.

use super::Observer;
use crate::Error;
use crate::recipe::SequenceRecipe;
use crate::run::{Event, RunDirectory};
use serde::Serialize;
use simurgh_nn::ShapeError;
use simurgh_nn::burn::module::Module;
use simurgh_nn::burn::tensor::{Device, Tensor};
use simurgh_nn::init::Init;
use simurgh_nn::ops::Loss;
use simurgh_nn::parameters::Parameter;
use simurgh_nn::pass::{Noise, Pass};
use simurgh_nn::scheduled_sampling::Teacher;
use std::path::Path;

/// A task with its data, read.
pub trait Task: Sized {
    /// What is trained, as written by the user.
    type Recipe: SequenceRecipe;
    /// The network.
    type Network: Module;
    /// The network in use, as on data that nobody has seen.
    type Model;
    /// What is measured of it.
    type Score: Score;
    /// What the loss is a mean over, in the plural.
    const UNIT: &'static str;
    /// The names of [`Step::sums`] in the events.
    const SUMS: [&'static str; 3];

    /// Reads the recipe's data, of which relative paths are looked up from here, then in `directory`. A run that is gone on
    /// with has what it learnt of its data before in its directory.
    ///
    /// # Errors
    /// If they can't be used.
    fn read(recipe: Self::Recipe, directory: Option<&Path>, begun: Option<&RunDirectory>) -> Result<Self, Error>;

    /// What is trained before the training itself begins or goes on, in a folder of the run: nothing, for most tasks.
    ///
    /// # Errors
    /// As [`crate::training::train`].
    fn prepare(&mut self, _run: &RunDirectory, _device: &Device, _observer: &mut dyn Observer) -> Result<(), Error> {
        Ok(())
    }

    /// The recipe.
    fn recipe(&self) -> &Self::Recipe;

    /// Which network, as JSON.
    fn network_config(&self) -> serde_json::Value;

    /// What a model needs besides its parameters and its recipe, such as a vocabulary, as text.
    fn vocabulary(&self) -> String;

    /// The data in a sentence.
    fn introduction(&self) -> String;

    /// What was done with data that were not as they should be.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// A number that changes with the training data.
    fn fingerprint(&self) -> u64;

    /// The batches of an epoch: a function of recipe, data and epoch alone.
    fn batches(&self, epoch: u64) -> Vec<Vec<usize>>;

    /// The network, its parameters drawn by `init`.
    ///
    /// # Errors
    /// If there is no memory for it.
    fn network(&self, init: &Init) -> Result<Self::Network, ShapeError>;

    /// The noise of a training pass, if any.
    fn noise(&self, seed: u64) -> Option<Noise>;

    /// The loss of a batch.
    ///
    /// # Errors
    /// If a shape does not fit, or the network can't run freely on its device.
    fn loss(
        &self,
        network: &Self::Network,
        batch: &[usize],
        moment: &mut Moment<'_>,
        pass: &mut Pass,
    ) -> Result<Step, Error>;

    /// The network with these parameters, to be used.
    ///
    /// # Errors
    /// If there is no memory for it.
    fn model(&self, parameters: Vec<Parameter>, device: &Device) -> Result<Self::Model, Error>;

    /// What is done to the best parameters before they are measured and saved: nothing, for most tasks.
    ///
    /// # Errors
    /// If the data can't be used.
    fn complete(&self, parameters: Vec<Parameter>, _device: &Device) -> Result<Vec<Parameter>, Error> {
        Ok(parameters)
    }

    /// How good a model is on the dev set; none if `go_on` said no.
    ///
    /// # Errors
    /// If the data can't be used.
    fn evaluate(
        &self,
        model: &Self::Model,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Evaluation<Self::Score>>, Error>;

    /// How good the final model is on the test set; none if `go_on` said no.
    ///
    /// # Errors
    /// As [`Task::evaluate`].
    fn test(&self, model: &Self::Model, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Self::Score>, Error>;

    /// What [`Task::test`] measures on, in words.
    fn measured_on(&self) -> &'static str;

    /// What the model is to say about itself, besides what the loop says of every model.
    fn provenance(&self) -> Vec<(&'static str, serde_json::Value)>;

    /// The report's sections: HTML.
    ///
    /// # Errors
    /// If the model can't be shown at work.
    fn report(&self, model: &Self::Model, events: &[Event], test: &Self::Score) -> Result<String, Error>;
}

/// Where in its training a network is.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Epochs before this one.
    pub epoch: u64,
    /// How often the teacher is heard.
    pub teacher: Teacher,
    /// What the batch before left, for a stream to go on from: nothing at the beginning of a run.
    pub carried: &'a mut Carried,
}

/// What goes from batch to batch, by name; a checkpoint keeps it.
pub type Carried = Vec<Parameter>;

/// The loss of a batch.
#[derive(Debug)]
pub struct Step {
    /// `[1]`, summed over the batch: what is differentiated.
    pub loss: Tensor<1>,
    /// Sums over the batch; the first is `loss`.
    pub sums: [f64; 3],
    /// How many [`Task::UNIT`] they are sums over.
    pub count: usize,
}

impl Step {
    /// Of several losses over `count` positions together.
    ///
    /// # Panics
    /// If there is none.
    pub fn sum(losses: &[Loss], count: usize) -> Self {
        let mut sums = [0.0; 3];
        for loss in losses {
            sums.iter_mut().zip(loss.values()).for_each(|(sum, value)| *sum += value);
        }
        let loss = losses.iter().map(Loss::smoothed).reduce(|a, b| a + b).expect("at least one loss");
        Self { loss, sums, count }
    }
}

/// A dev evaluation.
#[derive(Debug)]
pub struct Evaluation<S> {
    /// What a person sees of it.
    pub score: S,
    /// By which models are compared: more is better.
    pub value: f64,
    /// What the run keeps of it.
    pub events: Vec<(String, f64)>,
}

/// What is measured of a model.
pub trait Score: Serialize {
    /// The main numbers by name.
    fn numbers(&self) -> Vec<(&'static str, f64)>;
    /// They as events.
    fn events(&self) -> Vec<(String, f64)> {
        self.numbers().into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }
    /// They in a line, for a person.
    fn line(&self) -> String;
}
