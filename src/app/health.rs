//! The health screen: services, what needs attention, pods, volumes, nodes. Pure.

use super::{
    App, Dialog, Effect, Goto, Screen,
    entry::Entry,
    keys::Act,
    known::PodLog,
    list,
    logs::{Logs, Source},
    story,
    words::{Tone, Words},
};
use crate::watch::view::{ClusterView, Finding, Health, NodeRow, PodRow, VolumeRow};

/// The lists of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// What needs attention.
    #[default]
    Attention,
    /// Pods.
    Pods,
    /// Volume claims.
    Volumes,
    /// Nodes.
    Nodes,
}

impl Tab {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Attention, Self::Pods, Self::Volumes, Self::Nodes];

    fn index(self) -> usize {
        Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0)
    }

    fn of(index: usize) -> Self {
        Self::ALL.get(index).copied().unwrap_or_default()
    }
}

/// What belongs to the screen alone.
#[derive(Debug, Default)]
pub struct HealthScreen {
    /// Which list is shown.
    pub tab: Tab,
    /// The chosen row of each list by its identity.
    pub chosen: [Option<String>; 4],
    /// Only rows that hold this.
    pub filter: Entry,
    /// True while the filter is typed.
    pub typing: bool,
}

/// A row of any list.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    /// Something that needs attention.
    Finding(&'a Finding),
    /// A pod.
    Pod(&'a PodRow),
    /// A volume claim.
    Volume(&'a VolumeRow),
    /// A node.
    Node(&'a NodeRow),
}

impl Row<'_> {
    /// What makes it the same row when the data changes.
    pub fn identity(&self) -> String {
        match self {
            Self::Finding(row) => format!("{} {}", row.problem.code, row.about),
            Self::Pod(row) => format!("{}/{}", row.namespace, row.name),
            Self::Volume(row) => format!("{}/{}", row.namespace, row.name),
            Self::Node(row) => row.name.clone(),
        }
    }

    /// What the filter looks at.
    fn searched(&self) -> String {
        let text = match self {
            Self::Finding(row) => {
                format!("{} {} {}", row.problem.code, row.about, row.problem.what)
            }
            Self::Pod(row) => format!("{}/{} {} {}", row.namespace, row.name, row.status, row.node),
            Self::Volume(row) => {
                format!(
                    "{}/{} {} {}",
                    row.namespace, row.name, row.status, row.class
                )
            }
            Self::Node(row) => format!("{} {} {}", row.name, row.role, row.status),
        };
        text.to_lowercase()
    }

    /// Everything known about it.
    pub fn details(&self) -> Vec<Words> {
        let line = |text: String| Words::new(Tone::Plain, text);
        let more = |details: &[String]| -> Vec<Words> {
            details.iter().map(|text| line(text.clone())).collect()
        };
        match self {
            Self::Finding(row) => {
                let mut story = story::problem(&row.problem);
                story.insert(0, Words::new(Tone::Strong, row.about.clone()));
                story.extend(story::runbook(row.problem.code));
                story
            }
            Self::Pod(row) => {
                let mut story = vec![
                    Words::new(
                        tone(row.health),
                        format!("{}: {}", row.status, row.health.word()),
                    ),
                    line(format!(
                        "containers ready: {} of {}",
                        row.ready, row.containers
                    )),
                    line(format!("restarts: {}", row.restarts)),
                    line(format!("node: {}", dash(&row.node))),
                ];
                story.extend(more(&row.details));
                story
            }
            Self::Volume(row) => {
                let mut story = vec![
                    Words::new(
                        tone(row.health),
                        format!("{}: {}", row.status, row.health.word()),
                    ),
                    line(format!("size: {}", dash(&row.size))),
                    line(format!("storage class: {}", dash(&row.class))),
                ];
                story.extend(more(&row.details));
                story
            }
            Self::Node(row) => {
                let mut story = vec![
                    Words::new(
                        tone(row.health),
                        format!("{}: {}", row.status, row.health.word()),
                    ),
                    line(format!("part: {}", dash(&row.role))),
                    line(format!("kubelet {}, {} pods", dash(&row.version), row.pods)),
                    line(format!(
                        "CPU {}, memory {}",
                        dash(&row.cpu),
                        dash(&row.memory)
                    )),
                ];
                story.extend(more(&row.details));
                story
            }
        }
    }
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
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

/// The rows of the shown list that the filter lets through.
pub fn rows<'a>(view: &'a ClusterView, state: &HealthScreen) -> Vec<Row<'a>> {
    let wanted = state.filter.text().to_lowercase();
    let all: Vec<Row<'a>> = match state.tab {
        Tab::Attention => view.findings.iter().map(Row::Finding).collect(),
        Tab::Pods => view.pods.iter().map(Row::Pod).collect(),
        Tab::Volumes => view.volumes.iter().map(Row::Volume).collect(),
        Tab::Nodes => view.nodes.iter().map(Row::Node).collect(),
    };
    all.into_iter()
        .filter(|row| wanted.is_empty() || row.searched().contains(&wanted))
        .collect()
}

