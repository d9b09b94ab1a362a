//! What the random steps have come to: screens, cards, lists, and everything that a key can do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::app::{
    App, Dialog, Input, Screen,
    keys::{self, Act},
};

/// What was seen.
#[derive(Default)]
pub struct Seen {
    screens: BTreeMap<&'static str, u64>,
    cards: BTreeMap<String, u64>,
    lists: BTreeSet<String>,
    acts: BTreeMap<String, u64>,
}

const SCREENS: [&str; 8] = [
    "welcome", "settings", "checks", "plan", "deploy", "health", "log", "restore",
];

/// The cards by the beginning of their names.
const CARDS: [&str; 16] = [
    "text",
    "menu Leave?",
    "menu Screens of",
    "menu Deploy ",
    "menu Which time?",
    "menu Which namespace?",
    "ask Skip",
    "ask Waive",
    "ask Restore",
    "ask Moment",
    "ask LogRange",
    "ask Deed",
    "ask Copies",
    "ask Unlock",
    "ask Passphrase",
    "find",
];

impl Seen {
    /// What a key will do.
    pub fn expects(app: &App, input: &Input) -> Option<Act> {
        let Input::Key(key) = input else { return None };
        keys::find(app.bindings(), *key).filter(|act| app.can(*act))
    }

    /// Takes notice of what is shown now.
    pub fn notice(&mut self, app: &App, act: Option<Act>) {
        *self.screens.entry(app.screen.title()).or_default() += 1;
        if let Some(act) = act {
            *self.acts.entry(format!("{act:?}")).or_default() += 1;
        }
        if let Screen::Health(state) = &app.screen {
            let list = format!("{:?}", state.tab);
            self.lists.insert(list);
        }
        if let Some(dialog) = &app.dialog {
            *self.cards.entry(name(dialog)).or_default() += 1;
        }
    }

    /// Both together.
    pub fn join(&mut self, other: Self) {
        for (name, count) in other.screens {
            *self.screens.entry(name).or_default() += count;
        }
        for (name, count) in other.cards {
            *self.cards.entry(name).or_default() += count;
        }
        for (name, count) in other.acts {
            *self.acts.entry(name).or_default() += count;
        }
        self.lists.extend(other.lists);
    }

    /// No screen, list or card was left out.
    pub fn is_every_screen(&self) {
        for screen in SCREENS {
            assert!(self.screens.contains_key(screen), "never came to {screen}");
        }
        for card in CARDS {
            let found = self.cards.keys().any(|name| name.starts_with(card));
            assert!(
                found,
                "never came to the card {card} but to {:?}",
                self.cards
            );
        }
        assert_eq!(
            self.lists.len(),
            crate::app::health::TABS,
            "{:?}",
            self.lists
        );
    }

    /// Nothing that a key can do was left out.
    pub fn is_every_key(&self) {
        for act in keys::TABLES
            .iter()
            .flat_map(|table| table.iter())
            .map(|row| row.act)
        {
            let name = format!("{act:?}");
            assert!(self.acts.contains_key(&name), "no key ever did {name}");
        }
    }
}

fn name(dialog: &Dialog) -> String {
    match dialog {
        Dialog::Text(_) => "text".to_owned(),
        Dialog::Menu(menu) => {
            let words: Vec<&str> = menu.title.split(' ').take(2).collect();
            format!("menu {}", words.join(" "))
        }
        Dialog::Find(_) => "find".to_owned(),
        Dialog::Ask(ask) => {
            let kind = format!("{:?}", ask.asked);
            let name: String = kind
                .chars()
                .take_while(|letter| letter.is_alphanumeric())
                .collect();
            format!("ask {name}")
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = |names: &[(String, u64)]| -> String {
            let each: Vec<String> = names
                .iter()
                .map(|(name, count)| format!("{name} {count}"))
                .collect();
            each.join(", ")
        };
        let screens: Vec<(String, u64)> = self
            .screens
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect();
        let cards: Vec<(String, u64)> = self.cards.clone().into_iter().collect();
        let acts: Vec<(String, u64)> = self.acts.clone().into_iter().collect();
        writeln!(out, "screens: {}", counts(&screens))?;
        writeln!(out, "cards: {}", counts(&cards))?;
        writeln!(out, "done by keys: {}", counts(&acts))
    }
}
