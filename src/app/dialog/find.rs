//! The card that finds everything by a few letters: screens, objects of the cluster, steps, and what can be done now. Pure.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::{
    super::{
        App, Effect, Planned, Screen,
        deploy::{Chosen, Deploy},
        entry::Entry,
        health::{HealthScreen, Tab, row},
        keys::Act,
        list,
        plan::PlanScreen,
    },
    Dialog, Does, Item,
};
use crate::plan::StepId;

/// The most that is shown; who types another letter finds the rest.
const MOST: usize = 200;

/// Everything that can be found, and what was found of it.
#[derive(Debug)]
pub struct Find {
    /// What is typed.
    pub entry: Entry,
    /// Everything.
    items: Vec<Item>,
    /// What fits, the best first.
    found: Vec<usize>,
    /// Which of those is chosen.
    pub chosen: usize,
}

impl Find {
    /// Everything that can be found now; the other screens first, then what can be done, then what is there.
    pub fn new(app: &App) -> Self {
        let mut items = screens(app);
        items.extend(acts(app));
        items.extend(objects(app));
        items.extend(steps(app));
        let mut find = Self {
            entry: Entry::default(),
            items,
            found: Vec::new(),
            chosen: 0,
        };
        find.look();
        find
    }

    /// What fits, the best first.
    pub fn found(&self) -> impl ExactSizeIterator<Item = Option<&Item>> {
        self.found.iter().map(|index| self.items.get(*index))
    }

    /// How many there are altogether.
    pub fn all(&self) -> usize {
        self.items.len()
    }

    /// What the chosen one does.
    pub fn does(&self) -> Option<Does> {
        let index = self.found.get(self.chosen)?;
        self.items.get(*index).map(|item| item.does.clone())
    }

    /// Looks again, because something else is typed.
    pub fn look(&mut self) {
        self.chosen = 0;
        let wanted = self.entry.text();
        if wanted.trim().is_empty() {
            self.found = (0..self.items.len().min(MOST)).collect();
            return;
        }
        let pattern = Pattern::parse(&wanted, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
        let mut letters = Vec::new();
        let scored = self.items.iter().enumerate().filter_map(|(index, item)| {
            let label = Utf32Str::new(&item.label, &mut letters);
            Some((pattern.score(label, &mut matcher)?, index))
        });
        let mut scored: Vec<(u32, usize)> = scored.collect();
        // Of two that fit alike the shorter one is meant.
        let length = |index: usize| self.items.get(index).map_or(0, |item| item.label.len());
        scored.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), length(*index), *index));
        scored.truncate(MOST);
        self.found = scored.into_iter().map(|(_, index)| index).collect();
    }

    /// Whether something would happen now.
    pub fn can(&self, act: Act) -> bool {
        match act {
            Act::Open => !self.found.is_empty(),
            act => list::is_move(act) && self.found.len() > 1,
        }
    }

    /// Moves the choice.
    pub fn go(&mut self, act: Act) {
        self.chosen = list::moved(act, self.chosen, self.found.len());
    }
}

fn item(label: impl Into<String>, hint: impl Into<String>, does: Does) -> Item {
    Item {
        label: label.into(),
        hint: hint.into(),
        does,
    }
}

fn screens(app: &App) -> Vec<Item> {
    let sites = app.known.sites.iter().map(|site| {
        let label = format!("site {}", site.name);
        item(label, site.state.clone(), Does::OpenSite(site.name.clone()))
    });
    if app.known.site.is_empty() {
        return sites.collect();
    }
    let Dialog::Menu(menu) = Dialog::goto(app) else {
        return Vec::new();
    };
    let screens = menu.items.into_iter().map(|screen| Item {
        label: format!("screen {}", screen.label),
        ..screen
    });
    let lists = Tab::ALL.into_iter().map(|tab| {
        let does = Does::Row(tab, None);
        item(
            format!("list {}", tab.title()),
            "of the health screen",
            does,
        )
    });
    screens.chain(lists).chain(sites).collect()
}