/// Which of the rows is chosen.
pub fn chosen(state: &HealthScreen, rows: &[Row<'_>]) -> usize {
    state
        .chosen
        .get(state.tab.index())
        .and_then(Option::as_ref)
        .and_then(|wanted| rows.iter().position(|row| row.identity() == *wanted))
        .unwrap_or(0)
}

fn chosen_row(app: &App) -> Option<Row<'_>> {
    let Screen::Health(state) = &app.screen else {
        return None;
    };
    let rows = rows(&app.known.cluster, state);
    rows.get(chosen(state, &rows)).copied()
}

/// The pod a row is about, as namespace and name.
fn pod_of(row: Row<'_>) -> Option<(String, String)> {
    match row {
        Row::Pod(pod) => Some((pod.namespace.clone(), pod.name.clone())),
        Row::Finding(finding) => {
            let (namespace, name) = finding.about.strip_prefix("Pod ")?.split_once('/')?;
            Some((namespace.to_owned(), name.to_owned()))
        }
        Row::Volume(_) | Row::Node(_) => None,
    }
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let Screen::Health(state) = &app.screen else {
        return false;
    };
    match act {
        Act::Next | Act::Previous | Act::Filter | Act::Forward => true,
        Act::Tab(index) => Tab::of(index) != state.tab,
        Act::Open => state.typing,
        Act::Explain | Act::Copy => chosen_row(app).is_some(),
        Act::Log => chosen_row(app).is_some_and(|row| pod_of(row).is_some()),
        Act::Back => state.typing || !state.filter.is_empty() || app.has_back(),
        act => list::is_move(act) && rows(&app.known.cluster, state).len() > 1,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    match act {
        Act::Explain => {
            let card = chosen_row(app).map(|row| Dialog::text(row.identity(), row.details()));
            app.dialog = card;
            return Vec::new();
        }
        Act::Copy => {
            let text = chosen_row(app).map(|row| {
                let lines: Vec<String> =
                    row.details().into_iter().map(|words| words.text).collect();
                format!("{}\n{}", row.identity(), lines.join("\n"))
            });
            return text.map(Effect::Copy).into_iter().collect();
        }
        Act::Log => return log(app),
        _ => {}
    }
    let App { known, screen, .. } = &mut *app;
    let Screen::Health(state) = screen else {
        return Vec::new();
    };
    let count = Tab::ALL.len();
    match act {
        Act::Next => state.tab = Tab::of((state.tab.index() + 1) % count),
        Act::Previous => state.tab = Tab::of((state.tab.index() + count - 1) % count),
        Act::Tab(index) => state.tab = Tab::of(index),
        Act::Filter => state.typing = true,
        Act::Open => state.typing = false,
        Act::Back if state.typing || !state.filter.is_empty() => {
            state.typing = false;
            state.filter = Entry::default();
        }
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

fn log(app: &mut App) -> Vec<Effect> {
    let Some((namespace, pod)) = chosen_row(app).and_then(pod_of) else {
        return Vec::new();
    };
    app.known.log = PodLog {
        pod: format!("{namespace}/{pod}"),
        lines: None,
    };
    app.push(Screen::Logs(Logs::new(Source::Pod {
        namespace: namespace.clone(),
        name: pod.clone(),
    })));
    vec![Effect::ReadLog { namespace, pod }]
}
