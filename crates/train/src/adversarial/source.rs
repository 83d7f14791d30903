//! What is to be imitated: points of a mixture, or pictures.

use super::recipe::{Data, Recipe};
use crate::Error;
use crate::recipe::located;
use simurgh_data::InputError;
use simurgh_data::images::{self, Pictures, from_byte};
use simurgh_data::mixture::Mixture;
use simurgh_nn::adversarial::SampleShape;
use simurgh_nn::normal;
use simurgh_random::{Random, mix, stream};
use std::path::Path;

/// The data of a run.
#[derive(Debug)]
pub(super) struct Source {
    pub kind: Kind,
    /// What was done with data that were not as they should be.
    pub notes: Vec<String>,
    seed: u64,
    mirror: bool,
    /// An epoch and the order of its pictures.
    order: (u64, Vec<u32>),
}

#[derive(Debug)]
pub(super) enum Kind {
    Points(Mixture),
    Pictures {
        train: Pictures,
        /// To compare the generator's with.
        held_out: Pictures,
        /// Pictures of a sample, each a channel.
        stack: usize,
        /// Classes of both, where they are known.
        labels: Option<[Vec<u8>; 2]>,
    },
}

impl Source {
    pub fn read(recipe: &Recipe, directory: Option<&Path>) -> Result<Self, Error> {
        let mut notes = Vec::new();
        let kind = match recipe.data.mixture {
            Some(mixture) => Kind::Points(mixture.mixture()),
            None => pictures(&recipe.data, recipe.seed, directory, &mut notes)?,
        };
        Self::new(recipe, kind, notes)
    }

    /// These pictures, whose classes are not known, in place of the recipe's.
    pub fn of_pictures(recipe: &Recipe, pictures: &Pictures) -> Result<Self, Error> {
        Self::new(recipe, split(&recipe.data, recipe.seed, pictures, None), Vec::new())
    }

    fn new(recipe: &Recipe, kind: Kind, notes: Vec<String>) -> Result<Self, Error> {
        let (data, seed) = (&recipe.data, recipe.seed);
        if let Kind::Pictures { train, .. } = &kind
            && train.len() < recipe.train.batch
        {
            let hint = format!("give more pictures, or --set train.batch={}", train.len() / 2 * 2);
            let expected = format!("at least a batch of {} pictures to learn from", recipe.train.batch);
            return Err(InputError::new(expected, train.len().to_string(), hint).at(&data.images).into());
        }
        Ok(Self { kind, notes, seed, mirror: data.mirror, order: (u64::MAX, Vec::new()) })
    }

    pub fn shape(&self) -> SampleShape {
        match &self.kind {
            Kind::Points(_) => SampleShape::Numbers(2),
            Kind::Pictures { train, stack, .. } => {
                SampleShape::Picture(train.height, train.width, train.channels * stack)
            }
        }
    }

    pub fn introduction(&self) -> String {
        match &self.kind {
            Kind::Points(mixture) => {
                format!("{} Gaussians of deviation {} in the plane", mixture.centres.len(), mixture.deviation)
            }
            Kind::Pictures { train: p, held_out, stack, .. } => {
                let what = if p.channels == 1 { "grey" } else { "colour" };
                let (width, height, held_out) = (p.width, p.height, held_out.len());
                let of = format!("{} {what} pictures of {width} x {height} pixels, {held_out} more held out", p.len());
                if *stack > 1 { format!("samples of {stack} pictures, each a channel, out of {of}") } else { of }
            }
        }
    }

    /// A number that changes with the data.
    pub fn fingerprint(&self) -> u64 {
        match &self.kind {
            Kind::Points(mixture) => mix(mixture.centres.len() as u64),
            Kind::Pictures { train, .. } => {
                let shape = [train.width, train.height, train.channels].into_iter().map(|x| x as u64);
                let words = train.data.chunks(8).map(|c| c.iter().fold(0, |sum, x| sum << 8 | u64::from(*x)));
                shape.chain(words).fold(self.seed, |sum, x| mix(sum ^ x))
            }
        }
    }

    /// The real samples of the `number`-th batch, `[count, sample]`: a function of seed and number alone.
    pub fn batch(&mut self, number: u64, count: usize) -> Vec<f32> {
        let seed = mix(stream(self.seed, "real samples") ^ mix(number));
        match &self.kind {
            Kind::Points(mixture) => points(mixture, seed, count),
            Kind::Pictures { train, stack: 1, .. } => {
                let mut random = Random::new(seed);
                let mut all = Vec::with_capacity(count * train.size());
                for k in number * count as u64..(number + 1) * count as u64 {
                    let (epoch, place) = (k / train.len() as u64, (k % train.len() as u64) as usize);
                    if self.order.0 != epoch {
                        let mut order: Vec<u32> = (0..train.len() as u32).collect();
                        Random::new(mix(stream(self.seed, "order") ^ mix(epoch))).shuffle(&mut order);
                        self.order = (epoch, order);
                    }
                    let picture = train.picture(self.order.1[place] as usize);
                    let at = all.len();
                    all.extend(picture.iter().map(|x| from_byte(*x)));
                    if self.mirror && random.below(2) == 1 {
                        mirror(&mut all[at..], train.width, train.channels);
                    }
                }
                all
            }
            Kind::Pictures { train, stack, .. } => stacked(train, *stack, seed, count),
        }
    }

