//! Where a site stands, from its folder alone: what was typed, and what the last run came to.

use jiff::{Timestamp, Zoned, tz::TimeZone};

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
        /// The stage that it was in, and how many there are; stages are counted from 1.
        stage: (usize, usize),
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
            stage: (stage(&view), view.stages.len()),
            at,
        })
    }

    /// In a few words, for a list of sites.
    pub fn words(&self) -> String {
        let now = Timestamp::now().to_zoned(TimeZone::system());
        self.words_at(&now)
    }

    fn words_at(&self, now: &Zoned) -> String {
        match self {
            Self::Draft => "the questions are not finished".to_owned(),
            Self::Ready => "ready to deploy".to_owned(),
            Self::Begun {
                stage: (stage, stages @ 1..),
                at,
                ..
            } => format!("stopped in stage {stage} of {stages}, {}", day(*at, now)),
            Self::Begun { done, all, at, .. } => {
                format!("stopped after {done} of {all} steps, {}", day(*at, now))
            }
            Self::Deployed { at } => format!("deployed {}", day(*at, now)),
        }
    }
}

/// The first stage in which something is left to do, counted from 1.
fn stage(view: &RunView) -> usize {
    let open = |stage: &usize| {
        let counts = view.counts(Some(*stage));
        counts.done < counts.all
    };
    let stages = view.stages.len();
    (0..stages).find(open).map_or(stages, |stage| stage + 1)
}

/// A moment as people say it: `today 17:40`, `yesterday 17:40`, `Mon 16 Nov 17:40`.
fn day(at: Timestamp, now: &Zoned) -> String {
    let then = at.to_zoned(now.time_zone().clone());
    let clock = then.strftime("%H:%M");
    let yesterday = now.date().yesterday().ok();
    match then.date() {
        date if date == now.date() => format!("today {clock}"),
        date if Some(date) == yesterday => format!("yesterday {clock}"),
        _ => then.strftime("%a %e %b %H:%M").to_string(),
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

/// When it happened.
pub fn moment(event: &Event) -> Timestamp {
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

    #[test]
    fn a_stopped_run_is_told_by_its_stage_and_its_day() {
        let now: Zoned = "2026-11-17T09:00[UTC]".parse().unwrap();
        let begun = |at: &str, stages| Standing::Begun {
            done: 31,
            all: 74,
            stage: (4, stages),
            at: at.parse().unwrap(),
        };
        let words = |at: &str| begun(at, 9).words_at(&now);
        assert_eq!(
            words("2026-11-16T17:40:00Z"),
            "stopped in stage 4 of 9, yesterday 17:40"
        );
        assert_eq!(
            words("2026-11-17T08:59:59Z"),
            "stopped in stage 4 of 9, today 08:59"
        );
        assert_eq!(
            words("2026-11-12T17:40:00Z"),
            "stopped in stage 4 of 9, Thu 12 Nov 17:40"
        );
        assert_eq!(
            begun("2026-11-16T17:40:00Z", 0).words_at(&now),
            "stopped after 31 of 74 steps, yesterday 17:40"
        );
    }
}
