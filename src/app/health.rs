//! The health screen: services, what needs attention, and a list for each kind of thing. Pure.

pub mod asking;
pub mod deed;
pub mod listed;
pub mod row;
pub mod said;
pub mod stops;
pub mod tab;
pub mod used;

use std::collections::BTreeMap;

use super::{
    App, Dialog, Effect, Goto, Screen,
    dialog::{Does, Item, Menu},
    entry::Entry,
    keys::Act,
    list, logs,
    words::{Tone, Words},
};
use crate::watch::view::{ClusterView, Health};
pub use listed::{Rows, refresh, rows};
pub use row::{By, Row};
pub use tab::{Col, Column, TABS, Tab};

/// By which column a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sorted {
    /// The column.
    pub col: Col,
    /// The last first.
    pub turned: bool,
}

/// What belongs to the screen alone.
#[derive(Debug, Default)]
pub struct HealthScreen {
    /// Which list is shown.
    pub tab: Tab,
    /// The chosen row of each list by its identity.
    pub chosen: [Option<String>; TABS],
    /// How each list is sorted; nothing is the order in which it is known.
    pub sorted: [Option<Sorted>; TABS],
    /// Only rows of this namespace.
    pub namespace: Option<String>,
    /// Only rows that hold this.
    pub filter: Entry,
    /// True while the filter is typed.
    pub typing: bool,
    /// The order of the shown list, as it was worked out last.
    pub listed: Option<listed::Listed>,
}

impl HealthScreen {
    /// How the shown list is sorted.
    pub fn sort(&self) -> Option<Sorted> {
        self.sorted.get(self.tab.index()).copied().flatten()
    }

    fn sort_by(&mut self, sorted: Option<Sorted>) {
        if let Some(place) = self.sorted.get_mut(self.tab.index()) {
            *place = sorted;
        }
    }

    fn wanted(&self) -> Option<&str> {
        let place = self.chosen.get(self.tab.index());
        place.and_then(Option::as_deref)
    }

    /// Whether a row is shown.
    fn lets(&self, row: &Row<'_>, text: &str) -> bool {
        let place = row.namespace();
        let here = self.namespace.as_deref();
        here.is_none_or(|here| place.is_empty() || place == here) && row.holds(text)
    }

    /// Whether some rows are left out.
    pub fn is_narrowed(&self) -> bool {
        !self.filter.is_empty() || self.namespace.is_some()
    }
}

/// How a state is shown.
pub fn tone(health: Health) -> Tone {
    match health {
        Health::Good => Tone::Good,
        Health::Unknown => Tone::Dim,
        Health::Busy => Tone::Busy,
        Health::Warn => Tone::Warn,
        Health::Bad => Tone::Bad,
    }
}

/// By what rows are told now.
pub fn by(app: &App) -> By<'_> {
    By {
        now: app.now,
        usage: &app.known.usage,
    }
}

/// Which of the rows is chosen.
pub fn chosen(state: &HealthScreen, rows: &Rows<'_>) -> usize {
    let wanted = state.wanted();
    wanted.and_then(|wanted| rows.position(wanted)).unwrap_or(0)
}

/// The chosen row of the screen.
pub fn chosen_row(app: &App) -> Option<Row<'_>> {
    let Screen::Health(state) = &app.screen else {
        return None;
    };
    let rows = rows(&app.known, state, by(app));
    rows.get(chosen(state, &rows))
}

/// The pod a row is about, as namespace and name.
fn pod_of(row: Row<'_>) -> Option<(String, String)> {
    let (namespace, name) = match row {
        Row::Pod(pod) => (pod.namespace.as_str(), pod.name.as_str()),
        Row::Finding(finding) => finding.about.strip_prefix("Pod ")?.split_once('/')?,
        Row::Event(event) => (event.namespace.as_str(), event.about.strip_prefix("Pod ")?),
        _ => return None,
    };
    Some((namespace.to_owned(), name.to_owned()))
}

