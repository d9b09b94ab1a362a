//! The keys of the card that finds everything: letters are typed, so only keys that are none lead on. Pure.

use super::{
    super::{
        Act, Binding,
        Key::{self, Ctrl},
    },
    PAGE_DOWN, PAGE_UP, REDRAW, row,
};

/// The card that finds everything.
pub const FIND: &[Binding] = &[
    row(
        &[Key::Enter],
        "Enter",
        "go",
        "goes there, or does it as its key would",
        Act::Open,
    ),
    row(
        &[Key::Up, Ctrl('p')],
        "Up/Down",
        "choose",
        "one row up or down; also Ctrl-P and Ctrl-N",
        Act::Up,
    ),
    row(&[Key::Down, Ctrl('n')], "", "", "", Act::Down),
    PAGE_UP,
    PAGE_DOWN,
    row(
        &[Key::Home],
        "Home/End",
        "",
        "to the first or the last row",
        Act::First,
    ),
    row(&[Key::End], "", "", "", Act::Last),
    row(
        &[Key::Esc, Ctrl('c'), Ctrl('k')],
        "Esc",
        "back",
        "closes this card and changes nothing",
        Act::Back,
    ),
    REDRAW,
];
