//! When what is used is asked for: only while the health screen is shown and the cluster answers, and never twice at once. Pure.

use jiff::{SignedDuration, Timestamp};

use super::super::{App, Effect, Screen};

/// Ticks between an answer and the next question; one comes each second.
const TICKS: u32 = 15;

/// A clock that runs faster is followed with questions that are as far apart on it, and so many ticks at least.
const FASTER: u32 = 2;

/// So far apart are two questions on the clock of the cluster.
const EVERY: SignedDuration = SignedDuration::from_secs(15);

/// After so many ticks no answer is awaited any more.
const LOST: u32 = 90;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asking {
    /// It was never asked.
    #[default]
    Never,
    /// It was asked so many ticks ago.
    Asked(u32),
    /// It was answered so many ticks ago, at this time of the cluster.
    Answered(u32, Timestamp),
}

impl Asking {
    /// A second has passed.
    pub fn tick(&mut self) {
        match self {
            Self::Never => {}
            Self::Asked(ticks) | Self::Answered(ticks, _) => *ticks = ticks.saturating_add(1),
        }
    }

    /// Whether it is time to ask.
    fn is_due(self, now: Timestamp) -> bool {
        match self {
            Self::Never => true,
            Self::Asked(ticks) => ticks >= LOST,
            Self::Answered(ticks, at) => {
                let far = now.duration_since(at).abs() >= EVERY;
                ticks >= TICKS || (ticks >= FASTER && far)
            }
        }
    }
}

/// The question, when it is time for it.
pub fn ask(app: &mut App) -> Option<Effect> {
    let view = &app.known.cluster;
    let answers = view.at.is_some() && view.stale_since.is_none();
    let shown = matches!(app.screen, Screen::Health(_));
    if !shown || !answers || !app.known.asking.is_due(app.now) {
        return None;
    }
    app.known.asking = Asking::Asked(0);
    Some(Effect::ReadUsage)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        app::{
            Goto, Input,
            fixture::{self, at},
            keys::Key,
        },
        watch::usage::Heard,
    };

    fn asks(effects: &[Effect]) -> usize {
        let ours = |effect: &&Effect| matches!(effect, Effect::ReadUsage);
        effects.iter().filter(ours).count()
    }

    fn answer(app: &mut App) {
        app.update(Input::Usage(Box::new(Heard::Absent)));
    }

    /// So many seconds; how often it was asked.
    fn pass(app: &mut App, from: i64, seconds: i64) -> usize {
        let tick = |second| asks(&app.update(Input::Tick(at(from + second))));
        (1..=seconds).map(tick).sum()
    }

    #[test]
    fn it_is_asked_once_the_cluster_is_seen_and_every_quarter_of_a_minute_after_the_answer() {
        let mut app = fixture::opened(Goto::Health);
        assert_eq!(pass(&mut app, 0, 30), 0);
        let view = Arc::new(fixture::cluster());
        assert_eq!(asks(&app.update(Input::Cluster(view))), 1);
        // Nobody answers: it is not asked again soon.
        assert_eq!(pass(&mut app, 30, 60), 0);
        answer(&mut app);
        assert_eq!(pass(&mut app, 90, 14), 0);
        assert_eq!(pass(&mut app, 104, 1), 1);
        assert_eq!(pass(&mut app, 105, 89), 0);
        assert_eq!(pass(&mut app, 194, 1), 1);
    }

    #[test]
    fn another_screen_asks_nothing_and_the_way_back_does_when_it_is_time() {
        let mut app = fixture::health();
        answer(&mut app);
        app.update(Input::Key(Key::Char('l')));
        assert!(matches!(app.screen, Screen::Logs(_)));
        assert_eq!(pass(&mut app, 0, 60), 0);
        assert_eq!(asks(&app.update(Input::Key(Key::Esc))), 1);
        // What is asked of a cluster that does not answer would only wait.
        answer(&mut app);
        let lost = fixture::lost(crate::problem::Problem::new(
            crate::problem::Code::Kube03,
            "no",
            "wait",
        ));
        app.update(Input::Cluster(Arc::new(lost)));
        assert_eq!(pass(&mut app, 60, 60), 0);
    }

    #[test]
    fn a_clock_that_runs_twenty_times_faster_is_asked_more_often_but_not_each_second() {
        let mut app = fixture::health();
        answer(&mut app);
        let mut count = 0;
        for second in 1..=10 {
            let asked = asks(&app.update(Input::Tick(at(second * 20))));
            if asked > 0 {
                answer(&mut app);
            }
            count += asked;
        }
        assert_eq!(count, 5);
    }
}
