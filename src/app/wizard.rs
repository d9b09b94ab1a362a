//! The questions about a site: groups, fields, what is wrong with each. Pure.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};

use super::{
    App, Dialog, Effect, Goto, Screen,
    entry::Entry,
    keys::{Act, Key},
    list,
};
use crate::{
    problem::{Code, Problem},
    site::{FIELDS, Field, FieldProblem, Group, Kind, Secrets, SiteDraft},
};

/// Why the questions are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new site is made.
    New,
    /// The settings of a site are changed.
    Change,
}

/// What the questions hold so far.
#[derive(Debug)]
pub struct Wizard {
    /// Why they are asked.
    pub purpose: Purpose,
    /// The answers.
    pub draft: SiteDraft,
    /// The secrets that were typed.
    pub secrets: Secrets,
    /// The page: an index into [`Group::ALL`], or its length for the review.
    pub page: usize,
    /// The field on the page.
    pub field: usize,
    /// What is typed into the field.
    pub entry: Entry,
    /// True while a secret is shown.
    pub reveal: bool,
    /// True when something was typed since it was kept.
    pub changed: bool,
    /// What is wrong, in the order of the fields.
    pub problems: Vec<FieldProblem>,
    seen: BTreeSet<&'static str>,
}

/// How a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is wrong.
    Good,
    /// So many of its fields are to be typed yet.
    Open(usize),
    /// So many of its answers cannot be used.
    Wrong(usize),
}

impl Wizard {
    /// The questions for a new site.
    pub fn start() -> Self {
        Self::of(Purpose::New, SiteDraft::new())
    }

    /// The questions for a new site that was begun before.
    pub fn resume(draft: SiteDraft) -> Self {
        Self::of(Purpose::New, draft)
    }

    /// The settings of a site.
    pub fn change(draft: SiteDraft) -> Self {
        Self::of(Purpose::Change, draft)
    }

    fn of(purpose: Purpose, draft: SiteDraft) -> Self {
        let mut wizard = Self {
            purpose,
            draft,
            secrets: Secrets::new(),
            page: 0,
            field: 0,
            entry: Entry::default(),
            reveal: false,
            changed: false,
            problems: Vec::new(),
            seen: BTreeSet::new(),
        };
        wizard.judge();
        wizard.enter();
        wizard
    }

    /// The group that is shown; none on the review.
    pub fn group(&self) -> Option<Group> {
        Group::ALL.get(self.page).copied()
    }

    /// The fields of the page; on the review those with a problem.
    pub fn fields(&self) -> Vec<&'static Field> {
        match self.group() {
            Some(group) => group.fields().collect(),
            None => FIELDS
                .iter()
                .filter(|field| self.problem(field.id).is_some())
                .collect(),
        }
    }

    /// The field that is typed, or chosen on the review.
    pub fn focus(&self) -> Option<&'static Field> {
        self.fields().get(self.field).copied()
    }

    /// What is wrong with a field.
    pub fn problem(&self, id: &str) -> Option<&Problem> {
        self.problems
            .iter()
            .find(|(field, _)| *field == id)
            .map(|(_, problem)| problem)
    }

    /// Whether to show what is wrong: a field that nobody has come to yet is not wrong but open.
    pub fn shows_problem(&self, field: &Field) -> bool {
        self.problem(field.id).is_some()
            && (self.group().is_none() || self.seen.contains(field.id) || !self.is_untyped(field))
    }

    fn is_untyped(&self, field: &Field) -> bool {
        match field.secret() {
            Some(name) => self.secrets.get(name).is_none(),
            None => self.draft.get(field.id).is_empty(),
        }
    }

    /// How a group stands.
    pub fn standing(&self, group: Group) -> Standing {
        let (mut open, mut wrong) = (0, 0);
        for field in group
            .fields()
            .filter(|field| self.problem(field.id).is_some())
        {
            if self.is_untyped(field) {
                open += 1;
            } else {
                wrong += 1;
            }
        }
        match (wrong, open) {
            (0, 0) => Standing::Good,
            (0, open) => Standing::Open(open),
            (wrong, _) => Standing::Wrong(wrong),
        }
    }

    /// What a field shows while it is not typed into: the value, and whether it is a preset.
    pub fn shown(&self, field: &Field) -> (String, bool) {
        match field.secret() {
            Some(name) => match (self.secrets.get(name), self.purpose) {
                (Some(_), _) => ("********".to_owned(), false),
                (None, Purpose::Change) => ("kept in the vault".to_owned(), true),
                (None, Purpose::New) => (String::new(), true),
            },
            None => (
                self.draft.value(field.id),
                self.draft.get(field.id).is_empty(),
            ),
        }
    }

    /// Takes a key that belongs to the field; false when it means something else.
    pub fn take(&mut self, key: Key) -> bool {
        if self.group().is_none() {
            return false;
        }
        let Some(field) = self.focus() else {
            return false;
        };
        if let Kind::Choice(words) = field.kind {
            match key {
                Key::Left => self.cycle(field, words, words.len() - 1),
                Key::Right | Key::Char(' ') => self.cycle(field, words, 1),
                _ => return self.typed(field, key),
            }
            return true;
        }
        self.typed(field, key)
    }

    fn typed(&mut self, field: &'static Field, key: Key) -> bool {
        if !self.entry.take(key) {
            return false;
        }
        self.keep(field);
        true
    }

    /// Takes a text that was pasted.
    pub fn paste(&mut self, text: &str) {
        if let (Some(_), Some(field)) = (self.group(), self.focus()) {
            self.entry.paste(text);
            self.keep(field);
        }
    }

    fn cycle(&mut self, field: &'static Field, words: &[&str], by: usize) {
        let now = self.draft.value(field.id);
        let at = words.iter().position(|word| *word == now).unwrap_or(0);
        let next = words.get((at + by) % words.len()).copied().unwrap_or("");
        self.entry = Entry::of(next);
        self.keep(field);
    }

    fn keep(&mut self, field: &'static Field) {
        let text = self.entry.text();
        match field.secret() {
            Some(name) => self.secrets.set(name, SecretString::from(text)),
            None => {
                self.draft.set(field.id, &text);
            }
        }
        self.changed = true;
        self.judge();
    }

    fn judge(&mut self) {
        self.problems = self.draft.problems();
        if self.purpose == Purpose::New {
            let missing = FIELDS
                .iter()
                .filter(|field| self.draft.wants(field))
                .filter(|field| {
                    let secret = field.secret().map(|name| self.secrets.get(name));
                    secret
                        .is_some_and(|held| held.is_none_or(|text| text.expose_secret().is_empty()))
                });
            for field in missing {
                let what = format!("{} is missing.", field.label);
                let problem = Problem::new(Code::Site02, what, field.why);
                self.problems.push((field.id, problem));
            }
        }
    }

    /// The cursor comes to a field.
    fn enter(&mut self) {
        self.reveal = false;
        let Some(field) = self.focus() else {
            self.field = 0;
            return;
        };
        self.entry = match field.secret() {
            Some(name) => match self.secrets.get(name) {
                Some(text) => Entry::of(text.expose_secret()),
                None => Entry::default(),
            },
            None => Entry::of(self.draft.get(field.id)),
        };
    }

    fn leave_field(&mut self) {
        if let (Some(_), Some(field)) = (self.group(), self.focus()) {
            self.seen.insert(field.id);
        }
    }

    fn go(&mut self, page: usize, field: usize) {
        self.leave_field();
        self.page = page.min(Group::ALL.len());
        self.field = field.min(self.fields().len().saturating_sub(1));
        self.enter();
    }

    fn next(&mut self) {
        if self.field + 1 < self.fields().len() {
            self.go(self.page, self.field + 1);
        } else {
            self.go(self.page + 1, 0);
        }
    }

    fn previous(&mut self) {
        if self.field > 0 {
            self.go(self.page, self.field - 1);
        } else if self.page > 0 {
            self.go(self.page - 1, usize::MAX);
        }
    }

    /// Goes to a field wherever it is.
    fn visit(&mut self, id: &str) {
        for (page, group) in Group::ALL.iter().enumerate() {
            if let Some(field) = group.fields().position(|field| field.id == id) {
                self.go(page, field);
            }
        }
    }
}

