//! The reference's `variables.tfvars` as the draft of a site: what was taken, what was assumed, and all that was not understood. Pure.

mod domains;
mod names;
mod reader;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Field, SecretName, Secrets, SiteDraft, kind::Shape};
use reader::{Entry, Value};

/// What became of a file of variables.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The answers.
    pub draft: SiteDraft,
    /// Secrets that stood in the file and that are typed otherwise.
    pub secrets: Secrets,
    /// Which variable became which answer.
    pub taken: Vec<Taken>,
    /// Answers that do not stand in the file and follow from it.
    pub assumed: Vec<Assumed>,
    /// Everything else that stood in the file.
    pub left: Vec<Left>,
}

/// A variable that became an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Where it stands.
    pub line: usize,
    /// The variable.
    pub variable: String,
    /// The field, or the secret.
    pub field: String,
}

/// An answer that was concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumed {
    /// The field.
    pub field: String,
    /// What it holds now.
    pub value: String,
    /// From what it was concluded.
    pub why: String,
}

/// What became nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Where it stands.
    pub line: usize,
    /// The variable, or the beginning of what stands there.
    pub variable: String,
    /// Why; never with a value of it.
    pub why: String,
}

/// A value with its name, after maps were opened.
struct Variable {
    line: usize,
    name: String,
    value: Value,
}

/// Reads a file of variables; `environment` is the name of the folder in which it lies.
pub fn import(text: &str, environment: Option<&str>) -> Imported {
    let mut imported = Imported::default();
    let mut variables: Vec<Variable> = Vec::new();
    for entry in reader::read(text) {
        match entry {
            Entry::Variable { line, name, value } => opened(line, &name, value, &mut variables),
            Entry::Unclear { line, text, why } => imported.leave(line, &text, why),
        }
    }
    names::join_images(&mut variables);
    let mut hosts = Vec::new();
    for Variable { line, name, value } in variables {
        if let Some(place) = names::field(&name) {
            imported.take(line, &name, place, &value);
        } else if let Some(host) = domains::host(&name) {
            match value.text() {
                Some(text) => hosts.push((line, name, host, text)),
                None => imported.leave(line, &name, "a host name is one text"),
            }
        } else if let Some(secret) = names::secret(&name) {
            imported.keep(line, &name, secret, &value);
        } else if names::is_secret(&name) {
            imported.leave(
                line,
                &name,
                "a secret; care-install makes its own, or asks for it",
            );
        } else if let Some(answers) = names::several(&name, &value) {
            for (field, text) in answers {
                imported.take(line, &name, names::Place::text(field), &Value::Text(text));
            }
        } else {
            imported.leave(line, &name, "no setting of a site");
        }
    }
    domains::take(&mut imported, hosts);
    conclude(&mut imported, environment);
    imported.left.sort_by_key(|left| left.line);
    imported.taken.sort_by_key(|taken| taken.line);
    imported
}

/// Opens maps: `nodes = { primary = { ip = "1" } }` is `nodes_primary_ip`. Lists, and maps that are answers, stay whole.
fn opened(line: usize, name: &str, value: Value, all: &mut Vec<Variable>) {
    match value {
        Value::Map(entries) if !names::is_whole(name) && !entries.is_empty() => {
            for (line, key, value) in entries {
                opened(line, &format!("{name}_{key}"), value, all);
            }
        }
        value => all.push(Variable {
            line,
            name: name.to_lowercase().replace('-', "_"),
            value,
        }),
    }
}

impl Imported {
    fn leave(&mut self, line: usize, variable: &str, why: impl Into<String>) {
        self.left.push(Left {
            line,
            variable: variable.to_owned(),
            why: why.into(),
        });
    }

    /// Takes an answer when its field can hold it and has none yet.
    fn take(&mut self, line: usize, name: &str, place: names::Place, value: &Value) {
        let Some(field) = Field::find(place.field) else {
            return self.leave(line, name, "no setting of a site");
        };
        if *value == Value::Null {
            return self.leave(line, name, "it is null, so the preset holds");
        }
        let Some(text) = (place.read)(value) else {
            let wanted = match field.kind.shape() {
                Shape::List => "a list",
                Shape::Number => "a number",
                Shape::Text => "a text",
            };
            return self.leave(line, name, format!("{} wants {wanted}", field.id));
        };
        self.answer((line, name), field, &text);
    }

    /// Writes an answer down, or says why it is none; a problem's words may be shown, the value is no secret.
    fn answer(&mut self, (line, name): (usize, &str), field: &'static Field, text: &str) {
        if let Err(wrong) = field.kind.read(text) {
            self.leave(
                line,
                name,
                format!("{} cannot hold it: {}", field.id, wrong.0),
            );
        } else if self.draft.get(field.id).is_empty() {
            self.draft.set(field.id, text);
            self.taken.push(Taken {
                line,
                variable: name.to_owned(),
                field: field.id.to_owned(),
            });
        } else if self.draft.get(field.id) != text {
            self.leave(
                line,
                name,
                format!("{} has an answer from another variable already", field.id),
            );
        } else {
            self.taken.push(Taken {
                line,
                variable: name.to_owned(),
                field: field.id.to_owned(),
            });
        }
    }

    fn keep(&mut self, line: usize, name: &str, secret: SecretName, value: &Value) {
        match value.text() {
            Some(text) if !text.is_empty() => {
                self.secrets.set(secret, SecretString::from(text));
                self.taken.push(Taken {
                    line,
                    variable: name.to_owned(),
                    field: format!("secret {secret}"),
                });
            }
            _ => self.leave(line, name, "a secret without a value; it is left to type"),
        }
    }

    fn assume(&mut self, field: &'static str, value: &str, why: impl Into<String>) {
        let fits = Field::find(field).is_some_and(|field| field.kind.read(value).is_ok());
        if fits && self.draft.get(field).is_empty() {
            self.draft.set(field, value);
            self.assumed.push(Assumed {
                field: field.to_owned(),
                value: value.to_owned(),
                why: why.into(),
            });
        }
    }
}

/// Answers that the file does not hold and that follow from how the reference works.
fn conclude(imported: &mut Imported, environment: Option<&str>) {
    if let Some(environment) = environment {
        let name = environment.to_lowercase().replace(['_', ' '], "-");
        imported.assume("site.name", &name, "the file lies in a folder of this name");
    }
    let base = imported.draft.get("domains.base").to_owned();
    if let Some(first) = base.split('.').next() {
        imported.assume("site.name", first, "the base domain begins so");
    }
    let why = "the reference's notes make its secret of the certificate from a file of this name";
    imported.assume("certificate.chain_file", "fullchain.pem", why);
    imported.assume("certificate.key_file", "privkey.pem", why);
}

#[cfg(test)]
mod tests;
