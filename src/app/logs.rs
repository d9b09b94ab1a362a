//! The log screen: of a step, or of pods; it follows, searches, and never holds more than a bounded part. Pure.

pub mod clean;
pub mod search;
pub mod store;
pub mod wish;

use std::{collections::VecDeque, ops::Deref, time::Duration};

use super::{
    App, Dialog, Effect, Screen,
    dialog::{Does, Item, Menu},
    entry::Entry,
    keys::Act,
    list,
    words::about,
};
use crate::plan::StepId;
use search::Search;
use store::Store;
use wish::{News, Range, Stage, Wish};

/// Columns that one step to the side goes.
const SIDE: usize = 20;

/// The furthest one can go to the side.
const FURTHEST: usize = 64 << 10;

/// Pods whose logs are read as one.
const MOST_PODS: usize = 20;

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
    /// Number of the last line in sight; nothing follows the newest.
    pub bottom: Option<u64>,
    /// Columns that have gone out at the left.
    pub across: usize,
    /// What is searched.
    pub filter: Entry,
    /// True while it is typed.
    pub typing: bool,
    /// Which lines are in sight.
    pub lines: Which,
    /// The search, as far as it has come.
    pub search: Option<Search>,
    /// Goes to the first line once the log has come from its beginning.
    pub first: bool,
}

/// Which lines are in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Only those in which the text was found.
    Found,
}

impl Logs {
    /// The log, at its newest line.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            bottom: None,
            across: 0,
            filter: Entry::default(),
            typing: false,
            lines: Which::All,
            search: None,
            first: false,
        }
    }
}

/// The text of a log: kept, or made of the lines of a step.
pub enum Text<'a> {
    /// Kept.
    Kept(&'a Store),
    /// Made for this moment.
    Made(Store),
}

impl Deref for Text<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        match self {
            Self::Kept(store) => store,
            Self::Made(store) => store,
        }
    }
}

/// The text of a source.
pub fn text<'a>(known: &'a super::Known, source: &Source) -> Text<'a> {
    match source {
        Source::Step(id) => {
            let step = known.run.step(id);
            let lines = step.into_iter().flat_map(|step| step.log.iter());
            Text::Made(Store::of(lines.map(String::as_str)))
        }
        Source::Pod { .. } => Text::Kept(&known.log.store),
    }
}

/// The lines that can be in sight, in order.
pub struct Shown<'a> {
    store: &'a Store,
    found: Option<&'a VecDeque<u64>>,
}