/// Whether something would happen now.
pub fn can(state: &Wizard, act: Act) -> bool {
    let many = state.fields().len() > 1;
    match act {
        Act::Next => state.group().is_some() || state.focus().is_some(),
        Act::Previous => state.page > 0 || state.field > 0,
        Act::Up => many && state.field > 0,
        Act::Down => many && state.field + 1 < state.fields().len(),
        Act::Rows(_) => many,
        Act::PageUp => state.page > 0,
        Act::PageDown => state.page < Group::ALL.len(),
        Act::Explain => state
            .focus()
            .is_some_and(|field| state.problem(field.id).is_some()),
        Act::Reveal => state.focus().is_some_and(|field| field.secret().is_some()),
        Act::Save => state.changed,
        Act::Forward | Act::Back => true,
        _ => false,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    if act == Act::Back {
        let effects = app.pop();
        return effects;
    }
    let Screen::Wizard(state) = &mut app.screen else {
        return Vec::new();
    };
    let before = state.page;
    match act {
        Act::Next => match (state.group(), state.focus()) {
            // On the review Enter leads to the field that is wrong.
            (None, Some(field)) => state.visit(field.id),
            _ => state.next(),
        },
        Act::Previous => state.previous(),
        Act::Up | Act::Down | Act::Rows(_) => {
            let at = list::moved(act, state.field, state.fields().len());
            state.go(state.page, at);
        }
        Act::PageUp => state.go(state.page.saturating_sub(1), 0),
        Act::PageDown => state.go(state.page + 1, 0),
        Act::Reveal => state.reveal = !state.reveal,
        Act::Explain => {
            let problem = state.focus().and_then(|field| state.problem(field.id));
            app.dialog = problem.map(Dialog::problem);
        }
        Act::Save => {
            state.changed = false;
            app.notice = Some("The answers are kept.".to_owned());
            return vec![Effect::SaveDraft(Box::new(state.draft.clone()))];
        }
        Act::Forward => return forward(app),
        _ => {}
    }
    let Screen::Wizard(state) = &app.screen else {
        return Vec::new();
    };
    if state.page != before && state.changed {
        return vec![Effect::Probe(Box::new(state.draft.clone()))];
    }
    Vec::new()
}

/// On to the checks, or to what is wrong.
fn forward(app: &mut App) -> Vec<Effect> {
    let Screen::Wizard(state) = &mut app.screen else {
        return Vec::new();
    };
    if !state.problems.is_empty() {
        state.go(Group::ALL.len(), 0);
        let count = state.problems.len();
        app.notice = Some(match count {
            1 => "One answer is missing or wrong.".to_owned(),
            count => format!("{count} answers are missing or wrong."),
        });
        return Vec::new();
    }
    match state.purpose {
        Purpose::New => {
            app.dialog = Some(Dialog::passphrase());
            Vec::new()
        }
        Purpose::Change => {
            let draft = state.draft.clone();
            let secrets = state.secrets.clone();
            state.changed = false;
            app.known.draft = draft.clone();
            // What was found out about the old settings says nothing about the new ones.
            app.known.checks.clear();
            let mut effects = vec![Effect::ChangeSite(Box::new(draft), secrets)];
            effects.extend(app.go(Goto::Checks));
            effects
        }
    }
}
