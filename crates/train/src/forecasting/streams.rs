//! Windows that go on where others ended: the network remembers a series from its beginning.

use super::panel::{Origin, Panel};
use super::recipe::Recipe;
use crate::Error;
use crate::recipe::Reset;
use simurgh_data::InputError;
use simurgh_nn::burn::tensor::Device;
use simurgh_nn::forecaster::{Forecaster, Windows};
use simurgh_nn::pass::Precision;
use simurgh_nn::recurrent::State;
use simurgh_random::{Random, mix, stream};
use std::collections::BTreeMap;

/// What is done with a batch: places among the origins, and windows; whether to go on.
type With<'a> = &'a mut dyn FnMut(&[usize], &Windows) -> Result<bool, Error>;

/// Windows forecast together.
const BATCH: usize = 256;

/// A part of a series has about so many windows or more, if the series has: memory is learnt from what is carried.
const LANE: usize = 8;

/// The batches of an epoch, of windows by their place in `train`: each series is cut into equal parts, which are learnt from side by
/// side; a batch holds the next window of each. Where the first window begins is drawn for every epoch.
pub(super) fn batches(recipe: &Recipe, train: &[Origin], epoch: u64) -> Vec<Vec<usize>> {
    let m = &recipe.model;
    let mut random = Random::new(stream(recipe.seed, "batches") ^ mix(epoch));
    let series: Vec<&[Origin]> = train.chunk_by(|a, b| a.series == b.series).collect();
    let lanes = (recipe.train.batch_tokens / m.horizon).max(1);
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut base = 0;
    for own in &series {
        let offset = random.below(m.look_back.min(own.len()));
        let windows: Vec<usize> = (offset..own.len()).step_by(m.look_back).map(|i| base + i).collect();
        let parts = (lanes / series.len()).clamp(1, windows.len().div_ceil(LANE));
        let (length, more) = (windows.len() / parts, windows.len() % parts);
        let mut rest = windows.as_slice();
        for part in 0..parts {
            let (now, then) = rest.split_at(length + usize::from(part < more));
            all.push(now.to_vec());
            rest = then;
        }
        base += own.len();
    }
    // Those that end first are last: what is left is always the beginning of a batch.
    all.sort_by_key(|windows| std::cmp::Reverse(windows.len()));
    let most = all.first().map_or(0, Vec::len);
    (0..most).map(|k| all.iter().map_while(|windows| windows.get(k).copied()).collect()).collect()
}

/// Whether the first window of a batch of [`batches`] is the first of its series: then all of the batch begin anew.
pub(super) fn begins(recipe: &Recipe, first: Origin) -> bool {
    first.step < 2 * recipe.model.look_back
}

/// What is carried, for the first `count` windows.
///
/// # Errors
/// If it is of fewer: the recipe of the run was changed.
pub(super) fn carried(
    numbers: &[simurgh_nn::parameters::Parameter],
    count: usize,
    device: &Device,
) -> Result<Option<Vec<State>>, InputError> {
    let Some(states) = State::read(numbers, device) else { return Ok(None) };
    let there = states[0].hidden.dims()[0];
    if there < count {
        let hint = "give [data], [model] and [train] of the run's recipe.toml the values with which it began";
        let expected = format!("what is carried from {count} windows to the next");
        return Err(InputError::new(expected, format!("that of {there}"), hint));
    }
    let rows: Vec<usize> = (0..count).collect();
    Ok(Some(states.iter().map(|s| if there == count { s.clone() } else { s.pick(&rows) }).collect()))
}

