//! The questions about a site: groups, fields, what is wrong with each. Pure.

mod act;
pub mod bill;
pub mod brought;
pub mod looks;
pub mod note;
pub mod paste;

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};

use super::{entry::Entry, keys::Key};
use crate::{
    problem::{Code, Problem},
    site::{FIELDS, Field, FieldProblem, Group, Kind, Place, Secrets, SiteDraft},
};
pub use act::{act, can, certificate_kept, completed, keep, moves_with_time, pasted, tick};
use paste::{Pasted, Pem};

/// Why the questions are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new site is made.
    New,
    /// The settings of a site are changed.
    Change,
}

/// What the person's hands do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hands {
    /// Nothing was typed since the questions were opened.
    Untouched,
    /// Something was typed, and it stands still.
    Still,
    /// Something was typed since the last tick.
    Typing,
}

/// The answers with the place of the person in them, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The answers.
    pub draft: SiteDraft,
    /// Where the person is.
    pub place: Place,
    /// Whether to say where they are kept.
    pub say: bool,
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
    /// Whether something is typed.
    pub hands: Hands,
    /// What is wrong, in the order of the fields.
    pub problems: Vec<FieldProblem>,
    /// Files that begin as the text in the field does.
    pub offers: Vec<String>,
    seen: BTreeSet<&'static str>,
    /// What was kept last.
    kept: Option<(SiteDraft, Place)>,
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
            hands: Hands::Untouched,
            problems: Vec::new(),
            offers: Vec::new(),
            seen: BTreeSet::new(),
            kept: None,
        };
        wizard.judge();
        wizard.enter();
        wizard
    }

    /// Goes to where the person was, with the text as it was typed.
    #[must_use]
    pub fn resumed(mut self, place: Option<&Place>) -> Self {
        let Some(place) = place else { return self };
        self.hands = Hands::Still;
        match Field::find(&place.field) {
            Some(field) => {
                self.visit(field.id);
                if field.secret().is_none() && !place.text.is_empty() {
                    self.entry = Entry::of(&place.text);
                    self.entry.put_cursor(place.at);
                    self.draft.set(field.id, &place.text);
                    self.judge();
                }
            }
            None => self.go(Group::ALL.len(), 0),
        }
        self
    }

    /// Where the person is.
    pub fn place(&self) -> Place {
        match (self.group(), self.focus()) {
            (Some(_), Some(field)) => Place::at(field, self.entry.text(), self.entry.at()),
            _ => Place::default(),
        }
    }

    /// What is to be kept, if it is not kept already. Nothing is kept before something was typed.
    fn unkept(&mut self) -> Option<Box<Kept>> {
        if self.hands == Hands::Untouched {
            return None;
        }
        let place = self.place();
        let kept = self.kept.as_ref();
        if kept.is_some_and(|(draft, at)| *draft == self.draft && *at == place) {
            return None;
        }
        Some(self.keeps(false))
    }

    /// The answers and the place, which count as kept from here on.
    pub fn keeps(&mut self, say: bool) -> Box<Kept> {
        let (draft, place) = (self.draft.clone(), self.place());
        self.kept = Some((draft.clone(), place.clone()));
        Box::new(Kept { draft, place, say })
    }

    /// How many answers are wrong, and how many are still to be given.
    pub fn counts(&self) -> (usize, usize) {
        let open = self.problems.iter().filter(|(id, _)| self.is_open(id));
        let open = open.count();
        (self.problems.len() - open, open)
    }

    /// Whether nothing is typed where something must be.
    pub fn is_open(&self, id: &str) -> bool {
        Field::find(id).is_some_and(|field| self.is_untyped(field))
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
        // At the end of a path the arrow goes on where the folder does.
        let at_end = self.entry.at() == self.entry.len() && !self.entry.is_empty();
        if field.kind == Kind::File && key == Key::Right && at_end {
            return false;
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

    /// Takes a text that was pasted; gives what is to be kept as files, or why nothing was taken.
    pub fn paste(&mut self, text: &str) -> Result<Option<Pem>, String> {
        let (Some(_), Some(field)) = (self.group(), self.focus()) else {
            return Err("There is no line to paste into here.".to_owned());
        };
        match paste::pasted(field, text) {
            Pasted::Line(line) => {
                self.entry.paste(&line);
                self.keep(field);
                Ok(None)
            }
            Pasted::Certificate(pem) => Ok(Some(pem)),
            Pasted::Refused(why) => Err(why),
        }
    }

    /// Answers a question wherever the cursor is.
    pub fn answer(&mut self, id: &'static str, text: &str) {
        self.draft.set(id, text);
        self.hands = Hands::Still;
        self.judge();
        if self.focus().is_some_and(|field| field.id == id) && self.group().is_some() {
            self.entry = Entry::of(text);
        }
    }

    /// Files that begin as the text does.
    fn completed(&mut self, (id, text): (&str, &str), names: &[String]) -> Option<String> {
        let field = self.focus().filter(|field| field.id == id)?;
        if self.entry.text() != text {
            return None;
        }
        let Some(first) = names.first() else {
            return Some(match text {
                "" => "There is no file here; a path may also begin with / or ~/.".to_owned(),
                text => format!("No file begins with {text}."),
            });
        };
        let common = names.iter().fold(first.as_str(), |common, name| {
            let same = common.char_indices().zip(name.chars());
            let end = same.take_while(|((_, a), b)| a == b).last();
            let end = end.map_or(0, |((at, letter), _)| at + letter.len_utf8());
            common.get(..end).unwrap_or_default()
        });
        if common.len() > text.len() {
            self.entry = Entry::of(common);
            self.keep(field);
        }
        self.offers = if names.len() > 1 {
            names.to_vec()
        } else {
            Vec::new()
        };
        None
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
        self.hands = Hands::Typing;
        self.offers.clear();
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
        self.offers.clear();
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
    pub fn visit(&mut self, id: &str) {
        for (page, group) in Group::ALL.iter().enumerate() {
            if let Some(field) = group.fields().position(|field| field.id == id) {
                self.go(page, field);
            }
        }
    }
}

#[cfg(test)]
mod tests;
