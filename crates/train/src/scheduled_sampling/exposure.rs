//! Exposure bias, measured: how much worse a network is where it reads its own tokens (Bengio et al. 2015; Ranzato et al. 2016).

use crate::report::{Line, chart, line};
use crate::run::Event;
use serde::Serialize;
use simurgh_nn::Ragged;
use simurgh_nn::scheduled_sampling::Walk;
use std::fmt::Write;

/// Where a position's group begins, from 1; far into a sequence tokens are few.
const GROUPS: [usize; 17] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 21, 31, 51, 101, 201];

/// The group of the step `t`, from 0.
fn group(t: usize) -> usize {
    GROUPS.partition_point(|first| *first <= t + 1) - 1
}

/// Sums over tokens.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    tokens: f64,
    nll: f64,
    correct: f64,
}

/// One way through the sequences.
#[derive(Clone, Debug, Default)]
struct Way {
    groups: [Sums; GROUPS.len()],
    /// Tokens after a wrong one, and the wrong ones among them.
    after_wrong: [f64; 2],
    /// Tokens before which all were right, and the wrong ones among them.
    after_right: [f64; 2],
}

/// Sums over sequences, of which each is walked through twice.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    ways: [Way; 2],
}

/// The names of the ways.
const WAYS: [&str; 2] = ["teacher_forced", "free_running"];

impl Exposure {
    /// Adds a batch: read by the teacher's tokens, and by the network's own.
    pub fn add(&mut self, layout: &Ragged, forced: &Walk, free: &Walk) {
        for (way, walk) in [forced, free].into_iter().enumerate() {
            for (row, (t, _)) in layout.cells().enumerate() {
                self.add_likelihood(way, t, walk.nll[row]);
            }
            for j in 0..layout.sequences() {
                let steps = (0..layout.steps()).take_while(|t| j < layout.batch_at(*t));
                self.add_sequence(way, steps.map(|t| walk.correct[layout.row(t, j)]));
            }
        }
    }

    /// Adds to a way (0: the teacher's, 1: the network's own) the likelihood of a step of one sequence, or of several together.
    pub(crate) fn add_likelihood(&mut self, way: usize, t: usize, nll: f64) {
        self.ways[way].groups[group(t)].nll += nll;
    }

    /// Adds to a way what was right of a sequence, step by step.
    pub(crate) fn add_sequence(&mut self, way: usize, right: impl Iterator<Item = bool>) {
        let way = &mut self.ways[way];
        let (mut all_right, mut last) = (true, true);
        for (t, right) in right.enumerate() {
            let sums = &mut way.groups[group(t)];
            sums.tokens += 1.0;
            sums.correct += f64::from(u8::from(right));
            let count = |pair: &mut [f64; 2]| {
                pair[0] += 1.0;
                pair[1] += f64::from(u8::from(!right));
            };
            if !last {
                count(&mut way.after_wrong);
            }
            if all_right {
                count(&mut way.after_right);
            }
            (all_right, last) = (all_right && right, right);
        }
    }

    /// The whole, in a few numbers.
    pub fn summary(&self) -> Summary {
        let total = |way: &Way, pick: fn(&Sums) -> f64| way.groups.iter().map(pick).sum::<f64>();
        let of = |way: &Way| {
            let tokens = total(way, |s| s.tokens);
            Half {
                nll: total(way, |s| s.nll) / tokens,
                accuracy: total(way, |s| s.correct) / tokens,
                wrong_after_wrong: way.after_wrong[1] / way.after_wrong[0],
                wrong_after_right: way.after_right[1] / way.after_right[0],
            }
        };
        Summary { teacher_forced: of(&self.ways[0]), free_running: of(&self.ways[1]) }
    }

    /// All numbers by name, as a run keeps them: the summary, and by position (`nll_free_running@9`: of the group that begins with
    /// the ninth token).
    pub fn events(&self) -> Vec<(String, f64)> {
        let mut all = Vec::new();
        let Summary { teacher_forced, free_running } = self.summary();
        for (name, half) in WAYS.into_iter().zip([teacher_forced, free_running]) {
            all.extend([
                (format!("nll_{name}"), half.nll),
                (format!("accuracy_{name}"), half.accuracy),
                (format!("wrong_after_wrong_{name}"), half.wrong_after_wrong),
                (format!("wrong_after_right_{name}"), half.wrong_after_right),
            ]);
        }
        for (name, way) in WAYS.into_iter().zip(&self.ways) {
            for (first, sums) in GROUPS.into_iter().zip(&way.groups).filter(|(_, sums)| sums.tokens > 0.0) {
                all.push((format!("nll_{name}@{first}"), sums.nll / sums.tokens));
                all.push((format!("accuracy_{name}@{first}"), sums.correct / sums.tokens));
            }
        }
        all.retain(|(_, value)| value.is_finite());
        all
    }