    /// `count` real samples that nothing is learnt from, `[count, sample]`: of pictures where some are held out.
    pub fn held_out(&self, count: usize, seed: u64) -> Vec<f32> {
        let seed = mix(stream(self.seed, "held-out samples") ^ mix(seed));
        match &self.kind {
            Kind::Points(mixture) => points(mixture, seed, count),
            Kind::Pictures { train, held_out, stack, .. } => {
                stacked(if held_out.is_empty() { train } else { held_out }, *stack, seed, count)
            }
        }
    }
}

/// `count` samples of `stack` random pictures each, every one a channel.
pub(super) fn stacked(pictures: &Pictures, stack: usize, seed: u64, count: usize) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut all = vec![0.0; count * stack * pictures.size()];
    for sample in all.chunks_exact_mut(stack * pictures.size()) {
        for channel in 0..stack {
            // Of colours that are no stack a pixel's channels are one picture's.
            let picture = pictures.picture(random.below(pictures.len()));
            for (pixel, x) in sample.chunks_exact_mut(stack).zip(picture) {
                pixel[channel] = from_byte(*x);
            }
        }
    }
    all
}

/// Points of a mixture, `[count, 2]`.
pub(super) fn points(mixture: &Mixture, seed: u64, count: usize) -> Vec<f32> {
    let mut all = vec![0.0f32; 2 * count];
    normal(&mut all, seed);
    let mut random = Random::new(seed);
    for point in all.chunks_exact_mut(2) {
        let centre = mixture.centres[random.below(mixture.centres.len())];
        point.iter_mut().zip(centre).for_each(|(x, c)| *x = (c + mixture.deviation * f64::from(*x)) as f32);
    }
    all
}

/// Left and right exchanged, in place.
fn mirror(picture: &mut [f32], width: usize, channels: usize) {
    for row in picture.chunks_exact_mut(width * channels) {
        for x in 0..width / 2 {
            for c in 0..channels {
                row.swap(x * channels + c, (width - 1 - x) * channels + c);
            }
        }
    }
}

fn pictures(data: &Data, seed: u64, directory: Option<&Path>, notes: &mut Vec<String>) -> Result<Kind, Error> {
    let path = &located(&data.images, directory);
    if !path.exists() {
        let error = InputError::new("a folder of pictures or an IDX file", "no such file", "check the path");
        return Err(error.at(path).into());
    }
    let all = if path.is_file() {
        images::pictures(path)?
    } else {
        let folder = images::folder(path, data.size, data.channels, data.strict)?;
        if folder.resized > 0 {
            let (n, size) = (folder.resized, data.size);
            notes.push(format!("{n} pictures of another size were cropped about their centre and scaled to {size} x {size} pixels (data.size)"));
        }
        if let Some((first, why)) = folder.skipped.first() {
            let n = folder.skipped.len();
            notes.push(format!(
                "{n} files can't be read and were left out, {}: {why} (data.strict=true ends there)",
                first.display()
            ));
        }
        folder.pictures
    };
    if all.is_empty() || all.size() == 0 {
        let hint = "give a folder of pictures, or an IDX file with some";
        return Err(InputError::new("pictures", "none", hint).at(path).into());
    }
    if data.stack > 1 && all.channels > 1 {
        let hint = "each picture of a stack is a channel: give grey ones, e.g. data.channels = 1";
        return Err(InputError::new("grey pictures to stack", "colours", hint).at(path).into());
    }
    let labels = match data.labels.as_os_str().is_empty() {
        true => None,
        false => {
            let of = located(&data.labels, directory);
            let labels = images::labels(&of)?;
            if labels.len() != all.len() {
                let hint = "labels are those of the pictures, one each, in their order";
                let expected = format!("{} labels, as many as pictures", all.len());
                return Err(InputError::new(expected, labels.len().to_string(), hint).at(of).into());
            }
            Some(labels)
        }
    };
    Ok(split(data, seed, &all, labels))
}

/// A part is held out.
fn split(data: &Data, seed: u64, all: &Pictures, labels: Option<Vec<u8>>) -> Kind {
    let mut order: Vec<usize> = (0..all.len()).collect();
    Random::new(stream(seed, "held out")).shuffle(&mut order);
    // As they stood, for what is read from one end to the other.
    let (held, train) = order.split_at_mut((all.len() as f64 * data.held_out) as usize);
    held.sort_unstable();
    train.sort_unstable();
    let (width, height, channels) = (all.width, all.height, all.channels);
    let some = |chosen: &[usize]| {
        let data = chosen.iter().flat_map(|k| all.picture(*k).iter().copied()).collect();
        Pictures { width, height, channels, data }
    };
    let labels = labels.map(|all| [&train, &held].map(|chosen| chosen.iter().map(|k| all[*k]).collect()));
    Kind::Pictures { train: some(train), held_out: some(held), stack: data.stack, labels }
}
