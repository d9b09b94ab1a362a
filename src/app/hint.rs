//! One thing worth knowing at a time, for who is new; it goes away once it was used, and after some days of work by itself. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{App, Effect, keys::Act};

/// After so many starts nobody is new.
const STARTS: u32 = 12;

/// The hints in the order in which they are given; each says what a key does, by whatever name the screen has for it.
const ALL: [(Act, &str, &str); 3] = [
    (Act::Help, "help", "shows every key of this screen"),
    (
        Act::Find,
        "find",
        "finds any screen, pod or step by a few letters",
    ),
    (
        Act::Copy,
        "copy",
        "copies what is chosen, and keeps it as a file",
    ),
];

/// What a person has learnt already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    #[serde(default)]
    learnt: BTreeSet<String>,
    #[serde(default)]
    starts: u32,
}

impl Hints {
    /// As they were kept; what cannot be read is as good as new.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// To be kept.
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The same, one start later.
    #[must_use]
    pub fn started(mut self) -> Self {
        self.starts = self.starts.saturating_add(1);
        self
    }

    fn is_over(&self) -> bool {
        self.starts > STARTS
    }
}

/// What is worth knowing here, if anything is.
pub fn hint(app: &App) -> Option<String> {
    let hints = app.hints.as_ref().filter(|hints| !hints.is_over())?;
    if app.dialog.is_some() {
        return None;
    }
    let table = app.bindings();
    let open = ALL
        .iter()
        .filter(|(_, name, _)| !hints.learnt.contains(*name));
    let mut keys = open.filter_map(|(act, name, words)| {
        let row = table.iter().find(|row| row.act == *act && app.can(*act))?;
        let greeting = if *name == "help" { "New here? " } else { "" };
        Some(format!("{greeting}{} {words}", row.name))
    });
    keys.next()
}

/// Takes notice of what was done; a hint about it is over.
pub fn done(app: &mut App, act: Act) -> Option<Effect> {
    let hints = app.hints.as_mut()?;
    let (_, name, _) = ALL.iter().find(|(known, ..)| *known == act)?;
    hints
        .learnt
        .insert((*name).to_owned())
        .then(|| Effect::KeepHints(hints.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Goto, Input, fixture, keys::Key};

    #[test]
    fn each_hint_goes_once_it_was_used_and_is_kept() {
        let mut app = fixture::health();
        assert_eq!(hint(&app), None, "nobody is new in a test");
        app.hints = Some(Hints::default());
        assert!(hint(&app).unwrap().contains("New here? ? shows"));
        let effects = app.update(Input::Key(Key::Char('?')));
        let kept = effects.iter().find_map(|effect| match effect {
            Effect::KeepHints(hints) => Some(hints.write()),
            _ => None,
        });
        assert_eq!(hint(&app), None, "a card is in front");
        app.update(Input::Key(Key::Esc));
        assert!(hint(&app).unwrap().starts_with(": finds"));
        // Another start, with what was kept.
        app.hints = Some(Hints::read(&kept.unwrap()));
        assert!(hint(&app).unwrap().starts_with(": finds"));
        for key in [Key::Char(':'), Key::Esc, Key::Char('c')] {
            app.update(Input::Key(key));
        }
        assert_eq!(hint(&app), None);
    }

    #[test]
    fn a_hint_names_the_key_of_the_screen_it_is_on() {
        // There ? is a letter like any other.
        let mut app = fixture::opened(Goto::Settings);
        app.hints = Some(Hints::default());
        assert!(hint(&app).unwrap().starts_with("New here? F1 shows"));
        app.update(Input::Key(Key::F(1)));
        app.update(Input::Key(Key::Esc));
        assert!(hint(&app).unwrap().starts_with("Ctrl-K finds"));
    }

    #[test]
    fn after_some_starts_nobody_is_new() {
        let mut app = fixture::health();
        let mut hints = Hints::read("no such thing");
        for _ in 0..=STARTS {
            hints = hints.started();
        }
        app.hints = Some(hints);
        assert_eq!(hint(&app), None);
    }
}
