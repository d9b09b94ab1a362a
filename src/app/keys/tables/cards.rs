//! The keys of cards, and of a filter that is typed. Pure.

use super::{
    super::{
        Act, Binding,
        Key::{self, Char, Ctrl},
    },
    COPY, DOWN, FIRST, LAST, PAGE_DOWN, PAGE_UP, REDRAW, SCROLL_UP, UP, row,
};

/// A card with text.
pub const TEXT: &[Binding] = &[
    SCROLL_UP,
    DOWN,
    PAGE_UP,
    PAGE_DOWN,
    FIRST,
    LAST,
    COPY,
    row(
        &[Key::Esc, Key::Enter, Char('q'), Ctrl('c'), Char('?')],
        "Esc",
        "close",
        "closes this card; also Enter and q",
        Act::Back,
    ),
    REDRAW,
];

/// A card with a few things to choose from.
pub const MENU: &[Binding] = &[
    UP,
    DOWN,
    PAGE_UP,
    PAGE_DOWN,
    FIRST,
    LAST,
    row(
        &[Key::Enter],
        "Enter",
        "do it",
        "does what is chosen",
        Act::Open,
    ),
    row(
        &[Key::Esc, Char('q'), Ctrl('c')],
        "Esc",
        "back",
        "closes this card and changes nothing",
        Act::Back,
    ),
    REDRAW,
];

/// A card that asks for a text.
pub const ASK: &[Binding] = &[
    row(
        &[Key::Enter],
        "Enter",
        "do it",
        "takes what was typed",
        Act::Open,
    ),
    row(
        &[Key::Tab, Key::Down],
        "Tab",
        "other field",
        "the other field",
        Act::Next,
    ),
    row(&[Key::BackTab, Key::Up], "", "", "", Act::Previous),
    row(
        &[Ctrl('r')],
        "Ctrl-R",
        "show",
        "shows or hides what is typed",
        Act::Reveal,
    ),
    row(
        &[Key::Esc, Ctrl('c')],
        "Esc",
        "back",
        "closes this card and changes nothing",
        Act::Back,
    ),
    REDRAW,
];

/// While the text of a filter is typed.
pub const TYPING: &[Binding] = &[
    row(
        &[Key::Enter, Key::Down],
        "Enter",
        "to the rows",
        "keeps the filter",
        Act::Open,
    ),
    row(
        &[Key::Esc, Ctrl('c')],
        "Esc",
        "show all",
        "ends the filter",
        Act::Back,
    ),
    REDRAW,
];
