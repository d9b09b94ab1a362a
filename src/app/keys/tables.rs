//! The rows of the tables: which key does what on which screen. Pure.

mod cards;
mod find;
mod live;

use super::{
    Act, Binding, COMPARE, FINDS, Key,
    Key::{Char, Ctrl, F},
    MOUSE, PRACTICE,
};
pub use cards::{ASK, MENU, TEXT, TYPING};
pub use find::FIND;
pub use live::{HEALTH, LOGS};

const fn row(
    keys: &'static [Key],
    name: &'static str,
    word: &'static str,
    help: &'static str,
    act: Act,
) -> Binding {
    Binding {
        keys,
        name,
        word,
        help,
        act,
    }
}

const UP: Binding = row(
    &[Key::Up, Char('k')],
    "Up/Down",
    "choose",
    "one row up or down; also k and j",
    Act::Up,
);
const DOWN: Binding = row(&[Key::Down, Char('j')], "", "", "", Act::Down);
const SCROLL_UP: Binding = row(
    &[Key::Up, Char('k')],
    "Up/Down",
    "scroll",
    "one line up or down; also k and j",
    Act::Up,
);
const PAGE_UP: Binding = row(
    &[Key::PageUp, Ctrl('b')],
    "PgUp/PgDn",
    "",
    "a page up or down; also Ctrl-B and Ctrl-F",
    Act::PageUp,
);
const PAGE_DOWN: Binding = row(&[Key::PageDown, Ctrl('f')], "", "", "", Act::PageDown);
const FIRST: Binding = row(
    &[Key::Home, Char('g')],
    "Home/End",
    "",
    "to the first or the last row; also g and G",
    Act::First,
);
const LAST: Binding = row(&[Key::End, Char('G')], "", "", "", Act::Last);
const OPEN: Binding = row(
    &[Key::Enter],
    "Enter",
    "open",
    "opens what is chosen",
    Act::Open,
);
const BACK: Binding = row(
    &[Key::Esc],
    "Esc",
    "back",
    "back to where you came from",
    Act::Back,
);
const LOG: Binding = row(
    &[Char('l')],
    "l",
    "log",
    "the log of what is chosen",
    Act::Log,
);
const EXPLAIN: Binding = row(
    &[Char('e')],
    "e",
    "explain",
    "everything known about what is chosen, and what to do",
    Act::Explain,
);
const COPY: Binding = row(
    &[Char('c')],
    "c",
    "copy",
    "copies it to the clipboard of your terminal, and to a file that is named",
    Act::Copy,
);
const GOTO: Binding = row(
    &[Char('o'), F(2)],
    "o",
    "screens",
    "the other screens of this site; also F2",
    Act::Goto,
);
const HELP: Binding = row(
    &[Char('?'), F(1)],
    "?",
    "help",
    "the keys of this screen; also F1",
    Act::Help,
);
const LEAVE: Binding = row(
    &[Char('q'), Ctrl('c')],
    "q",
    "leave",
    "leaves care-install; also Ctrl-C. A run goes on unless you stop it",
    Act::Leave,
);
const REDRAW: Binding = row(
    &[Ctrl('l')],
    "Ctrl-L",
    "",
    "draws the screen anew",
    Act::Redraw,
);
const FILTER: Binding = row(
    &[Char('/')],
    "/",
    "filter",
    "shows only rows that hold a text; Esc shows all again",
    Act::Filter,
);

/// The first screen.
pub const WELCOME: &[Binding] = &[
    UP, DOWN, FIRST, LAST, OPEN, HELP, FINDS, LEAVE, REDRAW, MOUSE,
];

