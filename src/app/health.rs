//! The health screen: services, what needs attention, and a list for each kind of thing. Pure.

pub mod deed;
pub mod row;
pub mod said;
pub mod stops;
pub mod tab;

use std::collections::BTreeSet;

use super::{
    App, Dialog, Effect, Goto, Screen,
    dialog::{Does, Item, Menu},
    entry::Entry,
    keys::Act,
    list, logs,
    words::{Tone, Words},
};
use crate::watch::view::{ClusterView, Health};
pub use row::Row;
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

/// The rows of the shown list that filter and namespace let through, sorted.
pub fn rows<'a>(view: &'a ClusterView, state: &HealthScreen) -> Vec<Row<'a>> {
    let text = state.filter.text();
    let mut rows = row::all(view, state.tab);
    rows.retain(|row| state.lets(row, &text));
    if let Some(sorted) = state.sort() {
        rows.sort_by_cached_key(|row| row.key(sorted.col));
        if sorted.turned {
            rows.reverse();
        }
    }
    rows
}

/// How many rows are shown; cheaper than sorting them.
fn count(view: &ClusterView, state: &HealthScreen) -> usize {
    let text = state.filter.text();
    let all = row::all(view, state.tab);
    all.iter().filter(|row| state.lets(row, &text)).count()
}

/// Which of the rows is chosen.
pub fn chosen(state: &HealthScreen, rows: &[Row<'_>]) -> usize {
    state
        .wanted()
        .and_then(|wanted| rows.iter().position(|row| row.is(wanted)))
        .unwrap_or(0)
}

/// The chosen row of the screen.
pub fn chosen_row(app: &App) -> Option<Row<'_>> {
    let Screen::Health(state) = &app.screen else {
        return None;
    };
    let view = &*app.known.cluster;
    let text = state.filter.text();
    let found = state.wanted().and_then(|wanted| {
        let mut all = row::all(view, state.tab).into_iter();
        all.find(|row| row.is(wanted) && state.lets(row, &text))
    });
    found.or_else(|| rows(view, state).first().copied())
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
        act => list::is_move(act) && count(&app.known.cluster, state) > 1,
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
            let now = app.now;
            let card =
                chosen_row(app).map(|row| Dialog::text(row.identity(), said::details(row, now)));
            app.dialog = card;
        }
        Act::Copy => {
            let now = app.now;
            let text = chosen_row(app).map(|row| {
                let details = said::details(row, now);
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
    let App { known, screen, .. } = &mut *app;
    let Screen::Health(state) = screen else {
        return Vec::new();
    };
    match act {
        Act::Next => state.tab = Tab::of((state.tab.index() + 1) % TABS),
        Act::Previous => state.tab = Tab::of((state.tab.index() + TABS - 1) % TABS),
        Act::Tab(index) => state.tab = Tab::of(index),
        Act::Filter => state.typing = true,
        Act::Open => state.typing = false,
        Act::Sort => sort(state),
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
            let rows = rows(&known.cluster, state);
            let at = list::moved(act, chosen(state, &rows), rows.len());
            let wanted = rows.get(at).map(Row::identity);
            if let Some(place) = state.chosen.get_mut(state.tab.index()) {
                *place = wanted;
            }
        }
    }
    Vec::new()
}

/// On to the next column; after the last one the list stands as it is known.
fn sort(state: &mut HealthScreen) {
    let columns = state.tab.columns();
    let next = match state.sort() {
        None => columns.first(),
        Some(sorted) => columns
            .iter()
            .skip_while(|column| column.col != sorted.col)
            .nth(1),
    };
    state.sort_by(next.map(|column| Sorted {
        col: column.col,
        turned: false,
    }));
}

/// The namespaces that anything shown lives in.
fn namespaces(app: &App) -> Dialog {
    let view = &*app.known.cluster;
    let all: BTreeSet<&str> = Tab::ALL
        .into_iter()
        .filter(|tab| *tab != Tab::Attention)
        .flat_map(|tab| row::all(view, tab))
        .map(|row| row.namespace())
        .filter(|namespace| !namespace.is_empty())
        .collect();
    let here = match &app.screen {
        Screen::Health(state) => state.namespace.clone(),
        _ => None,
    };
    let pods = |namespace: &str| {
        let inside = view.pods.iter().filter(|row| row.namespace == namespace);
        super::words::counted(inside.count(), "pod")
    };
    let mut items = vec![Item {
        label: "all namespaces".to_owned(),
        hint: super::words::counted(view.pods.len(), "pod"),
        does: Does::Namespace(None),
    }];
    items.extend(all.iter().map(|namespace| Item {
        label: (*namespace).to_owned(),
        hint: pods(namespace),
        does: Does::Namespace(Some((*namespace).to_owned())),
    }));
    let at = all.iter().position(|known| Some(*known) == here.as_deref());
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