/// What the keys of the screen can do now; what only moves is not looked for.
fn acts(app: &App) -> Vec<Item> {
    let table = app.bindings().iter();
    let possible = table.filter(|row| !row.help.is_empty() && app.can(row.act) && is_deed(row.act));
    possible
        .map(|row| {
            let help = row.help.split([';', ':']).next().unwrap_or(row.help);
            item(
                format!("do {help}"),
                format!("key {}", row.name),
                Does::Act(row.act),
            )
        })
        .collect()
}

fn is_deed(act: Act) -> bool {
    let only_here = [Act::Find, Act::Goto, Act::Back, Act::Open];
    !list::is_move(act)
        && !matches!(
            act,
            Act::Left | Act::Right | Act::Next | Act::Previous | Act::Tab(_)
        )
        && !only_here.contains(&act)
}

/// What is in the cluster.
fn objects(app: &App) -> Vec<Item> {
    let view = &*app.known.cluster;
    let of = |tab: Tab, kind: &str| -> Vec<Item> {
        row::all(view, tab)
            .map(|row| {
                let identity = row.identity();
                let does = Does::Row(tab, Some(identity.clone()));
                item(format!("{kind} {identity}"), row.status(), does)
            })
            .collect()
    };
    [
        (Tab::Attention, "attention"),
        (Tab::Pods, "pod"),
        (Tab::Nodes, "node"),
        (Tab::Volumes, "volume"),
        (Tab::Backups, "backup"),
        (Tab::Certificates, "certificate"),
        (Tab::Ingress, "ingress"),
        (Tab::Jobs, "job"),
        (Tab::Releases, "release"),
    ]
    .into_iter()
    .flat_map(|(tab, kind)| of(tab, kind))
    .collect()
}

/// The steps of the run, and those of the plan.
fn steps(app: &App) -> Vec<Item> {
    let run = app.known.run.steps.iter().map(|step| {
        let (id, title) = (&step.outline.id, &step.outline.title);
        item(
            format!("step {id}: {title}"),
            "in the run",
            Does::RunStep(id.clone()),
        )
    });
    let plan = match &app.known.plan {
        Planned::Made(plan) => plan.steps.as_slice(),
        Planned::Unknown | Planned::Refused(_) => &[],
    };
    let plan = plan.iter().map(|step| {
        let label = format!("plan {}: {}", step.id, step.title);
        item(label, "in the plan", Does::PlanStep(step.id.clone()))
    });
    run.chain(plan).collect()
}

/// Shows a list of the health screen, at a row.
pub fn show_row(app: &mut App, tab: Tab, row: Option<String>) -> Vec<Effect> {
    let mut effects = app.keep_draft();
    if !matches!(app.screen, Screen::Health(_)) {
        effects.extend(app.go(super::Goto::Health));
    }
    if let Screen::Health(state) = &mut app.screen {
        // What is looked for is not hidden by what was looked for before.
        let chosen = std::mem::take(&mut state.chosen);
        **state = HealthScreen {
            tab,
            chosen,
            sorted: state.sorted,
            ..HealthScreen::default()
        };
        if let (Some(row), Some(place)) = (row, state.chosen.get_mut(tab.index())) {
            *place = Some(row);
        }
    }
    effects
}

/// Shows a step of the run.
pub fn show_run_step(app: &mut App, id: StepId) -> Vec<Effect> {
    let mut effects = app.keep_draft();
    effects.extend(app.go(super::Goto::Deploy));
    let stage = app.known.run.step(&id).map(|step| step.outline.stage);
    if let Screen::Deploy(state) = &mut app.screen {
        *state = Deploy {
            chosen: Some(Chosen::Step(id)),
            opened: stage.map(|stage| (stage, true)).into_iter().collect(),
        };
    }
    effects
}

/// Shows a step of the plan.
pub fn show_plan_step(app: &mut App, id: StepId) -> Vec<Effect> {
    let mut effects = app.keep_draft();
    if !matches!(app.screen, Screen::Plan(_)) {
        effects.extend(app.go(super::Goto::Plan));
    }
    if let Screen::Plan(state) = &mut app.screen {
        *state = PlanScreen {
            chosen: Some(crate::app::plan::Chosen::Step(id)),
            ..PlanScreen::default()
        };
    }
    effects
}

#[cfg(test)]
mod tests;