/// The questions about a site.
pub const WIZARD: &[Binding] = &[
    row(
        &[Ctrl('f'), Key::Right],
        "Ctrl-F",
        "complete",
        "goes on with a path as the folder does; also Right at its end",
        Act::Complete,
    ),
    row(
        &[Ctrl('r')],
        "Ctrl-R",
        "show secret",
        "shows or hides what is typed into a secret field",
        Act::Reveal,
    ),
    row(
        &[Ctrl('d'), F(10)],
        "Ctrl-D",
        "done",
        "makes the site and goes on to the checks, once nothing is wrong; also F10",
        Act::Forward,
    ),
    row(
        &[Key::Tab, Key::Enter],
        "Tab",
        "next",
        "the next field; also Enter",
        Act::Next,
    ),
    row(
        &[Ctrl('g'), F(4)],
        "Ctrl-G",
        "problems",
        "all that is wrong or missing, with a way to each; also F4",
        Act::Problems,
    ),
    row(
        &[Key::PageUp, Ctrl('p')],
        "PgUp/PgDn",
        "group",
        "the group before or after; also Ctrl-P and Ctrl-N",
        Act::PageUp,
    ),
    row(&[Key::PageDown, Ctrl('n')], "", "", "", Act::PageDown),
    row(
        &[Key::BackTab],
        "Shift-Tab",
        "",
        "the field before",
        Act::Previous,
    ),
    row(
        &[Key::Up],
        "Up/Down",
        "field",
        "the field above or below",
        Act::Up,
    ),
    row(&[Key::Down], "", "", "", Act::Down),
    row(
        &[Ctrl('t'), F(5)],
        "Ctrl-T",
        "ask again",
        "looks at the answer again: its name, address or file; also F5",
        Act::Again,
    ),
    row(
        &[Ctrl('e'), F(3)],
        "Ctrl-E",
        "explain",
        "why this field is wrong, and what to write; on the review everything in full; also F3",
        Act::Explain,
    ),
    row(
        &[Ctrl('o')],
        "Ctrl-O",
        "from a file",
        "takes answers from a site.yaml or a variables.tfvars",
        Act::Import,
    ),
    row(
        &[Ctrl('s')],
        "Ctrl-S",
        "save",
        "says where the answers are kept; they are kept with every key, secrets only once the site is made",
        Act::Save,
    ),
    BACK,
    row(&[F(1)], "F1", "help", "the keys of this screen", Act::Help),
    row(
        &[Ctrl('c')],
        "Ctrl-C",
        "leave",
        "leaves care-install; the answers are kept",
        Act::Leave,
    ),
    row(
        &[Ctrl('k')],
        "Ctrl-K",
        "",
        "finds a screen, an object, a step or a deed by a few letters",
        Act::Find,
    ),
    REDRAW,
    MOUSE,
];

/// The checks before a deploy.
pub const CHECKS: &[Binding] = &[
    row(
        &[Key::Enter, Char('e')],
        "Enter",
        "details",
        "what was seen, why it matters and what to do; also e",
        Act::Explain,
    ),
    row(
        &[Char('r')],
        "r",
        "again",
        "runs the chosen check again",
        Act::Again,
    ),
    row(
        &[Char('w')],
        "w",
        "waive",
        "accepts a failure, with a reason that goes into the record",
        Act::Waive,
    ),
    row(
        &[Char('f')],
        "f",
        "fix",
        "the commands that cure it, as they are to be typed; there c copies them",
        Act::Fix,
    ),
    row(
        &[Char('p'), Key::Right],
        "p",
        "plan",
        "on to the plan",
        Act::Forward,
    ),
    PRACTICE,
    row(
        &[Char('R')],
        "R",
        "all again",
        "runs every check again",
        Act::AgainAll,
    ),
    UP,
    DOWN,
    PAGE_UP,
    PAGE_DOWN,
    FIRST,
    LAST,
    COPY,
    BACK,
    GOTO,
    HELP,
    FINDS,
    LEAVE,
    REDRAW,
    MOUSE,
];

