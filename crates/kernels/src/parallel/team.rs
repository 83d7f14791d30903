//! Threads that take steps together.

use super::threads;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Runs `step(0) .. step(count - 1)` one after the other, each shared by up to `members` threads: every member's
/// `step(index, member, members)` returns before anyone begins the next index. How many take part in a step is decided
/// as it begins, so that nobody ever waits for a thread that is not there yet.
///
/// A step may be as short as a microsecond: members wait for each other awake.
pub fn steps(count: usize, members: usize, step: impl Fn(usize, usize, usize) + Sync) {
    if members <= 1 || count == 0 || threads() == 1 {
        (0..count).for_each(|index| step(index, 0, 1));
        return;
    }
    let team = Team::new(members.min(threads()), count);
    rayon::scope(|scope| {
        let (team, step) = (&team, &step);
        for _ in 1..team.finished.len() {
            scope.spawn(move |_| team.help(step));
        }
        team.lead(step);
    });
}

/// Members that take steps together, see [`steps`].
struct Team {
    count: u64,
    /// Helpers that have come.
    here: AtomicUsize,
    /// By the step's parity: `step << 8 | members`, written by the leader when it is ready for the step.
    begun: [Padded; 2],
    /// How many steps each member has finished.
    finished: Vec<Padded>,
    /// A member has panicked: nobody waits for anybody any more.
    broken: AtomicBool,
}

/// Tells the team if its member panics.
struct Alarm<'t>(&'t AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

/// A number that shares its cache lines with no other.
#[repr(align(128))]
struct Padded(AtomicU64);

impl Team {
    /// Members' numbers stand in a byte.
    const MOST: usize = 255;

    fn new(members: usize, count: usize) -> Self {
        let zero = || Padded(AtomicU64::new(0));
        let finished = (0..members.min(Self::MOST)).map(|_| zero()).collect();
        Self {
            count: count as u64,
            here: AtomicUsize::new(0),
            begun: [zero(), zero()],
            finished,
            broken: AtomicBool::new(false),
        }
    }

    /// Says that `step` may begin, with whoever has come; how many these are.
    fn begin(&self, step: u64) -> usize {
        let members = 1 + self.here.load(Ordering::Acquire).min(self.finished.len() - 1);
        self.begun[step as usize & 1].0.store(step << 8 | members as u64, Ordering::Release);
        members
    }

    /// Waits until the others of `members` have finished `steps` steps; false if one of them never will.
    fn wait(&self, member: usize, members: usize, steps: u64) -> bool {
        // The leader says so by beginning the next step.
        let mut others =
            self.finished[..members].iter().enumerate().filter(|(other, _)| *other != member && *other != 0);
        others.all(|(_, finished)| self.patiently(|| finished.0.load(Ordering::Acquire) >= steps))
    }

    /// Waits, awake at first; false if a member has panicked, whose own thread says so.
    fn patiently(&self, mut ready: impl FnMut() -> bool) -> bool {
        for turn in 0u32.. {
            if ready() {
                return true;
            }
            if self.broken.load(Ordering::Acquire) {
                return false;
            }
            if turn < 4000 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        false
    }

    fn lead(&self, step: impl Fn(usize, usize, usize)) {
        let _alarm = Alarm(&self.broken);
        let mut members = self.begin(0);
        for index in 0..self.count {
            step(index as usize, 0, members);
            let next = self.begin(index + 1);
            if !self.wait(0, members, index + 1) {
                return;
            }
            members = next;
        }
    }

    fn help(&self, step: impl Fn(usize, usize, usize)) {
        let _alarm = Alarm(&self.broken);
        let member = 1 + self.here.fetch_add(1, Ordering::AcqRel);
        // The first step that counts on this member; the leader can't get further than one ahead of it.
        let entry = || {
            let words = self.begun.each_ref().map(|word| word.0.load(Ordering::Acquire));
            let mine = words.into_iter().filter(|word| (word & 0xFF) as usize > member).map(|word| word >> 8);
            (mine.min(), words.iter().any(|word| word >> 8 >= self.count))
        };
        self.patiently(|| entry().0.is_some() || entry().1);
        // Read again: the two words may have been read from either side of the leader's next one.
        let (Some(mut index), _) = entry() else { return };
        self.finished[member].0.store(index, Ordering::Release);
        let mut members = 0;
        loop {
            // With whom the step is shared; the leader can't write here again before this member has finished it.
            let begun = self.patiently(|| {
                let word = self.begun[index as usize & 1].0.load(Ordering::Acquire);
                members = (word & 0xFF) as usize;
                word >> 8 == index && members > member
            });
            if !begun || index >= self.count || !self.wait(member, members, index) {
                return;
            }
            step(index as usize, member, members);
            index += 1;
            self.finished[member].0.store(index, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_one_after_the_other_by_however_many_come() {
        for (count, members) in [(0, 2), (1, 2), (5, 1), (3000, 2), (3000, 4)] {
            // Each step adds up what the one before left in every cell.
            let cells: Vec<AtomicU64> = (0..7).map(|_| AtomicU64::new(1)).collect();
            let before: Vec<AtomicU64> = (0..7).map(|_| AtomicU64::new(1)).collect();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
            pool.install(|| {
                steps(count, members, |index, member, members| {
                    let (from, to) = if index % 2 == 0 { (&cells, &before) } else { (&before, &cells) };
                    for cell in (member..7).step_by(members) {
                        let next = from[(cell + 1) % 7].load(Ordering::Relaxed).wrapping_mul(3);
                        to[cell].store(next.wrapping_add(from[cell].load(Ordering::Relaxed)), Ordering::Relaxed);
                    }
                });
            });
            let last = if count % 2 == 0 { &cells } else { &before };
            // All cells go the same way: each step multiplies by 4.
            let want = 4u64.wrapping_pow(count as u32);
            assert!(last.iter().all(|c| c.load(Ordering::Relaxed) == want), "{count} {members}");
        }
    }

    #[test]
    fn a_panic_in_a_step_ends_all_members() {
        for who in [0, 1] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
            let all = || {
                // As many steps as it takes until a helper has come.
                steps(usize::MAX >> 9, 3, |_, member, members| assert!(member != who || members == 1));
            };
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.install(all)));
            assert!(result.is_err());
        }
    }
}
