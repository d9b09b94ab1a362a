//! The site as typed so far: partial, perhaps wrong, never lost; it says what is wrong with it. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::problem::{Code, Problem};

use super::{
    Field, FromLine, Preset, Shape,
    fields::FIELDS,
    rules,
    types::{Wrong, items},
};

/// A problem with the field it belongs to.
pub type FieldProblem = (&'static str, Problem);

/// The answers as typed. Secrets are no part of it: they go into the vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SiteDraft {
    typed: BTreeMap<&'static str, String>,
}

impl<'de> Deserialize<'de> for SiteDraft {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let typed = BTreeMap::<String, String>::deserialize(from)?;
        let mut draft = Self::default();
        for (id, text) in &typed {
            draft.set(id, text);
        }
        Ok(draft)
    }
}

impl SiteDraft {
    /// A draft in which nothing is typed.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was typed into a field; empty when nothing was.
    pub fn get(&self, id: &str) -> &str {
        self.typed.get(id).map_or("", String::as_str)
    }

    /// Keeps what was typed; an empty text brings the preset back. False when there is no such field, or it is a secret.
    pub fn set(&mut self, id: &str, text: &str) -> bool {
        let Some(field) = Field::find(id).filter(|field| field.secret().is_none()) else {
            return false;
        };
        let clean: String = text.chars().filter(|c| !is_junk(*c)).collect();
        match clean.trim() {
            "" => self.typed.remove(field.id),
            text => self.typed.insert(field.id, text.to_owned()),
        };
        true
    }

    /// Whether nothing was typed at all.
    pub fn is_empty(&self) -> bool {
        self.typed.is_empty()
    }

    /// What holds: the typed text, else the preset; empty when there is neither.
    pub fn value(&self, id: &str) -> String {
        match self.typed.get(id) {
            Some(text) => text.clone(),
            None => Field::find(id).map_or_else(String::new, |field| self.preset(field)),
        }
    }

    /// What holds when nothing is typed.
    pub fn preset(&self, field: &Field) -> String {
        match field.preset {
            Preset::Required
            | Preset::RequiredWhen(..)
            | Preset::RequiredWithout(_)
            | Preset::Optional => String::new(),
            Preset::Text(text) => text.into(),
            // Only fields without a derived preset of their own are named in the table, so this ends.
            Preset::SameAs(other) => self.value(other),
            Preset::UnderBase(label) => match self.get("domains.base").trim_end_matches('.') {
                "" => String::new(),
                base => format!("{label}.{base}"),
            },
        }
    }

    /// Whether this site cannot do without something being typed there.
    pub fn wants(&self, field: &Field) -> bool {
        match field.preset {
            Preset::RequiredWhen(id, word) => self.value(id).eq_ignore_ascii_case(word),
            Preset::RequiredWithout(id) => self.value(id).is_empty(),
            _ => field.required(),
        }
    }

    /// The same draft with every preset written out, as site.yaml keeps it: a later version's presets change nothing.
    #[must_use]
    pub fn filled(&self) -> Self {
        let mut filled = Self::default();
        for field in FIELDS {
            filled.set(field.id, &self.value(field.id));
        }
        filled
    }

    /// The value of a field as its type; absent when empty or wrong.
    pub fn read<T: FromLine>(&self, id: &str) -> Option<T> {
        T::from_line(&self.value(id)).ok()
    }

    /// The items of a list field.
    pub fn list(&self, id: &str) -> Vec<String> {
        items(&self.value(id))
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// What is wrong with one field by itself, for validation while typing.
    pub fn check(&self, id: &str) -> Option<Problem> {
        let field = Field::find(id).filter(|field| field.secret().is_none())?;
        let text = self.value(field.id);
        if text.is_empty() {
            // A host name waits for the base domain, whose absence is told once and there.
            return self.wants(field).then(|| missing(field));
        }
        let wrong = field.kind.read(&text).err()?;
        let source = match field.preset {
            Preset::SameAs(other) => other,
            Preset::UnderBase(_) => "domains.base",
            Preset::Required
            | Preset::RequiredWhen(..)
            | Preset::RequiredWithout(_)
            | Preset::Optional
            | Preset::Text(_) => "",
        };
        // A text that was taken over from a wrong field is told there, and once.
        if self.get(id).is_empty() && self.check(source).is_some() {
            return None;
        }
        Some(refused(field, &text, &wrong))
    }

    /// Everything that is wrong, in the order of the fields: each field by itself, then the fields with each other.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let single = FIELDS
            .iter()
            .filter_map(|field| Some((field.id, self.check(field.id)?)));
        let mut all: Vec<FieldProblem> = single.chain(rules::problems(self)).collect();
        all.sort_by_key(|(id, _)| position(id));
        all
    }

    /// What is worth knowing and does not stop a deploy.
    pub fn warnings(&self) -> Vec<FieldProblem> {
        rules::warnings(self)
    }
}

/// What comes along with pasted text and belongs to no answer: escape characters, byte order marks, and line ends,
/// also those of Unicode, at which YAML would break an answer in two.
fn is_junk(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn position(id: &str) -> usize {
    FIELDS
        .iter()
        .position(|field| field.id == id)
        .unwrap_or(FIELDS.len())
}

fn missing(field: &Field) -> Problem {
    Problem::new(
        Code::Site02,
        format!("{} (`{}`) is missing.", field.label, field.id),
        format!("Give it, for example `{}`. {}", field.example, field.why),
    )
}

fn refused(field: &Field, text: &str, why: &Wrong) -> Problem {
    let what = match field.kind.shape() {
        Shape::List => format!("{} (`{}`) cannot be used as given.", field.label, field.id),
        Shape::Text | Shape::Number => format!(
            "{} (`{}`) cannot be `{}`.",
            field.label,
            field.id,
            shown(text)
        ),
    };
    Problem::new(
        Code::Site01,
        what,
        format!("Write it like `{}`.", field.example),
    )
    .because(&*why.0)
}

/// A typed text, short enough for one line.
pub fn shown(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.into();
    }
    text.chars().take(MOST).chain("...".chars()).collect()
}
