//! The perfect discriminator (Arjovsky & Bottou 2017, section 2 and figures 1 to 3): a generator is trained and stopped; a discriminator
//! that begins anew soon tells all its samples from the data, and then the minimax gradient has vanished.

use crate::Settings;
use crate::report::{Comparison, Expected, Part, Report, number};
use simurgh_data::images::{Pictures, grid, pictures, shapes, to_png};
use simurgh_nn::burn::tensor::Device;
use simurgh_train::Error;
use simurgh_train::adversarial::{Game, Probe, Reading, Recipe};
use simurgh_train::recipe::parse;
use simurgh_train::report::{Line, chart, picture};
use std::f64::consts::LN_2;

/// Where MNIST is in a data directory.
const MNIST: &str = "mnist/train-images-idx3-ubyte.gz";
/// Of MNIST's pictures: an epoch is short, and a fresh discriminator can learn them by heart.
const FIRST: usize = 12_000;
/// Batches that a reading is of.
const BATCHES: u64 = 16;
const SAMPLES: usize = 32;

/// How long generators are trained, and after how many steps fresh discriminators are read.
struct Plan {
    epochs: Vec<u64>,
    steps: Vec<u64>,
    channels: usize,
}

fn plan(quick: bool) -> Plan {
    match quick {
        true => Plan { epochs: vec![1, 5], steps: vec![0, 25, 100, 300, 1000], channels: 8 },
        false => Plan { epochs: vec![1, 10, 25], steps: vec![0, 50, 100, 500, 1000, 4000], channels: 32 },
    }
}

/// The pictures, and what they are.
fn data(settings: &Settings) -> Result<(Pictures, String), Error> {
    let found = settings.data.as_ref().map(|directory| directory.join(MNIST)).filter(|path| path.exists());
    if let (false, Some(path)) = (settings.quick, found) {
        let mut all = pictures(&path)?;
        all.data.truncate(FIRST * all.size());
        return Ok((all, format!("The first {FIRST} of MNIST's digits.")));
    }
    let (count, size) = if settings.quick { (1500, 16) } else { (FIRST, 28) };
    let why = if settings.quick { "" } else { " (MNIST was not found: simurgh data fetch mnist)" };
    Ok((shapes(count, size, settings.seed).0, format!("{count} pictures of shapes, drawn by the program{why}.")))
}

/// DCGAN, the generator normalised over the batch.
fn recipe(settings: &Settings, channels: usize) -> Recipe {
    let text = format!(
        "task = \"adversarial\"\n[data]\nimages = \"own\"\nheld_out = 0.25\n[model]\nnetwork = \"convolutional\"\nlatent = 32\n\
         channels = {channels}\nbatch_norm = \"generator\"\n[train]\nbatch = 64\n[train.generator]\nlearning_rate = 2e-4\n\
         [train.discriminator]\nlearning_rate = 2e-4\n[ema]\ndecay = 0.0"
    );
    let mut recipe: Recipe = parse(&text, &[]).expect("a recipe");
    recipe.seed = settings.seed;
    recipe
}

/// What fresh discriminators said of a generator after so many epochs.
struct Stop {
    epochs: u64,
    readings: Vec<Reading>,
    samples: Vec<u8>,
}

fn stops(settings: &Settings, all: &Pictures) -> Result<Vec<Stop>, Error> {
    let plan = plan(settings.quick);
    let mut game = Game::of_pictures(recipe(settings, plan.channels), all, &Device::flex())?;
    let an_epoch = (all.len() * 3 / 4 / game.recipe.train.batch) as u64;
    let mut stops = Vec::new();
    for epochs in plan.epochs {
        while game.step < epochs * an_epoch {
            game.advance()?;
        }
        let sampler = game.sampler()?;
        let samples = sampler.pictures(&sampler.samples(SAMPLES, 1)?).expect("samples of pictures");
        let mut probe = Probe::new(&mut game, settings.seed)?;
        let (mut readings, mut made) = (Vec::new(), 0);
        for steps in &plan.steps {
            (made..*steps).try_for_each(|_| probe.advance())?;
            made = *steps;
            readings.push(probe.read(BATCHES)?);
        }
        stops.push(Stop { epochs, readings, samples: to_png(&grid(&samples, 16, 1)) });
    }
    Ok(stops)
}

fn epochs(count: u64) -> String {
    if count == 1 { "1 epoch".into() } else { format!("{count} epochs") }
}

