//! Which step may begin now: a state machine over the plan's needs and the limits of each kind; it runs nothing. Pure.

use std::collections::{HashMap, HashSet};

use crate::plan::{Step, StepId, StepKind};

/// Steps at work at one time, of all kinds.
const AT_ONCE: usize = 16;

/// How many steps of a kind work at one time.
///
/// A helm process takes about 56 MB of memory and one processor while it works; jobs compete for the database.
fn limit(kind: StepKind) -> usize {
    match kind {
        StepKind::Helm | StepKind::Job | StepKind::Http => 4,
        StepKind::Buckets => 1,
        StepKind::NodeCommand | StepKind::Site => 8,
        StepKind::Apply | StepKind::Delete | StepKind::Wait | StepKind::Confirm => AT_ONCE,
    }
}

/// Where a step stands for the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Needs others, or a free place.
    Waiting,
    /// At work.
    Running,
    /// Others may build on it.
    Done,
    /// Others may not.
    Failed,
    /// A person has left it out: others may build on it, once what it needs itself is there.
    Skipped,
    /// No part of this run; what it makes is taken to be there.
    NotChosen,
}

#[derive(Clone, Debug)]
struct Place {
    kind: StepKind,
    needs: Vec<usize>,
    phase: Phase,
}

/// The state of all steps; every change is one call.
#[derive(Clone, Debug)]
pub struct Schedule {
    places: Vec<Place>,
    paused: bool,
    stopping: bool,
}

impl Schedule {
    /// Begins with every chosen step waiting; a need that is no step of the plan is taken to be there.
    pub fn new(steps: &[Step], chosen: impl Fn(usize) -> bool) -> Self {
        let at: HashMap<&StepId, usize> = steps
            .iter()
            .enumerate()
            .map(|(at, step)| (&step.id, at))
            .collect();
        let places = steps
            .iter()
            .enumerate()
            .map(|(index, step)| Place {
                kind: step.action.kind(),
                needs: step
                    .needs
                    .iter()
                    .filter_map(|need| at.get(need).copied())
                    .collect(),
                phase: if chosen(index) {
                    Phase::Waiting
                } else {
                    Phase::NotChosen
                },
            })
            .collect();
        Self {
            places,
            paused: false,
            stopping: false,
        }
    }

    /// Takes the steps that may begin now, in the order of the plan; they count as running from here on.
    pub fn begin(&mut self) -> Vec<usize> {
        let mut begun = Vec::new();
        if self.paused || self.stopping {
            return begun;
        }
        for index in 0..self.places.len() {
            if self.running().count() >= AT_ONCE {
                break;
            }
            if self.may_begin(index) {
                self.set(index, Phase::Running);
                begun.push(index);
            }
        }
        begun
    }

    fn may_begin(&self, index: usize) -> bool {
        let Some(place) = self.places.get(index) else {
            return false;
        };
        let same = |other: &usize| {
            self.places
                .get(*other)
                .is_some_and(|other| other.kind == place.kind)
        };
        place.phase == Phase::Waiting
            && self.missing(index).is_none()
            && self.running().filter(same).count() < limit(place.kind)
    }

    /// The first step that this one needs and that is not done; one that was skipped keeps its place in the order.
    pub fn missing(&self, index: usize) -> Option<usize> {
        let mut looked = HashSet::new();
        let mut open = vec![index];
        while let Some(place) = open.pop().and_then(|at| self.places.get(at)) {
            for need in &place.needs {
                match self.phase(*need) {
                    Some(Phase::Done | Phase::NotChosen) | None => {}
                    Some(Phase::Waiting | Phase::Running | Phase::Failed) => return Some(*need),
                    Some(Phase::Skipped) => {
                        if looked.insert(*need) {
                            open.push(*need);
                        }
                    }
                }
            }
        }
        None
    }

    /// Where the step stands.
    pub fn phase(&self, index: usize) -> Option<Phase> {
        self.places.get(index).map(|place| place.phase)
    }