impl<'a> Shown<'a> {
    /// Of a text, as the screen wants it.
    pub fn of(store: &'a Store, state: &'a Logs) -> Self {
        let found = state.search.as_ref().map(Search::found);
        Self {
            store,
            found: found.filter(|_| state.lines == Which::Found),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.found.map_or(self.store.len(), VecDeque::len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the line at a place.
    pub fn number(&self, place: usize) -> u64 {
        match self.found {
            Some(found) => found.get(place).copied().unwrap_or(0),
            None => self.store.first() + place as u64,
        }
    }

    /// The place after the last line in sight, for so many lines of the terminal.
    pub fn end(&self, bottom: Option<u64>, height: usize) -> usize {
        let count = self.len();
        let Some(bottom) = bottom else { return count };
        let end = match self.found {
            Some(found) => found.partition_point(|line| *line <= bottom),
            None => usize::try_from((bottom + 1).saturating_sub(self.store.first()))
                .unwrap_or(usize::MAX),
        };
        end.max(height).min(count)
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

/// The pods that do the same as the one whose log is shown; itself among them.
fn family(app: &App, state: &Logs) -> Vec<String> {
    let Source::Pod { namespace, name } = &state.source else {
        return Vec::new();
    };
    let pods = &app.known.cluster.pods;
    let is = |row: &&std::sync::Arc<crate::watch::view::PodRow>| row.namespace == *namespace;
    let owner = pods
        .iter()
        .filter(is)
        .find(|row| row.name == *name)
        .map(|row| row.owner.as_str())
        .filter(|owner| !owner.is_empty());
    let mut all: Vec<String> = pods
        .iter()
        .filter(is)
        .filter(|row| Some(row.owner.as_str()) == owner)
        .map(|row| row.name.clone())
        .take(MOST_PODS)
        .collect();
    if all.is_empty() {
        all.push(name.clone());
    }
    all
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let Some(state) = state(app) else {
        return false;
    };
    let of_pod = matches!(state.source, Source::Pod { .. });
    let text = text(&app.known, &state.source);
    let shown = Shown::of(&text, state);
    match act {
        Act::First if of_pod && !app.known.log.complete => !shown.is_empty(),
        act if list::is_move(act) => shown.len() > height(app.size),
        Act::Copy | Act::Save | Act::Right => !shown.is_empty(),
        Act::Left => state.across > 0,
        Act::Again | Act::Range | Act::Before => of_pod,
        Act::Next => of_pod && app.known.log.containers.len() > 1,
        Act::All => family(app, state).len() > 1,
        Act::Older | Act::Newer => {
            let search = state.search.as_ref();
            search.is_some_and(|search| !search.found().is_empty())
        }
        Act::Only => !state.filter.is_empty(),
        Act::Back => state.typing || !state.filter.is_empty() || app.has_back(),
        Act::Open => state.typing,
        Act::Filter => true,
        _ => false,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    match act {
        act if list::is_move(act) => return scroll(app, act),
        Act::Left | Act::Right => return aside(app, act),
        Act::Older | Act::Newer => jump(app, act),
        Act::Copy => return copied(app),
        Act::Save => return save(app),
        Act::Range => app.dialog = Some(ranges()),
        Act::Again => return ask(app, |_| {}),
        Act::Before => return ask(app, |wish| wish.previous = !wish.previous),
        Act::Next => {
            let containers = app.known.log.containers.clone();
            return ask(app, |wish| {
                wish.container = next(&containers, wish.container.as_deref());
            });
        }
        Act::All => {
            let all = state(app)
                .map(|state| family(app, state))
                .unwrap_or_default();
            let one = state(app).and_then(|state| match &state.source {
                Source::Pod { name, .. } => Some(name.clone()),
                Source::Step(_) => None,
            });
            return ask(app, |wish| {
                wish.pods = if wish.pods.len() > 1 {
                    one.into_iter().collect()
                } else {
                    all
                };
            });
        }
        _ => return look(app, act),
    }
    Vec::new()
}

/// The keys that belong to searching, and the way back.
fn look(app: &mut App, act: Act) -> Vec<Effect> {
    let Screen::Logs(state) = &mut app.screen else {
        return Vec::new();
    };
    match act {
        Act::Filter => state.typing = true,
        Act::Only => {
            state.lines = match state.lines {
                Which::All => Which::Found,
                Which::Found => Which::All,
            };
        }
        Act::Open => {
            state.typing = false;
            jump(app, Act::Older);
            return whole(app);
        }
        Act::Back if state.typing || !state.filter.is_empty() => {
            state.typing = false;
            state.filter = Entry::default();
            state.search = None;
            state.lines = Which::All;
        }
        Act::Back => {
            let of_pod = matches!(state.source, Source::Pod { .. });
            let mut effects = app.pop();
            if of_pod {
                effects.push(Effect::EndLog);
            }
            return effects;
        }
        _ => {}
    }
    Vec::new()
}

fn next(containers: &[String], now: Option<&str>) -> Option<String> {
    match now {
        None => containers.first().cloned(),
        Some(now) => containers
            .iter()
            .skip_while(|name| *name != now)
            .nth(1)
            .cloned(),
    }
}

/// Begins to read the log of a pod and shows it.
pub fn open(app: &mut App, namespace: String, name: String) -> Vec<Effect> {
    let wish = Wish {
        namespace: namespace.clone(),
        pods: vec![name.clone()],
        ..Wish::default()
    };
    app.known.log.containers.clear();
    app.known.log.begin(wish, false);
    app.push(Screen::Logs(Logs::new(Source::Pod { namespace, name })));
    vec![Effect::ReadLog(app.known.log.wish.clone())]
}

/// Reads the log anew, in another way.
pub(super) fn ask(app: &mut App, change: impl FnOnce(&mut Wish)) -> Vec<Effect> {
    let mut wish = app.known.log.wish.clone();
    change(&mut wish);
    app.known.log.begin(wish, false);
    if let Screen::Logs(state) = &mut app.screen {
        state.bottom = None;
    }
    vec![Effect::ReadLog(app.known.log.wish.clone())]
}

/// Reads the log from its beginning, unless that is done; what is in sight stays.
fn whole(app: &mut App) -> Vec<Effect> {
    let log = &mut app.known.log;
    let of_pod = state_is_pod(&app.screen);
    if !of_pod || log.complete || log.wish.whole || log.stage != Stage::Follows {
        return Vec::new();
    }
    let wish = Wish {
        whole: true,
        ..log.wish.clone()
    };
    log.begin(wish, true);
    app.notice = Some("Reading the log from its beginning...".to_owned());
    vec![Effect::ReadLog(app.known.log.wish.clone())]
}

fn state_is_pod(screen: &Screen) -> bool {
    matches!(screen, Screen::Logs(state) if matches!(state.source, Source::Pod { .. }))
}

fn scroll(app: &mut App, act: Act) -> Vec<Effect> {
    let height = height(app.size);
    let App { known, screen, .. } = &mut *app;
    let Screen::Logs(state) = screen else {
        return Vec::new();
    };
    let text = text(known, &state.source);
    let shown = Shown::of(&text, state);
    let (count, end) = (shown.len(), shown.end(state.bottom, height));
    let page = height.saturating_sub(1).max(1);
    let end = match act {
        Act::Up => end.saturating_sub(1),
        Act::Down => end + 1,
        Act::PageUp => end.saturating_sub(page),
        Act::PageDown => end + page,
        Act::First => 0,
        Act::Rows(rows) if rows < 0 => end.saturating_sub(rows.unsigned_abs() as usize),
        Act::Rows(rows) => end + rows.unsigned_abs() as usize,
        _ => count,
    };
    let end = end.max(height).min(count);
    let bottom = (end < count).then(|| shown.number(end.saturating_sub(1)));
    state.bottom = bottom;
    state.first = act == Act::First;
    if act == Act::First {
        whole(app)
    } else {
        Vec::new()
    }
}

fn aside(app: &mut App, act: Act) -> Vec<Effect> {
    if let Screen::Logs(state) = &mut app.screen {
        state.across = match act {
            Act::Left => state.across.saturating_sub(SIDE),
            _ => (state.across + SIDE).min(FURTHEST),
        };
    }
    Vec::new()
}

/// To the next place where the text was found.
fn jump(app: &mut App, act: Act) {
    let App { known, screen, .. } = &mut *app;
    let Screen::Logs(state) = screen else { return };
    let text = text(known, &state.source);
    let Some(search) = &state.search else { return };
    let newest = text.end();
    let now = state.bottom.unwrap_or(newest);
    let to = match act {
        Act::Older => search.older(now),
        _ => search.newer(now),
    };
    if let Some(to) = to {
        state.bottom = Some(to);
    }
}

/// Lines that have come, or were let go, are taken notice of.
pub fn notice(app: &mut App) {
    let App { known, screen, .. } = &mut *app;
    let Screen::Logs(state) = screen else { return };
    if state.filter.is_empty() {
        state.search = None;
        return;
    }
    let text = text(known, &state.source);
    match &mut state.search {
        Some(search) if search.is_for(&state.filter.text()) => search.notice(&text),
        search => *search = Search::begin(&state.filter.text(), &text),
    }
}

/// Takes news of the log that is read.
pub fn hear(app: &mut App, id: u64, news: News) {
    let App {
        known,
        screen,
        notice: said,
        size,
        ..
    } = &mut *app;
    let end = known.log.store.end();
    let swaps = known.log.coming.is_some() && matches!(news, News::Caught(_) | News::Over);
    if !known.log.hear(id, news) || !swaps {
        return;
    }
    *said = None;
    let Screen::Logs(state) = screen else { return };
    // The same lines have other numbers now: they are as far from the end as before.
    let ahead = known.log.store.end();
    state.search = None;
    state.bottom = state
        .bottom
        .map(|line| ahead.saturating_sub(end.saturating_sub(line)));
    if state.first {
        let last = known.log.store.first() + height(*size) as u64;
        state.bottom = (last < ahead).then(|| last.saturating_sub(1));
        state.first = false;
    }
}

/// Whether a search is not over.
pub fn works(app: &App) -> bool {
    let search = state(app).and_then(|state| state.search.as_ref());
    search.is_some_and(Search::goes_on)
}

/// Goes on with a search, by one piece of the text.
pub fn work(app: &mut App) {
    let App { known, screen, .. } = &mut *app;
    let Screen::Logs(state) = screen else { return };
    let text = text(known, &state.source);
    if let Some(search) = &mut state.search {
        search.step(&text);
    }
}

/// The lines in sight, as they are shown.
fn copied(app: &App) -> Vec<Effect> {
    let Some(state) = state(app) else {
        return Vec::new();
    };
    let text = text(&app.known, &state.source);
    let shown = Shown::of(&text, state);
    let height = height(app.size);
    let end = shown.end(state.bottom, height);
    let lines: Vec<String> = (end.saturating_sub(height)..end)
        .filter_map(|place| text.line(shown.number(place)))
        .map(|line| clean::clean(line, FURTHEST))
        .collect();
    vec![Effect::Copy(lines.join("\n"))]
}

fn save(app: &mut App) -> Vec<Effect> {
    let Some(state) = state(app) else {
        return Vec::new();
    };
    let name = match &state.source {
        Source::Step(id) => id.to_string(),
        Source::Pod { namespace, name } => format!("{namespace}-{name}"),
    };
    let letter = |letter: char| match letter {
        '/' | '\\' | ' ' => '-',
        letter => letter,
    };
    let store = text(&app.known, &state.source).clone();
    let name = name.chars().map(letter).collect();
    app.notice = Some("Saving the log...".to_owned());
    vec![Effect::SaveLog { name, store }]
}

/// Which time of the log is read.
fn ranges() -> Dialog {
    let last = |minutes| Range::Last(Duration::from_mins(minutes));
    let item = |label: &str, hint: &str, does| Item {
        label: label.to_owned(),
        hint: hint.to_owned(),
        does,
    };
    let mut items = vec![item(
        "all of it",
        "as far back as the node keeps it",
        Does::LogRange(Range::All),
    )];
    for minutes in [5, 60, 24 * 60] {
        let label = format!("the last {}", about(Duration::from_mins(minutes)));
        items.push(item(&label, "", Does::LogRange(last(minutes))));
    }
    items.push(item(
        "from ... to ...",
        "two moments that you type",
        Does::AskRange,
    ));
    Dialog::Menu(Menu {
        title: "Which time?".to_owned(),
        body: Vec::new(),
        items,
        chosen: 0,
    })
}