/// The plan of a deploy.
pub const PLAN: &[Binding] = &[
    row(
        &[Char('y')],
        "y",
        "deploy",
        "begins the deploy, after asking once",
        Act::Deploy,
    ),
    row(
        &[Key::Enter],
        "Enter",
        "look inside",
        "the objects and values of the chosen step, then one of them as YAML; secrets are masked",
        Act::Open,
    ),
    row(
        &[Char('/')],
        "/",
        "search",
        "searches every step, object and field of the plan, and goes there",
        Act::Filter,
    ),
    COMPARE,
    PRACTICE,
    EXPLAIN,
    row(
        &[Key::Left],
        "Left/Right",
        "",
        "closes or opens a stage; out of a step or into it",
        Act::Left,
    ),
    row(&[Key::Right], "", "", "", Act::Right),
    UP,
    DOWN,
    PAGE_UP,
    PAGE_DOWN,
    FIRST,
    LAST,
    COPY,
    BACK,
    GOTO,
    HELP,
    FINDS,
    LEAVE,
    REDRAW,
    MOUSE,
];

/// A run.
pub const DEPLOY: &[Binding] = &[
    row(
        &[Char('T')],
        "T",
        "take over",
        "steers the run from here on; whoever did looks on",
        Act::TakeOver,
    ),
    row(
        &[Char('y')],
        "y",
        "yes",
        "answers the question of a step with yes",
        Act::Yes,
    ),
    row(
        &[Char('n')],
        "n",
        "no",
        "answers the question of a step with no",
        Act::No,
    ),
    row(
        &[Char('r')],
        "r",
        "retry",
        "makes the next attempt of the chosen step now",
        Act::Again,
    ),
    PRACTICE,
    row(
        &[Char('s')],
        "s",
        "skip",
        "leaves the chosen step out, with a reason that goes into the record",
        Act::Skip,
    ),
    row(
        &[Key::Enter],
        "Enter",
        "open",
        "opens or closes a stage, shows all about a step, or goes on once all is done",
        Act::Open,
    ),
    row(
        &[Key::Left],
        "Left/Right",
        "",
        "closes or opens the stage",
        Act::Left,
    ),
    row(&[Key::Right], "", "", "", Act::Right),
    LOG,
    EXPLAIN,
    row(
        &[Char('p')],
        "p",
        "pause",
        "starts no new steps, or starts them again; running steps go on",
        Act::Pause,
    ),
    UP,
    DOWN,
    PAGE_UP,
    PAGE_DOWN,
    FIRST,
    LAST,
    row(
        &[Key::Esc],
        "Esc",
        "back",
        "follows what happens again, or goes back",
        Act::Back,
    ),
    row(
        &[Char('c')],
        "c",
        "",
        "copies what is known about the chosen step, with its remedy, to the clipboard of your terminal and to a file",
        Act::Copy,
    ),
    GOTO,
    HELP,
    FINDS,
    LEAVE,
    REDRAW,
    MOUSE,
];

/// Back to a moment.
pub const RESTORE: &[Binding] = &[
    row(
        &[Key::Enter],
        "Enter",
        "next",
        "asks for the name of the site, then restores; or goes on with a restore that is not over",
        Act::Open,
    ),
    row(
        &[Key::Left],
        "Left/Right",
        "moment",
        "a minute earlier or later",
        Act::Left,
    ),
    row(&[Key::Right], "", "", "", Act::Right),
    row(
        &[Char('t')],
        "t",
        "type a time",
        "a moment by date and time",
        Act::Filter,
    ),
    row(
        &[Key::PageUp, Ctrl('b')],
        "PgUp/PgDn",
        "hour",
        "an hour earlier or later; also Ctrl-B and Ctrl-F",
        Act::PageUp,
    ),
    PAGE_DOWN,
    row(
        &[Key::Home, Char('g')],
        "Home/End",
        "",
        "the first or the last moment; also g and G",
        Act::First,
    ),
    LAST,
    row(
        &[Char('x')],
        "x",
        "put back",
        "cancels a restore that is not over and puts everything back",
        Act::Skip,
    ),
    row(
        &[Char('r')],
        "r",
        "look again",
        "looks at the backups again",
        Act::Again,
    ),
    BACK,
    GOTO,
    HELP,
    FINDS,
    LEAVE,
    REDRAW,
    MOUSE,
];