/// Calls `with` the windows of these origins, batch by batch, and their places among them, until it says no. Where the network
/// remembers (`reset` is not [`Reset::Window`]) each window has what is remembered of its series from the beginning: the windows
/// before it are read too, each once for all that come after.
pub(super) fn each_batch(
    network: &Forecaster,
    panel: &Panel,
    reset: Reset,
    origins: &[Origin],
    horizon: usize,
    with: With<'_>,
) -> Result<bool, Error> {
    let look_back = network.config().look_back;
    if reset == Reset::Window {
        let places: Vec<usize> = (0..origins.len()).collect();
        for (origins, places) in origins.chunks(BATCH).zip(places.chunks(BATCH)) {
            if !with(places, &panel.windows(origins, look_back, horizon))? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    // The windows that end `look_back` steps apart go on from each other: those of one remainder are a lane.
    let mut lanes: BTreeMap<(usize, usize), BTreeMap<usize, usize>> = BTreeMap::new();
    for (place, o) in origins.iter().enumerate() {
        lanes.entry((o.series, o.step % look_back)).or_default().insert(o.step / look_back, place);
    }
    let mut lanes: Vec<((usize, usize), BTreeMap<usize, usize>)> = lanes.into_iter().collect();
    let last = |wanted: &BTreeMap<usize, usize>| *wanted.last_key_value().expect("a lane has a window").0;
    lanes.sort_by_key(|(_, wanted)| std::cmp::Reverse(last(wanted)));
    for lanes in lanes.chunks(BATCH) {
        let mut memory: Option<Vec<State>> = None;
        for k in 1..=last(&lanes[0].1) {
            let lanes = &lanes[..lanes.partition_point(|(_, wanted)| last(wanted) >= k)];
            let rows: Vec<usize> = (0..lanes.len()).collect();
            let memory_of = |rows: &[usize]| Some(memory.as_ref()?.iter().map(|s| s.pick(rows)).collect());
            let wanted: Vec<usize> = rows.iter().copied().filter(|&row| lanes[row].1.contains_key(&k)).collect();
            let origin = |&row: &usize| Origin { series: lanes[row].0.0, step: lanes[row].0.1 + k * look_back };
            if !wanted.is_empty() {
                let origins: Vec<Origin> = wanted.iter().map(origin).collect();
                let places: Vec<usize> = wanted.iter().map(|&row| lanes[row].1[&k]).collect();
                let windows = panel.windows(&origins, look_back, horizon);
                if !with(&places, &Windows { memory: memory_of(&wanted), ..windows })? {
                    return Ok(false);
                }
            }
            // What the next window of a lane goes on from.
            let going: Vec<usize> = rows.into_iter().filter(|&row| last(&lanes[row].1) > k).collect();
            if going.is_empty() {
                break;
            }
            let origins: Vec<Origin> = going.iter().map(origin).collect();
            // Of what is known in advance a segment is read, as in training, however far is forecast.
            let segment = network.config().segment;
            let windows = Windows { memory: memory_of(&going), ..panel.windows(&origins, look_back, segment) };
            memory = Some(network.remember(&windows, segment, Precision::F32)?);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecasting::panel::Scales;
    use crate::recipe::parse;
    use simurgh_data::series::{Columns, Table};
    use simurgh_nn::init::Init;

    fn recipe() -> Recipe {
        let text = "task = \"forecasting\"\n[data]\ntrain = \"x.csv\"\nsplit = [30, 10, 10]\n[model]\nhidden = 6\nlayers = 2\n\
segment = 2\nlook_back = 4\nhorizon = 3\ndecoding = \"recursive\"\nnormalise = \"none\"\n[train]\nbatch_tokens = 12\n[bptt]\nreset = \"epoch\"\n";
        parse(text, &[]).unwrap()
    }

    /// A long and a short series.
    fn panel(recipe: &Recipe) -> Panel {
        let mut csv = String::from("time,name,value,known\n");
        for (name, rows) in [("a", 50), ("b", 23)] {
            for t in 0..rows {
                csv += &format!("{t},{name},{},{}\n", (f64::from(t) * 0.7).sin(), t % 3);
            }
        }
        let columns =
            Columns { series: "name".into(), known: vec!["known".into()], time: "time".into(), ..Columns::default() };
        Panel::new(recipe, Table::parse(&csv, &columns).unwrap(), None::<Scales>)
    }

    #[test]
    fn a_batch_goes_on_from_the_one_before() {
        let recipe = recipe();
        let panel = panel(&recipe);
        let train = panel.origins(&recipe, 0);
        let mut offsets = std::collections::BTreeSet::new();
        for epoch in 0..20 {
            let batches = batches(&recipe, &train, epoch);
            let origins = |batch: &[usize]| -> Vec<Origin> { batch.iter().map(|&i| train[i]).collect() };
            assert!(begins(&recipe, origins(&batches[0])[0]));
            offsets.insert(origins(&batches[0])[0].step);
            for pair in batches.windows(2) {
                let [before, after] = [origins(&pair[0]), origins(&pair[1])];
                assert!(after.len() <= before.len() && !begins(&recipe, after[0]));
                for (b, a) in before.iter().zip(&after) {
                    assert_eq!((a.series, a.step), (b.series, b.step + 4));
                }
            }
            // Nothing twice, and no more missing than the windows before the offset.
            let mut all: Vec<usize> = batches.concat();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
            assert!(count >= train.len() / 4 - 2, "{count} of {}", train.len());
        }
        assert!(offsets.len() > 1);
    }

    #[test]
    fn every_origin_remembers_its_series_from_the_beginning() {
        let recipe = recipe();
        let panel = panel(&recipe);
        let network = Forecaster::new(&recipe.model, 2, panel.known, &Init::new(3, &Device::flex())).unwrap();
        let origins: Vec<Origin> = [(0, 47), (1, 20), (0, 4), (0, 31), (1, 7), (0, 43), (0, 29)]
            .map(|(series, step)| Origin { series, step })
            .into();
        let mut seen = vec![false; origins.len()];
        let done = each_batch(&network, &panel, Reset::Epoch, &origins, 3, &mut |places, windows| {
            let forecast = network.forecast(windows, 3, Precision::F32)?;
            for (&place, forecast) in places.iter().zip(forecast.chunks_exact(3 * recipe.model.width())) {
                let o = origins[place];
                // One window after the other by itself.
                let mut memory = None;
                for step in (4 + o.step % 4..=o.step).step_by(4) {
                    let one = Windows { memory, ..panel.windows(&[Origin { step, ..o }], 4, 3) };
                    if step == o.step {
                        assert_eq!(network.forecast(&one, 3, Precision::F32)?, forecast, "{o:?}");
                    }
                    let short = Windows { ..panel.windows(&[Origin { step, ..o }], 4, 2) };
                    memory = Some(network.remember(&Windows { memory: one.memory, ..short }, 2, Precision::F32)?);
                }
                seen[place] = true;
            }
            Ok(true)
        });
        assert!(done.unwrap() && seen.iter().all(|s| *s));
        let stopped = each_batch(&network, &panel, Reset::Epoch, &origins, 3, &mut |_, _| Ok(false));
        assert!(!stopped.unwrap());
    }
}
