//! What generated pictures show: a classifier that learns the classes of the data first.

use super::source::{Kind, Source};
use crate::Error;
use crate::run::RunDirectory;
use crate::saved::damaged;
use crate::training::Observer;
use simurgh_data::InputError;
use simurgh_data::images::from_byte;
use simurgh_data::metrics::coverage::Coverage;
use simurgh_nn::adversarial::Recogniser;
use simurgh_nn::artifact::{self, Artifact, FORMAT, Header, Precision};
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::init::Init;
use simurgh_nn::parameters;
use simurgh_random::mix;
use std::path::Path;

/// Passes over the pictures.
const EPOCHS: u64 = 3;

/// A classifier of a sample's pictures.
pub(super) struct Recognition {
    network: Recogniser,
    classes: usize,
    /// Pictures of a sample, each a channel.
    stack: usize,
    /// Numbers of a picture.
    width: usize,
    /// Share of the held-out pictures that it knows.
    pub accuracy: f64,
}

impl Recognition {
    /// Of the run's folder, or trained and kept there; none where classes are not known.
    pub fn of_run(
        source: &Source,
        run: &RunDirectory,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Option<Self>, Error> {
        let path = run.recogniser();
        let recognition = match Self::kept(&path, source)? {
            Some(kept) => Some(kept),
            None => {
                let trained = Self::trained(source, seed, &mut |text| observer.note(text))?;
                if let Some(own) = &trained {
                    let header = Header {
                        format: FORMAT,
                        task: "recogniser".into(),
                        model: serde_json::Value::Null,
                        recipe: String::new(),
                        tokenizer: String::new(),
                        provenance: serde_json::json!({"accuracy": own.accuracy, "data": fingerprint(source)}),
                    };
                    let parameters = parameters::collect(&own.network);
                    run.write(&path, &artifact::to_bytes(&Artifact { header, parameters }, Precision::Full))?;
                }
                trained
            }
        };
        if let Some(own) = &recognition {
            let share = 100.0 * own.accuracy;
            observer.note(&format!(
                "what samples show is said by a classifier, right of {share:.2} % of the held-out pictures"
            ));
        }
        Ok(recognition)
    }

    /// The one in the file at `path`, if it is of these data.
    pub fn kept(path: &Path, source: &Source) -> Result<Option<Self>, Error> {
        let Some(mut own) = Self::new(source, &Init::zeros(&Device::flex()))? else { return Ok(None) };
        if !path.exists() {
            return Ok(None);
        }
        let file = artifact::read(path)?;
        if file.header.provenance["data"] != fingerprint(source) {
            return Ok(None);
        }
        own.accuracy = file.header.provenance["accuracy"].as_f64().unwrap_or(f64::NAN);
        own.network = parameters::replace(own.network, file.parameters)
            .map_err(|problem| damaged("tensors", "those of a classifier", problem).at(path))?;
        Ok(Some(own))
    }

    /// Trained on the pictures that the generator imitates; none where classes are not known.
    pub fn trained(source: &Source, seed: u64, note: &mut dyn FnMut(&str)) -> Result<Option<Self>, Error> {
        let device = &Device::flex().autodiff();
        let Some(untrained) = Self::new(source, &Init::new(seed, device))? else { return Ok(None) };
        note("a classifier learns the classes of the data first, to say what samples show");
        let Kind::Pictures { train, held_out, labels: Some([of_train, of_held]), .. } = &source.kind else {
            return Ok(None);
        };
        let numbers = |bytes: &[u8]| bytes.iter().map(|x| from_byte(*x)).collect::<Vec<f32>>();
        let network = untrained.network.trained(&numbers(&train.data), of_train, EPOCHS, seed, device)?;
        // Off the tape, as it is used.
        let like = Recogniser::new(
            [train.height, train.width, train.channels],
            untrained.classes,
            &Init::zeros(&Device::flex()),
        )?;
        let network = parameters::replace(like, parameters::collect(&network)).expect("its own names and shapes");
        let said = network.classes(&numbers(&held_out.data), untrained.width)?;
        let right = said.iter().zip(of_held).filter(|(said, class)| **said == usize::from(**class)).count();
        Ok(Some(Self { network, accuracy: right as f64 / said.len() as f64, ..untrained }))
    }

    fn new(source: &Source, init: &Init) -> Result<Option<Self>, Error> {
        let Kind::Pictures { train, held_out, stack, labels: Some(labels) } = &source.kind else { return Ok(None) };
        let classes = labels.iter().flatten().max().map_or(0, |most| usize::from(*most) + 1);
        if classes < 2 || held_out.is_empty() {
            let hint = "give data.labels with two classes or more, and hold some pictures out (data.held_out)";
            let got = format!("{classes} classes, {} held-out pictures", held_out.len());
            return Err(InputError::new("classes to tell apart, and pictures to see whether they are", got, hint)
                .field("data.labels")
                .into());
        }
        let network = Recogniser::new([train.height, train.width, train.channels], classes, init)?;
        Ok(Some(Self { network, classes, stack: *stack, width: train.size(), accuracy: f64::NAN }))
    }

    /// The modes of samples `[samples, sample]`: the classes of their pictures together.
    pub fn coverage(&self, samples: &[f32]) -> Result<Coverage, Error> {
        let mut modes = vec![0; samples.len() / (self.width * self.stack)];
        for channel in 0..self.stack {
            let pictures: Vec<f32> = samples.iter().skip(channel).step_by(self.stack).copied().collect();
            // Of colours that are no stack a pixel's channels are one picture's.
            let pictures = if self.stack == 1 { samples } else { &pictures };
            for (mode, class) in modes.iter_mut().zip(self.network.classes(pictures, self.width)?) {
                *mode = *mode * self.classes + class;
            }
        }
        Ok(Coverage::of_classes(self.classes.pow(self.stack as u32), modes))
    }
}

/// Of the pictures and of their classes.
fn fingerprint(source: &Source) -> u64 {
    let Kind::Pictures { labels: Some(labels), .. } = &source.kind else { return source.fingerprint() };
    labels.iter().flatten().fold(source.fingerprint(), |sum, class| mix(sum ^ u64::from(*class)))
}
