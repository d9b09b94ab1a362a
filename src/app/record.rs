//! What went into the screens, line by line, so that the file of a report shows the same again. Pure.
//!
//! What is typed into a secret field is recorded as so many `x`, the letters of a private key wherever they are typed as so many `*`; objects are recorded with their secrets masked.

pub mod change;
mod typed;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{App, Dialog, Input, Screen, SiteRow, dialog::Shown, hint::Hints, keys::Key};
use crate::{
    problem::{Code, Problem},
    site::{Place, SiteDraft},
    watch::view::ClusterView,
};
use typed::Typed;

/// The form of the lines; a file of another form is refused.
const FORMAT: u32 = 1;

/// What stands in place of a letter that is secret.
const MASK: char = 'x';

/// How a key says that a passphrase locks it.
const LOCKED: &str = "Proc-Type: 4,ENCRYPTED";

/// The first line: how the screens began.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    format: u32,
    version: String,
    now: Timestamp,
    sites: Vec<SiteRow>,
    begun: SiteDraft,
    #[serde(default)]
    begun_at: Option<Place>,
    mouse: bool,
    #[serde(default)]
    hints: Option<Hints>,
    ascii: bool,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// Something that happened.
    In(Input),
    /// The cluster, as far as it is otherwise than before.
    Cluster(Value),
}

/// Makes lines of inputs.
#[derive(Debug, Default)]
pub struct Recording {
    view: Value,
    typed: Typed,
}

impl Recording {
    /// The first line.
    ///
    /// # Errors
    /// A value cannot be written down.
    pub fn head(app: &App, ascii: bool) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Head {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: app.now,
            sites: app.known.sites.clone(),
            begun: app.known.begun.clone(),
            begun_at: app.known.begun_at.clone(),
            mouse: app.mouse,
            hints: app.hints.clone(),
            ascii,
        })
    }

    /// The line of an input that the screens are about to take.
    ///
    /// # Errors
    /// A value cannot be written down.
    pub fn line(&mut self, app: &App, input: &Input) -> Result<String, serde_json::Error> {
        if let Input::Cluster(view) = input {
            let now = serde_json::to_value(view)?;
            let change = change::between(&self.view, &now);
            self.view = now;
            return serde_json::to_string(&Line::Cluster(change));
        }
        let typed = self.typed.hide(input);
        let secret = is_secret(app).then(|| masked(input)).flatten();
        let secret = secret.or(typed).or_else(|| without_keys(input));
        let input = secret.as_ref().unwrap_or(input);
        if self.typed.any() && !matches!(input, Input::Key(_)) {
            let mut value = serde_json::to_value(input)?;
            self.typed.hide_in(&mut value);
            return Ok(format!("{{\"in\":{value}}}"));
        }
        Ok(format!("{{\"in\":{}}}", serde_json::to_string(input)?))
    }
}

/// Whether what is typed now is secret.
pub(crate) fn is_secret(app: &App) -> bool {
    match (&app.dialog, &app.screen) {
        (Some(Dialog::Ask(ask)), _) => ask.shown != Shown::Open,
        (None, Screen::Wizard(state)) => {
            state.focus().is_some_and(|field| field.secret().is_some())
        }
        _ => false,
    }
}

/// The same length, and nothing of the text.
fn masked(input: &Input) -> Option<Input> {
    match input {
        Input::Key(Key::Char(_)) => Some(Input::Key(Key::Char(MASK))),
        Input::Paste(text) => {
            let letters = text.chars().filter(|letter| !letter.is_control()).count();
            Some(Input::Paste(MASK.to_string().repeat(letters)))
        }
        _ => None,
    }
}

/// A private key can be pasted where nothing secret is asked: its frame stays, so that it is recognised again, and
/// nothing of its body.
fn without_keys(input: &Input) -> Option<Input> {
    let Input::Paste(text) = input else {
        return None;
    };
    if !text.contains("PRIVATE KEY") {
        return None;
    }
    let mut blocks = text.split("-----BEGIN ");
    let mut out = blocks.next().unwrap_or_default().to_owned();
    for block in blocks {
        let (label, rest) = block.split_once("-----").unwrap_or((block, ""));
        let (body, end) = rest.split_once("-----END ").unwrap_or((rest, ""));
        out.push_str("-----BEGIN ");
        out.push_str(label);
        if rest.is_empty() {
            continue;
        }
        out.push_str("-----");
        out.push_str(&blank(body));
        if body.len() < rest.len() {
            out.push_str("-----END ");
            out.push_str(end);
        }
    }
    Some(Input::Paste(out))
}

/// The body of a block without its letters; that it is locked is told by its heading, which stays.
fn blank(body: &str) -> String {
    let parts = body.split(LOCKED).map(|part| {
        let mut before = ' ';
        part.chars()
            .map(|letter| {
                // Line ends may be spelled out as \n.
                let is_end = before == '\\' && matches!(letter, 'n' | 'r');
                before = letter;
                if is_end || letter.is_whitespace() || letter == '\\' {
                    letter
                } else {
                    'A'
                }
            })
            .collect::<String>()
    });
    parts.collect::<Vec<_>>().join(LOCKED)
}

/// The screens of a recording.
#[derive(Debug)]
pub struct Replayed {
    /// As they were.
    pub app: App,
    /// Whether they were drawn in ASCII.
    pub ascii: bool,
    /// How many inputs they have taken.
    pub inputs: usize,
}

/// Plays the lines of a recording again, all or the first so many.
///
/// # Errors
/// It is no recording, or one of another version of the program.
pub fn replay(text: &str, until: Option<usize>) -> Result<Replayed, Problem> {
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    let head: Head = serde_json::from_str(head).map_err(|error| {
        Problem::new(
            Code::File05,
            "The file is no recording of care-install.",
            "Name a file that was written with --record.",
        )
        .caused_by(&error)
    })?;
    if head.format != FORMAT {
        return Err(Problem::new(
            Code::File05,
            format!(
                "The recording was made by care-install {}, in a form that this one does not know.",
                head.version
            ),
            "Replay it with the version that made it.",
        ));
    }
    let mut app = App::new(head.now, head.sites);
    app.known.begun = head.begun;
    app.known.begun_at = head.begun_at;
    app.mouse = head.mouse;
    app.hints = head.hints;
    let mut view = Value::Null;
    let mut inputs = 0;
    for line in lines.take(until.unwrap_or(usize::MAX)) {
        // A line that was cut off when the program was killed is the last one.
        let Some(input) = read(line, &mut view) else {
            break;
        };
        inputs += 1;
        app.update(input);
    }
    Ok(Replayed {
        app,
        ascii: head.ascii,
        inputs,
    })
}

fn read(line: &str, view: &mut Value) -> Option<Input> {
    match serde_json::from_str(line).ok()? {
        Line::In(input) => Some(input),
        Line::Cluster(change) => {
            change::apply(view, &change);
            let cluster: ClusterView = serde_json::from_value(view.clone()).ok()?;
            Some(Input::Cluster(Arc::new(cluster)))
        }
    }
}

#[cfg(test)]
mod tests;