fn row(epochs: u64, r: &Reading) -> Vec<String> {
    let share = |x: f64| format!("{:.2} %", 100.0 * x);
    vec![
        epochs.to_string(),
        r.steps.to_string(),
        share(r.accuracy[0]),
        share(r.accuracy[1]),
        format!("{:.4} +- {:.4}", r.jensen_shannon, r.error),
        number(r.minimax),
        number(r.non_saturating),
        number(r.variance),
    ]
}

const COLUMNS: [&str; 8] =
    ["epochs", "steps of D", "right, seen", "held out", "JSD, nats", "minimax", "non-saturating", "its variance"];

/// What the theory says of them; `most` is what is left of the minimax gradient.
fn compared(stop: &Stop, most: f64) -> Vec<Comparison> {
    let (first, last) = (stop.readings[0], stop.readings[stop.readings.len() - 1]);
    let name = |what: &str| format!("{}: {what}", epochs(stop.epochs));
    let largest = stop.readings.iter().fold(0.0f64, |most, r| most.max(r.minimax));
    vec![
        Comparison::new(name("right of the held-out"), Expected::AtLeast(0.9), last.accuracy[1]),
        Comparison::new(name("held-out bound of the JSD"), Expected::AtMost(LN_2), last.jensen_shannon),
        Comparison::new(name("the same, nearly reached"), Expected::AtLeast(0.6 * LN_2), last.jensen_shannon),
        // Not of what it was at first: a network that begins has a small slope everywhere.
        Comparison::new(name("minimax gradient, of its largest"), Expected::AtMost(most), last.minimax / largest),
        Comparison::new(
            name("the same, of the non-saturating one"),
            Expected::AtMost(0.1),
            last.minimax / last.non_saturating,
        ),
        Comparison::new(
            name("non-saturating gradient, of what it was at first"),
            Expected::AtLeast(1.0),
            last.non_saturating / first.non_saturating,
        ),
        Comparison::new(
            name("its variance, of what it was at first"),
            Expected::AtLeast(1.0),
            last.variance / first.variance,
        ),
    ]
}

pub fn run(settings: &Settings) -> Result<Report, Error> {
    let (all, about) = data(settings)?;
    let stops = stops(settings, &all)?;
    let lines = |value: fn(&Reading) -> f64| -> Vec<Line> {
        let of = |stop: &Stop| Line {
            label: epochs(stop.epochs),
            points: stop.readings.iter().map(|r| (r.steps as f64, value(r))).collect(),
        };
        stops.iter().map(of).collect()
    };
    let mut parts = vec![
        Part::Text(
            "Pictures, real and generated, lie on surfaces of few dimensions among all that a screen could show. Two such surfaces \
             hardly meet, so a discriminator exists that is right of every sample: the Jensen-Shannon divergence is log 2 = 0.693147 \
             however good the pictures are, and log(1 - D) has no slope left for the generator (theorems 2.1 to 2.4). -log D keeps one, \
             but an erratic one (theorem 2.6): its variance grows."
                .into(),
        ),
        Part::Text(format!(
            "{about} A DCGAN is trained and stopped; then a discriminator begins anew against the generator that stands still, \
             by cross-entropy alone. Right: the share of samples on the right side, real ones that it learnt from or that were held \
             out, each beside as many new generated ones. The bound of the divergence is read on held-out pictures: on those that it \
             has learnt by heart it would say log 2 of anything. Gradients are the generator's, the mean of {BATCHES} batches; the paper \
             saw the minimax one fall by up to five orders of magnitude within 4,000 steps."
        )),
    ];
    for stop in &stops {
        let rows = stop.readings.iter().map(|r| row(stop.epochs, r)).collect();
        parts.push(Part::Table(format!("after {} of the game", epochs(stop.epochs)), COLUMNS.to_vec(), rows));
        let name = format!("what it makes after {}", epochs(stop.epochs));
        parts.push(Part::Figure(name.clone(), picture(&stop.samples, &name)));
    }
    // The better the generator, the longer it takes a discriminator to be sure.
    let most = |k: usize| if k > 0 { 0.8 } else { [0.01, 0.5][usize::from(settings.quick)] };
    let comparisons = stops.iter().enumerate().flat_map(|(k, stop)| compared(stop, most(k))).collect();
    parts.push(Part::Comparisons("after the last step".into(), comparisons));
    for (name, value) in [
        ("the minimax gradient by steps of the discriminator, log10", (|r| r.minimax.log10()) as fn(&Reading) -> f64),
        ("the non-saturating gradient, log10", |r| r.non_saturating.log10()),
        ("the bound of the divergence, nats", |r| r.jensen_shannon),
    ] {
        parts.push(Part::Figure(name.into(), chart(name, &lines(value))));
    }
    Ok(Report { id: "perfect-discriminator", title: "The perfect discriminator, and what it teaches", parts })
}
