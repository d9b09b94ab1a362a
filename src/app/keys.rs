//! The keys of every screen in tables: the dispatcher, the footer and the help read the same rows. Pure.

mod tables;

pub use tables::{
    ASK, CHECKS, DEPLOY, HEALTH, LOGS, MENU, PLAN, RESTORE, TEXT, TYPING, WELCOME, WIZARD,
};

/// A key as the screens know it, whatever the terminal calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A letter, digit or sign.
    Char(char),
    /// A letter together with Ctrl.
    Ctrl(char),
    /// A function key.
    F(u8),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Shift and tabulator.
    BackTab,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// Deletes to the left.
    Backspace,
    /// Deletes to the right.
    Delete,
}

/// What a key is meant to do; each screen does it in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Opens what is chosen.
    Open,
    /// Back to where one came from.
    Back,
    /// The next field or tab.
    Next,
    /// The field or tab before.
    Previous,
    /// The tab with this number, counted from 0.
    Tab(usize),
    /// Shows only rows that hold a text.
    Filter,
    /// What can be done to what is chosen.
    Actions,
    /// What becomes of the services if a node stops now.
    Stops,
    /// Sorts by the next column.
    Sort,
    /// Turns the order around.
    Turn,
    /// Shows only rows of a namespace.
    Namespace,
    /// The object as the cluster keeps it.
    Yaml,
    /// The log of what is chosen.
    Log,
    /// The instance before the present one.
    Before,
    /// All that do the same.
    All,
    /// Which time.
    Range,
    /// To an older place where a text was found.
    Older,
    /// To a newer place where a text was found.
    Newer,
    /// Only lines in which a text was found, or all.
    Only,
    /// Why, in full, with the runbook.
    Explain,
    /// Again, for what is chosen.
    Again,
    /// Again, for everything.
    AgainAll,
    /// Leaves a step out.
    Skip,
    /// Starts no new steps, or starts them again.
    Pause,
    /// Copies what is shown.
    Copy,
    /// Accepts a failed check.
    Waive,
    /// Asks the cluster what is otherwise in it.
    Compare,
    /// Begins the deploy.
    Deploy,
    /// Goes to the next screen of setting up.
    Forward,
    /// Answers yes.
    Yes,
    /// Answers no.
    No,
    /// Keeps what was typed.
    Save,
    /// Shows or hides what is typed into a secret field.
    Reveal,
    /// Everything that is wrong, with a way to each.
    Problems,
    /// Goes on with a path as the folder does.
    Complete,
    /// Takes answers from a file.
    Import,
    /// The commands that cure what is chosen.
    Fix,
    /// What goes wrong on the practice cluster, and how its time passes.
    Practice,
    /// Other screens.
    Goto,
    /// Leaves the program, or asks how.
    Leave,
    /// The keys of this screen.
    Help,
    /// Draws everything anew.
    Redraw,
}

/// One row of a table of keys.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys; the first is the usual one.
    pub keys: &'static [Key],
    /// How the keys are called; empty when the row before names them too.
    pub name: &'static str,
    /// What they do, for the footer; empty when only the help tells it.
    pub word: &'static str,
    /// What they do, for the help.
    pub help: &'static str,
    /// What is done.
    pub act: Act,
}

/// The menu of the practice cluster, on every screen that has a cluster.
const PRACTICE: Binding = Binding {
    keys: &[Key::Char('m')],
    name: "m",
    word: "practice",
    help: "on the practice cluster: what goes wrong on it, and how its time passes",
    act: Act::Practice,
};

/// The difference to what is there, on the plan.
const COMPARE: Binding = Binding {
    keys: &[Key::Char('d')],
    name: "d",
    word: "compare",
    help: "what of the plan is otherwise in the cluster, by object and field; nothing is changed",
    act: Act::Compare,
};

/// What a key does according to a table.
pub fn find(table: &[Binding], key: Key) -> Option<Act> {
    table
        .iter()
        .find(|binding| binding.keys.contains(&key))
        .map(|binding| binding.act)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_stands_twice_in_a_table() {
        for table in [
            WELCOME, WIZARD, CHECKS, PLAN, DEPLOY, HEALTH, LOGS, RESTORE, TEXT, MENU, ASK, TYPING,
        ] {
            let mut seen = HashSet::new();
            for key in table.iter().flat_map(|binding| binding.keys) {
                assert!(seen.insert(*key), "{key:?} stands twice beside {table:?}");
            }
        }
    }

    #[test]
    fn every_key_with_a_name_is_helped() {
        for table in [
            WELCOME, WIZARD, CHECKS, PLAN, DEPLOY, HEALTH, LOGS, RESTORE, TEXT, MENU, ASK, TYPING,
        ] {
            for binding in table {
                assert_eq!(binding.name.is_empty(), binding.help.is_empty());
            }
        }
    }
}