    /// Steps at work.
    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        self.in_phase(Phase::Running)
    }

    /// Steps in a phase, in the order of the plan.
    pub fn in_phase(&self, phase: Phase) -> impl Iterator<Item = usize> + '_ {
        self.places
            .iter()
            .enumerate()
            .filter(move |(_, place)| place.phase == phase)
            .map(|(index, _)| index)
    }

    /// A step ended well, or badly.
    pub fn end(&mut self, index: usize, well: bool) {
        self.set(index, if well { Phase::Done } else { Phase::Failed });
    }

    /// A person leaves a step out.
    pub fn skip(&mut self, index: usize) {
        self.set(index, Phase::Skipped);
    }

    /// Makes a failed step wait for its turn again; says whether it was failed.
    pub fn again(&mut self, index: usize) -> bool {
        let failed = self.phase(index) == Some(Phase::Failed);
        if failed {
            self.set(index, Phase::Waiting);
        }
        failed
    }

    fn set(&mut self, index: usize, phase: Phase) {
        if let Some(place) = self.places.get_mut(index) {
            place.phase = phase;
        }
    }

    /// Starts no new steps until resumed.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Starts no new steps any more.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether a stop was asked for.
    pub fn stopping(&self) -> bool {
        self.stopping
    }

    /// True when nothing runs and nothing will begin by itself: the run has ended.
    pub fn is_over(&self) -> bool {
        let idle = self.running().next().is_none();
        let waits = (0..self.places.len()).any(|index| self.may_begin(index));
        idle && (self.stopping || !waits)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::plan::Action;

    fn step(index: usize, needs: &[usize]) -> Step {
        let id = |index: usize| StepId::new("test", &index.to_string());
        Step {
            id: id(index),
            component: "test".to_owned(),
            stage: 0,
            title: String::new(),
            needs: needs.iter().map(|need| id(*need)).collect(),
            action: Action::Wait,
            ready: Vec::new(),
            usual: Duration::ZERO,
            limit: Duration::from_mins(1),
        }
    }

    /// Steps whose needs are earlier steps: a plan without a circle.
    fn plans() -> impl Strategy<Value = Vec<Step>> {
        prop::collection::vec(
            prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            1..40,
        )
        .prop_map(|all| {
            all.iter()
                .enumerate()
                .map(|(index, needs)| {
                    let needs: Vec<usize> = needs
                        .iter()
                        .filter(|_| index > 0)
                        .map(|need| need.index(index.max(1)))
                        .collect();
                    step(index, &needs)
                })
                .collect()
        })
    }

    #[test]
    fn a_step_begins_once_what_it_needs_is_done() {
        let steps = [step(0, &[]), step(1, &[0]), step(2, &[0, 1])];
        let mut schedule = Schedule::new(&steps, |_| true);
        assert_eq!(schedule.begin(), [0]);
        assert_eq!(schedule.begin(), [0_usize; 0]);
        schedule.end(0, true);
        assert_eq!(schedule.begin(), [1]);
        schedule.end(1, true);
        assert_eq!(schedule.begin(), [2]);
        schedule.end(2, true);
        assert!(schedule.is_over());
    }

    #[test]
    fn what_needs_a_skipped_step_waits_for_what_that_needs() {
        let steps = [step(0, &[]), step(1, &[0]), step(2, &[1]), step(3, &[2])];
        let mut schedule = Schedule::new(&steps, |_| true);
        schedule.skip(1);
        schedule.skip(2);
        assert_eq!(schedule.begin(), [0]);
        assert_eq!(schedule.missing(3), Some(0));
        assert_eq!(schedule.begin(), [0_usize; 0]);
        schedule.end(0, true);
        assert_eq!(schedule.begin(), [3]);
        schedule.end(3, true);
        assert!(schedule.is_over());
    }

    #[test]
    fn a_failure_holds_back_only_what_needs_it() {
        let steps = [step(0, &[]), step(1, &[0]), step(2, &[])];
        let mut schedule = Schedule::new(&steps, |_| true);
        assert_eq!(schedule.begin(), [0, 2]);
        schedule.end(0, false);
        schedule.end(2, true);
        assert!(schedule.is_over());
        assert_eq!(schedule.missing(1), Some(0));
        assert!(schedule.again(0));
        assert!(!schedule.is_over());
        assert_eq!(schedule.begin(), [0]);
    }

    #[test]
    fn a_pause_holds_everything_and_a_stop_ends_it() {
        let steps = [step(0, &[]), step(1, &[])];
        let mut schedule = Schedule::new(&steps, |_| true);
        schedule.pause(true);
        assert!(schedule.begin().is_empty() && !schedule.is_over());
        schedule.pause(false);
        assert_eq!(schedule.begin().len(), 2);
        schedule.stop();
        assert!(!schedule.is_over());
        schedule.end(0, true);
        schedule.end(1, true);
        assert!(schedule.is_over());
    }

    #[test]
    fn what_is_not_chosen_is_taken_to_be_there() {
        let steps = [step(0, &[]), step(1, &[0])];
        let mut schedule = Schedule::new(&steps, |index| index == 1);
        assert_eq!(schedule.begin(), [1]);
    }

    proptest! {
        #[test]
        fn any_plan_without_a_circle_ends_with_every_step_done_or_held_by_a_failure(
            steps in plans(), fails in prop::collection::vec(any::<bool>(), 40), order in any::<prop::sample::Index>()
        ) {
            let mut schedule = Schedule::new(&steps, |_| true);
            for _ in 0..=steps.len() {
                schedule.begin();
                prop_assert!(schedule.running().count() <= AT_ONCE);
                let running: Vec<usize> = schedule.running().collect();
                if running.is_empty() {
                    break;
                }
                let ended = running[order.index(running.len())];
                schedule.end(ended, !fails[ended]);
            }
            prop_assert!(schedule.is_over());
            for index in 0..steps.len() {
                let waits = schedule.phase(index) == Some(Phase::Waiting);
                prop_assert_eq!(waits, waits && schedule.missing(index).is_some());
            }
        }
    }
}
