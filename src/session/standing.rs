//! Where a site stands, from its folder alone: what was typed, and what the last run came to.

use jiff::Timestamp;

use crate::{
    engine::{
        event::{Event, NotRun, Outcome, StepState},
        journal::{Journal, Memory},
        view::RunView,
    },
    problem::Problem,
    session::Workplace,
    sys::sites::SiteDir,
};

/// Where a site stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its settings were never finished.
    Draft,
    /// Its settings are finished; nothing was deployed.
    Ready,
    /// A run was begun and has not reached its end.
    Begun {
        /// Steps done.
        done: usize,
        /// Steps in the plan.
        all: usize,
        /// Last sign of life.
        at: Timestamp,
    },
    /// All was deployed.
    Deployed {
        /// When.
        at: Timestamp,
    },
}

impl Standing {
    /// Looks into the folder; it changes nothing.
    ///
    /// # Errors
    /// The journal cannot be read, or was written by a newer version.
    pub fn of(place: &Workplace) -> Result<Self, Problem> {
        let memory = Journal::look(&place.journal())?;
        if memory.run.is_none() {
            let finished = SiteDir::at(place.site.clone()).has_site();
            return Ok(if finished { Self::Ready } else { Self::Draft });
        }
        let at = memory.events.last().map_or(Timestamp::UNIX_EPOCH, moment);
        if !memory.is_unfinished() {
            return Ok(Self::Deployed { at });
        }
        let mut view = RunView::default();
        for event in &memory.events {
            view.fold(event);
        }
        let counts = view.counts(None);
        Ok(Self::Begun {
            done: counts.done,
            all: counts.all,
            at,
        })
    }

    /// In a few words, for a list of sites.
    pub fn words(&self) -> String {
        let day = |at: &Timestamp| {
            let zoned = at.to_zoned(jiff::tz::TimeZone::system());
            zoned.strftime("%a %e %b %H:%M").to_string()
        };
        match self {
            Self::Draft => "the questions are not finished".to_owned(),
            Self::Ready => "ready to deploy".to_owned(),
            Self::Begun { done, all, at } => {
                format!("{done} of {all} steps, {}", day(at))
            }
            Self::Deployed { at } => format!("deployed {}", day(at)),
        }
    }
}

/// The memory to show: of a machine that is being switched off or on, when that was begun later and is not over.
pub fn newest(deploy: Memory, power: Memory) -> Memory {
    let last = |memory: &Memory| memory.events.last().map(moment);
    if power.is_unfinished() && last(&power) > last(&deploy) {
        power
    } else {
        deploy
    }
}

/// What the journal remembers of the last run, as a face hears it; a run that was cut off is ended as stopped.
///
/// Call it only while no run goes on in the folder: the end is added here, the journal does not hold it.
pub fn past(memory: Memory) -> Vec<Event> {
    let Memory {
        outcome, events, ..
    } = memory;
    let mut events = events;
    let Some(at) = events.last().map(moment) else {
        return events;
    };
    if outcome.is_some() {
        return events;
    }
    let mut view = RunView::default();
    for event in &events {
        view.fold(event);
    }
    let cut: Vec<Event> = view
        .steps
        .iter()
        .filter(|step| !step.state.is_end())
        .map(|step| Event::Step {
            step: step.outline.id.clone(),
            at,
            attempt: 0,
            elapsed_ms: 0,
            state: StepState::NotRun {
                why: NotRun::Stopped,
            },
        })
        .collect();
    let began = view.began.unwrap_or(at);
    let counts = view.counts(None);
    events.extend(cut);
    events.push(Event::RunEnded {
        at,
        outcome: Outcome::Stopped,
        done: counts.done,
        total: counts.all,
        elapsed_ms: u64::try_from(at.duration_since(began).as_millis()).unwrap_or_default(),
    });
    events
}

fn moment(event: &Event) -> Timestamp {
    match event {
        Event::RunStarted { at, .. }
        | Event::Step { at, .. }
        | Event::Retry { at, .. }
        | Event::Waiting { at, .. }
        | Event::Log { at, .. }
        | Event::Paused { at }
        | Event::Resumed { at }
        | Event::Stopping { at, .. }
        | Event::RunEnded { at, .. } => *at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::RunId;

    fn memory(second: i64, outcome: Option<Outcome>) -> Memory {
        let at = Timestamp::from_second(second).unwrap();
        Memory {
            run: Some(RunId(second.to_string())),
            outcome,
            events: vec![Event::Paused { at }],
            ..Memory::default()
        }
    }

    #[test]
    fn a_power_off_that_is_not_over_is_shown_until_a_later_deploy_was_begun() {
        let deploy = memory(5, Some(Outcome::Done));
        let stopped = Some(Outcome::Stopped);
        let shown = |power: Memory| newest(deploy.clone(), power).run.unwrap().0;
        assert_eq!(shown(memory(9, stopped.clone())), "9");
        assert_eq!(shown(memory(9, None)), "9");
        assert_eq!(shown(memory(9, Some(Outcome::Done))), "5");
        assert_eq!(shown(memory(3, stopped)), "5");
        assert_eq!(shown(Memory::default()), "5");
    }
}
