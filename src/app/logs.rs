//! The log screen: of a step, or of a pod. Pure.

use super::{
    App, Effect, Screen,
    entry::Entry,
    keys::Act,
    list::{self, PAGE},
};
use crate::plan::StepId;

/// Whose log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A step's.
    Step(StepId),
    /// A pod's.
    Pod {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
}

/// What belongs to the screen alone.
#[derive(Debug)]
pub struct Logs {
    /// Whose log.
    pub source: Source,
    /// How many lines below the last shown one; 0 follows the newest.
    pub above: usize,
    /// Only lines that hold this.
    pub filter: Entry,
    /// True while the filter is typed.
    pub typing: bool,
}

impl Logs {
    /// The log, at its newest line.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            above: 0,
            filter: Entry::default(),
            typing: false,
        }
    }
}

/// The lines that the filter lets through.
pub fn lines(app: &App, state: &Logs) -> Vec<String> {
    let wanted = state.filter.text().to_lowercase();
    let keep = |line: &&String| wanted.is_empty() || line.to_lowercase().contains(&wanted);
    match &state.source {
        Source::Step(id) => app
            .known
            .run
            .step(id)
            .map(|step| step.log.iter().filter(keep).cloned().collect())
            .unwrap_or_default(),
        Source::Pod { .. } => match &app.known.log.lines {
            Some(Ok(lines)) => lines.iter().filter(keep).cloned().collect(),
            Some(Err(problem)) => problem.to_string().lines().map(str::to_owned).collect(),
            None => Vec::new(),
        },
    }
}

/// Rows of the terminal that lines of a log have.
pub fn height(size: (u16, u16)) -> usize {
    usize::from(size.1).saturating_sub(5).max(1)
}

fn state(app: &App) -> Option<&Logs> {
    match &app.screen {
        Screen::Logs(state) => Some(state),
        _ => None,
    }
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let Some(state) = state(app) else {
        return false;
    };
    match act {
        act if list::is_move(act) => lines(app, state).len() > height(app.size),
        Act::Copy => !lines(app, state).is_empty(),
        Act::Again => matches!(state.source, Source::Pod { .. }),
        Act::Back => state.typing || !state.filter.is_empty() || app.has_back(),
        Act::Open => state.typing,
        Act::Filter => true,
        _ => false,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    let Some(shown) = state(app).map(|state| lines(app, state)) else {
        return Vec::new();
    };
    let most = shown.len().saturating_sub(height(app.size));
    let App { known, screen, .. } = app;
    let Screen::Logs(state) = screen else {
        return Vec::new();
    };
    match act {
        Act::Up => state.above = (state.above + 1).min(most),
        Act::Down => state.above = state.above.min(most).saturating_sub(1),
        Act::PageUp => state.above = (state.above + PAGE).min(most),
        Act::PageDown => state.above = state.above.min(most).saturating_sub(PAGE),
        Act::First => state.above = most,
        Act::Last => state.above = 0,
        Act::Copy => return vec![Effect::Copy(shown.join("\n"))],
        Act::Filter => state.typing = true,
        Act::Open => state.typing = false,
        Act::Again => {
            if let Source::Pod { namespace, name } = &state.source {
                known.log.lines = None;
                return vec![Effect::ReadLog {
                    namespace: namespace.clone(),
                    pod: name.clone(),
                }];
            }
        }
        Act::Back if state.typing || !state.filter.is_empty() => {
            state.typing = false;
            state.filter = Entry::default();
        }
        Act::Back => return app.pop(),
        _ => {}
    }
    Vec::new()
}
