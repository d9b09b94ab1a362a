//! The commented example of a site file, made from the table, so that the two cannot differ. Pure.

use super::{
    super::{
        Field, Preset,
        fields::FIELDS,
        kind::{Kind, Shape},
        types::items,
    },
    SCHEMA,
};

/// How wide the comments are.
const WIDTH: usize = 96;

/// The text of templates/site.example.yaml.
pub fn example() -> String {
    let mut lines: Vec<String> = [
        "# An example of site.yaml: every setting of a site, why it is asked, and a good answer.",
        "# What is commented out is optional. Check your own file with: care-install validate",
        "# Secrets do not stand here; they are asked for and kept in the vault beside this file.",
        "",
    ]
    .map(str::to_owned)
    .into();
    lines.push(format!("schema: {SCHEMA}"));
    let mut sections: Vec<&str> = Vec::new();
    for field in FIELDS {
        let section = section(field);
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    for name in sections {
        lines.extend([String::new(), format!("{name}:")]);
        let mut above = Vec::new();
        for field in FIELDS.iter().filter(|field| section(field) == name) {
            entry(&mut lines, field, &mut above);
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn section(field: &Field) -> &'static str {
    field.id.split('.').next().unwrap_or(field.id)
}

/// One field with its comment; `above` holds the names of the section it stands in.
fn entry(lines: &mut Vec<String>, field: &Field, above: &mut Vec<&'static str>) {
    let mut path: Vec<&str> = field.id.split('.').skip(1).collect();
    let Some(name) = path.pop() else { return };
    if path != *above {
        for (depth, part) in path.iter().enumerate() {
            lines.push(format!("{:indent$}{part}:", "", indent = 2 * (depth + 1)));
        }
        above.clone_from(&path);
    }
    let indent = 2 * (path.len() + 1);
    for line in wrap(&comment(field), WIDTH - indent) {
        lines.push(format!("{:indent$}# {line}", ""));
    }
    if field.secret().is_some() {
        return;
    }
    // Words such as 1.36 and lines with * would be read as something else without quotes.
    let quoted = matches!(field.kind, Kind::Choice(_) | Kind::Cron);
    let value = match field.kind.shape() {
        Shape::Text if quoted => format!("\"{}\"", field.example),
        Shape::Text | Shape::Number => field.example.to_owned(),
        Shape::List => format!("[{}]", items(field.example).join(", ")),
    };
    let optional = match field.preset {
        Preset::Optional => true,
        Preset::RequiredWhen(id, word) => {
            Field::find(id).is_some_and(|field| !field.example.eq_ignore_ascii_case(word))
        }
        _ => false,
    };
    let mark = if optional { "# " } else { "" };
    lines.push(format!("{:indent$}{mark}{name}: {value}", ""));
}

fn comment(field: &Field) -> String {
    let otherwise = match field.preset {
        _ if field.secret().is_some() => " (Not in this file.)".to_owned(),
        Preset::Required => " (Required.)".to_owned(),
        Preset::RequiredWhen(id, word) => format!(" (Required where {id} is {word}.)"),
        Preset::RequiredWithout(id) => format!(" (Required without {id}.)"),
        Preset::Optional => String::new(),
        Preset::Text(preset) => format!(" (Without it: {preset}.)"),
        Preset::SameAs(other) => format!(" (Without it: the same as {other}.)"),
        Preset::UnderBase(label) => format!(" (Without it: {label} under the base domain.)"),
    };
    let words = match field.kind {
        Kind::Choice(words) => format!(" One of: {}.", words.join(", ")),
        _ => String::new(),
    };
    format!("{}. {}{words}{otherwise}", field.label, field.why)
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        if let Some(last) = lines.last_mut() {
            if last.is_empty() {
                last.push_str(word);
                continue;
            }
            if last.len() + 1 + word.len() <= width {
                last.push(' ');
                last.push_str(word);
                continue;
            }
        }
        lines.push(word.into());
    }
    lines
}