    /// Both ways for a person, a line each.
    pub fn lines(&self) -> [String; 2] {
        let Summary { teacher_forced, free_running } = self.summary();
        [("teacher-forced", teacher_forced), ("free-running", free_running)].map(|(name, half)| {
            format!(
                "{name:14} {:.3} nats a token, {:.1} % right; wrong after a wrong one {:.1} %, after right ones {:.1} %",
                half.nll,
                100.0 * half.accuracy,
                100.0 * half.wrong_after_wrong,
                100.0 * half.wrong_after_right
            )
        })
    }

    /// The report's section: HTML.
    pub(crate) fn section(&self, measured_on: &str, (unit, units): (&str, &str)) -> String {
        let Summary { teacher_forced, free_running } = self.summary();
        let mut body = format!(
            "<h2>Exposure bias on the {measured_on}</h2><p>The same data read twice: each {unit} after the {units} of the data, as \
             in training, and after the model's own, as in use.</p>\
             <table><tr><th><th>nats a {unit}<th>{units} right<th>wrong after a wrong one<th>wrong while all before were right</tr>"
        );
        for (name, half) in [("teacher-forced", &teacher_forced), ("free-running", &free_running)] {
            let share = |x: f64| if x.is_finite() { format!("{:.1} %", 100.0 * x) } else { "-".into() };
            let _ = write!(
                body,
                "<tr><td>{name}<td class=n>{:.3}<td class=n>{}<td class=n>{}<td class=n>{}</tr>",
                half.nll,
                share(half.accuracy),
                share(half.wrong_after_wrong),
                share(half.wrong_after_right)
            );
        }
        body += "</table><div class=charts>";
        let by_position = |way: usize, label: &str, value: fn(&Sums) -> f64| Line {
            label: label.into(),
            points: GROUPS
                .into_iter()
                .zip(&self.ways[way].groups)
                .filter(|(first, sums)| sums.tokens >= 20.0 && *first <= 51)
                .map(|(first, sums)| (first as f64, value(sums) / sums.tokens))
                .collect(),
        };
        let lines = |value| [by_position(0, "teacher-forced", value), by_position(1, "free-running", value)];
        body += &chart("Negative log-likelihood by position, nats", &lines(|s| s.nll));
        body += &chart("Share right by position", &lines(|s| s.correct));
        body + "</div>"
    }
}

/// The teacher's share over a run, where it changes.
pub(crate) fn teacher_chart(events: &[Event]) -> String {
    chart("The teacher's share of what is read", &[line(events, "train", "teacher", "share")])
}

impl Serialize for Exposure {
    /// The summary.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.summary().serialize(serializer)
    }
}

/// One way through, in a few numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Half {
    /// Mean negative log-likelihood of the reference's token, nats.
    pub nll: f64,
    /// Share of tokens (of music: of whole frames) than which none was likelier.
    pub accuracy: f64,
    /// Share of wrong tokens among those right after a wrong one.
    pub wrong_after_wrong: f64,
    /// Share of wrong tokens among those before which all were right.
    pub wrong_after_right: f64,
}

/// Both ways through.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Each token after the reference's.
    pub teacher_forced: Half,
    /// Each token after the network's own.
    pub free_running: Half,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(nll: &[f64], correct: &[bool]) -> Walk {
        Walk { read: vec![0; nll.len()].into(), nll: nll.to_vec(), correct: correct.to_vec() }
    }

    #[test]
    fn errors_are_counted_by_position_and_by_what_came_before() {
        // Two sequences, of 3 and 2 tokens: rows (0,0) (0,1) (1,0) (1,1) (2,0).
        let layout = Ragged::new(&[3, 2]).unwrap();
        let forced = walk(&[1.0, 2.0, 3.0, 4.0, 5.0], &[true, false, true, true, false]);
        let free = walk(&[1.0, 2.0, 6.0, 8.0, 9.0], &[true, false, false, false, false]);
        let mut exposure = Exposure::default();
        exposure.add(&layout, &forced, &free);
        let s = exposure.summary();
        assert_eq!((s.teacher_forced.nll, s.free_running.nll), (3.0, 5.2));
        assert_eq!((s.teacher_forced.accuracy, s.free_running.accuracy), (0.6, 0.2));
        // Forced: one token follows a wrong one (the second sequence's second), and is right. Free: two do, both wrong.
        assert_eq!((s.teacher_forced.wrong_after_wrong, s.free_running.wrong_after_wrong), (0.0, 1.0));
        // All before right: both firsts, sequence 1's second, and forced its third.
        assert_eq!((s.teacher_forced.wrong_after_right, s.free_running.wrong_after_right), (0.5, 2.0 / 3.0));
        let events = exposure.events();
        let get = |name: &str| events.iter().find(|e| e.0 == name).map(|e| e.1);
        assert_eq!((get("nll_free_running@2"), get("accuracy_teacher_forced@2")), (Some(7.0), Some(1.0)));
        assert_eq!((get("nll_free_running@3"), get("nll_free_running@4")), (Some(9.0), None));
        assert!(exposure.section("dev set", ("token", "tokens")).contains("60.0 %"));
        assert!(Exposure::default().events().is_empty());
    }
}