fn view(app: &App) -> &ClusterView {
    &app.known.cluster
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let Screen::Health(state) = &app.screen else {
        return false;
    };
    match act {
        Act::Next | Act::Previous | Act::Filter | Act::Forward | Act::Sort => true,
        Act::Turn => state.sort().is_some(),
        Act::Namespace => app.known.cluster.at.is_some(),
        Act::Tab(index) => Tab::of(index) != state.tab,
        Act::Open => state.typing,
        Act::Explain | Act::Copy => chosen_row(app).is_some(),
        Act::Actions => {
            chosen_row(app).is_some_and(|row| !deed::possible(row, view(app), app.now).is_empty())
        }
        Act::Stops => !app.known.cluster.nodes.is_empty(),
        Act::Yaml => chosen_row(app).is_some_and(|row| row.object().is_some()),
        Act::Log => chosen_row(app).is_some_and(|row| pod_of(row).is_some()),
        Act::Back => state.typing || state.is_narrowed() || app.has_back(),
        act => list::is_move(act) && rows(&app.known, state, by(app)).len() > 1,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    match act {
        Act::Explain
        | Act::Copy
        | Act::Yaml
        | Act::Log
        | Act::Stops
        | Act::Actions
        | Act::Namespace => of_row(app, act),
        act => of_list(app, act),
    }
}

/// What concerns the chosen row, or opens a card.
fn of_row(app: &mut App, act: Act) -> Vec<Effect> {
    match act {
        Act::Explain => {
            let card = chosen_row(app)
                .map(|row| Dialog::text(row.identity(), said::details(row, by(app))));
            app.dialog = card;
        }
        Act::Copy => {
            let text = chosen_row(app).map(|row| {
                let details = said::details(row, by(app));
                let lines: Vec<String> = details.into_iter().map(|words| words.text).collect();
                format!("{}\n{}", row.identity(), lines.join("\n"))
            });
            return text.map(Effect::Copy).into_iter().collect();
        }
        Act::Yaml => {
            let object = chosen_row(app).and_then(|row| row.object());
            app.notice = Some("Reading the object...".to_owned());
            return object.map(Effect::ReadObject).into_iter().collect();
        }
        Act::Log => return log(app),
        Act::Stops => {
            let story = stops::full(&app.known.cluster);
            app.dialog = Some(Dialog::text("If a machine stops now", story));
        }
        Act::Actions if app.known.run_goes_on() => {
            let noun = app.known.run.purpose.noun();
            app.notice = Some(format!(
                "A {noun} goes on: nothing is changed by hand before its end."
            ));
        }
        Act::Actions => app.dialog = super::dialog::deed::menu(app),
        _ => app.dialog = Some(namespaces(app)),
    }
    Vec::new()
}

/// What concerns the list.
fn of_list(app: &mut App, act: Act) -> Vec<Effect> {
    let App {
        known, screen, now, ..
    } = &mut *app;
    let Screen::Health(state) = screen else {
        return Vec::new();
    };
    match act {
        Act::Next => state.tab = Tab::of((state.tab.index() + 1) % TABS),
        Act::Previous => state.tab = Tab::of((state.tab.index() + TABS - 1) % TABS),
        Act::Tab(index) => state.tab = Tab::of(index),
        Act::Filter => state.typing = true,
        Act::Open => state.typing = false,
        Act::Sort => sort(state, known.usage.is_known()),
        Act::Turn => {
            let turned = state.sort().map(|sorted| Sorted {
                turned: !sorted.turned,
                ..sorted
            });
            state.sort_by(turned);
        }
        Act::Back if state.typing || !state.filter.is_empty() => {
            state.typing = false;
            state.filter = Entry::default();
        }
        Act::Back if state.namespace.is_some() => state.namespace = None,
        Act::Back => return app.pop(),
        Act::Forward => return app.go(Goto::Restore),
        act => {
            let by = By {
                now: *now,
                usage: &known.usage,
            };
            let rows = rows(known, state, by);
            let at = list::moved(act, chosen(state, &rows), rows.len());
            let wanted = rows.get(at).map(|row| row.identity());
            if let Some(place) = state.chosen.get_mut(state.tab.index()) {
                *place = wanted;
            }
        }
    }
    Vec::new()
}

/// On to the next column; after the last one the list stands as it is known.
fn sort(state: &mut HealthScreen, measured: bool) {
    let mut columns = state.tab.columns(measured);
    let next = match state.sort() {
        None => columns.next(),
        Some(sorted) => columns.skip_while(|column| column.col != sorted.col).nth(1),
    };
    state.sort_by(next.map(|column| Sorted {
        col: column.col,
        // Who uses most is asked for, not who uses least.
        turned: used::Figure::of(column.col).is_some(),
    }));
}

/// The namespaces that anything shown lives in.
fn namespaces(app: &App) -> Dialog {
    let view = &*app.known.cluster;
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    let tabs = Tab::ALL.into_iter().filter(|tab| *tab != Tab::Attention);
    for row in tabs.flat_map(|tab| row::all(view, tab)) {
        let pods = all.entry(row.namespace()).or_default();
        *pods += usize::from(matches!(row, Row::Pod(_)));
    }
    all.remove("");
    let here = match &app.screen {
        Screen::Health(state) => state.namespace.clone(),
        _ => None,
    };
    let mut items = vec![Item {
        label: "all namespaces".to_owned(),
        hint: super::words::counted(view.pods.len(), "pod"),
        does: Does::Namespace(None),
    }];
    items.extend(all.iter().map(|(namespace, pods)| Item {
        label: (*namespace).to_owned(),
        hint: super::words::counted(*pods, "pod"),
        does: Does::Namespace(Some((*namespace).to_owned())),
    }));
    let at = all.keys().position(|known| Some(*known) == here.as_deref());
    Dialog::Menu(Menu {
        title: "Which namespace?".to_owned(),
        body: Vec::new(),
        items,
        chosen: at.map_or(0, |at| at + 1),
    })
}

/// Shows only rows of a namespace.
pub fn show_namespace(app: &mut App, namespace: Option<String>) {
    if let Screen::Health(state) = &mut app.screen {
        state.namespace = namespace;
    }
}

/// Shows an object that was asked for, unless the person has gone on to something else.
pub fn show_object(app: &mut App, title: String, text: &str) {
    app.notice = None;
    if matches!(app.screen, Screen::Health(_)) && app.dialog.is_none() {
        let line = |line: &str| {
            let body = line.trim_start();
            Words::new(Tone::Plain, body).moved(line.len() - body.len())
        };
        app.dialog = Some(Dialog::text(title, text.lines().map(line).collect()));
    }
}

fn log(app: &mut App) -> Vec<Effect> {
    let Some((namespace, pod)) = chosen_row(app).and_then(pod_of) else {
        return Vec::new();
    };
    logs::open(app, namespace, pod)
}
