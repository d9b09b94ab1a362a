//! Usual times, learnt from what this site's own runs took; of what never ran the catalogue's stands. Pure.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::event::{Done, Event, StepState};
use crate::plan::{Plan, StepId};

/// Runs that are remembered of each step, the newest.
const KEPT: usize = 9;

/// A step that was faster than this is told to take so long.
const LEAST: Duration = Duration::from_secs(1);

/// What the steps of earlier runs took, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Took(HashMap<StepId, VecDeque<Duration>>);

impl Took {
    /// Takes one more event; only a step that did its work tells how long that takes.
    pub fn hear(&mut self, event: &Event) {
        let Event::Step {
            step,
            elapsed_ms,
            state:
                StepState::Done {
                    how: Done::Applied | Done::Warned { .. },
                },
            ..
        } = event
        else {
            return;
        };
        let times = self.0.entry(step.clone()).or_default();
        if times.len() == KEPT {
            times.pop_front();
        }
        times.push_back(Duration::from_millis(*elapsed_ms));
    }

    /// What the step usually takes: half of its runs took longer.
    pub fn usual(&self, step: &StepId) -> Option<Duration> {
        let mut times: Vec<Duration> = self.0.get(step)?.iter().copied().collect();
        times.sort();
        let (low, high) = (
            times.get((times.len() - 1) / 2)?,
            times.get(times.len() / 2)?,
        );
        Some((*low + *high) / 2)
    }

    /// Puts them in the place of the catalogue's usual times, and says so in the plan's notes.
    pub fn teach(&self, plan: &mut Plan) {
        let mut learnt = 0;
        for step in &mut plan.steps {
            if let Some(usual) = self.usual(&step.id) {
                step.usual = usual.min(step.limit).max(LEAST);
                learnt += 1;
            }
        }
        if learnt > 0 {
            plan.notes.push(format!(
                "The usual times of {learnt} of {} steps are what earlier runs took here.",
                plan.steps.len()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        engine::event::NotRun,
        plan::{Action, Step},
    };

    fn end(name: &str, seconds: u64, state: StepState) -> Event {
        Event::Step {
            step: StepId::new("t", name),
            at: Timestamp::UNIX_EPOCH,
            attempt: 1,
            elapsed_ms: seconds * 1000,
            state,
        }
    }

    fn took(times: &[u64]) -> Took {
        let mut took = Took::default();
        for seconds in times {
            took.hear(&end("a", *seconds, StepState::Done { how: Done::Applied }));
        }
        took
    }

    fn usual(times: &[u64]) -> Option<u64> {
        let usual = took(times).usual(&StepId::new("t", "a"));
        usual.map(|usual| usual.as_secs())
    }

    #[test]
    fn the_usual_time_is_the_one_in_the_middle_of_the_newest_runs() {
        assert_eq!(usual(&[]), None);
        assert_eq!(usual(&[7]), Some(7));
        assert_eq!(usual(&[10, 20]), Some(15));
        // One that took an hour once is no rule.
        assert_eq!(usual(&[3600, 30, 40]), Some(40));
        let mut many = vec![900; 20];
        many.extend([60; KEPT]);
        assert_eq!(usual(&many), Some(60));
    }

    #[test]
    fn only_a_step_that_did_its_work_teaches() {
        let mut took = Took::default();
        for state in [
            StepState::Done {
                how: Done::AlreadyThere,
            },
            StepState::Done {
                how: Done::Skipped {
                    reason: "later".to_owned(),
                },
            },
            StepState::Running {
                note: "applying".to_owned(),
            },
            StepState::NotRun {
                why: NotRun::Stopped,
            },
        ] {
            took.hear(&end("a", 5, state));
        }
        assert_eq!(took, Took::default());
    }

    fn plan() -> Plan {
        let step = |name| Step {
            id: StepId::new("t", name),
            component: "t".to_owned(),
            stage: 0,
            title: name.to_owned(),
            needs: Vec::new(),
            action: Action::Wait,
            ready: Vec::new(),
            usual: Duration::from_secs(30),
            limit: Duration::from_mins(5),
        };
        Plan {
            site: "s".to_owned(),
            stages: Vec::new(),
            components: Vec::new(),
            steps: vec![step("a"), step("b")],
            notes: Vec::new(),
            purpose: crate::plan::Purpose::Deploy,
        }
    }

    #[test]
    fn a_plan_shows_what_was_learnt_and_of_the_rest_what_the_catalogue_says() {
        let mut plan = plan();
        Took::default().teach(&mut plan);
        assert!(plan.notes.is_empty());
        took(&[90, 100]).teach(&mut plan);
        let usual: Vec<u64> = plan.steps.iter().map(|step| step.usual.as_secs()).collect();
        assert_eq!(usual, [95, 30]);
        assert_eq!(
            plan.notes,
            ["The usual times of 1 of 2 steps are what earlier runs took here."]
        );
    }

    proptest! {
        #[test]
        fn a_usual_time_lies_between_the_shortest_and_the_longest_and_within_the_limit(
            times in prop::collection::vec(0_u64..100_000, 1..40)
        ) {
            let newest = &times[times.len().saturating_sub(KEPT)..];
            let usual = usual(&times).unwrap();
            prop_assert!(usual >= *newest.iter().min().unwrap() && usual <= *newest.iter().max().unwrap());
            let mut plan = plan();
            took(&times).teach(&mut plan);
            let step = &plan.steps[0];
            prop_assert!(step.usual >= LEAST && step.usual <= step.limit);
        }
    }
}
